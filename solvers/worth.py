"""What the limits of a design are worth: shadow prices of the crossing rows, and for a target the cost that one point less would save."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.market import COUNTRIES
from ..models.plans import PlanSpace
from ..models.pricing import Pricing
from ..models.unlisted import plan_space

if TYPE_CHECKING:
    from ..models.clusters import Demands
    from .search import Search

STEP = 0.01
PRICED = 1e-9
"""Least price, musd per musd, that is not rounding."""


def crossing_worth(search: Search) -> dict[tuple[str, str], float]:
    """Return shadow prices of the crossing rows from the root's relaxation, musd per unit of the limit (C23, C26)."""
    if search.prices is None:
        return {}
    desk, weights = search.master.desk, search.prices.weights
    found: dict[tuple[str, str], float] = {}
    for k, c in enumerate(COUNTRIES):
        if weights.basket[k] > 0.0:
            found["users_basket", c] = float(weights.basket[k] * desk.users.basket[k])
        for t in np.flatnonzero(weights.outlay[k] > PRICED):
            found["country_cap", f"{c} {desk.market.years[t]}"] = float(weights.outlay[k, t])
    price = float(weights.scenario_outlay.sum())
    return found | ({("worst5_outlay", "ALL"): price} if price > PRICED else {})


def target_worth(search: Search, demands: Demands) -> dict[tuple[str, str], float]:
    """Return musd saved per target if it were one percentage point lower, all other demands and prices as they are.

    Each cluster is priced under the last duals of the crossing rows, so the figure is exact where none of them binds.
    A point may save nothing: builds are whole.
    """
    found: dict[tuple[str, str], float] = {}
    if search.prices is None:
        return found
    for space in search.spaces:
        desk, cluster = space.desk, space.cluster
        targeted = [m for m in cluster.products if m in demands.targets]
        if not targeted:
            continue
        now, _, _ = Pricing(space, search.prices.weights).least(search.clock.over)
        for m in targeted:
            lower = replace(demands, targets=dict(demands.targets) | {m: demands.targets[m] - STEP})
            wider = plan_space(desk, space.index, cluster, lower, PlanSpace)
            assert wider is not None
            if space.outline is None and wider.size == space.size:
                found["security", m] = 0.0
                continue
            less, option, _ = Pricing(wider, search.prices.weights).least(search.clock.over, now)
            if not search.clock.over():
                found["security", m] = 0.0 if option is None else max(0.0, now - less)
    return found
