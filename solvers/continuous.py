"""Designs with credits and strikes off the ladders, and a bound on all of them (C14, C15, C19).

Each round solves the relaxation of the plan formulation over cells of credit rates, whose columns are bounds
(``models/cells.py``): its value is a bound on every design. The corners that it uses become points, and a search over points
alone, whose columns are exact, gives a design. Cells that the relaxation uses are then divided, or their strikes cut more
finely. The band (C21b) is kept by designs and left out of the bound.
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
from .search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from ..models.desk import Desk
    from ..models.plans import Plan
    from ..models.welfare import Cost
    from .clock import Clock

    Pair = tuple[str, str]
    Array = NDArray[np.float64]

DECIMALS = 6
"""Decimals of a credit rate."""
EDGE = 1e-7
"""Distance by which a corner may lie outside its cell."""
DIVISIONS = 12
"""Most divisions of a group's cells in a round."""
ROUNDS = 500
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
    """Alternates between bounds over cells and designs over points until they meet."""

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
        self.bound, self.objective = -np.inf, np.inf
        self.decisions: Decisions | None = None

    def offer(self, decisions: Decisions) -> None:
        """Take the credits of a design as points."""
        for pair, level in decisions.credits.items():
            self.points.setdefault(pair, set()).add(level)

    def solve(self, gap: float, rounds: int = ROUNDS) -> ContinuousOutcome:
        """Go on until the best design is within a gap of the bound, time is up or no cell can be divided."""
        trace: list[tuple[float, float]] = []
        try:
            self._design(gap)
            while not self._within(gap) and len(trace) < rounds and not self.clock.over() and self._round(gap):
                trace.append((self.bound, self.objective))
                self.report("continuous credits", self.objective, self.bound)
        except KeyboardInterrupt:
            self.clock.interrupted = True
        return ContinuousOutcome(self.decisions, self.objective, min(self.bound, self.objective), tuple(trace))

    def _round(self, gap: float) -> int:
        """Bound all designs, look for a better one among the points that the bound uses, and divide cells; return how many, at least 1 if the gap is closed."""
        search, used = self._relax()
        if not used:
            return 0
        for plan in used:
            self._point(search, plan)
        points = self._design(gap)
        if self._within(gap):
            return 1
        return self._refine(search, used, points, gap) or self._refine(search, used, points, 0.0)

    def _within(self, gap: float) -> bool:
        return bool(np.isfinite(self.objective) and self.objective - self.bound <= gap * max(abs(self.objective), 1.0))

    def _search(self, desk: CreditDesk) -> Search:
        spaces = [PlanSpace(desk, k, c, s) for k, (c, s) in enumerate(zip(self.clusters, self.sets, strict=True))]
        return Search(spaces, Master(desk, self.limits, len(spaces)), self.clock, None, exact=False)

    def _relax(self) -> tuple[Search, list[Plan]]:
        search = self._search(self.cells)
        bound, used = search.relax()
        self.bound = max(self.bound, bound)
        return search, [search.master.plans[p] for p in used]

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

    def _uses(self, search: Search, plan: Plan) -> list[Use]:
        """Return the wide cells that a plan uses, at the search's prices."""
        products = self.clusters[plan.cluster].products
        here = {m: Setting(b, p) for m, b, p in zip(products, plan.borders, plan.paths, strict=True)}
        settings = self.desk.law_settings() | here
        found = []
        for country, product, level in plan.levels if search.prices is not None else ():
            if not self.cells.cells[level].point:
                plants = self.desk.plants
                builds = tuple((k, s) for k, s in plan.builds if (plants[k].country, plants[k].product) == (country, product))
                found.append(Use((country, product), level, builds, settings))
        return found

    def _weigher(self, search: Search, country: str) -> Callable[[Cost, Array], Array]:
        return weigher(search.columns.weights if search.prices is None else search.prices.weights, country)

    def _point(self, search: Search, plan: Plan) -> None:
        """Take the rates that the plants of a plan would take in its cells as points."""
        for use in self._uses(search, plan):
            self.points.setdefault(use.pair, set()).update(self._near(self._rates(search, use)))

    def _near(self, rates: Iterable[tuple[float, float]]) -> set[CreditLevel]:
        """Return points at some rates: as they are and rounded up, so that tests which bind hold."""
        found = set()
        for itc, ptc in rates:
            found.add(CreditLevel(round(itc, DECIMALS), round(ptc, DECIMALS)))
            found.add(CreditLevel(_up(itc, self.cells.highest.itc), _up(ptc, self.cells.highest.ptc)))
        return found - {NO_CREDIT}

    def _rates(self, search: Search, use: Use) -> list[tuple[float, float]]:
        """Return the rates that each plant of a cell would take there."""
        weigh = self._weigher(search, use.pair[0])
        return [self.cells.cheapest_rates(key, start, use.settings, use.level, weigh) for key, start in use.builds]

    def _refine(self, search: Search, plans: list[Plan], points: CreditDesk, gap: float) -> int:
        """Divide the cells whose bounds are far below what points cost there; return how often."""
        uses = [use for plan in plans for use in self._uses(search, plan)]
        allowed = SLACK * gap * max(1.0, abs(self.bound)) / max(1, len(uses))
        return sum(self._sharpen(search, use, points, allowed) for use in uses)

    def _sharpen(self, search: Search, use: Use, points: CreditDesk, allowed: float) -> int:
        """Divide cells of a group, the lowest first, until its bound is near the best point; return how often."""
        for count in range(DIVISIONS):
            low, best = self._cost(self.cells, search, use), float(self._cost(points, search, use).min())
            level = int(low.argmin())
            use = replace(use, level=level)
            if self.cells.cells[level].point or best - low[level] <= allowed or self.clock.over():
                return count
            rates = self._rates(search, use)
            parts = self.cells.divided(use.pair, self.cells.cells[level], rates)
            if not parts:
                return count
            self.cells.replace_cell(use.pair, level, parts)
            near = self._near(rates)
            self.points.setdefault(use.pair, set()).update(near)
            points.offer_cells(use.pair, [Cell(point, point) for point in near])
        return DIVISIONS

    def _cost(self, desk: CreditDesk, search: Search, use: Use) -> Array:
        """Return what a group costs at each level, at the search's prices, musd ``(L,)``; infinite where not on offer."""
        weigh = self._weigher(search, use.pair[0])
        own = [desk.family(key, start, use.settings).cost.weighed(weigh) for key, start in use.builds]
        total: Array = sum(own, desk.baseline_credits(*use.pair, use.settings).weighed(weigh))
        return np.where(desk.offered(*use.pair), total, np.inf)


@dataclass(frozen=True)
class Use:
    """A wide cell that a plan uses: country and product, level, the plants built there with their starts, and all settings."""

    pair: Pair
    level: int
    builds: tuple[tuple[str, int], ...]
    settings: Mapping[str, Setting]


def _up(rate: float, most: float) -> float:
    """Return a rate rounded up, at most the highest; 0 stays."""
    scale = 10.0**DECIMALS
    return min(most, round(math.ceil((rate + EDGE) * scale) / scale, DECIMALS)) if rate > EDGE else 0.0
