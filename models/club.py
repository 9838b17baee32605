"""The compact formulation: one model that states the club's problem row by row (C7 to C26).

It defines the problem; the plan columns of ``plans`` and ``master`` solve the same problem faster. Sets: products ``m``,
border options ``o``, paths ``p``, projects ``j`` with start years ``s``, credit levels ``l``, years ``t``, scenarios ``z``.

Variables: ``w[m,o,p]`` one border option and path per product; ``r[c,m,l]`` one credit level per country and product;
``x[j,s]`` a build; ``y[j,s,a,b,l]`` the ladder column of project ``j`` under its ``a``-th own setting, its ``b``-th feed
setting and level ``l``. Given ``x``, ``w`` and ``r`` exactly one column of a built project is left, so ``y`` is continuous.
Every function below is one family of rows; its name is the name of the Pyomo component. Money is in club_money.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.core as pyo

from .club_balance import Least, flows, least_of, made
from .club_instruments import INSTRUMENT_ROWS, declare_instruments
from .club_money import MONEY_ROWS, aided_columns, declare_money, public_cost
from .club_sets import ClubSets
from .clusters import read_demands
from .market import COUNTRIES
from .master import funding_shares, read_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .club_sets import Column, Key, Menu
    from .desk import Desk

    Row = Any
    """A Pyomo expression or relation; Pyomo has no types."""
    Rows = Callable[["Club"], pyo.Constraint]


class Club:
    """One instance's compact model: the sets, the variables, and the Pyomo model itself."""

    def __init__(self, desk: Desk) -> None:
        """Write the whole model."""
        self.desk, self.sets = desk, ClubSets(desk)
        self.limits, self.shares = read_limits(desk), funding_shares(desk)
        self.demands = read_demands(desk.balance, desk.baseline)
        self.flows = flows(desk, self.sets)
        self.columns: dict[Key, Column] = {key: column for menu in self.sets.menus for key, column in menu.columns.items()}
        self.aided = aided_columns(self)
        self.model = pyo.ConcreteModel("club")
        self._declare()
        for rows in ROWS + INSTRUMENT_ROWS + MONEY_ROWS:
            setattr(self.model, rows.__name__, rows(self))
        self.model.public_cost = pyo.Objective(expr=public_cost(self))

    def _declare(self) -> None:
        m, sets = self.model, self.sets
        m.nothing = pyo.Var(bounds=(0.0, 0.0))
        m.w = pyo.Var(sets.choices, domain=pyo.Binary)
        m.r = pyo.Var(sets.levels, domain=pyo.Binary)
        m.x = pyo.Var(sets.starts, domain=pyo.Binary)
        m.y = pyo.Var(list(self.columns), domain=pyo.NonNegativeReals, bounds=(0.0, 1.0))
        self.least = least_of(self)
        split = [key for key, least in self.least.items() if least.two_sided]
        m.least = pyo.Var(split, domain=pyo.Reals, bounds=lambda _, *key: (self.least[key].low, self.least[key].cap))
        m.full = pyo.Var(split, domain=pyo.Binary)
        years = range(self.desk.market.years.size)
        m.need = pyo.Expression(sets.products, years, rule=lambda _, product, t: self._need(product, t))
        declare_instruments(self)
        declare_money(self)

    def _need(self, product: str, t: int) -> Row:
        """Return ``need = demand + feed - existing - refined - made`` of a product and year, t (C8)."""
        desk, flow = self.desk, self.flows[product]
        fixed = desk.market.demand[product][t] + desk.balance.converter_feed[product][t] - desk.balance.existing[product][t]
        return float(fixed) + flow.feed.at(self, t) - flow.refined.at(self, t) - made(self, product, t)

    def in_state(self, product: str, t: int, state: int, option: int | None = None) -> Row:
        """Return the 0-1 expression "the product is in this state in year t" (under one border option, if given)."""
        states = self.sets.states[product]
        return pyo.quicksum(self.model.w[c] for c in self.sets.choices if c[0] == product and states[c[2], t] == state and option in (None, c[1]))

    def attained(self, product: str) -> list[tuple[int, list[int]]]:
        """Return each year with the states that paths of the product take in it."""
        states = self.sets.states[product]
        return [(t, [int(k) for k in np.unique(states[:, t])]) for t in range(states.shape[1])]

    def of_plant(self, menu: Menu, start: int | None = None) -> Row:
        """Return the sum of a plant's columns, of one start year if given."""
        return pyo.quicksum(self.model.y[k] for k in menu.columns if start in (None, k[1]))


