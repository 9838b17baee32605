"""Searches that start from what earlier ones left: plans, tail cuts, duals, designs and all that the spaces know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..models.master import Limits, Master
from .branching import Node, Pool
from .clock import Clock
from .generation import EXCESS
from .incumbent import Incumbent
from .relaxation import relax
from .search import HEURISTIC_SECONDS, Outcome, Search, Start

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ..models.desk import Desk
    from ..models.plan import Plan
    from .branching import Key
    from .duals import Dual
    from .kept import KeptSpace

    Array = NDArray[np.float64]

WHOLE = 1e-9
"""Distance from a whole number that is rounding."""
WHOLE_SPACES = Node()


@dataclass(frozen=True)
class Found:
    """A design: its plans, one per cluster, with their keys; objective and mean outlay of the worst 5%, musd."""

    keys: tuple[Key, ...]
    plans: tuple[Plan, ...]
    objective: float
    worst: float

    @property
    def built(self) -> int:
        """Return the number of plants beyond the baseline."""
        return sum(len(plan.builds) for plan in self.plans)

    @property
    def contracts(self) -> int:
        """Return the number of contracts."""
        return sum(plan.contracts for plan in self.plans)

    @property
    def booked(self) -> float:
        """Return expected booked cost, musd (C24)."""
        return sum(plan.booked for plan in self.plans)

    def outlay(self, factor: Array) -> float:
        """Return expected outlay, PV musd under discount factors ``(T,)`` (C24)."""
        return sum(float(cost.outlay @ factor) for plan in self.plans for cost in plan.costs)


class Memory:
    """What searches over the spaces of one desk have found out."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        """Start with nothing."""
        self.desk, self.clock = desk, clock
        self.seeds: dict[Key, None] = {}
        self.duals: list[Dual] = []
        self.designs: list[Found] = []
        self.last: Search | None = None
        self._cuts: tuple[list[Array], list[Array]] | None = None

    def master(self, limits: Limits, clusters: int) -> Master:
        """Return an empty master with the tail cuts found so far."""
        master = Master(self.desk, limits, clusters)
        if self._cuts is not None:
            master.cost_cuts, master.outlay_cuts = self._cuts
        self._cuts = master.cost_cuts, master.outlay_cuts
        return master

    def search(
        self,
        spaces: Sequence[KeptSpace],
        limits: Limits,
        gap: float,
        *,
        root: Node = WHOLE_SPACES,
        bound: float = -np.inf,
        designs: Iterable[Found] = (),
        seconds: float | None = None,
    ) -> tuple[Outcome, Found | None, list[Dual]]:
        """Search a part of all designs within limits, from a known bound, musd, and designs that meet the limits, for some seconds at most.

        Returns:
            The outcome, the design if there is one, and the duals of the search; all are kept.
        """
        clock = Clock(seconds if self.clock.left is None else min(self.clock.left, np.inf if seconds is None else seconds))
        start = Start(self.seeds, [design.keys for design in designs], bound)
        search = self.last = Search(spaces, self.master(limits, len(spaces)), clock, root=root, start=start, exact=False)
        outcome = search.solve(gap)
        self.clock.interrupted = clock.interrupted
        self.seeds.update(dict.fromkeys(search.pool.priced))
        self.duals += search.duals
        found = None
        if outcome.chosen is not None:
            found = _found(search.pool, search.master, outcome.chosen, outcome.objective)
            self.seeds.update(dict.fromkeys(found.keys))
            self.designs.append(found)
        return outcome, found, search.duals

    def join(self, spaces: Sequence[KeptSpace], limits: Limits, gap: float) -> Found | None:
        """Return the cheapest design of the known plans, None if they make none; no plan is priced."""
        master = self.master(limits, len(spaces))
        pool, best = Pool(spaces, master), Incumbent(master, self.clock)
        for key in self.seeds:
            pool.add(*key, priced=True)
        plans = pool.of(Node())
        if np.unique(master.table.cluster[plans]).size < len(spaces):
            return None
        point = relax(master, plans)
        if point.exceeded <= EXCESS and float(np.abs(point.x - np.round(point.x)).max()) < WHOLE:
            best.offer(tuple(int(p) for p in np.flatnonzero(point.x > 0.5)))
        else:
            best.improve(plans, gap / 10.0, HEURISTIC_SECONDS)
        return _found(pool, master, best.chosen, best.value) if np.isfinite(best.value) else None

    def move(self, desk: Desk, cluster: int) -> None:
        """Go on at another desk, on which the plans of one cluster cost something else."""
        self.desk = desk
        self.seeds = {key: None for key in self.seeds if key[0] != cluster}

    def impossible(self, limits: Limits, duals: Iterable[Dual] | None = None) -> bool:
        """Say whether a dual proves that no design meets the limits."""
        chosen = self.duals if duals is None else duals
        return any(dual.seeks_feasibility and dual.bound(limits) > EXCESS for dual in chosen)


def _found(pool: Pool, master: Master, chosen: Sequence[int], objective: float) -> Found:
    return Found(tuple(pool.keys[p] for p in chosen), tuple(master.plans[p] for p in chosen), objective, master.value(chosen)[2])
