"""Digests of values: equal values, and only those, have equal digests, bit by bit.

What is fed to the hash tells its type and its length, so that no two different values feed the same bytes. Floats count by
their bytes, arrays by type, shape, order and bytes, dataclasses by all their fields, whatever these are.
"""

from __future__ import annotations

import json
import platform
import struct
import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import __version__

SIZE = 20
"""Bytes of a digest."""
LARGE = 4096
"""Bytes of an array from which on its digest is kept."""


class Digests:
    """Digests of values; those of frozen dataclasses and of large arrays are kept as long as these live.

    An array whose digest is kept is made read-only: a change in place would make it another value under the same digest.
    """

    def __init__(self) -> None:
        """Start with nothing known."""
        self._kept: dict[int, tuple[weakref.ref[Any], bytes]] = {}

    def of(self, value: Any) -> bytes:
        """Return the digest of a value.

        Args:
            value: None, a number, text, bytes, an array, a frozen dataclass, or a sequence or mapping (keys are text) of these.

        Raises:
            TypeError: it is or holds anything else.
        """
        kept = self._kept.get(id(value))
        if kept is not None and kept[0]() is value:
            return kept[1]
        parts: list[Any] = []
        layout = _layout(value.__class__)
        if layout is not None:
            parts.append(layout.head)
            for name in layout.names:
                self._feed(parts, getattr(value, name))
        elif isinstance(value, np.ndarray):
            _feed_array(parts, value)
        else:
            self._feed(parts, value)
        data = parts.pop() if isinstance(value, np.ndarray) else b""
        made = blake2b(b"".join(parts), digest_size=SIZE)
        made.update(data)
        digest = made.digest()
        if layout.lasts if layout is not None else _is_large(value):
            self._keep(value, digest)
        return digest

    def _keep(self, value: Any, digest: bytes) -> None:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        key, kept = id(value), self._kept
        kept[key] = (weakref.ref(value, lambda _: kept.pop(key, None)), digest)

    def _feed(self, parts: list[Any], value: Any) -> None:
        """Append the bytes of a value; dataclasses and large arrays count by their digests."""
        plain = _PLAIN.get(value.__class__)
        if plain is not None:
            parts.append(plain(value))
        elif _layout(value.__class__) is not None or _is_large(value):
            parts += (b"d", self.of(value))
        elif isinstance(value, np.ndarray):
            _feed_array(parts, value)
        elif isinstance(value, np.generic):
            self._feed(parts, value.item())
        elif isinstance(value, tuple | list):
            parts.append(b"(%d:" % len(value))
            for item in value:
                self._feed(parts, item)
        elif isinstance(value, Mapping):
            parts.append(b"{%d:" % len(value))
            for key in sorted(value):
                self._feed(parts, key)
                self._feed(parts, value[key])
        else:
            raise TypeError(f"a {type(value).__name__} has no digest")


class _Layout(NamedTuple):
    """What is the same for all values of a dataclass: bytes that name it, its fields, and whether a digest of it can be kept."""

    head: bytes
    names: tuple[str, ...]
    lasts: bool


@cache
def _layout(kind: Any) -> _Layout | None:
    """Return the layout of a dataclass, None for any other type.

    Raises:
        TypeError: values of the dataclass can change.
    """
    if not is_dataclass(kind):
        return None
    made: Any = kind
    if not made.__dataclass_params__.frozen:
        raise TypeError(f"a {made.__name__} can change and has no digest")
    names = tuple(field.name for field in fields(made))
    head = b"".join(_text(text) for text in (f"{made.__module__}.{made.__qualname__}", *names))
    return _Layout(b"c%d:" % len(names) + head, names, hasattr(made, "__weakref__"))


def _text(value: str) -> bytes:
    data = value.encode()
    return b"s%d:" % len(data) + data


_DOUBLE = struct.Struct("<cd").pack
_PLAIN: dict[type, Callable[[Any], bytes]] = {
    float: lambda value: _DOUBLE(b"f", value),
    int: lambda value: b"i%d;" % value,
    bool: lambda value: b"T" if value else b"F",
    str: _text,
    bytes: lambda value: b"b%d:" % len(value) + value,
    type(None): lambda _: b"n",
}
"""How values of plain types are fed."""


def _is_large(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.nbytes >= LARGE and value.base is None


def _feed_array(parts: list[Any], value: NDArray[Any]) -> None:
    order = value.flags
    parts.append(_array_head(value.dtype, value.shape, order.c_contiguous, order.f_contiguous))
    parts.append(value.data if order.c_contiguous and value.size else value.tobytes())


@lru_cache(maxsize=1024)
def _array_head(dtype: np.dtype[Any], shape: tuple[int, ...], *contiguous: bool) -> bytes:
    """Return what tells arrays of other types, shapes and orders apart.

    Raises:
        TypeError: arrays of the type have no digest.
    """
    if dtype.kind not in "biuf":
        raise TypeError(f"an array of {dtype} has no digest")
    return f"a{dtype.str}{shape}{contiguous};".encode()


@cache
def stamp() -> bytes:
    """Return a digest of what computes: the source of this room, the version, Python, numpy and the processor's instructions."""
    sources = {path.name: path.read_bytes() for path in sorted(Path(__file__).resolve().parent.glob("*.py"))}
    if Path(__file__).name not in sources:
        raise OSError("the source of the program cannot be read")
    config = json.dumps(np.show_config(mode="dicts"), sort_keys=True, default=str)
    return Digests().of((__version__, sources, sys.version, sys.byteorder, platform.machine(), np.__version__, config))
