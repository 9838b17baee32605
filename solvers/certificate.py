"""The certificate of a solve (C31)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import highspy
import numpy as np

if TYPE_CHECKING:
    from ..instances import Instance

DEFAULT_GAP = 1e-3


def relative_gap(objective: float, bound: float, gross_outlay: float) -> float:
    """Return ``(objective - bound) / max(|objective|, 1% of gross outlay, 1 MUSD)``."""
    if not np.isfinite(bound):
        return float("inf")
    return max(0.0, objective - bound) / max(abs(objective), 0.01 * gross_outlay, 1.0)


def certificate(
    instance: Instance,
    *,
    status: str,
    objective: float,
    bound: float | None,
    gross_outlay: float,
    gap_asked: float | None,
    seconds: float,
    bound_from: str,
    continuous_credits: bool = False,
) -> dict[str, Any]:
    """Return the certificate; ``proven`` only if the gap is at most the one asked."""
    gap = relative_gap(objective, bound, gross_outlay) if bound is not None else None
    if gap is not None and not np.isfinite(gap):
        gap = None
    proven = gap is not None and gap_asked is not None and gap <= gap_asked
    return {
        "status": "optimal" if proven else status,
        "proven": proven,
        "objective_musd": objective,
        "bound_musd": bound if bound is not None and np.isfinite(bound) else None,
        "bound_continuous_musd": None,
        "continuous_credits": continuous_credits,
        "gap": gap,
        "gap_asked": gap_asked,
        "seconds": round(seconds, 3),
        "solver": "HiGHS",
        "solver_version": highs_version(),
        "bound_from": bound_from,
        "instance_sha256": instance.sha256,
        "audit": "not run",
    }


def highs_version() -> str:
    """Return the version of HiGHS."""
    return f"{highspy.HIGHS_VERSION_MAJOR}.{highspy.HIGHS_VERSION_MINOR}.{highspy.HIGHS_VERSION_PATCH}"
