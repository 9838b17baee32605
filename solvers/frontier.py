"""Frontiers: least public cost as one limit moves, every point proven or marked (C22, C23, C26).

One pass over a list of limits. The baseline, plan spaces, columns, tail cuts and priced plans are shared; between points
only right-hand sides of the master or masks of build sets change. A point needs no search of its own where

* a design found at a tighter limit costs at most the gap above a bound that holds here (it is feasible at every looser limit);
* a design found at a looser limit meets this one: it is optimal here too;
* bounds come from looser limits (the least cost can only rise as a limit tightens) and from the duals of every search so
  far, each of which bounds every limit (``Dual``).

Costs often go in steps, so the loosest open point is searched as long as its design serves the next one as well; where each
point has a design of its own, the middle of what is open is searched, and the points before it follow once the gap allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..instances.errors import InstanceError, Problem
from ..instances.loader import load
from ..models.decisions import from_plans
from ..models.desk import Desk
from ..models.statement import Statement
from ..models.store import Cache, caches
from .audit import audit
from .axes import AXES, Axis, check
from .certificate import DEFAULT_GAP
from .clock import Clock
from .evaluate import statement_design
from .highs import Status
from .solve import STATUS, AuditFailed, Prepared, why_infeasible
from .warm import Found, Memory

if TYPE_CHECKING:
    from ..instances import Instance
    from .design import Design
    from .duals import Dual
    from .search import Outcome

Progress = Callable[[str, int, int], None]

MOST_POINTS = 10_000
EDGE_STEPS = 12
EDGE = 1e-3
"""Width of the interval that holds the limit of feasibility, as a share of the values asked for."""
LEAST_SHARES = 4
"""Shares of the time left among which a search takes one, where more points are open."""
ANY = 1e3
"""Relative gap of a search that is over with its first design."""


@dataclass(frozen=True)
class Row:
    """One point of a frontier; money in musd, PV where not by year.

    ``status`` is ``optimal`` (proven within the gap), ``infeasible`` (proven), or what stopped the search. ``binds`` names the
    rows with a price behind the bound, and targets that cost something. ``met_from`` is the tightest limit that the
    design meets.
    """

    limit: float
    status: str
    objective_musd: float | None
    bound_musd: float | None
    gap: float | None
    binds: tuple[str, ...]
    built: int | None
    contracts: int | None
    booked_musd: float | None
    outlay_musd: float | None
    met_from: float | None

    @property
    def settled(self) -> bool:
        """Say whether the point is proven, as a cost or as infeasible."""
        return self.status in ("optimal", "infeasible")


@dataclass(frozen=True)
class Frontier:
    """Least public cost at each value of one limit, from the loosest to the tightest.

    Attributes:
        over: the name of the limit.
        rows: the points.
        gap: the relative gap asked for.
        feasible_from: the tightest limit for which a design is known; None if there is none.
        infeasible_to: the loosest limit proven to have no design; None if every point has one.
        searches: how many points were searched; the others follow from these.
        seconds: time spent.
    """

    over: str
    rows: tuple[Row, ...]
    gap: float
    feasible_from: float | None
    infeasible_to: float | None
    searches: int
    seconds: float
    _axis: Axis = field(repr=False, compare=False)
    _designs: tuple[Found | None, ...] = field(repr=False, compare=False)

    @property
    def proven(self) -> bool:
        """Say whether every point is proven."""
        return all(row.settled for row in self.rows)

    def table(self) -> pd.DataFrame:
        """Return the points as a frame; what binds is joined by semicolons."""
        return pd.DataFrame([asdict(row) | {"binds": ";".join(row.binds)} for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Return the frontier as plain data."""
        names = ("over", "gap", "proven", "feasible_from", "infeasible_to", "searches", "seconds")
        instance = self._axis.desk.instance
        about = {"instance": instance.name, "instance_sha256": instance.sha256, "overrides": list(instance.overrides)}
        return about | {name: getattr(self, name) for name in names} | {"rows": [asdict(row) | {"binds": list(row.binds)} for row in self.rows]}

    def overrides(self, index: int) -> dict[str, float]:
        """Return the settings that a point stands for, as ``load`` takes them."""
        return self._axis.overrides(self.rows[index].limit)

    def instance(self, index: int) -> Instance:
        """Return the instance of a point."""
        return changed(self._axis.desk.instance, self.overrides(index))

    def design(self, index: int) -> Design:
        """Return the audited design of a point, with all tables; it is worked out on each call.

        Raises:
            ValueError: no design is known there.
            AuditFailed: the design failed the audit.
        """
        row, found = self.rows[index], self._designs[index]
        if found is None:
            raise ValueError(f"no design is known at {row.limit:g}")
        clusters = tuple(space.cluster.products for space in self._axis.whole)
        decisions = from_plans(self._axis.desk, found.plans, clusters)
        instance = self.instance(index)
        design = statement_design(
            Statement(Desk(instance), decisions), status=row.status, bound=row.bound_musd, gap_asked=self.gap, seconds=self.seconds,
            bound_from="a frontier: duals and looser limits", command=f"frontier over {self.over} at {row.limit:g}", fixes={},
        )  # fmt: skip
        report = audit(design.to_dict(), instance)
        design.certificate["audit"] = "passed" if report.passed else "failed"
        if not report.passed:
            raise AuditFailed(report, design)
        return design


