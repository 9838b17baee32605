"""The peer of the plan formulation: the club's problem written down directly, as one nonconvex program for SCIP.

Tariffs, states, builds, contracts, credits and strikes are variables, and so is every term of a contract's payoff:
``K - p = short - over`` with at most one of the two above zero (C14). Strikes are continuous here and of three digits in
minclub, so SCIP's optimum may lie a little lower. Only instances without feed, concentrates, idling and decks can be written
this way in a page (``check`` says so); their rules are those of the conventions otherwise. Prices are in units of the
long-run price, money in musd.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyscipopt import Model, quicksum

from minclub.models.clusters import read_demands
from minclub.models.columns import strike_bounds
from minclub.models.lending import main_share
from minclub.models.market import COUNTRIES
from minclub.models.master import read_limits
from minclub.models.projects import start_years
from minclub.models.welfare import discount

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from minclub.models.cashflow import Site
    from minclub.models.desk import Desk
    from minclub.models.projects import Plant

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class DirectOutcome:
    """What SCIP proved: status in its words, incumbent and bound (musd, infinite if there is none), and the decisions."""

    status: str
    objective: float
    bound: float
    variables: int
    constraints: int
    decisions: dict[str, Any] | None


def check(desk: Desk) -> None:
    """Raise ``ValueError`` if the instance uses rules that the direct model does not state."""
    plants, rules = desk.plants.values(), desk.rules
    wrong = {
        "feed, concentrates or converters": any(p.feed_product or not p.refined for p in plants) or len(desk.instance.converters) > 0,
        "the tests of tail or lender": rules.tail or rules.lender,
        "the cap on stacked aid": rules.stack,
        "the band": bool(desk.instance.settings["switches.band"]),
        "closed contracts": bool(desk.closed_contracts),
        "idle years": desk.outlooks.care_share < 1.0,
        "a hurdle that depends on the strike": any(p.terms.specialty_addon for p in plants),
        "delayed starts": any(len(start_years(desk.instance, p)) > 1 for p in plants),
        "caps on outlay": bool(np.isfinite(read_limits(desk).outlay).any() or math.isfinite(read_limits(desk).worst)),
        "users' weight": read_limits(desk).user_weight > 0.0,
        "grants, loans, offtake or a choice of g": any(any(level.variant) for level in desk.offer.levels),
        "reference prices": bool(desk.instance.settings["instruments.reference_price"]),
        "standards": desk.instance.settings["standards.tier"] != "none",
        "a reserve or tariff lines": any(name.startswith(("reserve.cover.", "lines.")) for name in desk.instance.settings),
    }
    found = [name for name, present in wrong.items() if present]
    if found:
        raise ValueError(f"the direct model does not state {', '.join(found)}")


def solve_direct(desk: Desk, gap: float = 1e-3, time_limit: float = 120.0) -> DirectOutcome:
    """Write the direct model of an instance and give it to SCIP with one thread.

    Args:
        desk: the instance with its baseline.
        gap: relative gap to prove.
        time_limit: wall seconds, writing the model included.

    Raises:
        ValueError: the instance is outside what the direct model states.
    """
    check(desk)
    start = time.perf_counter()
    direct = Direct(desk)
    model = direct.model
    model.hideOutput()
    model.setParam("timing/clocktype", 2)
    model.setParam("limits/time", max(1.0, time_limit - (time.perf_counter() - start)))
    model.setParam("limits/gap", gap)
    model.optimize()
    found = model.getNSols() > 0
    return DirectOutcome(
        status=str(model.getStatus()),
        objective=float(model.getObjVal()) if found else math.inf,
        bound=float(model.getDualbound()),
        variables=int(model.getNVars(transformed=False)),
        constraints=int(model.getNConss(transformed=False)),
        decisions=direct.decisions() if found else None,
    )


class Direct:
    """One instance's direct model."""

    def __init__(self, desk: Desk) -> None:
        """Write the whole model."""
        self.desk, self.model = desk, Model("direct")
        self.limits, self.demands = read_limits(desk), read_demands(desk.balance, desk.baseline)
        self.years, self.scenarios = desk.market.years.size, desk.market.scenarios.count
        self.factor = discount(self.years, desk.public_rate)
        built = desk.baseline.builds
        starts = {p.id: start_years(desk.instance, p) for p in desk.plants.values() if p.available and p.id not in built}
        taken = {desk.plants[k].group for k in built} - {""}
        self.starts = {k: s[0] for k, s in starts.items() if s and desk.plants[k].group not in taken}
        law = desk.law_settings()
        self.sites: dict[str, Site] = {k: desk.outlooks.site(desk.plants[k], s, law) for k, s in {**built, **self.starts}.items()}
        self.options = {m: desk.borders(m) for m in desk.market.products}
        self.option: dict[tuple[str, int], Any] = {}
        self.part: dict[tuple[str, int, int, int], Any] = {}
        self.build: dict[str, Any] = {}
        self.held: dict[str, Any] = {}
        self.strike: dict[str, Any] = {}
        self.level: dict[tuple[str, str, int], Any] = {}
        self.costs: list[Any] = []
        self.scenario_costs: list[list[Any]] = [[] for _ in range(self.scenarios)]
        self._choose()
        for product in self.options:
            self._states(product)
            self._security(product)
        self._users()
        for key in self.starts:
            self._candidate(key)
        for key in built:
            self._existing(key)
        self._objective()

    # --- choices and states -----------------------------------------------------------------------------------------

    def _choose(self) -> None:
        """Add builds, one border option per product and one credit level per country and product (C6, C15, C19)."""
        model, desk = self.model, self.desk
        for m, options in self.options.items():
            for o in range(len(options)):
                self.option[m, o] = model.addVar(vtype="B")
            model.addCons(quicksum(self.option[m, o] for o in range(len(options))) == 1)
        groups: dict[str, list[Any]] = {}
        for key in self.starts:
            self.build[key] = model.addVar(vtype="B")
            groups.setdefault(desk.plants[key].group or key, []).append(self.build[key])
        for members in groups.values():
            model.addCons(quicksum(members) <= 1)
        for c, m in sorted({(p.country, p.product) for p in (desk.plants[k] for k in self.sites)}):
            allowed = np.flatnonzero(desk.offered(c, m))
            for level in allowed:
                self.level[c, m, int(level)] = model.addVar(vtype="B")
            model.addCons(quicksum(self.level[c, m, int(level)] for level in allowed) == 1)

    def need(self, product: str, t: int) -> Any:
        """Return ``demand - existing - refined sales`` of a product and year, t (C8)."""
        balance, base = self.desk.balance, self.desk.baseline.needs[product][t]
        return float(base) - quicksum(
            float(balance.tonnes(key, s).refined[t]) * self.build[key] for key, s in self.starts.items() if self.desk.plants[key].product == product
        )

    def _states(self, product: str) -> None:
        """Read the state of every year off the need, and cap net exports (C7, C8, C21a)."""
        model, market = self.model, self.desk.market
        reach = market.availability[product]
        most = sum(self.desk.balance.tonnes(k, s).refined for k, s in self.starts.items() if self.desk.plants[k].product == product)
        high = self.desk.baseline.needs[product]
        low = high - most
        for t in range(self.years):
            edges = [min(low[t], 0.0), 0.0, market.fill * reach[t], reach[t], max(high[t], reach[t])]
            state = [model.addVar(vtype="B") for _ in range(4)]
            need = self.need(product, t)
            model.addCons(quicksum(state) == 1)
            model.addCons(need >= quicksum(float(edges[k]) * state[k] for k in range(4)))
            model.addCons(need <= quicksum(float(edges[k + 1]) * state[k] for k in range(4)))
            limit = self.demands.export_limit[product][t]
            if np.isfinite(limit):
                model.addCons(-need <= float(limit))
            for o in range(len(self.options[product])):
                for k in range(4):
                    self.part[product, o, t, k] = model.addVar(lb=0.0, ub=1.0)
                    model.addCons(self.part[product, o, t, k] == self.option[product, o] * state[k])

    def along(self, product: str, tables: list[Array], t: int) -> Any:
        """Return the entry of the year's state and the chosen option: one table ``(T, 4)`` per option."""
        return quicksum(float(table[t, k]) * self.part[product, o, t, k] for o, table in enumerate(tables) for k in range(4))

    def _security(self, product: str) -> None:
        """Secure a share of demand in the years of the target (C22)."""
        desk, target = self.desk, self.demands.targets.get(product)
        if target is None:
            return
        secured = desk.balance.secured_all(desk.baseline.builds)[product]
        for t in (int(t) for t in self.demands.window):
            added = []
            for key, start in self.starts.items():
                made = desk.balance.tonnes(key, start)
                tonnes = sum(float(x[t]) for m, x in made.byproducts if m == product)
                if desk.plants[key].product == product and not desk.plants[key].china_linked:
                    tonnes += float(made.refined[t])
                added.append(tonnes * self.build[key])
            self.model.addCons(float(secured[t]) + quicksum(added) >= target * float(desk.market.demand[product][t]))

    def _users(self) -> None:
        """Cap the rise of each product's price and of each member's basket (C23)."""
        users, market = self.desk.users, self.desk.market
        baskets: dict[str, list[Any]] = {c: [] for c in COUNTRIES}
        for m, options in self.options.items():
            burdens = []
            for k, c in enumerate(COUNTRIES):
                weight = users.factor * users.window * market.direct[m][c] / 1e6
                tables = [market.prices(m, option, c).mean(axis=2) for option in options]
                paid = quicksum(float(weight[t]) * self.along(m, tables, int(t)) for t in np.flatnonzero(weight))
                burdens.append(paid - float(users.baseline_cost[m][k]))
                baskets[c].append(burdens[-1])
            total = float(users.baseline_cost[m].sum())
            if total > 0.0 and math.isfinite(users.product_cap):
                self.model.addCons(quicksum(burdens) <= users.product_cap * total)
        if math.isfinite(users.basket_cap):
            for k, c in enumerate(COUNTRIES):
                self.model.addCons(quicksum(baskets[c]) <= users.basket_cap * float(users.basket[k]))

    # --- projects ---------------------------------------------------------------------------------------------------

    def _rates(self, plant: Plant, kind: str) -> Any:
        """Return the club's increment for a plant as an expression (C15)."""
        keys = [k for k in self.level if k[:2] == (plant.country, plant.product)]
        return quicksum(getattr(self.desk.offer.levels[k[2]], kind) * self.level[k] for k in keys)

    def _price(self, plant: Plant, year: int, scenario: int) -> Any:
        """Return a producer's price over the long-run price (C7, C9)."""
        market, level = self.desk.market, self.desk.market.long_run[plant.product]
        tables = [market.producer_prices(plant.product, option)[:, :, scenario] / level for option in self.options[plant.product]]
        return self.along(plant.product, tables, year)

    def _unaided(self, site: Site, prices: dict[tuple[int, int], Any], club: bool) -> Any:
        """Return expected NPV at the C12a rate without a contract, musd, with the club's credits or with the law's alone."""
        plant, cal, law = site.plant, site.calendar, self.desk.law[site.plant.country, site.plant.product]
        rate = 1.0 + plant.terms.hurdle
        early, late = rate ** -cal.build.astype(float), rate ** -cal.operate.astype(float)
        level = self.desk.market.long_run[plant.product]
        sales = site.payable * (1.0 - plant.royalty) * level / 1e6
        itc = plant.itc_share * cal.capital
        ptc = plant.ptc_share * site.cost[:, 0]
        fixed = (early * (itc * law.itc[cal.build] - cal.capital)).sum()
        other = site.after_tax_share * (site.byproduct_revenue.mean(axis=1) - site.cost[:, 0]) + site.fixed + ptc * law.ptc[cal.operate]
        fixed += (late * (other - site.shield_lost * (itc * law.itc[cal.build]).sum())).sum()
        earned = quicksum(
            float(late[n] * site.after_tax_share * sales[n] / self.scenarios) * prices[n, s] for n in range(cal.operate.size) for s in range(self.scenarios)
        )
        if not club:
            return float(fixed) + earned
        per_itc = float((early * itc).sum() - (late * site.shield_lost).sum() * itc.sum())
        return float(fixed) + earned + per_itc * self._rates(plant, "itc") + float((late * ptc).sum()) * self._rates(plant, "ptc")

    def _prices(self, site: Site) -> dict[tuple[int, int], Any]:
        """Add the selling price of every operating year and scenario as a variable, over the long-run price."""
        found = {}
        for n, year in enumerate(site.calendar.operate):
            for s in range(self.scenarios):
                found[n, s] = self.model.addVar(lb=0.0, ub=None)
                self.model.addCons(found[n, s] == self._price(site.plant, int(year), s))
        return found

    def _candidate(self, key: str) -> None:
        """Add a candidate: contract, strike, payoff terms, C12a with and without the contract, public cost (C12 to C15, C24)."""
        model, site, plant = self.model, self.sites[key], self.desk.plants[key]
        prices = self._prices(site)
        self.held[key] = held = model.addVar(vtype="B")
        built, level = self.build[key], self.desk.market.long_run[plant.product]
        low, high = (bound / level for bound in strike_bounds(site, self.desk.offer))
        self.strike[key] = strike = model.addVar(lb=0.0, ub=high)
        model.addCons(held <= (built if high >= low and main_share(plant, self.desk.market.long_run) >= self.desk.rules.main_share_min else 0))
        model.addCons(strike >= low * held)
        paid = self._payments(site, prices, strike, held)
        unaided = self._unaided(site, prices, club=True)
        late = (1.0 + plant.terms.hurdle) ** -site.calendar.operate.astype(float)
        helped = unaided + quicksum(float(late[n] * site.after_tax_share / self.scenarios) * pay for (n, _), pay in paid.items())
        model.addCons(built * helped >= 0.0)
        model.addCons(held * unaided <= 0.0)
        self._cost(site, paid, held)

    def _payments(self, site: Site, prices: dict[tuple[int, int], Any], strike: Any, held: Any) -> dict[tuple[int, int], Any]:
        """Add the payoff terms of each tenor year and scenario, musd: ``held x share x tonnes x (short - g over)`` (C14)."""
        model, terms = self.model, self.desk.offer.contract
        level = self.desk.market.long_run[site.plant.product]
        paid = {}
        for n in range(min(terms.tenor_years, site.calendar.operate.size)):
            tonnes = terms.share * float(site.payable[n]) * level / 1e6
            for s in range(self.scenarios):
                short, over = model.addVar(lb=0.0), model.addVar(lb=0.0)
                model.addCons(strike - prices[n, s] == short - over)
                model.addConsSOS1([short, over])
                paid[n, s] = model.addVar(lb=None)
                model.addCons(paid[n, s] == tonnes * held * (short - terms.upside_share * over))
        return paid

    def _cost(self, site: Site, paid: dict[tuple[int, int], Any], held: Any) -> None:
        """Add booked and scenario cost of a candidate's contract and credits, PV musd (C24)."""
        model, cal = self.model, site.calendar
        net = [quicksum(float(self.factor[cal.operate[n]]) * pay for (n, z), pay in paid.items() if z == s) for s in range(self.scenarios)]
        booked = model.addVar(lb=0.0)
        model.addCons(booked >= quicksum(net) * (1.0 / self.scenarios))
        for s in range(self.scenarios):
            loss = model.addVar(lb=0.0)
            model.addCons(loss >= net[s])
            self.scenario_costs[s].append(loss)
        law = self.desk.law[site.plant.country, site.plant.product]
        per_itc, per_ptc = self._credit_base(site)
        of_law = float((per_itc * law.itc[cal.build]).sum() + (per_ptc * law.ptc[cal.operate]).sum())
        credits = model.addVar(lb=0.0)
        increments = float(per_itc.sum()) * self._rates(site.plant, "itc") + float(per_ptc.sum()) * self._rates(site.plant, "ptc")
        model.addCons(credits == self.build[site.plant.id] * increments + of_law * held)
        self.costs += [booked, credits]
        for s in range(self.scenarios):
            self.scenario_costs[s].append(credits)

    def _credit_base(self, site: Site) -> tuple[Array, Array]:
        """Return the PV of what one unit of the two credits pays, by build and by operating year, musd (C15)."""
        cal, plant = site.calendar, site.plant
        return self.factor[cal.build] * plant.itc_share * cal.capital, self.factor[cal.operate] * plant.ptc_share * site.cost[:, 0]

    def _existing(self, key: str) -> None:
        """Charge the increments that a baseline project draws and keep an unaided one bankable (C15, C21c, C24)."""
        site, plant = self.sites[key], self.desk.plants[key]
        per_itc, per_ptc = self._credit_base(site)
        credits = float(per_itc.sum()) * self._rates(plant, "itc") + float(per_ptc.sum()) * self._rates(plant, "ptc")
        self.costs.append(credits)
        for s in range(self.scenarios):
            self.scenario_costs[s].append(credits)
        if key in self.desk.guarded[plant.product]:
            self.model.addCons(self._unaided(site, self._prices(site), club=False) >= 0.0)

    def _objective(self) -> None:
        """Minimise booked cost plus the weighted mean of the worst scenarios (C26)."""
        model, weight = self.model, self.limits.cvar_weight
        level = model.addVar(lb=None)
        beyond = [model.addVar(lb=0.0) for _ in range(self.scenarios)]
        for s in range(self.scenarios):
            model.addCons(beyond[s] >= quicksum(self.scenario_costs[s]) - level)
        tail = level + quicksum(beyond) * (1.0 / (self.limits.cvar_alpha * self.scenarios))
        model.setObjective(quicksum(self.costs) + weight * tail, "minimize")

    def decisions(self) -> dict[str, Any]:
        """Return the incumbent's decisions in the form that ``evaluate`` reads; strikes are not yet rounded."""
        value, desk, terms = self.model.getVal, self.desk, self.desk.offer.contract
        tariffs = []
        for (m, o), variable in self.option.items():
            if value(variable) > 0.5:
                border = self.options[m][o]
                tariffs += [{"product": m, "node": "market", "rate": border.market}, {"product": m, "node": "china_linked", "rate": border.china}]
        contracts = [
            {
                "project": key,
                "strike_usd_per_t": value(self.strike[key]) * desk.market.long_run[desk.plants[key].product],
                "share": terms.share,
                "tenor_years": terms.tenor_years,
                "upside_share": terms.upside_share,
            }
            for key, held in self.held.items()
            if value(held) > 0.5
        ]
        levels = [(c, m, desk.offer.levels[level]) for (c, m, level), variable in self.level.items() if value(variable) > 0.5]
        credits = [{"country": c, "product": m, "itc_rate": level.itc, "ptc_rate": level.ptc} for c, m, level in levels if level.itc or level.ptc]
        projects = [{"project": key, "built": 1} for key, built in self.build.items() if value(built) > 0.5]
        return {"tariffs": tariffs, "contracts": contracts, "credits": credits, "projects": projects}
