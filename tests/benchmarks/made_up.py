"""Results of a run that never was."""

from __future__ import annotations

import json
from typing import Any


def fabricated(**changed: Any) -> dict[str, Any]:
    """Return a row for every case of the suite, all proven in a second, with what each method adds."""
    from benchmarks.suite import suite

    common = {"status": "optimal", "objective_musd": 10.0, "bound_musd": 10.0, "gap": 0.0, "wall_s": 1.0, "cpu_s": 0.9, "peak_mb": 200.0}
    more: dict[str, dict[str, Any]] = {
        "command": {"binding_caps": 7},
        "warm": {"first": {"wall_s": 1.5, "cpu_s": 1.25}, "cache_mb": 42.25},
        "plans": {"stages": {"pricing": 0.6, "Pyomo": 0.1, "audit": 0.3}, "trace": [[0.5, 20.0, 10.0], [1.0, 10.0, 10.0]]},
        "brute": {"designs": 12},
        "coefficients": {"status": "done", "families": 5, "bytes": 1e9, "scenarios": 10_000, "drawing_s": 1.0, "baseline_s": 1.5},
        "copy": {"status": "done", "bytes_per_s": 1e10},
        "master": {"highs_alone_s": 0.1, "plans": 40, "rows": 9, "pyomo_s": 0.2, "linopy_s": 0.5, "pyomo_musd": 10.0, "linopy_musd": 10.0},
        "strikes": {"points": 33, "cold_s": 20.0, "project": "P", "off_musd": 0.0},
        "frontier": {"points": 50, "infeasible": 3, "searches": 9},
        "bound": {"status": "done", "bound_musd": 6.0, "gap": 0.4, "rounds": 5},
        "yardstick": {"status": "done", "python_s": 0.5, "numpy_s": 0.25},
        "clusters": {"candidates": 14, "build_sets": 3e8, "listed": 1000},
    }
    rows = {}
    for case in suite():
        rows[case.name] = {
            "case": json.loads(json.dumps(case.to_dict())),
            "label": case.label,
            "walls": [1.0, 2.5],
            "load": [0.5, 2.25],
            "commit": "abc",
            **common,
            **more.get(case.method, {}),
            **changed.get(case.name.replace("-", "_"), {}),
        }
    machine = {"processor": "P", "cores": 2, "memory_gb": None, "system": "S"}
    return {"format": 2, "ended": "2026-01-01", "machine": machine, "versions": {"python": "3.11"}, "rows": rows}
