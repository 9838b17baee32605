"""CPU time by stage of a solve, each second counted once, under the innermost stage that is open."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from typing import Any

START_UP, LOADING, REST = "start-up", "loading", "rest"

STAGES: tuple[tuple[str, str, str], ...] = (
    ("minclub.models.market", "generate", "scenarios"),
    ("minclub.models.desk:Desk", "family", "coefficients"),
    ("minclub.models.desk:Desk", "bound", "coefficients"),
    ("minclub.models.desk:Desk", "guard", "coefficients"),
    ("minclub.models.desk:Desk", "baseline_credits", "coefficients"),
    ("minclub.solvers.generation:Generation", "price", "pricing"),
    ("minclub.solvers.generation:Generation", "seed", "pricing"),
    ("minclub.solvers.generation:Generation", "narrow", "pricing"),
    ("minclub.solvers.generation:Generation", "list", "listing"),
    ("minclub.solvers.generation", "relax", "relaxation"),
    ("minclub.solvers.incumbent:Incumbent", "improve", "relaxation"),
    ("minclub.solvers.incumbent:Incumbent", "break_ties", "relaxation"),
    ("minclub.models.master:Master", "model", "Pyomo"),
    ("minclub.solvers.incumbent", "compile_model", "Pyomo"),
    ("minclub.solvers.incumbent", "run", "HiGHS"),
    ("minclub.solvers.relaxation", "run", "HiGHS"),
    ("minclub.solvers.solve", "audit", "audit"),
    ("minclub.solvers.solve", "statement_design", "statement"),
    ("minclub.solvers.design:Design", "write", "writing"),
)
"""Module and class, function, and the stage that its time counts under."""

ORDER = (START_UP, LOADING, "scenarios", "coefficients", "pricing", "listing", "relaxation", "Pyomo", "HiGHS", "statement", "audit", "writing", REST)
"""Stages in the order in which the page shows them."""


class Stages:
    """A stack of open stages and the CPU seconds of each."""

    def __init__(self) -> None:
        """Start with no stage open; what has passed so far is the start-up."""
        self.cpu: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._mark = time.process_time()
        self.cpu[START_UP] = self._mark

    def turn(self) -> None:
        """Book the time since the last turn."""
        now = time.process_time()
        self.cpu[self._open[-1] if self._open else REST] += now - self._mark
        self._mark = now

    def call(self, stage: str, inner: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function and count its time under a stage."""
        self.turn()
        self._open.append(stage)
        try:
            return inner(*args, **kwargs)
        finally:
            self.turn()
            self._open.pop()

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """Replace a function of a module or class by one that is timed."""
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            return self.call(stage, inner, *args, **kwargs)

        setattr(owner, name, timed)

    def wrap_all(self) -> None:
        """Wrap every function of ``STAGES``."""
        for where, name, stage in STAGES:
            self.wrap(owner(where), name, stage)


def owner(where: str) -> Any:
    """Return the module, or with ``module:Class`` the class, of that name."""
    module, _, inside = where.partition(":")
    found = import_module(module)
    return getattr(found, inside) if inside else found
