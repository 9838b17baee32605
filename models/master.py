"""The master problem over plan columns, in Pyomo: one plan per cluster under the rows that cross clusters.

``min sum_p booked_p x_p + cvar_weight theta + user_weight sum_p loss_p x_p`` subject to one plan per cluster,
the basket per member (C23), expected outlay per member and year (C26), the worst-5% outlay, and tail cuts.
Tail cuts are exact: ``theta >= sum_s pi_s sum_p cost_ps x_p`` for every measure ``pi`` of mass on the worst share; the
first is the mean, below which no tail lies. The tail can be negative: protection relieves closed contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.core as pyo
from pyomo.core.expr.numeric_expr import LinearExpression

from .bankability import tail_weights
from .market import COUNTRIES
from .plan import Plan, Weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .desk import Desk

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]


TIE_KEYS = ("users_loss", "rates", "contracts", "built")
PENALTY = 1e4


@dataclass(frozen=True)
class Limits:
    """The right-hand sides of the crossing rows, musd; infinite where off.

    ``outlay`` is ``(3, T)``, ``basket`` ``(3,)`` in musd of burden, ``worst`` the cap on the mean PV outlay of the
    worst ``worst_share`` of scenarios.
    """

    outlay: Array
    basket: Array
    worst: float
    cvar_weight: float
    user_weight: float
    cvar_alpha: float
    worst_share: float = 0.05


def read_limits(desk: Desk) -> Limits:
    """Read caps and weights with their switches."""
    s, years = desk.instance.settings, desk.market.years
    outlay = np.full((3, years.size), np.inf)
    if s["switches.country_caps"]:
        for k, c in enumerate(COUNTRIES):
            for t, year in enumerate(years):
                value = s.get(f"caps.{c}.{year}", s.get(f"caps.{c}.each_year"))
                if value is not None:
                    outlay[k, t] = float(value)
    worst = s.get("caps.worst5_outlay")
    return Limits(
        outlay=outlay,
        basket=desk.users.basket_cap * desk.users.basket,
        worst=float(worst) if worst is not None and s["switches.worst5"] else np.inf,
        cvar_weight=float(s["objective.cvar_weight"]),
        user_weight=float(s["objective.user_weight"]),
        cvar_alpha=desk.rules.tail_alpha,
    )


def funding_shares(desk: Desk) -> Array | None:
    """Return the stated shares of pooled funding ``(3,)``, or None when hosts pay (C24)."""
    s = desk.instance.settings
    if s["funding.mode"] != "pooled":
        return None
    return np.array([float(s[f"funding.shares.{c}"]) for c in COUNTRIES])


@dataclass(frozen=True)
class Prices:
    """Duals of a master's linear relaxation as pricing weights, and the dual of each cluster's convexity row.

    ``caps`` are the prices of the caps per member and year, ``(3, T)``, before funding shares. ``allowance`` is what the crossing
    rows' limits are worth at these prices: the least weighted cost of one plan per cluster less ``allowance`` is at most the
    cost of any design.
    """

    weights: Weights
    convexity: Array
    caps: Array
    allowance: float


@dataclass(frozen=True)
class Table:
    """The plans' numbers in the master, stacked; money in musd.

    Cluster and direct cost are ``(P,)``, burden ``(P, 3)``, expected outlay by member and year ``(P, 3, T)``, cost and outlay of each
    scenario ``(P, S)``.
    """

    cluster: Ints
    direct: Array
    burden: Array
    outlay: Array
    scenario: Array
    scenario_outlay: Array


def outlay_of(plan: Plan, shares: Array | None, quotas: Array) -> Array:
    """Return a plan's expected outlay by member and year, musd, ``(3, T)``: hosted or pooled, and quotas of the joint part (C24)."""
    hosted = np.stack([c.hosted for c in plan.costs])
    joint = np.sum([c.joint_payments for c in plan.costs], axis=0)
    own = hosted if shares is None else shares[:, None] * hosted.sum(axis=0)
    return own + quotas[:, None] * joint


def tail_measure(values: Array, alpha: float) -> Array:
    """Return the measure on scenarios that averages the highest ``alpha`` share, ``(S,)``."""
    measure = np.zeros(values.size)
    measure[np.argsort(-values, kind="stable")] = tail_weights(values.size, alpha)
    return measure


