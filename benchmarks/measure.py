"""Run one case and write what it took as JSON: ``python -m benchmarks.measure CASE``, with the case as JSON.

Every case has a process of its own, so that peak memory and CPU time are those of the case. CPU time is user and system
time of the process; stages are timed by wrapping the functions that ``solve`` calls.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.cases import Case

if TYPE_CHECKING:
    from minclub.instances.instance import Instance

Row = dict[str, Any]


class Stages:
    """CPU seconds by stage; a stage inside a stage of the same name counts once."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.cpu: dict[str, float] = defaultdict(float)
        self._open: dict[str, int] = defaultdict(int)

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """Replace a function of a module or class by one that is timed."""
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            self._open[stage] += 1
            try:
                return inner(*args, **kwargs)
            finally:
                self._open[stage] -= 1
                if not self._open[stage]:
                    self.cpu[stage] += time.process_time() - start

        setattr(owner, name, timed)


def measure(case: Case) -> Row:
    """Run a case.

    Returns:
        Plain data: the case, sizes, status, objective and bound (musd), gap, seconds by stage, peak memory, load.
    """
    instance = case.load()
    before, wall, cpu = _load(), time.monotonic(), time.process_time()
    stages = Stages()
    found = {"plans": _plans, "compact": _compact, "direct": _direct}[case.method](case, instance, stages)
    times = {"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu, **{f"{name}_cpu_s": value for name, value in stages.cpu.items()}}
    return {"case": case.to_dict(), "label": case.label, **_sizes(instance), **found, **times, "peak_mb": _peak(), "load": [before, _load()]}


def _plans(case: Case, instance: Instance, stages: Stages) -> Row:
    """Run ``solve`` as users do, audit included."""
    from minclub.models.master import Master
    from minclub.solvers import incumbent, relaxation
    from minclub.solvers import solve as module

    stages.wrap(module.Search, "solve", "search")
    stages.wrap(module, "audit", "audit")
    stages.wrap(Master, "model", "pyomo")
    stages.wrap(incumbent, "compile_model", "pyomo")
    for room in (incumbent, relaxation):
        stages.wrap(room, "run", "highs")
    last = {"bound": -math.inf}

    def follow(stage: str, objective: float, bound: float) -> None:
        last["bound"] = bound

    try:
        design = module.solve(instance, gap=case.gap, time_limit=case.time_limit, progress=follow)
    except module.AuditFailed as error:
        design = error.design
    except (module.NoDesign, module.Infeasible) as error:
        return _result(type(error).__name__, None, last["bound"])
    proof = design.certificate
    return {**_result(proof["status"], proof["objective_musd"], proof["bound_musd"]), "gap": proof["gap"], "audit": proof["audit"]}


def _compact(case: Case, instance: Instance, stages: Stages) -> Row:
    """Solve the compact formulation by HiGHS as it stands."""
    from minclub.models.desk import Desk
    from minclub.solvers import compact

    stages.wrap(compact, "Club", "pyomo")
    stages.wrap(compact, "compile_model", "pyomo")
    stages.wrap(compact, "run", "highs")
    found = compact.solve_compact(Desk(instance), gap=case.gap, time_limit=case.time_limit)
    return _result(found.status.value, found.objective, found.bound)


def _direct(case: Case, instance: Instance, stages: Stages) -> Row:
    """Solve the direct model by SCIP; its limit is CPU time."""
    from benchmarks import direct
    from minclub.models.desk import Desk

    found = direct.solve_direct(Desk(instance), gap=case.gap, time_limit=case.time_limit)
    return {**_result(found.status, found.objective, found.bound), "variables": found.variables, "constraints": found.constraints}


def _result(status: str, objective: float | None, bound: float | None) -> Row:
    upper = None if objective is None or not math.isfinite(objective) else objective
    lower = None if bound is None or not math.isfinite(bound) else bound
    gap = None if upper is None or lower is None else max(0.0, upper - lower) / max(abs(upper), 1.0)
    return {"status": status, "objective_musd": upper, "bound_musd": lower, "gap": gap}


def _sizes(instance: Instance) -> Row:
    per_pair = instance.projects.groupby(["country", "product_code"]).size()
    return {
        "projects": len(instance.projects),
        "products": len(instance.products),
        "scenarios": int(str(instance.settings["scenarios.count"])),
        "most_per_pair": int(per_pair.max()),
    }


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _peak() -> float | None:
    """Return the peak memory of this process, MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps(measure(Case(**json.loads(sys.argv[1])))))
