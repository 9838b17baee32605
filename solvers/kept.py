"""Plan spaces that serve many searches: plans are spelled out once, and a strike can move without the rest."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from ..models.ledgers import Ledger
from ..models.plans import PlanSpace

if TYPE_CHECKING:
    from ..models.clusters import BuildSets, Cluster
    from ..models.desk import Desk
    from ..models.plans import Plan

    Option = tuple[int, ...]


KEPT = 5000
"""Most plans that a space keeps: one takes some 15 kB."""

class KeptSpace(PlanSpace):
    """A plan space that keeps the plans it has spelled out."""

    def __init__(self, desk: Desk, index: int, cluster: Cluster, sets: BuildSets) -> None:
        """Lay out the space; no plan is known."""
        super().__init__(desk, index, cluster, sets)
        self._plans: dict[tuple[Option, int, tuple[int, ...]], Plan] = {}

    def plan(self, option: Option, index: int, levels: tuple[int, ...]) -> Plan:
        """Return one plan, spelled out on first use."""
        key = (option, index, levels)
        plan = self._plans.get(key) or super().plan(option, index, levels)
        if len(self._plans) < KEPT:
            self._plans[key] = plan
        return plan

    def repinned(self, desk: Desk, plant_id: str) -> KeptSpace:
        """Return the space on a desk with another strike for one plant: the ledgers of other groups stay."""
        space = copy(self)
        space.desk, space._plans = desk, {}
        mine = self.cluster.candidates.index(plant_id)
        pairs = zip(self.groups, self.ledgers, strict=True)
        space.ledgers = tuple(Ledger(space, group) if mine in group.members else ledger for group, ledger in pairs)
        return space
