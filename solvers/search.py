"""Branch and price over plans: column generation with exact pricing, listing of the plans that still matter, and branching.

1. A first design, from the plans of a few border options.
2. At a node, price every plan that it allows under the duals of the master's linear relaxation and add the cheapest until
   none has a negative reduced cost. Each round gives a lower bound on the node's designs: the least weighted cost of one
   plan per cluster, less what the limits of the crossing rows are worth.
3. A design of the node that costs less than the best one known uses only plans whose reduced cost is at most the distance
   from the bound to the best. If these are few, list them all and solve the master over them: the node is done.
4. Else split it. The least bound over open nodes and over nodes done is a lower bound on every design.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.domains import Domain
from ..models.market import COUNTRIES
from ..models.plans import Weights
from ..models.pricing import Pricing
from .branching import Node, Pool
from .clock import Clock
from .highs import Status
from .incumbent import Incumbent
from .relaxation import Point, relax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..models.master import Master, Prices
    from ..models.plans import PlanSpace

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]
    Progress = Callable[[str, float, float], None]

__all__ = ["Clock", "Outcome", "Search"]

NEGATIVE = 1e-6
EXCESS = 1e-6
SPARE = 0.9
"""Share of the gap asked for up to which designs are not looked for."""
FEW = 4
"""Border options of a product in the first design."""
ASIDE = 4
"""Further plans that a round of pricing adds per cluster."""
LISTED = 6000
HEURISTIC_SECONDS = 5.0
LISTED_SECONDS = 20.0
TIED = 2000
"""Most plans among which ties are broken."""
PATIENCE = 6
"""Nodes in a row, and then every how many, in which the plans at hand are searched for a better design."""
ROUNDS = 200


@dataclass(frozen=True)
class Outcome:
    """What the search found: plans of the pool (or none), objective, bound, and what closed the gap or stopped it."""

    status: Status
    chosen: tuple[int, ...] | None
    objective: float
    bound: float
    bound_from: str
    excess: tuple[tuple[str, int, float], ...] = ()


class Stopped(Exception):
    """The clock ended a step."""


class Empty(Exception):
    """A cluster has no plan in a node."""

    def __init__(self, cluster: int) -> None:
        """Keep which."""
        super().__init__(cluster)
        self.cluster = cluster


class Search:
    """One search over the plan spaces of an instance."""

    def __init__(self, spaces: Sequence[PlanSpace], master: Master, clock: Clock, progress: Progress | None) -> None:
        """Keep the parts; nothing is computed yet."""
        self.spaces, self.master, self.clock = spaces, master, clock
        self.report = progress or (lambda stage, objective, bound: None)
        self.pool, self.best = Pool(spaces, master), Incumbent(master, clock)
        self.bound, self.closed = -np.inf, np.inf
        self.prices: Prices | None = None
        self._weights = self._zero()
        self._pricings: list[Pricing] = []
        self._least = self._root_least = np.zeros(len(spaces))
        self._misses, self._base = 0, -np.inf

    def solve(self, gap: float) -> Outcome:
        """Find the best design and prove it within a gap; stop early on the clock or on Ctrl-C with what is reached."""
        try:
            return self._solve(gap)
        except KeyboardInterrupt:
            self.clock.interrupted = True
        except Stopped:
            pass
        return self._stopped()

    def _solve(self, gap: float) -> Outcome:
        self._first()
        point = self._root()
        if isinstance(point, Outcome):
            return point
        return self._tree(point, gap)

    def relax(self) -> tuple[float, tuple[int, ...]]:
        """Return the bound of the root alone, musd, infinite if no design exists, and the plans that its point uses."""
        try:
            point = self._root()
        except Stopped:
            return self.bound, ()
        if isinstance(point, Outcome):
            return np.inf, ()
        return self.bound, tuple(int(p) for p in np.flatnonzero(point.x > 1e-6))

    def worth(self) -> dict[tuple[str, str], float]:
        """Return shadow prices of the crossing rows from the root's relaxation, musd per unit of the limit (C23, C26)."""
        if self.prices is None:
            return {}
        desk, weights = self.master.desk, self.prices.weights
        found: dict[tuple[str, str], float] = {}
        for k, c in enumerate(COUNTRIES):
            if weights.basket[k] > 0.0:
                found["users_basket", c] = float(weights.basket[k] * desk.users.basket[k])
            for t in np.flatnonzero(weights.outlay[k] > 1e-9):
                found["country_cap", f"{c} {desk.market.years[t]}"] = float(weights.outlay[k, t])
        price = float(weights.scenario_outlay.sum())
        return found | ({("worst5_outlay", "ALL"): price} if price > 1e-9 else {})

    # --- one node: columns --------------------------------------------------------------------------------------------

    def _zero(self) -> Weights:
        none = np.zeros(self.master.desk.market.scenarios.count)
        return Weights(np.zeros_like(self.master.limits.outlay), none, none, np.zeros(3), self.master.limits.user_weight, np.zeros(self.master.limits.outlay.shape[1]))

    def _seeded(self, node: Node) -> Ints:
        """Return the priced plans of a node, with the cheapest one of each cluster that has none under the last weights."""
        pool = self.pool.of(node)
        for k in sorted(set(range(len(self.spaces))) - {self.master.plans[p].cluster for p in pool}):
            pricing = Pricing(self.spaces[k], self._weights, node.domain(k))
            _, option, index = pricing.least(self.clock.over)
            if option is None:
                raise Stopped if self.clock.over() else Empty(k)
            self.pool.add(k, option, index, pricing.cheapest_levels(option, index), priced=True)
        return self.pool.of(node)

    def _round(self, node: Node, prices: Prices) -> tuple[float, int]:
        """Price all clusters once; return the lower bound at these prices, musd, and how many plans were added."""
        before = len(self.pool)
        self._pricings = [Pricing(space, prices.weights, node.domain(k)) for k, space in enumerate(self.spaces)]
        for k, pricing in enumerate(self._pricings):
            dual = float(prices.convexity[k])
            cost, option, index = pricing.least(self.clock.over, dual - NEGATIVE)
            if self.clock.over():
                raise Stopped
            self._least[k] = cost
            if option is not None:
                for o, i in [(option, index), *pricing.others(dual - NEGATIVE, ASIDE)]:
                    self.pool.add(k, o, i, pricing.cheapest_levels(o, i), priced=True)
        return float(self._least.sum()) - prices.allowance, len(self.pool) - before

    def _generate(self, node: Node, cutoff: float = np.inf, *, feasibility: bool = False) -> tuple[float, Point | None]:
        """Generate plans until none prices out.

        Returns:
            A lower bound on the node's designs (or on their excess), musd, and the relaxation's optimum; no point where the
            bound reached ``cutoff`` before.

        Raises:
            Empty: a cluster has no plan in the node.
            Stopped: the clock.
        """
        self._seeded(node)
        bound, point = -np.inf, None
        for _ in range(ROUNDS):
            point = relax(self.master, self.pool.of(node), feasibility=feasibility)
            if not feasibility:
                self._weights = point.prices.weights
            value, added = self._round(node, point.prices)
            bound = max(bound, value)
            if bound >= cutoff:
                return bound, None
            if not added:
                break
            if not node.domains and not feasibility:
                self._raise(min(bound, self.best.value))
                self.report("plans", self.best.value, self.bound)
        return bound, point

    def _solved(self, node: Node, cutoff: float) -> tuple[float, Point | None]:
        """Generate plans until the crossing rows are met at least cost; an infinite bound proves that they cannot be."""
        try:
            bound, point = self._generate(node, cutoff)
            if point is not None and point.exceeded > EXCESS:
                if self._generate(node, EXCESS, feasibility=True)[1] is None:
                    return np.inf, None
                bound, point = self._generate(node, cutoff)
        except Empty:
            return np.inf, None
        return max(bound, node.bound), point

    # --- the root -----------------------------------------------------------------------------------------------------

    def _first(self) -> None:
        """Look for a first design among the plans of a few border options."""
        node = Node()
        for k, space in enumerate(self.spaces):
            limits = {("border", p): frozenset(np.linspace(0, len(b) - 1, FEW).round().astype(int).tolist()) for p, b in enumerate(space.borders)}
            node = Node({**node.domains, k: Domain(limits)})
        try:
            self._generate(node)
        except Empty:
            return
        self.best.improve(self.pool.of(node), 1e-4, HEURISTIC_SECONDS)
        self.report("plans", self.best.value, self.bound)

    def _root(self) -> Point | Outcome:
        """Solve the relaxation over all plans; an outcome if no design exists."""
        try:
            bound, point = self._generate(Node())
            if point is not None and point.exceeded > EXCESS:
                excess, point = self._generate(Node(), feasibility=True)
                if point is not None and excess > EXCESS:
                    return Outcome(Status.INFEASIBLE, None, np.inf, np.inf, "crossing rows", point.excess)
                bound, point = self._generate(Node())
        except Empty as empty:
            names = ", ".join(self.spaces[empty.cluster].cluster.products)
            return Outcome(Status.INFEASIBLE, None, np.inf, np.inf, f"no plan for {names}", (("cluster", empty.cluster, np.inf),))
        assert point is not None
        self.prices, self._base, self._root_least = point.prices, float(self._least.sum()) - point.prices.allowance, self._least.copy()
        self._raise(min(bound, self.best.value))
        return point

    # --- the tree -----------------------------------------------------------------------------------------------------

    def _tree(self, point: Point, gap: float) -> Outcome:
        """Work through nodes, best bound first and down from there, until the gap is closed."""
        node: Node | None = Node(bound=self.bound)
        waiting: list[Node] = []
        while node is not None:
            children = self._process(node, gap)
            waiting.extend(children)
            self._raise(min([self.best.value, self.closed, *(n.bound for n in waiting)]))
            self.report("branching" if waiting else "enumeration", self.best.value, self.bound)
            if self._within(gap):
                return self._proven(gap)
            waiting.sort(key=lambda n: -n.bound)
            node = children[0] if children else waiting[-1] if waiting else None
            if node is not None:
                waiting.remove(node)
        if np.isfinite(self.closed):
            return self._stopped()
        source = "no combination of plans meets the caps and the band"
        return Outcome(Status.INFEASIBLE, None, np.inf, self.bound, source)

    def _process(self, node: Node, gap: float) -> tuple[Node, ...]:
        """Close a node or split it; the child of more promise comes first."""
        cutoff = self._cutoff(gap)
        if node.bound >= cutoff:
            return self._close(node.bound)
        bound, point = self._solved(node, cutoff if node.domains else np.inf)
        if point is None:
            return self._close(bound)
        base = float(self._least.sum()) - point.prices.allowance
        self._try(node, point, gap)
        for goal in (self.best.value + self.best.room, self._cutoff(gap)):
            listed = self._list(goal - base)
            if listed is not None:
                least = self.best.improve(listed, min(gap / 10.0, 1e-4), LISTED_SECONDS)
                if min(least, goal) >= self._cutoff(gap):
                    return self._close(min(least, goal, self.best.value))
        children = self.pool.split(self._fixed(node, bound, base), point)
        return self._close(bound) if children is None else children

    def _try(self, node: Node, point: Point, gap: float) -> None:
        """Look for a better design: the relaxation's point if it is whole, else among the plans of the node."""
        chosen = np.flatnonzero(point.x > 0.5)
        if chosen.size == len(self.spaces) and point.exceeded <= EXCESS and float(np.abs(point.x - np.round(point.x)).max()) < 1e-9:
            self.best.offer(tuple(int(p) for p in chosen))
        self._misses += 1
        if self._misses <= PATIENCE or self._misses % PATIENCE == 0:
            before = self.best.value
            self.best.improve(self.pool.of(node), min(gap / 10.0, 1e-4), HEURISTIC_SECONDS)
            self._misses = 0 if self.best.value < before else self._misses

    def _close(self, bound: float) -> tuple[Node, ...]:
        self.closed = min(self.closed, bound)
        return ()

    def _ceilings(self, slack: float) -> Array:
        """Return what a plan of each cluster may cost at the last prices in a design that costs ``slack`` above their bound.

        A design costs at least the weighted costs of its plans less the allowance, and each of them is at least the least of
        its cluster; so none is above its least by more than the design is above the bound.
        """
        return self._least + max(0.0, slack) + NEGATIVE

    def _fixed(self, node: Node, bound: float, base: float) -> Node:
        """Return a node without the options that no design better than the best one known can use."""
        slack = self.best.value + self.best.room - base
        if not np.isfinite(slack):
            return Node(node.domains, bound)
        ceilings = self._ceilings(slack)
        domains = {k: replace(node.domain(k), options=pricing.can_cost(float(ceilings[k]))) for k, pricing in enumerate(self._pricings)}
        return Node(domains, bound)

    def _list(self, slack: float) -> Ints | None:
        """Return every plan, of the node just priced, of designs that cost up to ``slack`` above the bound; None if too many."""
        if not np.isfinite(slack):
            return None
        ceilings, room = self._ceilings(slack), LISTED
        for pricing, ceiling in zip(self._pricings, ceilings, strict=True):
            room -= pricing.count_below(float(ceiling), room)
            if room < 0:
                return None
        found: list[int] = []
        for k, pricing in enumerate(self._pricings):
            for option, index, levels in pricing.below(float(ceilings[k])):
                number = self.pool.add(k, option, index, levels, priced=False)
                found += [] if number is None else [number]
                if len(found) > LISTED:
                    return None
                if self.clock.over():
                    raise Stopped
        return np.array(found, dtype=int)

    # --- the certificate ----------------------------------------------------------------------------------------------

    def _raise(self, bound: float) -> None:
        self.bound = max(self.bound, bound)

    def _cutoff(self, gap: float) -> float:
        """Return the cost from which on a design no longer matters for the gap."""
        best = self.best.value
        return best - SPARE * gap * max(abs(best), 1.0) if np.isfinite(best) else np.inf

    def _within(self, gap: float) -> bool:
        return bool(np.isfinite(self.best.value) and self.best.value - self.bound <= gap * max(abs(self.best.value), 1.0))

    def _proven(self, gap: float) -> Outcome:
        self._break_ties()
        self.report("proven", self.best.value, self.bound)
        return Outcome(Status.OPTIMAL, self.best.chosen, self.best.value, min(self.bound, self.best.value), "all plans within the gap")

    def _break_ties(self) -> None:
        """Break ties on the plans that a design of this cost can use, by their reduced cost at the root.

        All of them are listed first if they are not too many; else those of the pool have to do (C26).
        """
        if self.prices is None:
            return
        self._pricings = [Pricing(space, self.prices.weights) for space in self.spaces]
        self._least = self._root_least
        self._list(self.best.value + self.best.room - self._base)
        everything = self.master.everything
        reduced = self.master.reduced(self.prices, everything)
        reduced[list(self.best.chosen)] = -np.inf
        near = everything[reduced <= max(0.0, self.best.value - self._base) + 2.0 * self.best.room]
        self.best.break_ties(np.sort(near[np.argsort(reduced[near], kind="stable")[:TIED]]))

    def _stopped(self) -> Outcome:
        chosen = self.best.chosen if np.isfinite(self.best.value) else None
        status = self.clock.status if self.clock.over() else Status.STOPPED
        source = "plans covered so far" if self.bound > -np.inf else "none yet"
        return Outcome(status, chosen, self.best.value, self.bound, source)
