"""Ways to solve an instance in this process: the plan formulation, the compact one, the direct model, brute force."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.stages import LOADING, STAGES, Stages, owner

if TYPE_CHECKING:
    from benchmarks.cases import Case
    from minclub.instances.instance import Instance

Row = dict[str, Any]


def plans(case: Case) -> Row:
    """Run ``solve`` as users do, audit and writing included, and say where the CPU time went."""
    for where, _, _ in STAGES:
        owner(where)
    stages = Stages()
    stages.wrap_all()
    instance = stages.call(LOADING, case.load)
    start, cpu, trace = time.perf_counter(), time.process_time(), Trace()
    found = _solved(case, instance, trace)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    stages.turn()
    return {**sizes(instance), **found, **spent, "stages": dict(stages.cpu), "trace": trace.points}


def _solved(case: Case, instance: Instance, trace: Trace) -> Row:
    from minclub.solvers import solve as module

    try:
        design = module.solve(instance, gap=case.gap, time_limit=case.time_limit, progress=trace)
    except module.AuditFailed as error:
        design = error.design
    except (module.NoDesign, module.Infeasible) as error:
        return outcome(type(error).__name__, None, trace.bound)
    with tempfile.TemporaryDirectory() as folder:
        design.write(Path(folder) / "design.json")
    return certificate(design.certificate)


class Trace:
    """Objective and bound of a search over time, musd."""

    def __init__(self) -> None:
        """Start the clock."""
        self.start, self.bound = time.perf_counter(), -math.inf
        self.points: list[list[float | None]] = []

    def __call__(self, stage: str, objective: float, bound: float) -> None:
        """Keep a report of the search if it tells something new."""
        self.bound = bound
        point = [objective if math.isfinite(objective) else None, bound if math.isfinite(bound) else None]
        if not self.points or self.points[-1][1:] != point:
            self.points.append([time.perf_counter() - self.start, *point])


def compact(case: Case) -> Row:
    """Solve the compact formulation by HiGHS as it stands; writing the model is part of the time limit."""
    from minclub.models.club import Club
    from minclub.models.desk import Desk
    from minclub.solvers.highs import compile_model, run

    instance = case.load()
    start, cpu = time.perf_counter(), time.process_time()
    compiled = compile_model(Club(Desk(instance)).model)
    written = time.perf_counter() - start
    size = {"columns": int(compiled.matrix.shape[1]), "rows": int(compiled.matrix.shape[0]), "writing_s": written}
    answer = run(compiled, gap=case.gap, time_limit=max(1.0, case.time_limit - written))
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    return {**sizes(instance), **outcome(answer.status.value, answer.objective, answer.bound), **size, **spent}


def direct(case: Case) -> Row:
    """Solve the direct model by SCIP; writing it is part of the time limit."""
    from benchmarks.direct import solve_direct
    from minclub.models.desk import Desk

    instance = case.load()
    start, cpu = time.perf_counter(), time.process_time()
    found = solve_direct(Desk(instance), gap=case.gap, time_limit=case.time_limit)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    size = {"columns": found.variables, "rows": found.constraints}
    return {**sizes(instance), **outcome(found.status, found.objective, found.bound), **size, **spent}


def brute(case: Case) -> Row:
    """Try every design of a small instance."""
    from minclub.models.desk import Desk
    from minclub.solvers.enumerate import enumerate_designs

    instance = case.load()
    start, cpu = time.perf_counter(), time.process_time()
    found = enumerate_designs(Desk(instance))
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    return {**sizes(instance), **outcome("optimal", found.objective, found.objective), "designs": found.tried, **spent}


def certificate(proof: Row) -> Row:
    """Return what a design's certificate says."""
    return {**outcome(proof["status"], proof["objective_musd"], proof["bound_musd"]), "gap": proof["gap"], "audit": proof["audit"]}


def outcome(status: str, objective: float | None, bound: float | None) -> Row:
    """Return status, objective, bound and relative gap; None for what is not finite."""
    upper = None if objective is None or not math.isfinite(objective) else objective
    lower = None if bound is None or not math.isfinite(bound) else bound
    return {"status": status, "objective_musd": upper, "bound_musd": lower, "gap": gap(upper, lower)}


def gap(objective: float | None, bound: float | None) -> float | None:
    """Return ``(objective - bound) / max(|objective|, 1 musd)``; None without both."""
    return None if objective is None or bound is None else max(0.0, objective - bound) / max(abs(objective), 1.0)


def sizes(instance: Instance) -> Row:
    """Return the counts of an instance."""
    per_pair = instance.projects.groupby(["country", "product_code"]).size()
    return {
        "projects": len(instance.projects),
        "products": len(instance.products),
        "scenarios": int(str(instance.settings["scenarios.count"])),
        "most_per_pair": int(per_pair.max()),
    }