def never(club: Club) -> Row:
    """Return a row that no point meets: nothing is left to choose from."""
    return club.model.nothing >= 1.0


# --- selections ---------------------------------------------------------------------------------------------------------


def one_choice(club: Club) -> pyo.Constraint:
    """Select one border option and path per product: ``sum_op w[m,o,p] = 1`` (C7, C19)."""
    choices = club.sets.choices

    def rule(m: pyo.ConcreteModel, product: str) -> Row:
        mine = [m.w[c] for c in choices if c[0] == product]
        return pyo.quicksum(mine) == 1 if mine else never(club)

    return pyo.Constraint(club.sets.products, rule=rule)


def one_level(club: Club) -> pyo.Constraint:
    """Select one credit level per country and product: ``sum_l r[c,m,l] = 1`` (C15, C19)."""
    pairs = list(dict.fromkeys((c, m) for c, m, _ in club.sets.levels))
    return pyo.Constraint(pairs, rule=lambda m, c, p: pyo.quicksum(m.r[k] for k in club.sets.levels if k[:2] == (c, p)) == 1)


def one_start(club: Club) -> pyo.Constraint:
    """Build a project at most once, as pinned where it is: ``sum_s x[j,s] <= 1`` (C19)."""
    starts: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key in club.sets.starts:
        starts[key[0]].append(key)

    def rule(m: pyo.ConcreteModel, plant: str) -> Row:
        pinned = club.desk.fixes.get(f"built.{plant}")
        built = pyo.quicksum(m.x[k] for k in starts[plant])
        return built <= 1 if pinned is None else built == int(pinned)

    return pyo.Constraint(list(starts), rule=rule)


def one_of_group(club: Club) -> pyo.Constraint:
    """Build at most one project of an exclusive group: ``sum_js x[j,s] <= 1``."""
    groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key in club.sets.starts:
        groups[club.desk.plants[key[0]].group].append(key)
    names = [g for g, keys in groups.items() if g and len({j for j, _ in keys}) > 1]
    return pyo.Constraint(names, rule=lambda m, g: pyo.quicksum(m.x[k] for k in groups[g]) <= 1)


def column_of_build(club: Club) -> pyo.Constraint:
    """Give a built project one bankable column: ``sum_abl y[j,s,a,b,l] = x[j,s]``, and a baseline project 1 (C12, C21c, C27)."""
    menus = {menu.plant: menu for menu in club.sets.menus}
    fixed = list(club.desk.baseline.builds.items())

    def rule(m: pyo.ConcreteModel, plant: str, start: int) -> Row:
        total = club.of_plant(menus[plant], start)
        if plant in club.desk.baseline.builds:
            return total == 1 if menus[plant].columns else never(club)
        return total == m.x[plant, start]

    return pyo.Constraint([*fixed, *club.sets.starts], rule=rule)


def _by_setting(club: Club, role: int) -> Iterator[tuple[str, int]]:
    for menu in club.sets.menus:
        for index, choices in enumerate((menu.own_of, menu.feed_of)[role]):
            if choices and any(k[2 + role] == index for k in menu.columns):
                yield menu.plant, index


def _column_needs_setting(club: Club, role: int) -> pyo.Constraint:
    menus = {menu.plant: menu for menu in club.sets.menus}

    def rule(m: pyo.ConcreteModel, plant: str, index: int) -> Row:
        menu = menus[plant]
        chosen = pyo.quicksum(m.w[c] for c in (menu.own_of, menu.feed_of)[role][index])
        return pyo.quicksum(m.y[k] for k in menu.columns if k[2 + role] == index) <= chosen

    return pyo.Constraint(list(_by_setting(club, role)), rule=rule)


def column_of_own(club: Club) -> pyo.Constraint:
    """Use a column only under its own product's setting: ``sum_sbl y[j,s,a,b,l] <= sum_op->a w[m,o,p]`` (C7, C9)."""
    return _column_needs_setting(club, 0)


