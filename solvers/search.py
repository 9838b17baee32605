"""Column generation over plans with exact pricing, then enumeration of every plan that could still matter.

1. Price every plan of every cluster under the duals of the master's linear relaxation and add the cheapest, until none
   has a negative reduced cost. The relaxation's value is then a lower bound on every design.
2. Solve the master over the pool for an incumbent.
3. A design better than the incumbent uses only plans with reduced cost at most (incumbent - bound): add all of them and
   solve once more. That optimum is the optimum over all plans.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..models.market import COUNTRIES
from ..models.master import TIE_KEYS
from ..models.plans import Weights
from ..models.pricing import Pricing
from .highs import Compiled, SolverFault, Status, compile_model, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..models.master import Master, Prices
    from ..models.plans import PlanSpace

    Array = NDArray[np.float64]
    Progress = Callable[[str, float, float], None]

NEGATIVE = 1e-6
EXCESS = 1e-6
TIE = 1e-6
TRIALS = (0.001, 0.01, 0.05, 0.2, 1.0, float("inf"))
MAX_POOL = 30_000
ROUNDS = 200


@dataclass(frozen=True)
class Outcome:
    """What the search found: plans of the pool (or none), objective, bound, and what closed the gap or stopped it."""

    status: Status
    chosen: tuple[int, ...] | None
    objective: float
    bound: float
    bound_from: str
    excess: tuple[tuple[str, int, float], ...] = ()


class Clock:
    """A time limit and an interrupt flag shared by all steps."""

    def __init__(self, limit: float | None) -> None:
        """Start the clock."""
        self.start, self.limit = time.monotonic(), limit
        self.interrupted = False

    @property
    def seconds(self) -> float:
        """Return seconds since the start."""
        return time.monotonic() - self.start

    @property
    def left(self) -> float | None:
        """Return seconds left, or None without a limit."""
        return None if self.limit is None else max(0.0, self.limit - self.seconds)

    def over(self) -> bool:
        """Say whether to stop."""
        return self.interrupted or (self.limit is not None and self.seconds >= self.limit)

    @property
    def status(self) -> Status:
        """Return why the search stopped."""
        return Status.INTERRUPTED if self.interrupted else Status.TIME_LIMIT


class Search:
    """One search over the plan spaces of an instance."""

    def __init__(self, spaces: Sequence[PlanSpace], master: Master, clock: Clock, progress: Progress | None) -> None:
        """Keep the parts; nothing is computed yet."""
        self.spaces, self.master, self.clock = spaces, master, clock
        self.report = progress or (lambda stage, objective, bound: None)
        self.bound = -np.inf
        self.best: tuple[float, tuple[int, ...]] = (np.inf, ())
        self.prices: Prices | None = None

    def solve(self, gap: float) -> Outcome:
        """Run the three steps; stop early on the clock or on Ctrl-C with the incumbent and the bound reached."""
        try:
            return self._solve(gap)
        except KeyboardInterrupt:
            self.clock.interrupted = True
            return self._stopped()

    def _solve(self, gap: float) -> Outcome:
        ended = self._start()
        if ended is not None:
            return ended
        self._incumbent()
        ended = self._columns()
        if ended is not None or self.prices is None:
            return ended or self._stopped()
        self._incumbent()
        return self._enumerate(self.prices, gap)

    def _columns(self) -> Outcome | None:
        """Generate plans until the crossing rows are met at least cost; an outcome if that ends the search."""
        self.prices = self._generate()
        if self.prices is not None and self._excess > EXCESS:
            ended = self._phase_one()
            if ended is not None:
                return ended
            self.prices = self._generate()
        return None if self.prices is not None else self._stopped()

    def relax(self) -> tuple[float, tuple[int, ...]]:
        """Return the bound of step 1 alone, musd, infinite if no design exists, and the plans that its point uses."""
        ended = self._start() or self._columns()
        if ended is not None:
            return (np.inf if ended.status is Status.INFEASIBLE else self.bound), ()
        used = [p for p in range(len(self.master.plans)) if self._point.get(f"x[{p}]", 0.0) > 1e-6]
        return self.bound, tuple(used)

    def worth(self) -> dict[tuple[str, str], float]:
        """Return shadow prices of the crossing rows from the last relaxation, musd per unit of the limit (C23, C26)."""
        if self.prices is None:
            return {}
        desk, weights = self.master.desk, self.prices.weights
        found: dict[tuple[str, str], float] = {}
        for k, c in enumerate(COUNTRIES):
            if weights.basket[k] > 0.0:
                found["users_basket", c] = float(weights.basket[k] * desk.users.basket[k])
            for t in np.flatnonzero(weights.outlay[k] > 1e-9):
                found["country_cap", f"{c} {desk.market.years[t]}"] = float(weights.outlay[k, t])
        price = float(weights.scenario_outlay.sum())
        return found | ({("worst5_outlay", "ALL"): price} if price > 1e-9 else {})

    # --- step 1 -----------------------------------------------------------------------------------------------------

    def _start(self) -> Outcome | None:
        """Seed the pool with each cluster's cheapest plan under no prices."""
        zero = self._zero_prices()
        for k, space in enumerate(self.spaces):
            pricing = Pricing(space, zero)
            cost, option, index = pricing.least(self.clock.over)
            if option is None:
                if self.clock.over():
                    return self._stopped()
                return Outcome(Status.INFEASIBLE, None, np.inf, np.inf, f"no plan for {', '.join(space.cluster.products)}", (("cluster", k, cost),))
            self.master.add(space.plan(option, index, pricing.cheapest_levels(option, index)))
        return None

    def _zero_prices(self) -> Weights:
        lim = self.master.limits
        scenarios = self.spaces[0].desk.market.scenarios.count
        none = np.zeros(scenarios)
        return Weights(np.zeros_like(lim.outlay), none, none, np.zeros(3), lim.user_weight, np.zeros(lim.outlay.shape[1]))

    def _relax(self, *, feasibility: bool = False) -> Prices:
        """Solve the relaxation with cuts to convergence; return prices and keep its value and excess."""
        while True:
            model = self.master.model(elastic=True, feasibility=feasibility)
            compiled = compile_model(model).relaxed()
            answer = run(compiled)
            if answer.x is None or answer.duals is None:
                raise RuntimeError(f"the master's relaxation ended as {answer.status.value}")
            point = {v.name: x for v, x in zip(compiled.columns, answer.x, strict=True)}
            x = self._plan_values(compiled, answer.x)
            if not self.master.cut(x):
                self._excess = sum(value for name, value in point.items() if name.startswith("excess"))
                self._point = point
                self._value = answer.objective
                return self.master.prices(compiled.rows, answer.duals, booked=0.0 if feasibility else 1.0)

    def _generate(self, *, feasibility: bool = False) -> Prices | None:
        """Generate plans until none prices out; None if the clock stopped it."""
        for _ in range(ROUNDS):
            prices = self._relax(feasibility=feasibility)
            added, shortfall = 0, 0.0
            for k, space in enumerate(self.spaces):
                pricing = Pricing(space, prices.weights)
                cost, option, index = pricing.least(self.clock.over)
                if option is None and self.clock.over():
                    return None
                reduced = cost - float(prices.convexity[k])
                shortfall += min(0.0, reduced)
                if option is not None and reduced < -NEGATIVE:
                    added += self.master.add(space.plan(option, index, pricing.cheapest_levels(option, index)))
            if not feasibility and self._excess <= EXCESS:
                self.bound = max(self.bound, self._value + shortfall)
            self.report("plans", self.best[0], self.bound)
            if not added:
                return prices
        return prices

    def _phase_one(self) -> Outcome | None:
        """Minimise the excess over the crossing rows alone: positive at the optimum proves that no design exists."""
        if self._generate(feasibility=True) is None:
            return self._stopped()
        if self._value <= EXCESS:
            return None
        rows = []
        for name, value in self._point.items():
            if name.startswith("excess[") and value > 1e-6:
                kind, index = name[len("excess[") : -1].split(",")
                rows.append((kind, int(index), value))
        return Outcome(Status.INFEASIBLE, None, np.inf, np.inf, "crossing rows", tuple(rows))

    # --- steps 2 and 3 ----------------------------------------------------------------------------------------------

    def _incumbent(self, gap: float = 1e-6) -> float:
        """Solve the master over the pool, adding tail cuts until its value is true; return its bound."""
        bound = -np.inf
        while not self.clock.over():
            compiled = compile_model(self.master.model())
            answer = run(compiled, gap=gap, time_limit=self.clock.left)
            if answer.x is None:
                return np.inf if answer.status is Status.INFEASIBLE else bound
            bound = answer.bound
            x = self._plan_values(compiled, answer.x)
            chosen = tuple(int(p) for p in np.flatnonzero(x > 0.5))
            if sorted(self.master.plans[p].cluster for p in chosen) != list(range(len(self.spaces))):
                raise SolverFault("the master's point does not choose one plan per cluster")
            value, _, worst = self.master.value(chosen)
            if worst <= self.master.limits.worst * (1 + 1e-9) + 1e-6 and value < self.best[0] - 1e-12:
                self.best = (value, chosen)
            if answer.status is Status.INTERRUPTED:
                self.clock.interrupted = True
            if not self.master.cut(x):
                return bound
        return bound

    def _enumerate(self, prices: Prices, gap: float) -> Outcome:
        """Add every plan that a better design could use and solve again, with growing slack.

        Once all plans with reduced cost up to ``slack`` are in the pool, a design that uses another one costs at least
        the relaxation's value plus ``slack``: so the bound is the lesser of that and the pool's own.
        """
        relaxed = self.bound
        for trial in TRIALS:
            slack = min(trial * max(abs(relaxed), 1.0), max(self.best[0] - relaxed, 0.0))
            if not self._add_below(prices, slack):
                break
            bound = self._incumbent(gap=min(gap / 10.0, 1e-4))
            if self.clock.over():
                break
            self.bound = max(self.bound, min(bound, relaxed + slack, self.best[0]))
            self.report("enumeration", self.best[0], self.bound)
            if np.isfinite(self.best[0]) and self.best[0] - self.bound <= gap * max(abs(self.best[0]), 1.0):
                self._break_ties()
                return self._done("all plans within the gap")
        else:
            if not np.isfinite(self.best[0]):
                return self._no_combination()
        self._incumbent(gap=min(gap / 10.0, 1e-4))
        return self._stopped()

    def _add_below(self, prices: Prices, slack: float) -> bool:
        """Add all plans with reduced cost up to ``slack``; False if there are too many or time ran out."""
        for k, space in enumerate(self.spaces):
            pricing = Pricing(space, prices.weights)
            for option, index, levels in pricing.below(float(prices.convexity[k]) + slack + NEGATIVE):
                plan = space.plan(option, index, levels)
                if plan.in_band:
                    self.master.add(plan)
                if len(self.master.plans) > MAX_POOL or self.clock.over():
                    return False
        return True

    def _no_combination(self) -> Outcome:
        source = "no combination of plans meets the caps and the band"
        return Outcome(Status.INFEASIBLE, None, np.inf, self.bound, source)

    def _break_ties(self) -> None:
        """Choose among equal optima: least users' loss, lowest tariffs, fewest contracts (C26)."""
        room = TIE * max(abs(self.best[0]), 1.0)
        ceilings = {"cost": self.best[0] + room}
        for key in TIE_KEYS:
            chosen = self._least_key(key, ceilings)
            if chosen is None:
                return
            value = sum(float(getattr(self.master.plans[p], key)) for p in chosen)
            ceilings[key] = value + TIE * max(abs(value), 1.0)
            self.best = (self.master.value(chosen)[0], chosen)

    def _least_key(self, key: str, ceilings: dict[str, float]) -> tuple[int, ...] | None:
        while not self.clock.over():
            compiled = compile_model(self.master.model(key=key, ceilings=ceilings))
            answer = run(compiled, gap=1e-6, time_limit=self.clock.left)
            if answer.x is None:
                return None
            x = self._plan_values(compiled, answer.x)
            chosen = tuple(int(p) for p in np.flatnonzero(x > 0.5))
            if not self.master.cut(x):
                return chosen if self.master.value(chosen)[0] <= ceilings["cost"] * (1 + 1e-9) + 1e-9 else None
        return None

    def _plan_values(self, compiled: Compiled, point: Array) -> Array:
        names = {v.name: x for v, x in zip(compiled.columns, point, strict=True)}
        return np.array([names.get(f"x[{p}]", 0.0) for p in range(len(self.master.plans))])

    def _done(self, source: str) -> Outcome:
        self.report("proven", self.best[0], self.bound)
        return Outcome(Status.OPTIMAL, self.best[1], self.best[0], min(self.bound, self.best[0]), source)

    def _stopped(self) -> Outcome:
        chosen = self.best[1] if np.isfinite(self.best[0]) else None
        status = self.clock.status if self.clock.over() else Status.STOPPED
        source = "plans covered so far" if self.bound > -np.inf else "none yet"
        return Outcome(status, chosen, self.best[0], self.bound, source)
