"""Many strikes of one project: least public cost with its strike pinned at each of some values (C13).

The first value is searched as any instance. At every other one the desk and all plan spaces are the same but for the columns of the
project, so other clusters keep their plans, and their least weighted costs under a dual still hold: pricing the project's
own cluster at the prices of a dual bounds the new problem (``Dual``). Where its cheapest plan joined to the known plans of
the others closes the gap, the value is done; else it is searched from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..instances.errors import InstanceError, Problem
from ..models.clusters import read_demands
from ..models.master import read_limits
from ..models.pricing import Pricing
from ..models.store import Cache, caches
from .axes import per_project
from .certificate import DEFAULT_GAP
from .clock import Clock
from .fixes import read_fixes
from .frontier import MOST_POINTS, Progress
from .highs import Status
from .kept import KeptSpace
from .solve import STATUS, pinned_desk, plan_spaces
from .warm import Memory

if TYPE_CHECKING:
    from ..instances import Instance
    from ..models.desk import Desk
    from .warm import Found

RECENT = 3
"""Duals, the last first, at whose prices the project's cluster is priced before a search."""


@dataclass(frozen=True)
class SweepRow:
    """The optimum at one strike, USD per tonne; money in musd.

    ``status`` is ``optimal`` (proven within the gap), ``infeasible`` (proven), or what stopped the search.
    """

    strike: float
    status: str
    objective_musd: float | None
    bound_musd: float | None
    gap: float | None
    built: int | None
    contracts: int | None
    booked_musd: float | None
    outlay_musd: float | None


