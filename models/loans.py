"""Concessional loans: what lending below the public rate costs the treasury (C15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .lending import Loan


def subsidy(loan: Loan, public_rate: float) -> float:
    """Return ``max(0, principal - PV(service))`` at the first operating year, musd: the subsidy cost of a public loan.

    The service falls due from the next year on; as in credit reform budgets the principal itself is no outlay.
    """
    factor = (1.0 + public_rate) ** -np.arange(1, loan.years + 1, dtype=float)
    return max(0.0, loan.principal - loan.service * float(factor.sum()))
