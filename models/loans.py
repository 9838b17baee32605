"""Concessional loans: what lending below the public rate costs the treasury (C15)."""

from __future__ import annotations

import numpy as np

from .finance import pmt


def subsidy_rate(rate: float, years: int, public_rate: float) -> float:
    """Return ``max(0, 1 - PV(service))`` per unit of principal, at the first operating year: the subsidy of a public loan.

    The service, a level annuity at ``rate``, falls due from the next year on for ``years`` years. As in credit reform
    budgets the principal itself is no outlay.
    """
    factor = (1.0 + public_rate) ** -np.arange(1, years + 1, dtype=float)
    return max(0.0, 1.0 - float(pmt(rate, years, 1.0)) * float(factor.sum()))