@dataclass(frozen=True)
class Sweep:
    """Least public cost at each strike of a project.

    Attributes:
        project: the project.
        rows: the strikes in the order given.
        gap: the relative gap asked for.
        searches: how many strikes were searched; the others follow from bounds and known plans.
        seconds: time spent.
    """

    project: str
    rows: tuple[SweepRow, ...]
    gap: float
    searches: int
    seconds: float

    @property
    def proven(self) -> bool:
        """Say whether every strike is proven, as a cost or as infeasible."""
        return all(row.status in ("optimal", "infeasible") for row in self.rows)

    def table(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_dict(self) -> dict[str, object]:
        """Return the sweep as plain data."""
        return asdict(self) | {"rows": [asdict(row) for row in self.rows], "proven": self.proven}


@caches
def strikes(
    instance: Instance,
    project: str,
    values: Sequence[float],
    *,
    gap: float = DEFAULT_GAP,
    fixes: Mapping[str, float] | None = None,
    time_limit: float | None = None,
    progress: Progress | None = None,
    cache: Cache = None,
) -> Sweep:
    """Return the least public cost with a project built under a contract at each of some strikes.

    Args:
        instance: the instance, from ``load``.
        project: a candidate; it is built in every row.
        values: strikes, USD per payable tonne; repeated ones count once.
        gap: relative gap to prove at each (C31).
        fixes: other decisions to pin, as ``solve`` takes them.
        time_limit: seconds for all strikes; those that are not proven by then say so.
        progress: called with what is done, the strikes done and their number.
        cache: where to keep what plants cost, as ``solve`` takes it.

    Raises:
        InstanceError: unknown project or one of the baseline, bad strikes, or one strike per class.
        Infeasible: no build set that holds the project meets the demands.
    """
    wanted = list(dict.fromkeys(float(value) for value in values))
    problems = [*per_project(instance), *_faults(instance, project, wanted)]
    if problems:
        raise InstanceError(problems, f"instance {instance.name}")
    desk = pinned_desk(instance, dict(fixes or {}) | {f"strike.{project}": wanted[0]})
    return _Sweep(project, desk, gap, Clock(time_limit)).run(wanted, progress or (lambda stage, done, total: None))


def _faults(instance: Instance, project: str, values: Sequence[float]) -> list[Problem]:
    """Return what is wrong with the project's name and the strikes, each once."""
    if not 0 < len(values) <= MOST_POINTS:
        return [Problem("sweep", None, "values", str(len(values)), f"1 to {MOST_POINTS} strikes", "")]
    found: dict[Problem, None] = {}
    for value in values:
        try:
            read_fixes(instance, {f"strike.{project}": value})
        except InstanceError as error:
            found.update(dict.fromkeys(error.problems))
    return list(found)


class _Sweep:
    """One pass over the strikes of a project."""

    def __init__(self, project: str, desk: Desk, gap: float, clock: Clock) -> None:
        """Lay out the plan spaces."""
        self.name, self.project, self.desk, self.gap, self.clock = f"strike.{project}", project, desk, gap, clock
        self.spaces = plan_spaces(desk, read_demands(desk.balance, desk.baseline), KeptSpace)
        self.own = next(k for k, space in enumerate(self.spaces) if project in space.cluster.candidates)
        self.memory, self.limits, self.searches = Memory(desk, clock), read_limits(desk), 0

    def run(self, values: Sequence[float], report: Progress) -> Sweep:
        """Settle every strike."""
        rows = []
        for done, value in enumerate(values, start=1):
            rows.append(_stopped(value, self.clock) if self.clock.over() else self._row(value))
            report(f"{self.name} {value:g}", done, len(values))
        return Sweep(self.project, tuple(rows), self.gap, self.searches, self.clock.seconds)

    def _row(self, value: float) -> SweepRow:
        if not self._repin(value):
            return SweepRow(value, "infeasible", *[None] * 7)
        bound = max((dual.bound(self.limits) for dual in self.memory.duals), default=-np.inf)
        found = self.memory.join(self.spaces, self.limits, self.gap)
        status = "optimal"
        if found is None or found.objective - bound > self.gap * max(abs(found.objective), 1.0):
            outcome, found, _ = self.memory.search(self.spaces, self.limits, self.gap, bound=bound, designs=[found] if found is not None else [])
            self.searches += 1
            if outcome.status is Status.INFEASIBLE:
                return SweepRow(value, "infeasible", *[None] * 7)
            bound, status = outcome.bound, "optimal" if outcome.status is Status.OPTIMAL else STATUS.get(outcome.status, "plan_limit")
        return self._described(value, status, found, bound)

    def _repin(self, value: float) -> bool:
        """Move to a strike and price the project's cluster there at the last prices; say whether it has a plan."""
        if value != self.desk.fixes[self.name]:
            self.desk = self.desk.repinned(self.desk.fixes | {self.name: value})
            self.spaces[self.own] = self.spaces[self.own].repinned(self.desk, self.project)
            self.memory.move(self.desk, self.own)
        known = [dual for dual in self.memory.duals if not dual.seeks_feasibility][-RECENT:]
        self.memory.duals = []
        for dual in known:
            pricing, least = Pricing(self.spaces[self.own], dual.weights), dual.least.copy()
            cost, option, index = pricing.least(self.clock.over)
            if option is None and not self.clock.over():
                self.memory.duals = known
                return False
            least[self.own] = cost
            self.memory.duals.append(replace(dual, least=least))
            if option is not None:
                self.memory.seeds[self.own, option, index, pricing.cheapest_levels(option, index)] = None
        return True

    def _described(self, value: float, status: str, found: Found | None, bound: float) -> SweepRow:
        finite = bound if np.isfinite(bound) else None
        if found is None:
            return SweepRow(value, status, None, finite, *[None] * 5)
        least = min(bound, found.objective)
        gap = (found.objective - least) / max(abs(found.objective), 1.0)
        return SweepRow(
            strike=value,
            status=status,
            objective_musd=found.objective,
            bound_musd=None if finite is None else least,
            gap=None if finite is None else gap,
            built=found.built,
            contracts=found.contracts,
            booked_musd=found.booked,
            outlay_musd=found.outlay(self.desk.users.factor),
        )


def _stopped(value: float, clock: Clock) -> SweepRow:
    return SweepRow(value, STATUS[clock.status], *[None] * 7)
