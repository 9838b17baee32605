"""Public money in the compact formulation: the objective, its tail, the caps, and the band (C16, C21b, C24, C26)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.core as pyo

from .club_instruments import reserve_costs
from .competition import TOLERANCE
from .market import COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .club import Club
    from .club_sets import Column, Key

    Array = NDArray[np.float64]
    Row = Any
    """A Pyomo expression or relation; Pyomo has no types."""
    Rows = Callable[[Club], pyo.Constraint]
    Trade = tuple[str, int, int, int]
    """Product, border option, year, state."""


def declare_money(club: Club) -> None:
    """Declare the variables of the tails, of the band and of border revenue, each only where it is needed."""
    m, scenarios = club.model, range(club.desk.market.scenarios.count)
    tails = [name for name, on in (("cost", club.limits.cvar_weight > 0.0), ("outlay", np.isfinite(club.limits.worst))) if on]
    m.quantile = pyo.Var(tails, domain=pyo.Reals)
    m.beyond = pyo.Var([(name, z) for name in tails for z in scenarios], domain=pyo.NonNegativeReals)
    m.equivalent = pyo.Var(list(club.aided), domain=pyo.Reals, bounds=lambda _, p, c: ratio_bounds(club, p))
    m.equivalent_of = pyo.Var([k for columns in club.aided.values() for k in columns], domain=pyo.Reals)
    m.traded = pyo.Var(traded(club), domain=pyo.Reals)


# --- tails --------------------------------------------------------------------------------------------------------------


def _tail(club: Club, name: str, share: float) -> Row:
    """Return the mean of the worst share, ``eta + sum_z u_z / (share Z)`` (Rockafellar and Uryasev, doi:10.21314/JOR.2000.038)."""
    m, count = club.model, club.desk.market.scenarios.count
    return m.quantile[name] + pyo.quicksum(m.beyond[name, z] for z in range(count)) / (share * count)


def _beyond(club: Club, name: str, part: str) -> pyo.Constraint:
    values = {k: getattr(c.cost, part) for k, c in club.columns.items() if getattr(c.cost, part).any()}
    stocks = [(v, getattr(cost, part)) for v, cost in reserve_costs(club)]
    index = range(club.desk.market.scenarios.count) if name in club.model.quantile else []

    def rule(m: pyo.ConcreteModel, z: int) -> Row:
        total = pyo.quicksum(float(v[z]) * m.y[k] for k, v in values.items()) + pyo.quicksum(float(c[z]) * v for v, c in stocks)
        return m.beyond[name, z] >= total - m.quantile[name]

    return pyo.Constraint(index, rule=rule)


def cost_beyond(club: Club) -> pyo.Constraint:
    """Measure the cost above the quantile: ``u_z >= sum_k cost[k,z] y[k] - eta``, musd PV (C26)."""
    return _beyond(club, "cost", "scenario")


def outlay_beyond(club: Club) -> pyo.Constraint:
    """Measure the outlay above the quantile: ``u_z >= sum_k outlay[k,z] y[k] - eta``, musd PV (C26)."""
    return _beyond(club, "outlay", "scenario_outlay")


def worst_outlay(club: Club) -> pyo.Constraint:
    """Cap the mean outlay of the worst 5% of scenarios, musd PV (C26)."""
    index = ["outlay"] if "outlay" in club.model.quantile else []
    return pyo.Constraint(index, rule=lambda m, name: _tail(club, name, club.limits.worst_share) <= club.limits.worst)


# --- caps of members ----------------------------------------------------------------------------------------------------


def country_cap(club: Club) -> pyo.Constraint:
    """Cap a member's expected outlay of a year: ``sum_k (share hosted[k,t] + quota joint[k,t]) y[k] <= cap[c,t]``, musd (C24, C26).

    The share is 1 for the host and 0 for others, or each member's share of the pool; the carry of the reserve is joint.
    """
    cap, quotas = club.limits.outlay, club.desk.reserve.shares
    index = [(COUNTRIES[k], int(t)) for k, t in np.argwhere(np.isfinite(cap))]

    def rule(m: pyo.ConcreteModel, country: str, t: int) -> Row:
        member = COUNTRIES.index(country)
        terms = []
        for k, column in club.columns.items():
            hosts = club.desk.plants[k[0]].country == country
            share = float(hosts) if club.shares is None else float(club.shares[member])
            value = share * float(column.cost.hosted[t]) + float(quotas[member] * column.cost.joint_payments[t])
            if value != 0.0:
                terms.append(value * m.y[k])
        terms += [float(quotas[member] * cost.joint_payments[t]) * v for v, cost in reserve_costs(club)]
        return pyo.quicksum(terms) <= float(cap[member, t]) if terms else pyo.Constraint.Feasible

    return pyo.Constraint(index, rule=rule)


# --- the band -----------------------------------------------------------------------------------------------------------


def aided_columns(club: Club) -> dict[tuple[str, str], dict[Key, Column]]:
    """Return, by contested product and member, the columns with a contract or a club credit (C16).

    Only where the band is on and more than one member could have such a column.
    """
    found: dict[tuple[str, str], dict[Key, Column]] = {}
    for key, column in club.columns.items():
        plant = club.desk.plants[key[0]]
        if column.aided and plant.product in club.desk.competition.products:
            found.setdefault((plant.product, plant.country), {})[key] = column
    count = Counter(product for product, _ in found)
    return {pair: columns for pair, columns in found.items() if count[pair[0]] > 1}


def ratio_bounds(club: Club, product: str) -> tuple[float, float]:
    """Return the least and the greatest subsidy equivalent of a single column; a sum's lies between them (C16)."""
    ratios = [c.supported / c.sales for (m, _), columns in club.aided.items() for c in columns.values() if m == product]
    return min(ratios), max(ratios)


