"""Frozen dataclasses of arrays and numbers as bytes and back: a JSON header, then the arrays, without pickle.

Arrays of eight bytes an entry that hold many zeros are written as a bit per entry and the entries that are not zero.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 1 << 30
"""The most that a value may take once it is read."""
_LENGTH, _DOUBLE = struct.Struct("<I"), struct.Struct("<d")
_WORD = 8


def pack(value: object, classes: Sequence[type]) -> bytes:
    """Return a value as bytes.

    Args:
        value: None, a number, text, an array of numbers, a tuple of these, or one of the dataclasses.
        classes: the dataclasses that may occur.

    Raises:
        TypeError: it is or holds anything else.
    """
    parts: list[bytes] = []
    header = json.dumps(_described(value, {kind.__name__: kind for kind in classes}, parts), separators=(",", ":")).encode()
    return b"".join([_LENGTH.pack(len(header)), header, *parts])


def unpack(data: bytes, classes: Sequence[type]) -> Any:
    """Return the value that ``pack`` wrote; arrays are new and can be written to.

    Raises:
        ValueError: the bytes are not what ``pack`` writes for these classes.
    """
    if len(data) < _LENGTH.size:
        raise ValueError("too short")
    start = _LENGTH.size + _LENGTH.unpack_from(data)[0]
    try:
        header = json.loads(data[_LENGTH.size : start])
        reader = _Reader(memoryview(data)[start:], {kind.__name__: kind for kind in classes})
        made = reader.read(header)
    except (KeyError, TypeError, RecursionError, struct.error) as error:
        raise ValueError(f"bad header: {error}") from error
    if reader.place != len(reader.data):
        raise ValueError("too long")
    return made


def _described(value: Any, classes: dict[str, type], parts: list[bytes]) -> dict[str, Any]:
    """Describe a value for the header and append the bytes of its arrays."""
    if isinstance(value, np.ndarray):
        return _array(value, parts)
    if type(value) is float:
        return {"float": _DOUBLE.pack(value).hex()}
    if value is None or type(value) in (bool, int, str):
        return {"plain": value}
    if type(value) is tuple:
        return {"tuple": [_described(item, classes, parts) for item in value]}
    name = type(value).__name__
    if classes.get(name) is type(value) and is_dataclass(value):
        return {"class": name, "fields": {f.name: _described(getattr(value, f.name), classes, parts) for f in fields(value)}}
    raise TypeError(f"a {name} cannot be written")


def _array(value: NDArray[Any], parts: list[bytes]) -> dict[str, Any]:
    if value.dtype.kind not in "biuf":
        raise TypeError(f"an array of {value.dtype} cannot be written")
    order: Literal["C", "F"] = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = value.ravel(order=order)
    whole = {"array": value.dtype.str, "shape": list(value.shape), "order": order}
    if value.dtype.itemsize == _WORD:
        words = flat.view(np.uint64)
        held = words != 0
        count = int(np.count_nonzero(held))
        if count * _WORD + flat.size // 8 < 0.9 * flat.nbytes:
            parts += [np.packbits(held).tobytes(), words[held].tobytes()]
            return whole | {"held": count}
    parts.append(flat.tobytes())
    return whole


class _Reader:
    """Takes what the header describes from the bytes behind it."""

    def __init__(self, data: memoryview, classes: dict[str, type]) -> None:
        """Start at the first byte."""
        self.data, self.classes, self.place, self.left = data, classes, 0, MOST_BYTES

    def read(self, told: dict[str, Any]) -> Any:
        """Return the value of a description."""
        if "array" in told:
            return self._array(told)
        if "float" in told:
            return _DOUBLE.unpack(bytes.fromhex(told["float"]))[0]
        if "plain" in told:
            return told["plain"]
        if "tuple" in told:
            return tuple(self.read(item) for item in told["tuple"])
        kind = self.classes[told["class"]]
        names = [f.name for f in fields(kind)]
        if names != list(told["fields"]):
            raise ValueError(f"other fields of {kind.__name__}")
        return kind(*(self.read(told["fields"][name]) for name in names))

    def _array(self, told: dict[str, Any]) -> NDArray[Any]:
        dtype, shape = np.dtype(told["array"]), tuple(told["shape"])
        if dtype.kind not in "biuf" or not all(type(n) is int and n >= 0 for n in shape) or told["order"] not in ("C", "F"):
            raise ValueError("bad array")
        size = math.prod(shape)
        self.left -= size * dtype.itemsize
        if self.left < 0:
            raise ValueError("too large")
        flat = self._sparse(size, int(told["held"])) if "held" in told else np.frombuffer(self._take(size * dtype.itemsize), np.uint8).copy()
        made: NDArray[Any] = flat.view(dtype).reshape(shape, order=told["order"])
        return made

    def _sparse(self, size: int, count: int) -> NDArray[Any]:
        bits = np.frombuffer(self._take((size + 7) // 8), np.uint8)
        held = np.unpackbits(bits, count=size).view(bool)
        words = np.frombuffer(self._take(count * _WORD), np.uint64)
        if np.count_nonzero(held) != count:
            raise ValueError("bad bits")
        flat = np.zeros(size, np.uint64)
        flat[held] = words
        return flat

    def _take(self, count: int) -> memoryview:
        part = self.data[self.place : self.place + count] if count >= 0 else self.data[:0]
        if len(part) != count:
            raise ValueError("too short")
        self.place += count
        return part
