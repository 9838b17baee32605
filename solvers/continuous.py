"""Designs with credits and strikes off the ladders, and a bound on all of them (C14, C15, C19).

The relaxation of the plan formulation over cells of credit rates, whose columns are bounds (``models/cells.py``), bounds
every design; where it mixes border options or builds, it is split on them. The corners that it uses become points, and a
search over points alone, whose columns are exact, gives a design. Cells that it uses are then divided, or their strikes cut
more finely. The band (C21b) is kept by designs and left out of the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.cells import Cell
from ..models.clusters import build_sets, find_clusters, read_demands
from ..models.credits import CreditDesk, weigher
from ..models.decisions import Decisions, from_plans
from ..models.master import Master, read_limits
from ..models.outlooks import Setting
from ..models.plans import PlanSpace
from ..models.subsidies import NO_CREDIT, CreditLevel
from .branching import Node
from .generation import Stopped
from .search import SPARE, Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from ..models.desk import Desk
    from ..models.plan import Plan, Weights
    from .clock import Clock
    from .relaxation import Point

    Pair = tuple[str, str]
    Array = NDArray[np.float64]

DECIMALS = 6
"""Decimals of a credit rate."""
EDGE = 1e-7
"""Distance by which a corner may lie outside its cell."""
DIVISIONS = 12
"""Most divisions of a group's cells in a round."""
NOTHING = 1e-6
"""Distance between a cell's bound and a point that is rounding, musd."""
SHARE = 0.25
"""Share of the gap asked for to which a search over points is solved."""
SLACK = 0.5
"""Share of the gap asked for that cells may be below points."""


@dataclass(frozen=True)
class ContinuousOutcome:
    """The best design found, with its objective, and a lower bound on all designs, musd.

    There are no decisions where none was found, and the bound is infinite where none exists. ``trace`` holds bound and
    objective after each round.
    """

    decisions: Decisions | None
    objective: float
    bound: float
    trace: tuple[tuple[float, float], ...]