@caches
def frontier(
    instance: Instance,
    over: str,
    points: Sequence[float],
    *,
    gap: float = DEFAULT_GAP,
    time_limit: float | None = None,
    progress: Progress | None = None,
    cache: Cache = None,
) -> Frontier:
    """Return the least public cost at each value of one limit.

    Args:
        instance: the instance, from ``load``.
        over: ``basket`` (values are shares), ``country_caps``, ``worst5_outlay`` or ``targets`` (values are multiples of the
            instance's limits).
        points: the values, in any order; repeated ones count once.
        gap: relative gap to prove at each point (C31).
        time_limit: seconds for all points, of which a search gets at most a part of what is left; points not proven say so.
        progress: called with what is done, the points settled and their number.
        cache: where to keep what plants cost, as ``solve`` takes it.

    Raises:
        InstanceError: unknown limit or one that the instance does not set, or values out of range.
        Infeasible: no design meets even the loosest value.
    """
    check(instance, over)
    values = _values(points, rising=AXES[over].rising)
    clock = Clock(time_limit)
    axis = AXES[over](Desk(instance))
    for value in (values[0], values[-1]):
        changed(instance, axis.overrides(value))
    axis.lay_out(values[0])
    return _Pass(axis, values, gap, clock, progress or (lambda stage, done, total: None)).run()


def changed(instance: Instance, more: Mapping[str, float]) -> Instance:
    """Return an instance with more overrides."""
    before = dict(text.split("=", 1) for text in instance.overrides)
    return load(instance.path, before | {key: repr(float(value)) for key, value in more.items()})


def _values(points: Sequence[float], *, rising: bool) -> list[float]:
    """Return distinct values, the loosest first.

    Raises:
        InstanceError: no values, too many, or values that are negative or not finite.
    """
    values = sorted({float(point) for point in points}, reverse=rising)
    bad = [value for value in values if not np.isfinite(value) or value < 0.0]
    problems = [Problem("frontier", None, "points", f"{value:g}", "a finite number that is not negative", "") for value in bad]
    if not 0 < len(values) <= MOST_POINTS:
        problems.append(Problem("frontier", None, "points", str(len(values)), f"1 to {MOST_POINTS} values", ""))
    if problems:
        raise InstanceError(problems)
    return values