def equivalent_sum(club: Club) -> pyo.Constraint:
    """Define a subsidy equivalent ``e``: ``sum_k supported[k] y[k] = sum_k sales[k] g[k]`` with ``g[k] = e y[k]`` (C16)."""

    def rule(m: pyo.ConcreteModel, product: str, country: str) -> Row:
        columns = club.aided[product, country].items()
        return pyo.quicksum(c.supported * m.y[k] for k, c in columns) == pyo.quicksum(c.sales * m.equivalent_of[k] for k, c in columns)

    return pyo.Constraint(list(club.aided), rule=rule)


def _equivalent_rows(club: Club, sign: float, *, used: bool) -> pyo.Constraint:
    """Return ``g`` between its bounds where the column is used (or ``e - g`` where it is not)."""
    index = [(*pair, *k) for pair, columns in club.aided.items() for k in columns]
    bounds = {product: ratio_bounds(club, product) for product, _ in club.aided}

    def rule(m: pyo.ConcreteModel, product: str, country: str, *key: object) -> Row:
        low, high = bounds[product]
        edge = high if sign > 0 else low
        value, on = (m.equivalent_of[key], m.y[key]) if used else (m.equivalent[product, country] - m.equivalent_of[key], 1 - m.y[key])
        return value <= edge * on if sign > 0 else value >= edge * on

    return pyo.Constraint(index, rule=rule)


def equivalent_most(club: Club) -> pyo.Constraint:
    """Bound the product ``g = e y``: ``g <= high y``, ``high`` the greatest ratio of a column (C16)."""
    return _equivalent_rows(club, 1.0, used=True)


def equivalent_least(club: Club) -> pyo.Constraint:
    """Bound the product ``g = e y``: ``g >= low y``, ``low`` the least ratio of a column (C16)."""
    return _equivalent_rows(club, -1.0, used=True)


def equivalent_rest_most(club: Club) -> pyo.Constraint:
    """Bound what is left of it: ``e - g <= high (1 - y)`` (C16)."""
    return _equivalent_rows(club, 1.0, used=False)


def equivalent_rest_least(club: Club) -> pyo.Constraint:
    """Bound what is left of it: ``e - g >= low (1 - y)`` (C16)."""
    return _equivalent_rows(club, -1.0, used=False)


def band(club: Club) -> pyo.Constraint:
    """Keep two members' subsidy equivalents together: ``e[m,c] - e[m,d] <= band`` (C21b).

    A member without an aided project has no ``g``: its ``e`` is free and follows the others.
    """
    index = [(p, c, d) for p, c in club.aided for q, d in club.aided if p == q and c != d]
    most = club.desk.competition.band + TOLERANCE
    return pyo.Constraint(index, rule=lambda m, p, c, d: m.equivalent[p, c] - m.equivalent[p, d] <= most)


# --- border revenue -----------------------------------------------------------------------------------------------------


def traded(club: Club) -> list[Trade]:
    """Return product, option, year and state of the disaggregated need; empty where users have no weight."""
    if club.limits.user_weight == 0.0:
        return []
    options = {m: sorted({c[1] for c in club.sets.choices if c[0] == m}) for m in club.sets.products}
    return [(m, o, t, k) for m in club.sets.products for o in options[m] for t, states in club.attained(m) for k in states]


def traded_sum(club: Club) -> pyo.Constraint:
    """Split need by option and state: ``sum_ok n[m,o,t,k] = need[m,t]`` (C24)."""
    parts: dict[tuple[str, int], list[Trade]] = {}
    for key in traded(club):
        parts.setdefault((key[0], key[2]), []).append(key)
    return pyo.Constraint(list(parts), rule=lambda m, p, t: pyo.quicksum(m.traded[k] for k in parts[p, t]) == m.need[p, t])