class Master:
    """Builds the Pyomo model over a pool of plans with the current cuts."""

    def __init__(self, desk: Desk, limits: Limits, clusters: int) -> None:
        """Start with no plans and no cuts."""
        self.desk, self.limits, self.clusters = desk, limits, clusters
        self.shares, self.quotas = funding_shares(desk), desk.reserve.shares
        self.plans: list[Plan] = []
        self._seen: dict[tuple[object, ...], int] = {}
        count = desk.market.scenarios.count
        self.cost_cuts: list[Array] = [np.full(count, 1.0 / count)] if limits.cvar_weight > 0.0 else []
        self.outlay_cuts: list[Array] = []
        self._rows: list[tuple[float, Array, Array, Array, Array]] = []
        self._table = Table(np.zeros(0, dtype=int), *(np.zeros(0) for _ in range(5)))

    def add(self, plan: Plan) -> int:
        """Add a plan unless it is in the pool; return its number."""
        key = (plan.cluster, plan.borders, plan.builds, plan.levels)
        if key not in self._seen:
            self._seen[key] = len(self.plans)
            self.plans.append(plan)
            self._rows.append(
                (
                    plan.booked + self.limits.user_weight * plan.loss,
                    plan.burden,
                    outlay_of(plan, self.shares, self.quotas),
                    sum((c.scenario for c in plan.costs), np.zeros(1)),
                    sum((c.scenario_outlay for c in plan.costs), np.zeros(1)),
                )
            )
        return self._seen[key]

    @property
    def table(self) -> Table:
        """Return the numbers of all plans, stacked."""
        if len(self._table.cluster) < len(self.plans):
            parts = [np.array(part, dtype=float) for part in zip(*self._rows, strict=True)]
            self._table = Table(np.array([p.cluster for p in self.plans]), *parts)
        return self._table

    def capped(self, pool: Ints) -> list[tuple[int, int]]:
        """Return the (member, year) pairs whose cap some choice among plans can exceed."""
        table = self.table
        most = np.zeros_like(self.limits.outlay)
        for cluster in np.unique(table.cluster[pool]):
            most += table.outlay[pool[table.cluster[pool] == cluster]].max(axis=0)
        return [(int(k), int(t)) for k, t in np.argwhere(most > self.limits.outlay)]

    @property
    def everything(self) -> Ints:
        """Return the numbers of all plans of the pool."""
        return np.arange(len(self.plans))

    def model(
        self,
        *,
        pool: Ints | None = None,
        elastic: bool = False,
        feasibility: bool = False,
        key: str = "",
        ceilings: Mapping[str, float] | None = None,
    ) -> pyo.ConcreteModel:
        """Write the Pyomo model.

        Args:
            pool: the plans to choose from; all if not given.
            elastic: add slacks to the crossing rows at a price.
            feasibility: minimise the slacks alone.
            key: minimise a tie key of C26 (``TIE_KEYS``) instead of the objective.
            ceilings: upper limits on ``cost`` and on tie keys.
        """
        m = pyo.ConcreteModel("master")
        pool = self.everything if pool is None else pool
        m.x = pyo.Var(pool.tolist(), domain=pyo.Binary)
        m.theta = pyo.Var(domain=pyo.Reals)
        if not self.cost_cuts:
            m.theta.fix(0.0)
        m.excess = pyo.Var(["basket", "outlay", "worst"], range(3 * self.limits.outlay.shape[1]), domain=pyo.NonNegativeReals)
        sums = _Sums(m, pool)
        self._rows_of(m, sums, elastic=elastic)
        cost = sums.of(self.table.direct) + self.limits.cvar_weight * m.theta
        keys = {k: sums.of(np.array([float(getattr(p, k)) for p in self.plans])) for k in (TIE_KEYS if key else ())}
        limited = {"cost": cost} | keys
        m.ceiling = pyo.Constraint(list(ceilings or {}), rule=lambda m, k: limited[k] <= (ceilings or {})[k])
        penalty = pyo.quicksum(m.excess.values())
        m.goal = pyo.Objective(expr=penalty if feasibility else keys[key] if key else cost + (PENALTY * penalty if elastic else 0.0))
        if not elastic:
            m.excess.fix(0.0)
            for p in pool.tolist():
                if not self.plans[p].in_band:
                    m.x[p].setub(0)
        return m

    def _rows_of(self, m: pyo.ConcreteModel, sums: _Sums, *, elastic: bool) -> None:
        """Write one plan per cluster, ``sum_p burden_pc x_p <= cap_c`` (C23), ``sum_p outlay_pct x_p <= cap_ct`` and the tails (C26)."""
        limit, table, horizon = self.limits, self.table, self.limits.outlay.shape[1]

        def slack(kind: str, index: int) -> Any:
            return m.excess[kind, index] if elastic else 0.0

        m.one_plan = pyo.Constraint(range(self.clusters), rule=lambda m, k: sums.of(table.cluster == k) == 1)
        m.basket = pyo.Constraint(
            [k for k in range(3) if np.isfinite(limit.basket[k])],
            rule=lambda m, k: sums.of(table.burden[:, k]) <= float(limit.basket[k]) + slack("basket", k),
        )
        m.outlay = pyo.Constraint(
            self.capped(sums.pool),
            rule=lambda m, k, t: sums.of(table.outlay[:, k, t]) <= float(limit.outlay[k, t]) + slack("outlay", k * horizon + t),
        )
        m.tail = pyo.Constraint(
            range(len(self.cost_cuts)), rule=lambda m, i: sums.of(table.scenario @ self.cost_cuts[i]) - m.theta <= 0.0
        )
        m.worst = pyo.Constraint(
            range(len(self.outlay_cuts)),
            rule=lambda m, i: sums.of(table.scenario_outlay @ self.outlay_cuts[i]) <= limit.worst + slack("worst", 0),
        )

    def value(self, chosen: Sequence[int]) -> tuple[float, float, float]:
        """Return the true objective of chosen plans, their CVaR of cost, and their worst-5% mean outlay, musd."""
        table, rows = self.table, list(chosen)
        scenario, outlay = table.scenario[rows].sum(axis=0), table.scenario_outlay[rows].sum(axis=0)
        tail = float(scenario @ tail_measure(scenario, self.limits.cvar_alpha))
        worst = float(outlay @ tail_measure(outlay, self.limits.worst_share))
        return float(table.direct[rows].sum()) + self.limits.cvar_weight * tail, tail, worst

    def cut(self, x: Array) -> bool:
        """Add the tail cuts that a (fractional) point over all plans violates; say whether any was added."""
        added, used = False, np.flatnonzero(x)
        scenario, outlay = x[used] @ self.table.scenario[used], x[used] @ self.table.scenario_outlay[used]
        if self.limits.cvar_weight > 0.0:
            measure = tail_measure(scenario, self.limits.cvar_alpha)
            best = max(float(scenario @ c) for c in self.cost_cuts)
            if float(scenario @ measure) > best + 1e-7 * (1.0 + abs(best)):
                self.cost_cuts.append(measure)
                added = True
        if np.isfinite(self.limits.worst):
            measure = tail_measure(outlay, self.limits.worst_share)
            known = max((float(outlay @ c) for c in self.outlay_cuts), default=0.0)
            if float(outlay @ measure) > max(self.limits.worst, known) * (1.0 + 1e-9) + 1e-6:
                self.outlay_cuts.append(measure)
                added = True
        return added

    def prices(self, labels: Sequence[tuple[str, tuple[int, ...]]], duals: Array, *, booked: float = 1.0) -> Prices:
        """Turn the duals of the linear relaxation into weights for pricing plans.

        A dual of the wrong sign is rounding and counts as 0; the tail cuts' duals are scaled to sum to the tail's weight.
        """
        lim = self.limits
        outlay, basket, convexity = np.zeros_like(lim.outlay), np.zeros(3), np.zeros(self.clusters)
        scenario, scenario_outlay = np.zeros(self.table.scenario.shape[1]), np.zeros(self.table.scenario.shape[1])
        allowance, tails = 0.0, 0.0
        for (name, index), dual in zip(labels, duals, strict=True):
            price = max(0.0, -float(dual))
            if name == "one_plan":
                convexity[index] = dual
            elif name == "basket":
                basket[index] = price
                allowance += price * float(lim.basket[index])
            elif name == "outlay":
                outlay[index] = price
                allowance += price * float(lim.outlay[index])
            elif name == "tail":
                scenario, tails = scenario + price * self.cost_cuts[index[0]], tails + price
            else:
                scenario_outlay += price * self.outlay_cuts[index[0]]
                allowance += price * lim.worst
        if tails > 0.0:
            scenario *= booked * lim.cvar_weight / tails
        hosted = outlay if self.shares is None else np.tile(self.shares @ outlay, (3, 1))
        weights = Weights(hosted, scenario, scenario_outlay, basket, lim.user_weight * booked, self.quotas @ outlay, booked)
        return Prices(weights, convexity, outlay, allowance)

    def reduced(self, prices: Prices, pool: Ints) -> Array:
        """Return plans' weighted cost less the dual of their cluster, musd, ``(n,)``."""
        table, w = self.table, prices.weights
        cost = w.booked * table.direct[pool] + np.einsum("pkt,kt->p", table.outlay[pool], prices.caps) + table.burden[pool] @ w.basket
        tails = table.scenario[pool] @ w.scenario + table.scenario_outlay[pool] @ w.scenario_outlay
        result: Array = cost + tails - prices.convexity[table.cluster[pool]]
        return result


class _Sums:
    """Linear expressions over the plans of a pool."""

    def __init__(self, m: pyo.ConcreteModel, pool: Ints) -> None:
        """Keep the variables in the pool's order."""
        self.pool = pool
        self.variables = [m.x[p] for p in pool.tolist()]

    def of(self, numbers: Array | NDArray[np.bool_]) -> Any:
        """Return ``sum_p number_p x_p`` over the pool, from one number per plan of the master."""
        picked = np.asarray(numbers, dtype=float)[self.pool]
        rows = np.flatnonzero(picked).tolist()
        return LinearExpression(constant=0.0, linear_coefs=picked[rows].tolist(), linear_vars=[self.variables[i] for i in rows])