def column_of_feed(club: Club) -> pyo.Constraint:
    """Use a column only under its feed's setting: ``sum_sal y[j,s,a,b,l] <= sum_op->b w[f,o,p]`` (C4)."""
    return _column_needs_setting(club, 1)


def column_of_level(club: Club) -> pyo.Constraint:
    """Use a column only at the credit level of its country and product: ``sum_sab y[j,s,a,b,l] <= r[c,m,l]`` (C15)."""
    plants = club.desk.plants
    index = [(menu.plant, level) for menu in club.sets.menus for level in sorted({k[4] for k in menu.columns})]
    menus = {menu.plant: menu for menu in club.sets.menus}

    def rule(m: pyo.ConcreteModel, plant: str, level: int) -> Row:
        used = pyo.quicksum(m.y[k] for k in menus[plant].columns if k[4] == level)
        return used <= m.r[plants[plant].country, plants[plant].product, level]

    return pyo.Constraint(index, rule=rule)


# --- need, paths, security ----------------------------------------------------------------------------------------------


def _two_sided(club: Club) -> list[tuple[str, str, int, int]]:
    return [key for key, least in club.least.items() if least.two_sided]


def least_below(club: Club) -> pyo.Constraint:
    """Bound a converter's intake by its supply: ``q <= supply`` (``q <= capacity`` is q's upper bound; C8)."""
    return pyo.Constraint(_two_sided(club), rule=lambda m, *k: m.least[k] <= club.least[k].supply.at(club, k[3]))


def least_full(club: Club) -> pyo.Constraint:
    """Fill the capacity if ``h = 1``: ``q >= capacity - (capacity - low) (1 - h)``, ``low`` the least supply (C8)."""

    def rule(m: pyo.ConcreteModel, *key: Any) -> Row:
        least: Least = club.least[key]
        return m.least[key] >= least.cap - (least.cap - least.low) * (1 - m.full[key])

    return pyo.Constraint(_two_sided(club), rule=rule)


def least_all(club: Club) -> pyo.Constraint:
    """Take all supply if ``h = 0``: ``q >= supply - (high - capacity) h``, ``high`` the greatest supply (C8)."""

    def rule(m: pyo.ConcreteModel, *key: Any) -> Row:
        least: Least = club.least[key]
        return m.least[key] >= least.supply.at(club, key[3]) - (least.high - least.cap) * m.full[key]

    return pyo.Constraint(_two_sided(club), rule=rule)


def _open_years(club: Club) -> list[tuple[str, int]]:
    return [(m, t) for m in club.sets.products for t, states in club.attained(m) if len(states) > 1]


def path_low(club: Club) -> pyo.Constraint:
    """Keep need above the floor of its state: ``need[m,t] >= sum_k low[m,t,k] v[m,t,k]``, ``v`` the sum of its ``w`` (C7, C8)."""
    bounds = {m: low for m, (low, _) in club.sets.intervals.items()}
    states = {(m, t): ks for m in club.sets.products for t, ks in club.attained(m)}

    def rule(m: pyo.ConcreteModel, product: str, t: int) -> Row:
        return m.need[product, t] >= pyo.quicksum(float(bounds[product][t, k]) * club.in_state(product, t, k) for k in states[product, t])

    return pyo.Constraint(_open_years(club), rule=rule)


def path_high(club: Club) -> pyo.Constraint:
    """Keep need below the ceiling of its state: ``need[m,t] <= sum_k high[m,t,k] v[m,t,k]`` (C7, C8)."""
    bounds = {m: high for m, (_, high) in club.sets.intervals.items()}
    states = {(m, t): ks for m in club.sets.products for t, ks in club.attained(m)}

    def rule(m: pyo.ConcreteModel, product: str, t: int) -> Row:
        return m.need[product, t] <= pyo.quicksum(float(bounds[product][t, k]) * club.in_state(product, t, k) for k in states[product, t])

    return pyo.Constraint(_open_years(club), rule=rule)


