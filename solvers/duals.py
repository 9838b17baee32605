"""Prices of the crossing rows that bound every problem which differs in limits alone.

A *dual* is a set of prices of the crossing rows with the least weighted cost of a plan of each cluster. Any design costs at least the
sum of these less what the limits are worth at the prices (``Prices.allowance``), whatever the limits are, so a dual of
one search bounds every other one over the same plans or fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..models.market import COUNTRIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models.master import Limits
    from ..models.plan import Weights

    Array = NDArray[np.float64]

PRICED = 1e-6
"""Least price of a row, musd per musd, that counts as binding."""


@dataclass(frozen=True)
class Dual:
    """Prices of the crossing rows, ``caps`` ``(3, T)`` before funding shares, and each cluster's least weighted cost, musd."""

    weights: Weights
    caps: Array
    least: Array

    def bound(self, limits: Limits) -> float:
        """Return a lower bound on the objective, musd, or on the excess where ``seeks_feasibility``."""
        sides = [(self.weights.basket, limits.basket), (self.caps, limits.outlay), (np.array([self.weights.scenario_outlay.sum()]), np.array([limits.worst]))]
        return float(self.least.sum()) - sum(float(price[price > 0.0] @ side[price > 0.0]) for price, side in sides)

    @property
    def seeks_feasibility(self) -> bool:
        """Say whether these prices bound the excess over the limits instead of the objective."""
        return self.weights.booked == 0.0

    def binding(self, years: NDArray[np.int_]) -> tuple[str, ...]:
        """Name the crossing rows that have a price; of a member's yearly caps the dearest."""
        names = [f"users_basket {c}" for c, price in zip(COUNTRIES, self.weights.basket, strict=True) if price > PRICED]
        names += [f"country_cap {c} {years[row.argmax()]}" for c, row in zip(COUNTRIES, self.caps, strict=True) if row.max() > PRICED]
        return (*names, *(("worst5_outlay",) if self.weights.scenario_outlay.sum() > PRICED else ()))
