"""What a security target is worth: the cost that one point less would save (shadow prices in steps)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..models.clusters import build_sets
from ..models.plans import PlanSpace
from ..models.pricing import Pricing

if TYPE_CHECKING:
    from ..models.clusters import Demands
    from .search import Search

STEP = 0.01


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
            sets = build_sets(desk.balance, desk.baseline, cluster, lower, desk.fixes)
            if sets.choice.shape[0] == space.size:
                found["security", m] = 0.0
                continue
            less, option, _ = Pricing(PlanSpace(desk, space.index, cluster, sets), search.prices.weights).least(search.clock.over, now)
            if not search.clock.over():
                found["security", m] = 0.0 if option is None else max(0.0, now - less)
    return found
