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
import pyomo.environ as pyo

from .bankability import tail_weights
from .market import COUNTRIES
from .plans import Plan, Weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .desk import Desk

    Array = NDArray[np.float64]


TIE_KEYS = ("users_loss", "rates", "contracts")
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
    """Duals of a master's linear relaxation as pricing weights, and the dual of each cluster's convexity row."""

    weights: Weights
    convexity: Array


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
        self._seen: set[tuple[object, ...]] = set()
        count = desk.market.scenarios.count
        self.cost_cuts: list[Array] = [np.full(count, 1.0 / count)] if limits.cvar_weight > 0.0 else []
        self.outlay_cuts: list[Array] = []
        self._scenario: list[Array] = []
        self._scenario_outlay: list[Array] = []
        self._outlay: list[Array] = []

    def add(self, plan: Plan) -> bool:
        """Add a plan unless it is in the pool."""
        key = (plan.cluster, plan.borders, plan.builds, plan.levels)
        if key in self._seen:
            return False
        self._seen.add(key)
        self.plans.append(plan)
        self._scenario.append(sum((c.scenario for c in plan.costs), np.zeros(1)))
        self._scenario_outlay.append(sum((c.scenario_outlay for c in plan.costs), np.zeros(1)))
        self._outlay.append(outlay_of(plan, self.shares, self.quotas))
        return True

    @property
    def capped(self) -> list[tuple[int, int]]:
        """Return the (member, year) pairs whose cap some plan can reach."""
        if not self._outlay:
            return []
        most = np.zeros_like(self.limits.outlay)
        for cluster in range(self.clusters):
            rows = [o for o, p in zip(self._outlay, self.plans, strict=True) if p.cluster == cluster]
            if rows:
                most += np.max(rows, axis=0)
        return [(int(k), int(t)) for k, t in np.argwhere(most > self.limits.outlay)]

    def model(
        self, *, elastic: bool = False, feasibility: bool = False, key: str = "", ceilings: Mapping[str, float] | None = None
    ) -> pyo.ConcreteModel:
        """Write the Pyomo model.

        Args:
            elastic: add slacks to the crossing rows at a price.
            feasibility: minimise the slacks alone.
            key: minimise a tie key of C26 (``users_loss``, ``rates``, ``contracts``) instead of the objective.
            ceilings: upper limits on ``cost`` and on tie keys.
        """
        m = pyo.ConcreteModel("master")
        scale = range(3 * self.limits.outlay.shape[1])
        m.x = pyo.Var(range(len(self.plans)), domain=pyo.Binary)
        m.theta = pyo.Var(domain=pyo.Reals)
        if not self.cost_cuts:
            m.theta.fix(0.0)
        m.excess = pyo.Var(["basket", "outlay", "worst"], scale, domain=pyo.NonNegativeReals)
        self._convexity(m)
        self._basket(m, elastic=elastic)
        self._caps(m, elastic=elastic)
        self._tails(m, elastic=elastic)
        penalty = pyo.quicksum(m.excess.values())
        cost = self._objective(m)
        keys = {k: pyo.quicksum(float(getattr(p, k)) * m.x[i] for i, p in enumerate(self.plans)) for k in TIE_KEYS}
        limited = {"cost": cost} | keys
        m.ceiling = pyo.Constraint(list(ceilings or {}), rule=lambda m, k: limited[k] <= (ceilings or {})[k])
        m.goal = pyo.Objective(
            expr=penalty if feasibility else keys[key] if key else cost + (PENALTY * penalty if elastic else 0.0)
        )
        if not elastic:
            m.excess.fix(0.0)
            for p, plan in enumerate(self.plans):
                if not plan.in_band:
                    m.x[p].setub(0)
        return m

    def _convexity(self, m: pyo.ConcreteModel) -> None:
        by_cluster: dict[int, list[int]] = {k: [] for k in range(self.clusters)}
        for p, plan in enumerate(self.plans):
            by_cluster[plan.cluster].append(p)
        m.one_plan = pyo.Constraint(
            range(self.clusters), rule=lambda m, k: pyo.quicksum(m.x[p] for p in by_cluster[k]) == 1
        )

    def _basket(self, m: pyo.ConcreteModel, *, elastic: bool) -> None:
        """Write ``sum_p burden_pc x_p <= cap_c`` (C23)."""
        limit = self.limits.basket
        m.basket = pyo.Constraint(
            [k for k in range(3) if np.isfinite(limit[k])],
            rule=lambda m, k: pyo.quicksum(float(q.burden[k]) * m.x[p] for p, q in enumerate(self.plans))
            <= float(limit[k]) + (m.excess["basket", k] if elastic else 0.0),
        )

    def _caps(self, m: pyo.ConcreteModel, *, elastic: bool) -> None:
        """Write ``sum_p outlay_pct x_p <= cap_ct`` where some choice of plans can exceed it (C26)."""
        limit = self.limits.outlay
        m.outlay = pyo.Constraint(
            self.capped,
            rule=lambda m, k, t: pyo.quicksum(float(o[k, t]) * m.x[p] for p, o in enumerate(self._outlay) if o[k, t] != 0.0)
            <= float(limit[k, t]) + (m.excess["outlay", k * limit.shape[1] + t] if elastic else 0.0),
        )

    def _tails(self, m: pyo.ConcreteModel, *, elastic: bool) -> None:
        """Write the tail cuts on scenario cost (``theta``) and on scenario outlay (its cap) (C26)."""
        costs, outlays = np.array(self._scenario), np.array(self._scenario_outlay)

        def weighed(table: Array, measure: Array) -> Any:
            return pyo.quicksum(float(v) * m.x[p] for p, v in enumerate(table @ measure))

        m.tail = pyo.Constraint(
            range(len(self.cost_cuts)), rule=lambda m, i: weighed(costs, self.cost_cuts[i]) <= m.theta
        )
        m.worst = pyo.Constraint(
            range(len(self.outlay_cuts)),
            rule=lambda m, i: weighed(outlays, self.outlay_cuts[i])
            <= self.limits.worst + (m.excess["worst", 0] if elastic else 0.0),
        )

    def _objective(self, m: pyo.ConcreteModel) -> Any:
        lim = self.limits
        direct = pyo.quicksum((p.booked + lim.user_weight * p.loss) * m.x[i] for i, p in enumerate(self.plans))
        return direct + lim.cvar_weight * m.theta

    def value(self, chosen: Sequence[int]) -> tuple[float, float, float]:
        """Return the true objective of chosen plans, their CVaR of cost, and their worst-5% mean outlay, musd."""
        scenario = sum((self._scenario[p] for p in chosen), np.zeros(1))
        outlay = sum((self._scenario_outlay[p] for p in chosen), np.zeros(1))
        tail = float(scenario @ tail_measure(scenario, self.limits.cvar_alpha))
        worst = float(outlay @ tail_measure(outlay, self.limits.worst_share))
        direct = sum(self.plans[p].booked + self.limits.user_weight * self.plans[p].loss for p in chosen)
        return direct + self.limits.cvar_weight * tail, tail, worst

    def cut(self, x: Array) -> bool:
        """Add the tail cuts that a (fractional) point violates; say whether any was added."""
        added = False
        scenario = np.einsum("ps,p->s", np.array(self._scenario), x)
        outlay = np.einsum("ps,p->s", np.array(self._scenario_outlay), x)
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

    def prices(self, rows: Sequence[object], duals: Array, *, booked: float = 1.0) -> Prices:
        """Turn the duals of the linear relaxation into weights for pricing plans."""
        lim, scenarios = self.limits, self._scenario[0].size
        outlay, basket = np.zeros_like(lim.outlay), np.zeros(3)
        scenario, scenario_outlay = np.zeros(scenarios), np.zeros(scenarios)
        convexity = np.zeros(self.clusters)
        for row, dual in zip(rows, duals, strict=True):
            name, index = row.parent_component().local_name, row.index()  # type: ignore[attr-defined]
            if name == "one_plan":
                convexity[index] = dual
            elif name == "basket":
                basket[index] = -dual
            elif name == "outlay":
                outlay[index] = -dual
            elif name == "tail":
                scenario += -dual * self.cost_cuts[index]
            else:
                scenario_outlay += -dual * self.outlay_cuts[index]
        joint = self.quotas @ outlay
        if self.shares is not None:
            outlay = np.tile(self.shares @ outlay, (3, 1))
        weights = Weights(
            outlay=outlay,
            scenario=scenario,
            scenario_outlay=scenario_outlay,
            basket=basket,
            user=lim.user_weight * booked,
            joint=joint,
            booked=booked,
        )
        return Prices(weights, convexity)