def traded_low(club: Club) -> pyo.Constraint:
    """Leave need only in the state that holds: ``n[m,o,t,k] >= low[m,t,k] v[m,o,t,k]`` (C24)."""
    bounds = {m: low for m, (low, _) in club.sets.intervals.items()}

    def rule(m: pyo.ConcreteModel, product: str, option: int, t: int, state: int) -> Row:
        return m.traded[product, option, t, state] >= float(bounds[product][t, state]) * club.in_state(product, t, state, option)

    return pyo.Constraint(traded(club), rule=rule)


def traded_high(club: Club) -> pyo.Constraint:
    """Leave need only in the state that holds: ``n[m,o,t,k] <= high[m,t,k] v[m,o,t,k]`` (C24)."""
    bounds = {m: high for m, (_, high) in club.sets.intervals.items()}

    def rule(m: pyo.ConcreteModel, product: str, option: int, t: int, state: int) -> Row:
        return m.traded[product, option, t, state] <= float(bounds[product][t, state]) * club.in_state(product, t, state, option)

    return pyo.Constraint(traded(club), rule=rule)


def duties(club: Club, product: str, option: int) -> tuple[Array, Array]:
    """Return border revenue of a year and state as ``per_tonne x need + base``, USD/t and musd, each ``(T, 4)`` (C7, C24).

    ``market`` sells up to availability ``A`` (``fill A`` in a restriction) and ``china_linked`` the rest; in each state
    the minima of C7 are known, so revenue is linear in need.
    """
    made = club.desk.revenue(product, club.sets.borders[product][option])
    reach, scarce = made.availability, made.fill * made.availability
    share = member_shares(club, product)
    a, b, c, r = ((share * part).sum(axis=0) for part in (made.open, made.beyond, made.china, made.scarce))
    zero = np.zeros_like(a)
    per_tonne = np.stack([zero, a + c + r, a + c, b + c], axis=1)
    base = np.stack([zero, zero, r * scarce, (a - b) * reach + r * scarce], axis=1) / 1e6
    return per_tonne, base


def member_shares(club: Club, product: str) -> Array:
    """Return how members share a product's imports, ``(3, T)`` (C7).

    Raises:
        ValueError: nobody uses the product but plants that may be built: the shares would not be constants.
    """
    desk = club.desk
    buyers = [j for j, _ in club.sets.starts if desk.plants[j].feed_product == product]
    if buyers and (desk.market.demand[product] <= 0.0).any():
        raise ValueError(f"{product}: border revenue is not linear where only plants to be built buy it; use the plan formulation")
    return desk.balance.member_shares(product, desk.balance.feed_by_member(product, desk.baseline.builds))


def border_gain(club: Club) -> Row:
    """Return the gain in border revenue over the baseline, musd PV of all members (C24)."""
    factor, before = club.desk.users.factor, 0.0
    total: list[Row] = []
    tables = {key[:2]: duties(club, *key[:2]) for key in traded(club)}
    for m, o, t, k in traded(club):
        per_tonne, base = tables[m, o]
        slope, step = float(factor[t] * per_tonne[t, k]) / 1e6, float(factor[t] * base[t, k])
        if slope:
            total.append(slope * club.model.traded[m, o, t, k])
        if step:
            total.append(step * club.in_state(m, t, k, o))
    for m in club.sets.products:
        before += float((club.desk.baseline_revenue(m) @ factor).sum())
    return pyo.quicksum(total) - before


def users_loss(club: Club) -> Row:
    """Return users' loss, musd PV of all members (C25)."""
    users = club.desk.users
    return pyo.quicksum(float(users.loss(c[0], club.sets.setting(c)).sum()) * club.model.w[c] for c in club.sets.choices)


def public_cost(club: Club) -> Row:
    """Return the objective: booked + cvar_weight x tail + user_weight x (users' loss - border revenue), musd PV (C26)."""
    limits, m = club.limits, club.model
    total = pyo.quicksum(float(c.cost.booked) * m.y[k] for k, c in club.columns.items())
    total = total + pyo.quicksum(float(cost.booked) * v for v, cost in reserve_costs(club))
    if limits.cvar_weight > 0.0:
        total = total + limits.cvar_weight * _tail(club, "cost", limits.cvar_alpha)
    if limits.user_weight > 0.0:
        total = total + limits.user_weight * (users_loss(club) - border_gain(club))
    return total


MONEY_ROWS: tuple[Rows, ...] = (
    cost_beyond,
    outlay_beyond,
    worst_outlay,
    country_cap,
    equivalent_sum,
    equivalent_most,
    equivalent_least,
    equivalent_rest_most,
    equivalent_rest_least,
    band,
    traded_sum,
    traded_low,
    traded_high,
)
