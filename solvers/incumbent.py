"""The best design known: the master as an integer problem over some of its plans, and the choice among equal optima."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..models.master import TIE_KEYS
from .highs import Compiled, SolverFault, Status, compile_model, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models.master import Master
    from .clock import Clock

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]

TIE = 1e-6
NEVER = 1e9


class Incumbent:
    """The cheapest design found so far: its objective, musd (infinite without one), and its plans' numbers."""

    def __init__(self, master: Master, clock: Clock) -> None:
        """Start without a design."""
        self.master, self.clock = master, clock
        self.value, self.chosen = np.inf, ()  # type: tuple[float, tuple[int, ...]]

    @property
    def room(self) -> float:
        """Return what may be given up to break ties, musd (C26)."""
        return TIE * max(abs(self.value), 1.0)

    def offer(self, chosen: tuple[int, ...]) -> None:
        """Keep a choice of one plan per cluster that meets the crossing rows if its tail is in its cap and it costs less."""
        if sorted(self.master.plans[p].cluster for p in chosen) != list(range(self.master.clusters)):
            raise SolverFault("the master's point does not choose one plan per cluster")
        value, _, worst = self.master.value(chosen)
        if worst <= self.master.limits.worst * (1 + 1e-9) + 1e-6 and value < self.value - 1e-12:
            self.value, self.chosen = value, chosen

    def improve(self, pool: Ints, gap: float, seconds: float = NEVER) -> float:
        """Solve the master over a pool, adding tail cuts until its value is true.

        Args:
            pool: numbers of the plans to choose from.
            gap: relative gap to solve to.
            seconds: time limit of each solve, besides the clock's.

        Returns:
            A lower bound on the designs of the pool, musd; infinite if there is none.
        """
        bound = -np.inf
        if np.unique(self.master.table.cluster[pool]).size < self.master.clusters:
            return np.inf
        while not self.clock.over():
            compiled = compile_model(self.master.model(pool=pool))
            left = self.clock.left
            answer = run(compiled, gap=gap, time_limit=min(seconds, NEVER if left is None else left))
            if answer.status is Status.INTERRUPTED:
                self.clock.interrupted = True
            if answer.x is None:
                return np.inf if answer.status is Status.INFEASIBLE else max(bound, answer.bound)
            bound = max(bound, answer.bound)
            x = self._plans(compiled, answer.x)
            self.offer(tuple(int(p) for p in np.flatnonzero(x > 0.5)))
            if not self.master.cut(x):
                return bound
        return bound

    def break_ties(self, pool: Ints) -> None:
        """Choose among equal optima of a pool: least users' loss, lowest tariffs, fewest contracts, fewest plants (C26)."""
        ceilings = {"cost": self.value + self.room}
        for key in TIE_KEYS:
            chosen = self._least_key(key, ceilings, pool)
            if chosen is None:
                return
            value = sum(float(getattr(self.master.plans[p], key)) for p in chosen)
            ceilings[key] = value + TIE * max(abs(value), 1.0)
            self.value, self.chosen = self.master.value(chosen)[0], chosen

    def _least_key(self, key: str, ceilings: dict[str, float], pool: Ints) -> tuple[int, ...] | None:
        while not self.clock.over():
            compiled = compile_model(self.master.model(pool=pool, key=key, ceilings=ceilings))
            answer = run(compiled, gap=1e-6, time_limit=self.clock.left)
            if answer.x is None:
                return None
            x = self._plans(compiled, answer.x)
            chosen = tuple(int(p) for p in np.flatnonzero(x > 0.5))
            if not self.master.cut(x):
                return chosen if self.master.value(chosen)[0] <= ceilings["cost"] * (1 + 1e-9) + 1e-9 else None
        return None

    def _plans(self, compiled: Compiled, point: Array) -> Array:
        """Return the values of all plans of the master at a point of a pool's model."""
        x = np.zeros(len(self.master.plans))
        for variable, value in zip(compiled.columns, point, strict=True):
            if variable.parent_component().local_name == "x":
                x[variable.index()] = value
        return x
