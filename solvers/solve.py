"""Solve an instance: baseline, clusters, search, statement, audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..models.classes import by_class
from ..models.clusters import Demands, find_clusters, read_demands, refuse_too_large
from ..models.decisions import from_plans
from ..models.desk import Desk
from ..models.master import Master, read_limits
from ..models.plans import PlanSpace
from ..models.statement import Statement
from ..models.store import Cache, caches
from ..models.unlisted import plan_space
from .audit import AuditReport, audit
from .certificate import DEFAULT_GAP
from .compact import bound_continuous, refuse_newer_instruments, refuse_off_ladders
from .continuous import ContinuousSearch
from .evaluate import statement_design
from .explain import Infeasible, explain_cluster, explain_crossing
from .fixes import in_baseline, read_fixes
from .highs import Status
from .search import Clock, Outcome, Search
from .worth import crossing_worth, target_worth

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyomo.core as pyo

    from ..instances import Instance
    from .design import Design


Space = TypeVar("Space", bound=PlanSpace)

STATUS = {Status.INTERRUPTED: "interrupted", Status.TIME_LIMIT: "time_limit"}


class NoDesign(RuntimeError):
    """The search was stopped before it found any design; ``interrupted`` says whether by Ctrl-C."""

    def __init__(self, message: str, *, interrupted: bool = False) -> None:
        """Keep why it stopped."""
        super().__init__(message)
        self.interrupted = interrupted


class AuditFailed(RuntimeError):
    """The design does not stand up to the second computation."""

    def __init__(self, report: AuditReport, design: Design) -> None:
        """Keep the report; the message names the first failures."""
        lines = [f"{c.name} {c.where}: claimed {c.claimed}, recomputed {c.recomputed}" for c in report.failures[:10]]
        super().__init__(f"{len(report.failures)} of {len(report.checks)} checks failed:\n" + "\n".join(lines))
        self.report, self.design = report, design


@caches
def solve(
    instance: Instance,
    *,
    gap: float = DEFAULT_GAP,
    time_limit: float | None = None,
    fixes: Mapping[str, float] | Sequence[str] | None = None,
    progress: Callable[[str, float, float], None] | None = None,
    check: bool = True,
    continuous: float | None = None,
    continuous_credits: bool = False,
    command: str = "solve",
    cache: Cache = None,
) -> Design:
    """Return the design of least public cost (C26), proven within ``gap`` and audited.

    Args:
        instance: the instance, from ``load``.
        gap: relative gap to prove (C31).
        time_limit: seconds; at the limit the incumbent is returned, not proven.
        fixes: decisions to pin, ``{"tariff.china_linked.nickel": 0.25}`` or ``["built.X=1"]``.
        progress: called with stage, incumbent and bound (musd).
        check: whether to audit the design.
        continuous: seconds to spend on a bound on all designs with rates off the ladders (C19); none by default.
        continuous_credits: whether both credits take any rate up to their highest rung and strikes seven significant digits (C14, C19).
        command: what to record in the provenance.
        cache: where to keep what plants cost, for later solves: a folder, or True for the user's own. The design is the same.

    Raises:
        Infeasible: no design meets the demands; says which, and the least repair.
        NoDesign: stopped before any design was found.
        AuditFailed: the design failed the audit.
        InstanceError: ``continuous`` or ``continuous_credits`` is asked of an instance with instruments that it does not cover.
        ClusterTooLarge: the same of an instance with a cluster that cannot be enumerated.
    """
    if continuous is not None:
        refuse_newer_instruments(instance)
    if continuous_credits:
        design = _off_ladders(instance, gap, time_limit, fixes, progress, command)
        return _audited(_bounded(design, instance, continuous), instance) if check else design
    clock = Clock(time_limit)
    found = prepare(instance, fixes, clock, progress)
    if continuous is not None:
        for space in found.search.spaces:
            refuse_too_large(space.cluster)
    outcome = found.search.solve(gap)
    if outcome.status is Status.INFEASIBLE:
        raise why_infeasible(found, outcome)
    if outcome.chosen is None:
        raise NoDesign(f"stopped after {clock.seconds:.1f} s before any design was found", interrupted=clock.interrupted)
    design = _bounded(_stated(found, outcome, outcome.chosen, gap, clock.seconds, command), instance, continuous)
    return _audited(design, instance) if check else design


def _stated(found: Prepared, outcome: Outcome, chosen: Sequence[int], gap: float, seconds: float, command: str) -> Design:
    """Return the design that a search has chosen, with all tables; strikes per class where the instance asks for them (C14)."""
    desk, search = found.desk, found.search
    plans = [search.master.plans[p] for p in chosen]
    clusters = tuple(space.cluster.products for space in search.spaces)
    decisions = from_plans(desk, plans, clusters)
    classed = desk.instance.settings["contract.strike_by"] == "class"
    statement = Statement(desk, by_class(desk, decisions) if classed else decisions)
    return statement_design(
        statement,
        status="class_strikes" if classed and outcome.status is Status.OPTIMAL else STATUS.get(outcome.status, "plan_limit"),
        bound=None if classed and desk.competition.products else outcome.bound,
        gap_asked=gap,
        seconds=seconds,
        bound_from=f"{outcome.bound_from}; strikes per project" if classed else outcome.bound_from,
        command=command,
        fixes=desk.fixes,
        worth=crossing_worth(search) | target_worth(search, found.demands),
    )


def _bounded(design: Design, instance: Instance, seconds: float | None) -> Design:
    """Return a design with a bound on all designs with rates off the ladders in its certificate, if time is given for it."""
    if seconds is not None:
        bound = bound_continuous(Desk(instance), design.certificate["objective_musd"], time_limit=seconds)
        design.certificate["bound_continuous_musd"] = bound.bound if np.isfinite(bound.bound) else None
    return design


def _off_ladders(
    instance: Instance,
    gap: float,
    time_limit: float | None,
    fixes: Mapping[str, float] | Sequence[str] | None,
    progress: Callable[[str, float, float], None] | None,
    command: str,
) -> Design:
    """Return the best design with continuous credits and strikes; a search on the ladders gives the first one."""
    refuse_off_ladders(instance, read_fixes(instance, fixes))
    clock = Clock(time_limit)
    found = prepare(instance, fixes, Clock(None if time_limit is None else time_limit / 3.0), progress)
    for space in found.search.spaces:
        refuse_too_large(space.cluster)
    found.search.exact = False
    first = found.search.solve(gap)
    clock.interrupted = found.search.clock.interrupted
    search = ContinuousSearch(found.desk, clock, progress)
    if first.chosen is not None:
        search.offer(from_plans(found.desk, [found.search.master.plans[p] for p in first.chosen], tuple(s.cluster.products for s in found.search.spaces)))
    outcome = search.solve(gap)
    if outcome.bound == np.inf and first.status is Status.INFEASIBLE:
        raise why_infeasible(found, first)
    if outcome.decisions is None:
        raise NoDesign(f"stopped after {clock.seconds:.1f} s before any design was found", interrupted=clock.interrupted)
    return statement_design(
        Statement(found.desk, outcome.decisions),
        status=STATUS[clock.status] if clock.over() else "plan_limit",
        bound=outcome.bound,
        gap_asked=gap,
        seconds=clock.seconds,
        bound_from="cells of credit rates with continuous strikes",
        command=command,
        fixes=found.desk.fixes,
        continuous_credits=True,
    )


@dataclass(frozen=True)
class Prepared:
    """An instance ready to search: desk, demands and the search over its plan spaces."""

    desk: Desk
    demands: Demands
    search: Search


def prepare(
    instance: Instance,
    fixes: Mapping[str, float] | Sequence[str] | None = None,
    clock: Clock | None = None,
    progress: Callable[[str, float, float], None] | None = None,
) -> Prepared:
    """Compute the baseline and lay out the plan spaces of every cluster.

    Raises:
        Infeasible: a cluster has no build set that meets the demands.
    """
    desk = pinned_desk(instance, fixes)
    demands = read_demands(desk.balance, desk.baseline)
    spaces = plan_spaces(desk, demands, PlanSpace)
    master = Master(desk, read_limits(desk), len(spaces))
    return Prepared(desk, demands, Search(spaces, master, clock or Clock(None), progress))


def pinned_desk(instance: Instance, fixes: Mapping[str, float] | Sequence[str] | None = None) -> Desk:
    """Return the desk of an instance with decisions pinned.

    Raises:
        InstanceError: unknown names, values that are not numbers, or projects of the baseline.
    """
    pinned = read_fixes(instance, fixes)
    desk = Desk(instance, pinned)
    taken = [name for name in pinned if name.partition(".")[2] in desk.baseline.builds]
    if taken:
        raise in_baseline(taken)
    return desk


def plan_spaces(desk: Desk, demands: Demands, kind: type[Space]) -> list[Space]:
    """Lay out the plan space of every cluster.

    Raises:
        Infeasible: a cluster has no build set that meets the demands.
    """
    spaces = []
    for index, cluster in enumerate(find_clusters(desk.balance, desk.baseline, desk.fixes)):
        space = plan_space(desk, index, cluster, demands, kind)
        if space is None:
            raise explain_cluster(desk, cluster, demands, desk.fixes)
        spaces.append(space)
    return spaces


def plan_master(instance: Instance, fixes: Mapping[str, float] | Sequence[str] | None = None) -> pyo.ConcreteModel:
    """Return the Pyomo master over every plan that an optimal design can use; its optimum is the design's objective.

    Raises:
        Infeasible: no design meets the demands.
    """
    found = prepare(instance, fixes)
    outcome = found.search.solve(DEFAULT_GAP)
    if outcome.status is Status.INFEASIBLE:
        raise why_infeasible(found, outcome)
    return found.search.master.model()


def _audited(design: Design, instance: Instance) -> Design:
    report = audit(design.to_dict(), instance)
    design.certificate["audit"] = "passed" if report.passed else "failed"
    if not report.passed:
        raise AuditFailed(report, design)
    return design


def why_infeasible(found: Prepared, outcome: Outcome) -> Infeasible:
    """Explain a search that proved that there is no design (C33)."""
    desk, master = found.desk, found.search.master
    if outcome.excess and outcome.excess[0][0] == "cluster":
        cluster = found.search.spaces[outcome.excess[0][1]].cluster
        return explain_cluster(desk, cluster, found.demands, desk.fixes)
    return explain_crossing(desk, master, outcome.excess)
