"""Searches that start from what earlier ones left: plans, tail cuts, duals, designs and all that the spaces know.

A *dual* is a set of prices of the crossing rows with the least weighted cost of a plan of each cluster. Any design costs at least the
sum of these less what the limits are worth at the prices (``Prices.allowance``), whatever the limits are, so a dual of
one search bounds every other one over the same plans or fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..models.market import COUNTRIES
from ..models.master import Limits, Master
from .branching import Node, Pool
from .clock import Clock
from .incumbent import Incumbent
from .relaxation import relax
from .search import EXCESS, HEURISTIC_SECONDS, Outcome, Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ..models.desk import Desk
    from ..models.master import Prices
    from ..models.plans import Plan, Weights
    from .kept import KeptSpace
    from .relaxation import Point

    Array = NDArray[np.float64]

Key = tuple[int, tuple[int, ...], int, tuple[int, ...]]
"""A plan: cluster, option, number of the build set in the whole space, credit levels."""

WHOLE = 1e-9
"""Distance from a whole number that is rounding."""
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
        bound: float = -np.inf,
        designs: Iterable[Found] = (),
        seconds: float | None = None,
    ) -> tuple[Outcome, Found | None, list[Dual]]:
        """Search within limits, from a known bound, musd, and designs that meet the limits, for some seconds at most.

        Returns:
            The outcome, the design if there is one, and the duals of the search; all are kept.
        """
        clock = Clock(seconds if self.clock.left is None else min(self.clock.left, np.inf if seconds is None else seconds))
        search = _WarmSearch(spaces, self.master(limits, len(spaces)), clock, self.seeds, designs)
        search.bound, self.last = bound, search
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
        pool, best = _LoggedPool(spaces, master), Incumbent(master, self.clock)
        for key in self.seeds:
            pool.enter(key)
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


class _LoggedPool(Pool):
    """A pool that knows the key of each plan, and which were priced."""

    spaces: Sequence[KeptSpace]

    def __init__(self, spaces: Sequence[KeptSpace], master: Master) -> None:
        """Start empty."""
        super().__init__(spaces, master)
        self.keys: dict[int, Key] = {}
        self.priced: list[Key] = []

    def add(self, cluster: int, option: tuple[int, ...], index: int, levels: tuple[int, ...], *, priced: bool) -> int | None:
        """Add a plan and note its key."""
        number = super().add(cluster, option, index, levels, priced=priced)
        if number is not None:
            self.keys[number] = (cluster, option, self.spaces[cluster].number(index), levels)
            if priced:
                self.priced.append(self.keys[number])
        return number


    def enter(self, key: Key) -> int | None:
        """Add a known plan to the relaxations; None where its build set is left out here."""
        cluster, option, number, levels = key
        index = self.spaces[cluster].place(number)
        return None if index is None else self.add(cluster, option, index, levels, priced=True)


def _found(pool: _LoggedPool, master: Master, chosen: Sequence[int], objective: float) -> Found:
    return Found(tuple(pool.keys[p] for p in chosen), tuple(master.plans[p] for p in chosen), objective, master.value(chosen)[2])


class _WarmSearch(Search):
    """A search that begins with known plans and designs, notes its duals and leaves ties as they are."""

    pool: _LoggedPool

    def __init__(self, spaces: Sequence[KeptSpace], master: Master, clock: Clock, seeds: Iterable[Key], designs: Iterable[Found]) -> None:
        """Keep what is known."""
        super().__init__(spaces, master, clock, None)
        self.pool = _LoggedPool(spaces, master)
        self.duals: list[Dual] = []
        self._seeds, self._designs, self._gap = seeds, designs, 0.0

    def _first(self) -> None:
        """Start from known plans and designs; without a design, look for one as a cold search does.

        Plans that meet the rows keep the relaxation's excess away, at whose price nearly every plan would have to be priced exactly.
        """
        for key in self._seeds:
            self.pool.enter(key)
        for design in self._designs:
            numbers = [self.pool.enter(key) for key in design.keys]
            self.best.offer(tuple(p for p in numbers if p is not None))
        if not np.isfinite(self.best.value):
            super()._first()

    def _round(self, node: Node, prices: Prices) -> tuple[float, int]:
        """Price all clusters once and note the dual of a round over all plans; no further round is needed within the gap."""
        value, added = super()._round(node, prices)
        if not node.domains:
            self.duals.append(Dual(prices.weights, prices.caps, self._least.copy()))
            if prices.weights.booked:
                self._raise(min(value, self.best.value))
            added = 0 if self._within(self._gap) else added
        return value, added

    def _tree(self, point: Point, gap: float) -> Outcome:
        """Stop at the root where the relaxation or its plans close the gap."""
        self._try(Node(), point, gap)
        return self._proven(gap) if self._within(gap) else super()._tree(point, gap)

    def solve(self, gap: float) -> Outcome:
        """Find the best design and prove it within a gap."""
        self._gap = gap
        return super().solve(gap)

    def _break_ties(self) -> None:
        """Leave ties: a point needs its cost, not the choice among equal designs."""
