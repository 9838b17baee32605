"""Progress of a solve on standard error: a live line on a terminal, one line per stage with ``-v`` elsewhere."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..reports.layout import money, safe
from .output import Output, console, is_terminal

Report = Callable[[str, float, float], None]


@contextmanager
def progress(out: Output) -> Iterator[Report]:
    """Give a function that takes stage, objective and bound (million USD) while the solve goes on."""
    if out.verbosity >= 0 and is_terminal(sys.stderr):
        with _live() as report:
            yield report
    else:
        yield _lines(out)


def describe(objective: float, bound: float) -> str:
    """Write objective, bound and gap as known so far."""
    return f"objective {_known(objective)}  bound {_known(bound)}  gap {_gap(objective, bound)}"


def _known(value: float) -> str:
    return money(value) if math.isfinite(value) else "-"


def _gap(objective: float, bound: float) -> str:
    if not (math.isfinite(objective) and math.isfinite(bound)):
        return "-"
    return f"{max(0.0, objective - bound) / max(abs(objective), 1.0):.2%}"


@contextmanager
def _live() -> Iterator[Report]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=12), TextColumn("{task.fields[state]}", markup=False))
    with Progress(*columns, TimeElapsedColumn(), console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("reading", total=None, state="")

        def report(stage: str, objective: float, bound: float) -> None:
            bar.update(task, description=stage, state=describe(objective, bound))

        yield report


def _lines(out: Output) -> Report:
    last = ""

    def report(stage: str, objective: float, bound: float) -> None:
        nonlocal last
        out.say(f"{stage}: {describe(objective, bound)}", level=1 if stage != last else 2)
        last = stage

    return report


@contextmanager
def steps(out: Output) -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that takes what is being done, the steps done and their number, and shows a bar on a terminal."""
    if out.verbosity < 0 or not is_terminal(sys.stderr):
        yield lambda stage, done, total: out.say(f"{done} of {total}: {safe(stage)}", level=1)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda stage, done, total: bar.update(task, description=safe(stage), completed=done, total=total)
