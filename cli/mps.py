"""The last master problem of a solve as MPS, for other solvers to confirm.

Its columns are plans: what a cluster of products does as a whole. Its optimum is the objective of the design that ``solve`` finds; that no plan outside
the pool does better is what the proof adds. Comment lines say what each plan is.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .command import Code, Stop

if TYPE_CHECKING:
    from ..instances.instance import Instance
    from ..models.master import Master
    from ..models.plans import Plan

Report = Callable[[str, float, float], None]


def last_master(instance: "Instance", gap: float, time_limit: float | None, report: Report) -> tuple["Master", list[tuple[str, ...]], float]:
    """Solve an instance and return its last master problem.

    Returns:
        The master, the products of each cluster, and the objective of the design found, million USD.

    Raises:
        Infeasible: no design meets the demands.
        Stop: the proof was not finished, so that the pool may lack plans.
    """
    from ..models.clusters import build_sets, find_clusters, read_demands
    from ..models.desk import Desk
    from ..models.master import Master, read_limits
    from ..models.plans import PlanSpace
    from ..solvers.explain import explain_cluster, explain_crossing
    from ..solvers.highs import Status
    from ..solvers.search import Clock, Search

    desk = Desk(instance, {})
    demands = read_demands(desk.balance, desk.baseline)
    clusters = find_clusters(desk.balance, desk.baseline, {})
    spaces = [PlanSpace(desk, k, cluster, build_sets(desk.balance, desk.baseline, cluster, demands, {})) for k, cluster in enumerate(clusters)]
    empty = next((space for space in spaces if not space.sets.choice.shape[0]), None)
    if empty is not None:
        raise explain_cluster(desk, empty.cluster, demands, {})
    master = Master(desk, read_limits(desk), len(spaces))
    found = Search(spaces, master, Clock(time_limit), report).solve(gap)
    if found.status is Status.INFEASIBLE and found.excess and found.excess[0][0] == "cluster":
        raise explain_cluster(desk, spaces[found.excess[0][1]].cluster, demands, {})
    if found.status is Status.INFEASIBLE:
        raise explain_crossing(desk, master, found.excess)
    if found.status is not Status.OPTIMAL:
        raise Stop(Code.STOPPED, ["stopped before every plan that matters was found; no file is written"])
    return master, [tuple(cluster.products) for cluster in clusters], found.objective


def write_mps(master: "Master", clusters: list[tuple[str, ...]], path: Path) -> None:
    """Write the master problem with a comment line for each plan."""
    master.model().write(str(path), format="mps", io_options={"symbolic_solver_labels": True})
    body = path.read_text(encoding="utf-8")
    path.write_text("".join(f"* {line}\n" for line in comments(master, clusters)) + body, encoding="utf-8", newline="\n")


def comments(master: "Master", clusters: list[tuple[str, ...]]) -> Iterator[str]:
    """Say what the problem and each of its plans are."""
    yield f"minclub: master problem of instance {master.desk.instance.name}, sha256 {master.desk.instance.sha256}"
    yield "minimise booked cost and the weighted tail, million 2025 USD (real), over one plan per cluster"
    for index, plan in enumerate(master.plans):
        yield f"x({index}): {describe(plan, clusters[plan.cluster], master)}"


def describe(plan: "Plan", products: tuple[str, ...], master: "Master") -> str:
    """Say what a plan does: border rates, builds and credits."""
    levels = master.desk.offer.levels
    rates = [f"{m} market {b.market:g} china_linked {b.china:g}" for m, b in zip(products, plan.borders, strict=True) if b.market or b.china]
    builds = [f"{project} {year}" for project, year in plan.builds]
    credits = [f"{c} {m} itc {levels[k].itc:g} ptc {levels[k].ptc:g}" for c, m, k in plan.levels if levels[k].itc or levels[k].ptc]
    parts = [("tariffs", rates), ("builds", builds), ("credits", credits)]
    return f"cluster {' '.join(products)}" + "".join(f"; {name}: {', '.join(items)}" for name, items in parts if items)
