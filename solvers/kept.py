"""Plan spaces that serve many searches: plans are spelled out once, and a strike can move without the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..models.clusters import MAX_SETS
from ..models.plans import PlanSpace

if TYPE_CHECKING:
    from ..models.clusters import BuildSets, Cluster
    from ..models.desk import Desk
    from ..models.outline import Outline
    from ..models.plan import Plan

    Option = tuple[int, ...]


KEPT = 5000
"""Most plans that a space keeps: one takes some 15 kB."""


class KeptSpace(PlanSpace):
    """A plan space that keeps the plans it has spelled out; it is listed whole wherever that is possible."""

    most_whole = MAX_SETS

    def __init__(self, desk: Desk, index: int, cluster: Cluster, sets: BuildSets, outline: Outline | None = None) -> None:
        """Lay out the space; no plan is known."""
        super().__init__(desk, index, cluster, sets, outline)
        self._plans: dict[tuple[Option, int, tuple[int, ...]], Plan] = {}

    def plan(self, option: Option, index: int, levels: tuple[int, ...]) -> Plan:
        """Return one plan, spelled out on first use."""
        key = (option, index, levels)
        plan = self._plans.get(key) or super().plan(option, index, levels)
        if len(self._plans) < KEPT:
            self._plans[key] = plan
        return plan

    def repinned(self, desk: Desk, plant_id: str) -> KeptSpace:
        """Return the space on a desk with another strike for one plant, without the plans spelled out so far."""
        space = super().repinned(desk, plant_id)
        space._plans = {}
        return space
