"""Audit a design: recompute all of it from the instance and its decisions (C32).

This is a second, independent computation. Together with its parts ``audit_*.py`` it imports only ``instances``, numpy and the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

from ..instances.errors import InstanceError
from ..instances.instance import Instance
from ..instances.loader import load
from ..instances.scenarios import generate
from .audit_case import Case
from .audit_checks import Check, at_most, holds, same
from .audit_design import check_shape, latest_start, read_design, read_file
from .audit_limits import check_limits
from .audit_read import read_world
from .audit_tables import compare_all
from .audit_world import AuditRefused

__all__ = ["AuditRefused", "AuditReport", "Check", "audit"]

STATUSES = ("optimal", "gap_reached", "time_limit", "plan_limit", "class_strikes", "interrupted", "given")
PROVEN = ("optimal", "gap_reached")


@dataclass(frozen=True)
class AuditReport:
    """Hold all checks of an audit."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Tell whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """Return the checks that failed."""
        return tuple(check for check in self.checks if not check.passed)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return the checks as rows of a table."""
        return [check.to_row() for check in self.checks]


@runtime_checkable
class Tabled(Protocol):
    """Anything that gives its content as plain data, as the ``Design`` of a solve does."""

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``design.json``."""
        ...


def audit(design: Mapping[str, Any] | Tabled | str | Path, instance: Instance | None = None, tolerance: float = 1e-6) -> AuditReport:
    """Recompute a design and compare every number and limit (C32).

    Args:
        design: a design, the content of its ``design.json``, or the path.
        instance: the instance; None loads the one that the design names, with its overrides.
        tolerance: allowed difference, relative to the size of the number where that exceeds 1.

    Returns:
        All checks. A design with status ``given`` is checked for arithmetic only, not for limits.

    Raises:
        AuditRefused: if the design cannot be read, or belongs to another instance.
    """
    plain = design.to_dict() if isinstance(design, Tabled) else design
    raw = plain if isinstance(plain, Mapping) else read_file(Path(plain))
    check_shape(raw)
    source = _instance_of(raw) if instance is None else instance
    expected = raw["certificate"].get("instance_sha256")
    if expected != source.sha256:
        raise AuditRefused(f"the design belongs to the instance with sha256 {expected}; {source.name} has {source.sha256}")
    try:
        world = read_world(source, generate(source), latest_start(raw))
    except AuditRefused:
        raise
    except (InstanceError, KeyError, ValueError) as error:
        raise AuditRefused(f"the instance {source.name} cannot be audited: {error}") from error
    case = Case(world, read_design(raw, world))
    checks = [*compare_all(case, tolerance), *_certificate(case, tolerance), *_binding(case, tolerance)]
    if not case.design.given:
        checks += check_limits(case, tolerance)
    return AuditReport(tuple(checks))


def _instance_of(raw: Mapping[str, Any]) -> Instance:
    """Load the instance that a design names: its path if that exists, else its name."""
    origin = raw["provenance"]
    path, name, given = origin.get("instance_path"), origin.get("instance"), origin.get("overrides") or ()
    where = path if isinstance(path, str) and Path(path).is_dir() else name
    if not isinstance(where, str) or not isinstance(given, Mapping | list | tuple):
        raise AuditRefused("provenance does not name an instance; pass the instance to the audit")
    try:
        return load(where, given)
    except InstanceError as error:
        raise AuditRefused(f"the instance of the design cannot be loaded: {error}") from error


def _certificate(case: Case, tolerance: float) -> list[Check]:
    """Check objective, gap and status (C26, C31)."""
    claims = case.design.certificate
    objective, bound, status = claims.get("objective_musd"), claims.get("bound_musd"), claims.get("status")
    found = [
        holds("status is known", str(status), status in STATUSES, "C31"),
        same("certificate.objective_musd", "ALL", objective, case.objective, tolerance, "C26"),
    ]
    gap = _gap(case, objective, bound)
    found.append(same("certificate.gap", "ALL", claims.get("gap"), gap, tolerance, "C31"))
    asked = claims.get("gap_asked")
    reached = gap is not None and _is_number(asked) and gap <= asked + tolerance
    if _is_number(objective) and _is_number(bound):
        found.append(at_most("bound does not exceed the objective", "ALL", bound, objective, tolerance, "C31"))
    found.append(holds("proven only within the gap asked", "ALL", reached or not claims.get("proven"), "C31"))
    if status in PROVEN:
        found.append(holds("status within the gap asked", "ALL", reached, "C31"))
    return found


def _gap(case: Case, objective: Any, bound: Any) -> float | None:
    if not _is_number(objective) or not _is_number(bound):
        return None
    scale = max(abs(objective), 0.01 * float(case.cost.outlay_pv.sum()), 1.0)
    return (objective - bound) / scale


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _binding(case: Case, tolerance: float) -> list[Check]:
    """Check that each slack is the distance of its value from its limit."""
    found = []
    for row in case.design.tables["binding"]:
        value, limit, slack = row.get("value"), row.get("limit"), row.get("slack")
        if _is_number(value) and _is_number(limit):
            where = f"{row.get('constraint')} / {row.get('where')}"
            found.append(same("binding.slack", where, abs(slack) if _is_number(slack) else slack, abs(limit - value), tolerance, "C31"))
    return found
