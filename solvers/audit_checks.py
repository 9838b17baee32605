"""Compare claimed with recomputed numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Value = float | int | str | None


@dataclass(frozen=True)
class Check:
    """Record one comparison.

    Attributes:
        name: what was compared; a limit is named ``limit: ...``.
        where: project, product, country or year.
        claimed: the number in the design; for a limit, the limit.
        recomputed: the audit's number; for a limit, the value that must keep it.
        tolerance: allowed difference, relative to the size of the number where that exceeds 1.
        passed: whether they agree, or the limit is kept.
        convention: rule of the conventions.
    """

    name: str
    where: str
    claimed: Value
    recomputed: Value
    tolerance: float
    passed: bool
    convention: str

    def to_row(self) -> dict[str, Any]:
        """Return the check as a row of a table."""
        return asdict(self)

    @property
    def distance(self) -> float:
        """Return the relative difference; infinite where one side is missing or is text and differs."""
        return distance(self.claimed, self.recomputed)


def distance(claimed: Value, recomputed: Value) -> float:
    """Return ``|claimed - recomputed| / max(1, |recomputed|)``; infinite where they cannot be compared and differ."""
    if claimed is None or recomputed is None or isinstance(claimed, str) or isinstance(recomputed, str):
        return 0.0 if claimed == recomputed else math.inf
    if not math.isfinite(claimed) or not math.isfinite(recomputed):
        return 0.0 if claimed == recomputed else math.inf
    return abs(claimed - recomputed) / max(1.0, abs(recomputed))


def same(name: str, where: str, claimed: Any, recomputed: Value, tolerance: float, convention: str) -> Check:
    """Check that a claim equals the recomputed value."""
    value = _plain(claimed)
    return Check(name, where, value, recomputed, tolerance, distance(value, recomputed) <= tolerance, convention)


def at_most(name: str, where: str, value: float, limit: float, tolerance: float, convention: str) -> Check:
    """Check that a value does not exceed a limit."""
    return Check(f"limit: {name}", where, limit, value, tolerance, value <= limit + tolerance * max(1.0, abs(limit)), convention)


def at_least(name: str, where: str, value: float, limit: float, tolerance: float, convention: str) -> Check:
    """Check that a value does not fall below a limit."""
    return Check(f"limit: {name}", where, limit, value, tolerance, value >= limit - tolerance * max(1.0, abs(limit)), convention)


def holds(name: str, where: str, passed: bool, convention: str) -> Check:
    """Check a yes-or-no rule."""
    return Check(f"limit: {name}", where, 1, int(passed), 0.0, passed, convention)


def worst(checks: Iterable[Check]) -> Check:
    """Return the check that differs most, a failed one first."""
    return max(checks, key=lambda c: (not c.passed, c.distance))


def _plain(value: Any) -> Value:
    if isinstance(value, bool):
        return int(value)
    return value if value is None or isinstance(value, int | float | str) else str(value)


Rows = Iterable[Mapping[str, Any]]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Layout:
    """Describe a table of the design: key columns, compared columns with their rules, and the key columns a check is reported by."""

    name: str
    keys: tuple[str, ...]
    columns: Mapping[str, str]
    by: tuple[str, ...]
    absent: Value = None


def compare_table(layout: Layout, claimed: Rows, recomputed: Mapping[Key, Mapping[str, Value]], tolerance: float) -> list[Check]:
    """Compare a claimed table with the recomputed one, one check per reported place and column (the worst row of it).

    Args:
        layout: keys and columns.
        claimed: rows of the design.
        recomputed: values by key; a value that is missing from a row is not compared. A key without a claimed row is compared with ``layout.absent``,
            and a claimed row of nothing but ``layout.absent`` needs no key.
        tolerance: allowed difference.
    """
    rows: dict[Key, Mapping[str, Any]] = {}
    strange: dict[str, Check] = {}
    for row in claimed:
        key = tuple(row.get(k) for k in layout.keys)
        nothing = layout.absent is not None and all(row.get(column) == layout.absent for column in layout.columns)
        if key in rows or not (nothing or key in recomputed):
            reason = "appears twice" if key in rows else "is no row of this design"
            strange.setdefault(_text(key), Check(f"{layout.name}.row", _text(key), reason, None, tolerance, False, ""))
        rows[key] = row
    found: dict[tuple[Key, str], tuple[float, Key]] = {}
    absent, by = dict.fromkeys(layout.columns, layout.absent), [layout.keys.index(k) for k in layout.by]
    for key, values in recomputed.items():
        mine, place = rows.get(key, absent), tuple(key[i] for i in by)
        for column in layout.columns:
            if column in values:
                far = distance(_plain(mine.get(column)), values[column])
                if (place, column) not in found or far > found[place, column][0]:
                    found[place, column] = far, key
    compared = [
        same(f"{layout.name}.{column}", _text(key), rows.get(key, absent).get(column), recomputed[key][column], tolerance, layout.columns[column])
        for (_, column), (_, key) in found.items()
    ]
    return [*strange.values(), *compared]


def _text(key: Key) -> str:
    return " / ".join("-" if part is None else str(part) for part in key)
