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

from .branching import Node, Pool
from .clock import Clock
from .generation import EXCESS, Empty, Generation, Stopped
from .highs import Status
from .incumbent import Incumbent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from ..models.master import Master, Prices
    from ..models.plans import PlanSpace
    from .branching import Key
    from .duals import Dual
    from .relaxation import Point

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]
    Progress = Callable[[str, float, float], None]

__all__ = ["Clock", "Outcome", "Search"]

SPARE = 0.9
"""Share of the gap asked for up to which designs are not looked for."""
FEW = 4
"""Border options of a product in the first design."""
HEURISTIC_SECONDS = 5.0
LISTED_SECONDS = 20.0
TIED = 500
"""Most plans among which ties are broken."""
PATIENCE = 6
"""Nodes in a row, and then every how many, in which the plans at hand are searched for a better design."""


@dataclass(frozen=True)
class Outcome:
    """What the search found: plans of the pool (or none), objective, bound, and what closed the gap or stopped it."""

    status: Status
    chosen: tuple[int, ...] | None
    objective: float
    bound: float
    bound_from: str
    excess: tuple[tuple[str, int, float], ...] = ()


@dataclass(frozen=True)
class Start:
    """What is known before a search: plans and designs of its part of all designs, and a lower bound, musd."""

    plans: Iterable[Key] = ()
    designs: Iterable[Sequence[Key]] = ()
    bound: float = -np.inf


class Search:
    """One search over the plan spaces of an instance."""

    def __init__(
        self,
        spaces: Sequence[PlanSpace],
        master: Master,
        clock: Clock,
        progress: Progress | None = None,
        *,
        root: Node | None = None,
        start: Start | None = None,
        exact: bool = True,
    ) -> None:
        """Keep the parts; nothing is computed yet.

        Args:
            spaces: the plan spaces, one per cluster.
            master: an empty master.
            clock: when to stop.
            progress: called with stage, incumbent and bound (musd).
            root: the part of all designs to search; all if not given.
            start: what is known beforehand.
            exact: whether to go on to the optimum itself and to break ties (C26), not only until the gap is closed.
        """
        self.spaces, self.master, self.clock = spaces, master, clock
        self.report = progress or (lambda stage, objective, bound: None)
        self.root, self.start, self.exact = root or Node(), start or Start(), exact
        self.pool, self.best = Pool(spaces, master), Incumbent(master, clock)
        self.bound, self.closed = self.start.bound, np.inf
        self.columns = Generation(spaces, master, self.pool, clock)
        self.duals: list[Dual] = []
        self.prices: Prices | None = None
        self._root_least = np.zeros(len(spaces))
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
        point = self._root(0.0 if self.exact else gap)
        if isinstance(point, Outcome):
            return point
        if not self.exact:
            self._try(self.root, point, gap)
            if self._within(gap):
                return self._proven(gap)
        return self._tree(gap)

    def relax(self) -> tuple[float, tuple[int, ...]]:
        """Return the bound of the root alone, musd, infinite if no design exists, and the plans that its point uses."""
        try:
            point = self._root(0.0)
        except Stopped:
            return self.bound, ()
        if isinstance(point, Outcome):
            return np.inf, ()
        return self.bound, tuple(int(p) for p in np.flatnonzero(point.x > 1e-6))

    # --- the root -----------------------------------------------------------------------------------------------------

    def _first(self) -> None:
        """Start from known plans and designs; without a design, look for one among the plans of a few border options.

        Plans that meet the rows keep the relaxation's excess away, at whose price nearly every plan would have to be priced exactly.
        """
        for key in self.start.plans:
            self.pool.add(*key, priced=True)
        for design in self.start.designs:
            numbers = [self.pool.add(*key, priced=True) for key in design]
            self.best.offer(tuple(p for p in numbers if p is not None))
        if np.isfinite(self.best.value):
            return
        node = self.root
        for k, space in enumerate(self.spaces):
            for p, b in enumerate(space.borders):
                node = node.narrowed(k, ("border", p), frozenset(np.linspace(0, len(b) - 1, FEW).round().astype(int).tolist()), -np.inf)
        try:
            self.columns.run(node)
        except Empty:
            return
        self.best.improve(self.pool.of(node), 1e-4, HEURISTIC_SECONDS)
        self.report("plans", self.best.value, self.bound)

    def _root(self, gap: float) -> Point | Outcome:
        """Solve the relaxation over all plans, or until a gap above 0 is closed; an outcome if no design exists."""
        try:
            bound, point = self._generate(gap)
            if point is not None and point.exceeded > EXCESS:
                excess, point = self.columns.run(self.root, feasibility=True, enough=self._note)
                if point is not None and excess > EXCESS:
                    return Outcome(Status.INFEASIBLE, None, np.inf, np.inf, "crossing rows", point.excess)
                bound, point = self._generate(gap)
        except Empty as empty:
            names = ", ".join(self.spaces[empty.cluster].cluster.products)
            return Outcome(Status.INFEASIBLE, None, np.inf, np.inf, f"no plan for {names}", (("cluster", empty.cluster, np.inf),))
        assert point is not None
        self.prices, self._base, self._root_least = point.prices, self.columns.base(point.prices), self.columns.least.copy()
        self._raise(min(bound, self.best.value))
        return point

    def _generate(self, gap: float) -> tuple[float, Point | None]:
        """Generate plans at the root; a gap above 0 ends it once the best design is within."""

        def enough(bound: float, prices: Prices) -> bool:
            self._note(bound, prices)
            self._raise(min(bound, self.best.value))
            self.report("plans", self.best.value, self.bound)
            return gap > 0.0 and self._within(gap)

        return self.columns.run(self.root, enough=enough)

    def _note(self, bound: float, prices: Prices) -> bool:
        """Keep the dual of a round over all that is searched; no round is enough by itself."""
        self.duals.append(self.columns.dual(prices))
        return False

    # --- the tree -----------------------------------------------------------------------------------------------------

    def _tree(self, gap: float) -> Outcome:
        """Work through nodes, best bound first and down from there, until the gap is closed."""
        node: Node | None = replace(self.root, bound=self.bound)
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
        bound, point = self.columns.solve(node, np.inf if node.domains is self.root.domains else cutoff)
        if point is None:
            return self._close(bound)
        base = self.columns.base(point.prices)
        self._try(node, point, gap)
        for goal in (self.best.value + self.best.room, self._cutoff(gap)):
            listed = self.columns.list(goal - base)
            if listed is not None:
                least = self.best.improve(listed, min(gap / 10.0, 1e-4), LISTED_SECONDS)
                if min(least, goal) >= self._cutoff(gap):
                    return self._close(min(least, goal, self.best.value))
        narrowed = self.columns.narrow(node, bound, self.best.value + self.best.room - base)
        children = self.pool.split(narrowed, point)
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
        if self.exact:
            self._break_ties()
        self.report("proven", self.best.value, self.bound)
        return Outcome(Status.OPTIMAL, self.best.chosen, self.best.value, min(self.bound, self.best.value), "all plans within the gap")

    def _break_ties(self) -> None:
        """Break ties on the plans that a design of this cost can use, by their reduced cost at the root.

        All of them are listed first if they are not too many; else those of the pool have to do (C26).
        """
        if self.prices is None:
            return
        self.columns.return_to(self.root, self.prices, self._root_least)
        self.columns.list(self.best.value + self.best.room - self._base)
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
