"""Pinned decisions: ``--fix`` by dotted schema names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from ..instances.errors import InstanceError, Problem

if TYPE_CHECKING:
    from ..instances import Instance

KINDS = ("itc", "ptc", "grant", "loan", "upside", "offtake")
FORMS = (
    "tariff.<node>.<product>, reference.<product>, strike.<project>, built.<project>, start.<project>, "
    f"credit.<{'|'.join(KINDS)}>.<country>.<product>"
)


def read_fixes(instance: Instance, fixes: Mapping[str, float] | Sequence[str] | None) -> dict[str, float]:
    """Return pinned decisions as numbers by dotted name.

    Raises:
        InstanceError: unknown names or values that are not numbers, all at once.
    """
    if not fixes:
        return {}
    pairs = fixes.items() if isinstance(fixes, Mapping) else [tuple(text.partition("=")[::2]) for text in fixes]
    found: dict[str, float] = {}
    problems: list[Problem] = []
    for name, value in pairs:
        fault = _fault(instance, str(name), value)
        if fault is None:
            found[str(name).strip()] = float(value)
        else:
            problems.append(fault)
    for name in [n for n in found if n.startswith("start.")]:
        found.setdefault("built." + name.removeprefix("start."), 1.0)
    for name in [n for n in found if n.startswith("strike.")]:
        found.setdefault("built." + name.removeprefix("strike."), 1.0)
    if problems:
        raise InstanceError(problems)
    return found


def _fault(instance: Instance, name: str, value: object) -> Problem | None:
    def problem(got: object, expected: str, remedy: str) -> Problem:
        return Problem(file="--fix", row=None, column=name, got=str(got), expected=expected, remedy=remedy)

    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return problem(value, "a number", "write name=number")
    if not np.isfinite(number):
        return problem(value, "a finite number", "write name=number")
    kind, *rest = name.strip().split(".")
    projects, products = list(instance.projects.index), list(instance.products.index)
    if kind == "tariff" and len(rest) == 2 and rest[0] in ("china_linked", "market"):
        names, key, fits = products, rest[1], 0.0 <= number <= 5.0
    elif kind == "reference" and len(rest) == 1:
        names, key, fits = products, rest[0], number > 0.0
    elif kind in ("strike", "built", "start") and len(rest) == 1:
        names, key = projects, rest[0]
        fits = {"strike": number > 0.0, "built": number in (0.0, 1.0), "start": number == int(number)}[kind]
    elif kind == "credit" and len(rest) == 3 and rest[0] in KINDS and rest[1] in ("USA", "CAN", "MEX"):
        names, key = products, rest[2]
        fits = number in (0.0, 1.0) if rest[0] == "loan" else 0.0 <= number <= (5.0 if rest[0] == "offtake" else 1.0)
    else:
        return problem(name, FORMS, "use one of these names")
    if key not in names:
        near = get_close_matches(key, names, 1)
        return problem(key, "a name of the instance", f"did you mean {near[0]}?" if near else "see minclub describe")
    if not fits:
        return problem(value, "a value in range", "rates are fractions, built is 0 or 1, start is a year")
    return None


def in_baseline(names: Sequence[str]) -> InstanceError:
    """Return the error for decisions pinned on projects of the baseline, which are built and take no contract."""
    return InstanceError(
        Problem(file="--fix", row=None, column=name, got="a project of the baseline", expected="a candidate", remedy="leave it out")
        for name in names
    )
