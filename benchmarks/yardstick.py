"""A yardstick of the machine: fixed work in Python and in numpy, timed when a run begins and when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from benchmarks.cases import Case

Row = dict[str, Any]

NUMBERS, SORTED, REPEATS = 10_000_000, 2_000_000, 5


def yardstick(case: Case) -> Row:
    """Add up numbers in Python and sort others in numpy; the median of five counts."""
    numbers = np.random.default_rng(1).random(SORTED)
    return {"status": "done", "python_s": _median(_added), "numpy_s": _median(lambda: np.sort(numbers))}


def _added() -> int:
    total = 0
    for number in range(NUMBERS):
        total += number
    return total


def _median(work: Callable[[], object]) -> float:
    """Return the median of the wall seconds that some runs of a piece of work take."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)
