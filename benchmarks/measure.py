"""Run one case and write what it took as JSON: ``python -m benchmarks.measure CASE FILE``, with the case as JSON.

Every case has a process of its own, so that peak memory and CPU time are those of the case. The process and what it starts may
use 16 GB of address space, so that a peer that outgrows the machine ends by itself.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases import Case

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

Row = dict[str, Any]

MOST_BYTES = 16 * 1024**3
REFUSALS = ("ClusterTooLarge", "TooManyDesigns", "ValueError")


def measure(case: Case) -> Row:
    """Run a case.

    Returns:
        Plain data: the case and what its method tells (status, objective and bound in musd, gap, seconds), and for a method that
        does not say otherwise the wall and CPU seconds and the peak memory of this process, MB. Where the work raised an error, the
        status says that it was refused, ran out of memory or failed, and the message says why.
    """
    before, wall, cpu = load_average(), time.perf_counter(), time.process_time()
    try:
        found = method(case.method)(case)
    except MemoryError:
        found = {"status": "memory", "message": f"more than {MOST_BYTES >> 30} GB of address space"}
    except Exception as error:
        found = {"status": "refused" if type(error).__name__ in REFUSALS else "failed", "message": f"{type(error).__name__}: {error}"}
    spent = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "peak_mb": peak()}
    return {"case": case.to_dict(), "label": case.label, "load": [before, load_average()], **spent, **found}


def method(name: str) -> Callable[[Case], Row]:
    """Return the function that runs the cases of a method.

    Raises:
        KeyError: there is no such method.
    """
    from benchmarks import command, library, solvers, yardstick

    return {
        "command": command.command,
        "warm": command.warm,
        "plans": solvers.plans,
        "compact": solvers.compact,
        "direct": solvers.direct,
        "brute": solvers.brute,
        "coefficients": library.coefficients,
        "copy": library.copy,
        "master": library.master,
        "strikes": library.strikes,
        "frontier": library.frontier,
        "clusters": library.clusters,
        "bound": library.bound,
        "yardstick": yardstick.yardstick,
    }[name]


def limit_memory() -> None:
    """Let this process and its children have so much address space and no more, where the system can."""
    if resource is not None and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def load_average() -> float | None:
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def peak() -> float | None:
    """Return the peak memory of this process, MB; None where the system does not tell."""
    return None if resource is None else megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def megabytes(maxrss: float) -> float:
    """Turn the ``ru_maxrss`` of this system into MB."""
    return maxrss / (1024**2 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    limit_memory()
    Path(sys.argv[2]).write_text(json.dumps(measure(Case(**json.loads(sys.argv[1])))), encoding="utf-8")