class ContinuousSearch:
    """Alternates between bounds over cells and designs over points until they meet.

    Bounds are those of a tree over border options and builds. A node whose relaxation is whole in these has its cells divided.
    """

    def __init__(self, desk: Desk, clock: Clock, report: Callable[[str, float, float], None] | None = None) -> None:
        """Lay out clusters and start with one cell for each country and product."""
        self.desk, self.clock = desk, clock
        self.report = report or (lambda stage, objective, bound: None)
        self.cells = CreditDesk(desk)
        demands = read_demands(desk.balance, desk.baseline)
        self.clusters = find_clusters(desk.balance, desk.baseline, desk.fixes)
        self.sets = [build_sets(desk.balance, desk.baseline, c, demands, desk.fixes) for c in self.clusters]
        self.limits = read_limits(desk)
        self.points: dict[Pair, set[CreditLevel]] = {}
        self.open, self.closed = [Node()], np.inf
        self.bound, self.objective = -np.inf, np.inf
        self.decisions: Decisions | None = None

    def offer(self, decisions: Decisions) -> None:
        """Take the credits of a design as points."""
        for pair, level in decisions.credits.items():
            self.points.setdefault(pair, set()).add(level)

    def solve(self, gap: float) -> ContinuousOutcome:
        """Go on until the best design is within a gap of the bound, time is up or no cell can be divided."""
        trace: list[tuple[float, float]] = []
        try:
            self._design(gap)
            search = self._fresh()
            while self.open and not self._within(gap) and not self.clock.over():
                node = min(self.open, key=lambda n: n.bound)
                self.open.remove(node)
                search = self._process(search, node, gap)
                trace.append((self._raise(), self.objective))
                self.report("continuous credits", self.objective, self.bound)
        except KeyboardInterrupt:
            self.clock.interrupted = True
        return ContinuousOutcome(self.decisions, self.objective, min(self.bound, self.objective), tuple(trace))

    def _raise(self) -> float:
        """Return the bound on all designs: the least over open nodes and closed ones, musd."""
        self.bound = max(self.bound, min([self.closed, *(node.bound for node in self.open)]))
        return self.bound

    def _within(self, gap: float) -> bool:
        return bool(np.isfinite(self.objective) and self.objective - self.bound <= gap * max(abs(self.objective), 1.0))

    def _search(self, desk: CreditDesk) -> Search:
        spaces = [PlanSpace(desk, k, c, s) for k, (c, s) in enumerate(zip(self.clusters, self.sets, strict=True))]
        return Search(spaces, Master(desk, self.limits, len(spaces)), self.clock, None, exact=False)

    def _fresh(self) -> Search:
        """Return a search over the cells as they are now, with the bound of its root taken up."""
        search = self._search(self.cells)
        self.bound = max(self.bound, search.relax()[0])
        return search

    def _process(self, search: Search, node: Node, gap: float) -> Search:
        """Bound a node; close it, split it, or divide the cells that its relaxation uses, and then return another search."""
        cutoff = self.objective - SPARE * gap * max(abs(self.objective), 1.0) if np.isfinite(self.objective) else np.inf
        try:
            bound, point = search.columns.solve(node, cutoff)
        except Stopped:
            self.open.append(node)
            return search
        bound = max(bound, node.bound)
        if point is None:
            self.closed = min(self.closed, bound)
            return search
        splits = [split for split in search.pool.splits(node, point.x) if split.trait[0] != "level"]
        if splits:
            first = splits[0]
            self.open += [node.narrowed(first.cluster, first.trait, side, bound) for side in first.sides]
            return search
        return self._divide(search, replace(node, bound=bound), point, gap)

    def _divide(self, search: Search, node: Node, point: Point, gap: float) -> Search:
        """Look for a better design among the points that a node's relaxation uses, and divide its cells; close it where none can be."""
        uses = [use for p in np.flatnonzero(point.x > 1e-6) for use in self._uses(search.master.plans[p], point.prices.weights)]
        for use in uses:
            self.points.setdefault(use.pair, set()).update(self._near(self._rates(use)))
        points = self._design(gap)
        self.open.append(node)
        self._raise()
        if self._within(gap):
            return search
        if self._refine(uses, points, gap) or self._refine(uses, points, 0.0):
            return self._fresh()
        self.open.remove(node)
        self.closed = min(self.closed, node.bound)
        return search

    def _design(self, gap: float) -> CreditDesk:
        """Search among the points, keep what is better and return their desk."""
        desk = self.cells.pointed(self.points)
        search = self._search(desk)
        outcome = search.solve(SHARE * gap)
        if outcome.chosen is not None and outcome.objective < self.objective:
            self.objective = outcome.objective
            plans = [search.master.plans[p] for p in outcome.chosen]
            self.decisions = from_plans(desk, plans, tuple(c.products for c in self.clusters))
        return desk

    # --- points and cells ----------------------------------------------------------------------------------------------

    def _uses(self, plan: Plan, weights: Weights) -> list[Use]:
        """Return the wide cells that a plan uses."""
        products, plants = self.clusters[plan.cluster].products, self.desk.plants
        here = {m: Setting(b, p) for m, b, p in zip(products, plan.borders, plan.paths, strict=True)}
        settings = self.desk.law_settings() | here
        found = []
        for country, product, level in plan.levels:
            if not self.cells.cells[level].point:
                builds = tuple((k, s) for k, s in plan.builds if (plants[k].country, plants[k].product) == (country, product))
                found.append(Use((country, product), level, builds, settings, weights))
        return found

    def _near(self, rates: Iterable[tuple[float, float]]) -> set[CreditLevel]:
        """Return points at some rates, each rounded down and up, so that tests which bind hold at one of them."""
        highest = self.cells.highest
        ends = ((_rounded(itc, highest.itc), _rounded(ptc, highest.ptc)) for itc, ptc in rates)
        return {CreditLevel(a, b) for itc, ptc in ends for a in itc for b in ptc} - {NO_CREDIT}

    def _rates(self, use: Use) -> list[tuple[float, float]]:
        """Return the rates that each plant of a cell would take there."""
        weigh = weigher(use.weights, use.pair[0])
        return [self.cells.cheapest_rates(key, start, use.settings, use.level, weigh) for key, start in use.builds]

    def _refine(self, uses: list[Use], points: CreditDesk, gap: float) -> int:
        """Divide the cells whose bounds are far below what points cost there; return how often."""
        allowed = SLACK * gap * max(1.0, abs(self.bound)) / max(1, len(uses))
        return sum(self._sharpen(use, points, allowed) for use in uses)

    def _sharpen(self, use: Use, points: CreditDesk, allowed: float) -> int:
        """Divide cells of a group, the lowest first, until its bound is near the best point; return how often."""
        for count in range(DIVISIONS):
            low, best = self._cost(self.cells, use), float(self._cost(points, use).min())
            use = replace(use, level=int(low.argmin()))
            cell = self.cells.cells[use.level]
            if cell.point or best - low[use.level] <= max(allowed, NOTHING) or self.clock.over():
                return count
            rates = self._rates(use)
            parts = self.cells.divided(use.pair, cell, rates)
            if not parts:
                return count
            self.cells.replace_cell(use.pair, use.level, parts)
            near = self._near(rates)
            self.points.setdefault(use.pair, set()).update(near)
            points.offer_cells(use.pair, [Cell(point, point) for point in near])
        return DIVISIONS

    def _cost(self, desk: CreditDesk, use: Use) -> Array:
        """Return what a group costs at each level, musd ``(L,)``; infinite where not on offer."""
        weigh = weigher(use.weights, use.pair[0])
        own = [desk.family(key, start, use.settings).cost.weighed(weigh) for key, start in use.builds]
        total: Array = sum(own, desk.baseline_credits(*use.pair, use.settings).weighed(weigh))
        return np.where(desk.offered(*use.pair), total, np.inf)


@dataclass(frozen=True)
class Use:
    """A wide cell that a plan uses: country and product, level, the plants built there with their starts, all settings and the prices."""

    pair: Pair
    level: int
    builds: tuple[tuple[str, int], ...]
    settings: Mapping[str, Setting]
    weights: Weights


def _rounded(rate: float, most: float) -> tuple[float, float]:
    """Return a rate rounded down and up, at most the highest; 0 stays."""
    scale = 10.0**DECIMALS
    down = math.floor((rate + EDGE) * scale) / scale if rate > EDGE else 0.0
    up = math.ceil((rate + EDGE) * scale) / scale if rate > EDGE else 0.0
    return round(down, DECIMALS), min(most, round(up, DECIMALS))
