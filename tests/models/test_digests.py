"""Digests: equal for equal values, other for any other, down to the last bit and the last field."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minclub.models import digests
from minclub.models.cashflow import Outlook
from minclub.models.digests import LARGE, Digests, stamp

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.binary(max_size=5))
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(st.text(max_size=3), inner, max_size=3)), max_leaves=8
)


def of(value: object) -> bytes:
    """Return a digest that nothing before has touched."""
    return Digests().of(value)


def exact(value: object) -> object:
    """Return what two values must have in common to be the same: type, and floats by their bits."""
    if isinstance(value, tuple):
        return ("tuple", *map(exact, value))
    if isinstance(value, dict):
        return ("dict", frozenset((key, exact(item)) for key, item in value.items()))
    return (type(value), value.hex() if isinstance(value, float) else value)


@given(VALUES, VALUES)
def test_values_have_equal_digests_if_and_only_if_they_are_the_same(one: object, other: object) -> None:
    assert (of(one) == of(other)) == (exact(one) == exact(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (0.1 + 0.2, 0.3),
        (1, 1.0),
        (1, True),
        (None, ""),
        ("a", b"a"),
        (("ab", "c"), ("a", "bc")),
        ((1, (2,)), (1, 2)),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros(3), -np.zeros(3)),
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (np.zeros((2, 3)), np.zeros((2, 3), order="F")),
        (np.zeros(LARGE), np.append(np.zeros(LARGE - 1), 5e-324)),
    ],
)
def test_what_looks_alike_differs(one: object, other: object) -> None:
    assert of(one) != of(other)


def test_numbers_of_numpy_are_numbers_and_the_order_of_keys_is_none() -> None:
    assert of((np.float64(0.5), np.int64(3), np.True_)) == of((0.5, 3, True))
    assert of({"a": 1, "b": 2}) == of({"b": 2, "a": 1})


@dataclass
class Loose:
    """A dataclass that can change."""

    x: float = 0.0


@pytest.mark.parametrize("value", [{1, 2}, object(), 1j, np.array(["a"]), np.array([None]), Loose(), (1.0, {3})])
def test_unknown_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no digest"):
        of(value)


def test_a_kept_digest_ends_with_its_value_and_cannot_go_stale() -> None:
    found = Digests()
    one = np.arange(float(LARGE))
    before = found.of(one)
    assert found.of(one) == before == of(np.arange(float(LARGE)))
    with pytest.raises(ValueError, match="read-only"):
        one[0] = 7.0
    del one
    assert not found._kept
    view = np.arange(2.0 * LARGE)[::2]
    before = found.of(view)
    view[0] = 7.0
    assert found.of(view) != before


def test_fields_that_a_dataclass_gets_later_count_by_themselves() -> None:
    @dataclass(frozen=True)
    class Longer(Outlook):
        more: float = 1.0

    ones = np.ones(3)
    outlook = Longer(ones, ones, ones)
    assert of(outlook) != of(replace(outlook, more=2.0))


def test_the_stamp_changes_with_version_sources_and_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    stamp.cache_clear()
    seen = {stamp()}
    for owner, name, value in (
        (digests, "__version__", "0"),
        (digests.np, "__version__", "0"),
        (digests.sys, "byteorder", "big"),
        (digests.sys, "version", "4"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            stamp.cache_clear()
            seen.add(stamp())
    with monkeypatch.context() as patch:
        patch.setattr(digests.Path, "read_bytes", lambda path: b"changed" if path.name == "columns.py" else b"")
        stamp.cache_clear()
        seen.add(stamp())
        patch.setattr(digests.Path, "read_bytes", lambda path: b"")
        stamp.cache_clear()
        seen.add(stamp())
    stamp.cache_clear()
    assert len(seen) == 7