class _Pass:
    """One pass over the values of a limit."""

    def __init__(self, axis: Axis, values: list[float], gap: float, clock: Clock, progress: Progress) -> None:
        """Start with nothing known of any point."""
        self.axis, self.values, self.gap, self.clock, self.report = axis, values, gap, clock, progress
        self.memory = Memory(axis.desk, clock)
        self.reach: list[float] = []
        self.came: list[float] = []
        self.found = np.full(len(values), -np.inf)
        self.stopped: dict[int, str] = {}
        self.first_infeasible = len(values)
        self.carried, self.searches = True, 0

    def run(self) -> Frontier:
        """Settle every point, then narrow down where designs end."""
        while (index := self._next()) is not None and not self.clock.over():
            self._point(index)
            self.report(f"{self.axis.name} {self.values[index]:g}", sum(map(self._settled, range(len(self.values)))), len(self.values))
        edge = self._edge()
        designs = [self._best(index) for index in range(len(self.values))]
        rows = tuple(self._row(index, design) for index, design in enumerate(designs))
        feasible = self._tightest() if self.reach else None
        return Frontier(self.axis.name, rows, self.gap, feasible, edge, self.searches, self.clock.seconds, self.axis, tuple(designs))

    # --- what is known of a point -------------------------------------------------------------------------------------

    def _best(self, index: int) -> Found | None:
        """Return the cheapest design known that meets the limit of a point."""
        value = self.values[index]
        fits = [design for design, reach in zip(self.memory.designs, self.reach, strict=True) if self.axis.meets(reach, value)]
        return min(fits, key=lambda design: design.objective, default=None) if index < self.first_infeasible else None

    def _dual(self, index: int) -> tuple[float, Dual | None]:
        """Return the highest bound of a dual that holds at a point, and the dual."""
        limits, value = self.axis.limits(self.values[index]), self.values[index]
        bounds = [
            (dual.bound(limits), dual)
            for dual, came in zip(self.memory.duals, self.came, strict=True)
            if not dual.seeks_feasibility and not self.axis.looser(value, came)
        ]
        return max(bounds, key=lambda pair: pair[0], default=(-np.inf, None))

    def _bound(self, index: int) -> float:
        """Return the best lower bound on a point's designs, musd."""
        return max(self._dual(index)[0], float(self.found[: index + 1].max()))

    def _settled(self, index: int) -> bool:
        best = self._best(index)
        done = index >= self.first_infeasible or index in self.stopped
        return done or (best is not None and best.objective - self._bound(index) <= self.gap * max(abs(best.objective), 1.0))

    def _open(self) -> list[int]:
        return [index for index in range(len(self.values)) if not self._settled(index)]

    def _next(self) -> int | None:
        """Return the point to search next: the loosest open one while designs carry over to further points, else the middle one."""
        still = self._open()
        if not still:
            return None
        return still[0] if self.carried else still[len(still) // 2]

    # --- searching ----------------------------------------------------------------------------------------------------

    def _point(self, index: int) -> None:
        """Search one point and keep what it shows.

        Raises:
            Infeasible: it is the loosest and has no design.
        """
        best = self._best(index)
        outcome = self._search(self.values[index], self.gap, self._bound(index), [best] if best is not None else [])
        if outcome is None or outcome.status is Status.INFEASIBLE:
            if index == 0 and outcome is not None and self.memory.last is not None:
                raise why_infeasible(Prepared(self.axis.desk, self.axis.demands, self.memory.last), outcome)
            self.first_infeasible = index
            return
        self.found[index] = outcome.bound
        self.carried = index + 1 == len(self.values) or self._settled(index + 1)
        if outcome.status is not Status.OPTIMAL:
            self.stopped[index] = STATUS.get(outcome.status, "plan_limit")

    def _search(self, value: float, gap: float, bound: float = -np.inf, designs: Sequence[Found] = ()) -> Outcome | None:
        """Search at a value; None where it is known at once that there is no design."""
        limits, root = self.axis.limits(value), self.axis.root(value)
        holding = [dual for dual, came in zip(self.memory.duals, self.came, strict=True) if not self.axis.looser(value, came)]
        if root is None or self.memory.impossible(limits, holding):
            return None
        share = None if self.clock.left is None else self.clock.left / min(LEAST_SHARES, max(1, len(self._open())))
        outcome, found, duals = self.memory.search(self.axis.whole, limits, gap, root=root, bound=bound, designs=designs, seconds=share)
        self.searches += 1
        self.came += [value] * len(duals)
        if found is not None:
            reach = self.axis.reach(found)
            self.reach.append(reach if self.axis.meets(reach, value) else value)
        return outcome

    def _edge(self) -> float | None:
        """Return the loosest value known to have no design, after halving the distance to one that has."""
        if self.first_infeasible >= len(self.values):
            return None
        without = self.values[self.first_infeasible]
        for _ in range(EDGE_STEPS):
            reached = self._tightest()
            if self.clock.over() or abs(reached - without) <= EDGE * max(abs(self.values[0] - self.values[-1]), abs(reached) * EDGE):
                break
            middle = (reached + without) / 2.0
            outcome = self._search(middle, ANY)
            if outcome is None or outcome.status is Status.INFEASIBLE:
                without = middle
            elif outcome.chosen is None:
                break
        return without

    def _tightest(self) -> float:
        """Return the tightest value that a design meets."""
        return min(self.reach) if self.axis.rising else max(self.reach)

    # --- results ------------------------------------------------------------------------------------------------------

    def _row(self, index: int, design: Found | None) -> Row:
        value = self.values[index]
        if index >= self.first_infeasible:
            return Row(value, "infeasible", None, None, None, (), None, None, None, None, None)
        bound, dual = self._bound(index), self._dual(index)[1]
        if design is None:
            return Row(value, self._why(index), None, bound if np.isfinite(bound) else None, None, (), None, None, None, None, None)
        bound = min(bound, design.objective)
        gap = (design.objective - bound) / max(abs(design.objective), 1.0)
        binds = () if dual is None else dual.binding(self.axis.desk.market.years) + self.axis.binding(dual)
        return Row(
            limit=value,
            status="optimal" if gap <= self.gap else self._why(index),
            objective_musd=design.objective,
            bound_musd=bound if np.isfinite(bound) else None,
            gap=gap if np.isfinite(gap) else None,
            binds=binds,
            built=design.built,
            contracts=design.contracts,
            booked_musd=design.booked,
            outlay_musd=design.outlay(self.axis.desk.users.factor),
            met_from=self.reach[self.memory.designs.index(design)],
        )

    def _why(self, index: int) -> str:
        """Return why a point is not proven."""
        return self.stopped.get(index, STATUS.get(self.clock.status, "plan_limit"))