def export_limit(club: Club) -> pyo.Constraint:
    """Keep net exports below ``max(share x world supply, the baseline's)``: ``-need[m,t] <= limit[m,t]`` (C8, C21a)."""
    limit = club.demands.export_limit
    moving = [(m, t) for m in club.sets.products for t in range(limit[m].size) if np.isfinite(limit[m][t])]
    varies = {m: np.ptp(club.sets.needs[m], axis=0) > 0.0 for m in club.sets.products}
    index = [(m, t) for m, t in moving if varies[m][t]]
    return pyo.Constraint(index, rule=lambda m, p, t: -m.need[p, t] <= float(limit[p][t]))


def security_target(club: Club) -> pyo.Constraint:
    """Secure a share of demand: ``core + by-products >= target x demand`` (C22).

    C22 counts by-products up to the demand that is left; with a target of at most 1 that cap never decides.
    """
    targets, demand = club.demands.targets, club.desk.market.demand
    index = [(m, int(t)) for m in targets for t in club.demands.window]

    def rule(m: pyo.ConcreteModel, product: str, t: int) -> Row:
        flow, balance = club.flows[product], club.desk.balance
        core = float(balance.existing[product][t] + balance.converter_output[product][t]) + flow.safe_refined.at(club, t)
        smelted = m.safe[product, t] if (product, t) in m.safe else flow.safe_concentrate.at(club, t)
        row = core + smelted + flow.byproducts.at(club, t) >= targets[product] * float(demand[product][t])
        if isinstance(row, bool | np.bool_):
            return pyo.Constraint.Feasible if row else never(club)
        return row

    club.model.safe = pyo.Var(_capped_smelting(club), domain=pyo.NonNegativeReals, bounds=lambda _, p, t: (0.0, float(club.desk.balance.spare[p][t])))
    return pyo.Constraint(index, rule=rule)


def _capped_smelting(club: Club) -> list[tuple[str, int]]:
    """Return targets and years in which the concentrate of plants not China-linked can exceed the spare capacity."""
    spare = club.desk.balance.spare
    return [(m, int(t)) for m in club.demands.targets for t in club.demands.window if club.flows[m].safe_concentrate.high(int(t)) > spare[m][t]]


def safe_below(club: Club) -> pyo.Constraint:
    """Count smelted concentrate up to its supply: ``q <= supply`` (``q <= spare capacity`` is q's bound; C22)."""
    return pyo.Constraint(_capped_smelting(club), rule=lambda m, p, t: m.safe[p, t] <= club.flows[p].safe_concentrate.at(club, t))


def china_cap(club: Club) -> pyo.Constraint:
    """Cap the tonnes that must come from China: ``need[m,t] - A[m,t] <= cap`` (C22)."""
    caps, reach = club.demands.china_caps, club.desk.market.availability
    index = [(m, int(t)) for m in caps for t in club.demands.window]

    def rule(m: pyo.ConcreteModel, product: str, t: int) -> Row:
        row = m.need[product, t] <= caps[product] + float(reach[product][t])
        return row if np.ptp(club.sets.needs[product][:, t]) > 0.0 else _decided(club, product, t, caps[product] + float(reach[product][t]))

    return pyo.Constraint(index, rule=rule)


def _decided(club: Club, product: str, t: int, most: float) -> Row:
    return pyo.Constraint.Feasible if club.sets.needs[product][0, t] <= most else never(club)


# --- users --------------------------------------------------------------------------------------------------------------


def users_basket(club: Club) -> pyo.Constraint:
    """Cap the rise of a member's basket: ``sum_mop burden[m,o,p,c] w[m,o,p] <= cap x basket[c]``, musd PV (C23)."""
    users = club.desk.users
    burden = {c: users.burden(c[0], club.sets.setting(c)) for c in club.sets.choices}
    members = [k for k in range(3) if np.isfinite(club.limits.basket[k])]

    def rule(m: pyo.ConcreteModel, country: str) -> Row:
        k = COUNTRIES.index(country)
        return pyo.quicksum(float(b[k]) * m.w[c] for c, b in burden.items()) <= float(club.limits.basket[k])

    return pyo.Constraint([COUNTRIES[k] for k in members], rule=rule)


ROWS: tuple[Rows, ...] = (
    one_choice,
    one_level,
    one_start,
    one_of_group,
    column_of_build,
    column_of_own,
    column_of_feed,
    column_of_level,
    least_below,
    least_full,
    least_all,
    path_low,
    path_high,
    export_limit,
    security_target,
    safe_below,
    china_cap,
    users_basket,
)
