"""Packing: what is read is what was written, bit by bit; anything else is refused."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minclub.models import packing
from minclub.models.packing import pack, unpack


@dataclass(frozen=True)
class Inner:
    """An array and a number."""

    data: np.ndarray
    number: float


@dataclass(frozen=True)
class Outer:
    """Everything that can be written."""

    inner: Inner
    parts: tuple[Any, ...]
    flag: bool
    name: str


CLASSES = (Outer, Inner)
NUMBERS = st.sampled_from([0.0, 0.0, 0.0, -0.0, 1.5, np.nan, np.inf, 5e-324])
ARRAYS = arrays(np.float64, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9), elements=NUMBERS)


def same(one: Any, other: Any) -> bool:
    """Say whether two arrays have the same bytes, type, shape and order."""
    flags = [(x.flags.c_contiguous, x.flags.f_contiguous, x.flags.writeable) for x in (one, other)]
    return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes("A") == other.tobytes("A") and flags[0] == flags[1])


@given(ARRAYS, st.sampled_from(["C", "F"]), st.floats())
def test_what_is_read_is_what_was_written(data: Any, order: Any, number: float) -> None:
    data = data.copy(order=order)
    ints, flags = np.arange(data.size), np.asarray(data != 0.0)
    value = Outer(Inner(data, number), (ints, flags, None, 3, "é"), True, "x")
    found = unpack(pack(value, CLASSES), CLASSES)
    assert isinstance(found, Outer)
    assert same(found.inner.data, data)
    assert same(found.parts[0], ints)
    assert found.parts[1].tolist() == flags.tolist()
    assert found.parts[2:] == value.parts[2:]
    assert (found.flag, found.name) == (True, "x")
    assert struct.pack("d", found.inner.number) == struct.pack("d", number)


def test_zeros_take_a_bit_each() -> None:
    data = np.zeros((100, 100))
    data[3, 4] = -0.0
    written = pack(Inner(data, 0.0), CLASSES)
    assert len(written) < data.size // 8 + 300
    assert same(unpack(written, CLASSES).data, data)
    assert len(pack(Inner(np.ones((100, 100)), 0.0), CLASSES)) < data.nbytes + 300


@pytest.mark.parametrize("value", [object(), {1: 2}, [1], np.array(["a"]), Inner(np.array([None]), 0.0), np.float64(1.0)])
def test_unknown_types_are_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        pack(value, CLASSES)


def test_a_class_that_is_not_named_is_neither_written_nor_read() -> None:
    value = Inner(np.ones(2), 1.0)
    with pytest.raises(TypeError, match="Inner cannot be written"):
        pack(value, (Outer,))
    with pytest.raises(ValueError, match="bad header"):
        unpack(pack(value, CLASSES), (Outer,))


def test_other_fields_are_refused() -> None:
    written = pack(Inner(np.ones(2), 1.0), CLASSES)
    with pytest.raises(ValueError, match="other fields"):
        unpack(written.replace(b'"number"', b'"figure"'), CLASSES)


def test_bytes_of_anything_else_are_refused() -> None:
    written = pack(Inner(np.zeros((9, 9)), 1.0), CLASSES)
    for cut in (0, 3, 10, len(written) // 2, len(written) - 1):
        with pytest.raises(ValueError, match=r"short|Expecting|Unterminated|bad|delimiter"):
            unpack(written[:cut], CLASSES)
    with pytest.raises(ValueError, match="too long"):
        unpack(written + b"x", CLASSES)
    with pytest.raises(ValueError, match="too large"):
        unpack(_with_shape([2**20, 2**20]), CLASSES)
    with pytest.raises(ValueError, match="bad array"):
        unpack(_with_shape([-1]), CLASSES)
    with pytest.raises(ValueError, match="bad array"):
        unpack(_with_shape([1], "O"), CLASSES)


def _with_shape(shape: list[int], dtype: str = "<f8") -> bytes:
    """Return the bytes of an array that its header describes falsely."""
    header = f'{{"array":"{dtype}","shape":{shape},"order":"C"}}'.encode()
    return packing._LENGTH.pack(len(header)) + header + bytes(8)
