"""Plan spaces that serve many searches: plans are spelled out once, and a space can be cut down to some of its build sets."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..models.clusters import CHUNK, BuildSets
from ..models.filters import Closed, Guard
from ..models.ledgers import Ledger
from ..models.plans import PlanSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models.clusters import Cluster
    from ..models.desk import Desk
    from ..models.levies import Border
    from ..models.plans import Plan

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]
    Option = tuple[int, ...]


KEPT = 5000
"""Most plans that a space keeps: one takes some 15 kB."""

Filter = TypeVar("Filter", Guard, Closed)


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

    def loss_at(self, position: int, border: Border, index: int) -> float:
        """Return one entry of ``product_loss``; in a small space all of them are computed with it."""
        if self.size > CHUNK:
            return super().loss_at(position, border, index)
        return float(self.product_loss(position, border)[index])

    def number(self, index: int) -> int:
        """Return the number of a build set in the whole space."""
        return index

    def place(self, number: int) -> int | None:
        """Return the index here of a build set of the whole space, None if it is left out."""
        return number

    def repinned(self, desk: Desk, plant_id: str) -> KeptSpace:
        """Return the space on a desk with another strike for one plant: the ledgers of other groups stay."""
        space = copy(self)
        space.desk, space._plans = desk, {}
        mine = self.cluster.candidates.index(plant_id)
        pairs = zip(self.groups, self.ledgers, strict=True)
        space.ledgers = tuple(Ledger(space, group) if mine in group.members else ledger for group, ledger in pairs)
        return space


class PartSpace(KeptSpace):
    """Some build sets of a space. Ledgers, bounds and plans are those of the whole, so what one part learns all others know."""

    def __init__(self, whole: KeptSpace, numbers: Ints) -> None:
        """Keep the build sets of the whole space with these numbers, rising."""
        self.whole, self.numbers = whole, numbers
        sets = BuildSets(whole.sets.choice[numbers], whole.sets.path[numbers], whole.sets.paths)
        self.desk, self.index, self.cluster, self.sets = whole.desk, whole.index, whole.cluster, sets
        self.borders = whole.borders
        self.groups = tuple(replace(group, inverse=group.inverse[numbers]) for group in whole.groups)
        self._users = whole._users

    def plan(self, option: Option, index: int, levels: tuple[int, ...]) -> Plan:
        """Return one plan of the whole."""
        return self.whole.plan(option, self.number(index), levels)

    def loss_at(self, position: int, border: Border, index: int) -> float:
        """Return one entry of ``product_loss``."""
        return self.whole.loss_at(position, border, self.number(index))

    def product_loss(self, position: int, border: Border) -> Array:
        """Return the whole's losses at the build sets that are kept, PV musd, ``(N,)``."""
        return self.whole.product_loss(position, border)[self.numbers]

    def number(self, index: int) -> int:
        """Return the number of a build set in the whole space."""
        return int(self.numbers[index])

    def place(self, number: int) -> int | None:
        """Return the index here of a build set of the whole space, None if it is left out."""
        index = int(np.searchsorted(self.numbers, number))
        return index if index < self.numbers.size and self.numbers[index] == number else None

    @cached_property
    def ledgers(self) -> tuple[Ledger, ...]:
        """Return the whole's ledgers: they hold choices, not build sets."""
        return self.whole.ledgers

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Return the unaided projects that must stay bankable, with what the whole knows of them (C21c)."""
        return tuple(self._cut(guard) for guard in self.whole.guards)

    @cached_property
    def closed(self) -> tuple[Closed, ...]:
        """Return the baseline's projects with closed contracts in these products."""
        return tuple(self._cut(closed) for closed in self.whole.closed)

    @cached_property
    def reserves(self) -> dict[int, Ints]:
        """Return the rung of the reserve that each build set needs, by position of the product (C17)."""
        return {position: rungs[self.numbers] for position, rungs in self.whole.reserves.items()}

    @cached_property
    def visited(self) -> dict[str, NDArray[np.bool_]]:
        """Return the states that build sets of the whole take, so that all parts share bounds."""
        return self.whole.visited

    def _cut(self, whole: Filter) -> Filter:
        mine = copy(whole)
        mine.inverse = whole.inverse[self.numbers]
        return mine
