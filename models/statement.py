"""The statement of a given design: what every project earns and what every member pays (C12, C22 to C26)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .bankability import Tests
from .baseline import dump_exposed
from .cashflow import Site, credit_flows
from .decisions import Contract, Decisions
from .finance import irr
from .market import COUNTRIES
from .master import funding_shares, read_limits, tail_measure
from .outlooks import Setting
from .projects import start_years
from .regimes import encode
from .subsidies import NO_CREDIT
from .welfare import Cost, project_cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .desk import Desk
    from .projects import Plant
    from .subsidies import CreditLevel

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tested:
    """C12 of one project with or without support; covers and the dump cover are None where there is no loan or deck."""

    npv: float
    irr: float
    cvar: float
    bank_cover: float | None
    bank_required: float
    downside_cover: float | None
    dump_cover: float | None
    passes: bool


class Statement:
    """All numbers of one design on one instance, computed on demand."""

    def __init__(self, desk: Desk, decisions: Decisions, *, club: bool = True) -> None:
        """Find the path that the builds imply; without the ``club`` there is neither its standard nor its reserve."""
        self.desk, self.decisions = desk, decisions
        self.plants = desk.plants if club else desk.unbound
        self.builds = dict(desk.baseline.builds) | dict(decisions.builds)
        self.needs = desk.balance.needs(self.builds)
        self.reserve = {m: int(desk.reserve.rung(m, self.needs[m])) for m in desk.reserve.cover} if club else {}
        self.secured = desk.balance.secured_all(self.builds)
        self.paths = {m: desk.balance.states(m, need) for m, need in self.needs.items()}
        self.settings = {m: Setting(decisions.border(m), encode(p)) for m, p in self.paths.items()}
        self.shares = funding_shares(desk)

    # --- projects ---------------------------------------------------------------------------------------------------

    def start(self, plant: Plant) -> int | None:
        """Return the start year: as built, else the earliest on the ladder, else None."""
        if plant.id in self.builds:
            return self.builds[plant.id]
        starts = start_years(self.desk.instance, plant)
        return starts[0] if starts else None

    def contract(self, plant_id: str) -> Contract | None:
        """Return the contract that a plant holds: the design's, else the closed one of the baseline."""
        return self.decisions.contracts.get(plant_id) or self.desk.closed_contracts.get(plant_id)

    def site(self, plant: Plant, start: int, *, support: bool = True) -> Site:
        """Return a plant's site under the design, with the club's aid or without (C15, C17)."""
        site = self.desk.outlooks.site(plant, start, self.settings)
        level = self.decisions.credit(plant.country, plant.product)
        bought = level if plant.id in self.builds else replace(level, offtake=0.0)
        return replace(site, aid=self.desk.aid(site, bought)) if support else site

    def tested(self, plant: Plant, *, support: bool) -> Tested | None:
        """Run C12 on a plant with the design's contract and credits, or with the law's credits alone."""
        start = self.start(plant)
        if start is None:
            return None
        desk, site = self.desk, self.site(plant, start, support=support)
        law = desk.law[plant.country, plant.product]
        level = self.decisions.credit(plant.country, plant.product) if support else NO_CREDIT
        itc, ptc = level.itc, level.ptc
        held = self.contract(plant.id) if support and plant.id in self.builds else None
        strikes = np.array([held.strike]) if held else None
        dump = dump_exposed(desk.market, plant.product)
        tests = Tests(site, law, desk.rules, desk.market.long_run, dump, held.terms if held else None, strikes)
        decks = tests.decks
        debt = decks.loan(itc).principal > 0.0
        return Tested(
            npv=float(tests.value(itc, ptc)[0]),
            irr=expected_irr(tests, itc, ptc),
            cvar=float(tests.tail(itc, ptc)[0]),
            bank_cover=float(decks.bank_cover(itc, ptc)[0]) if debt else None,
            bank_required=float(decks.bank_required()[0]),
            downside_cover=float(decks.downside_cover(itc, ptc)[0]) if debt else None,
            dump_cover=float(decks.dump_cover(itc, ptc)[0]) if debt and dump else None,
            passes=bool(tests.passes(itc, ptc)[0]),
        )

    def running(self, plant_id: str) -> NDArray[np.bool_]:
        """Say in which operating years and scenarios a built plant runs, contract included, ``(n, S)`` (C10)."""
        site, held = self.site(self.plants[plant_id], self.builds[plant_id]), self.contract(plant_id)
        active = site.merchant.active[0].copy()
        if held is not None:
            rows = held.terms.covered(active.shape[0])
            active[rows] = site.runs(rows, np.array([held.strike]), held.terms)[0]
        return active

    def rent(self, plant_id: str) -> float:
        """Return PV of expected net payments above those at the project's own least strike, musd (C14)."""
        held, desk, plant = self.decisions.contracts[plant_id], self.desk, self.plants[plant_id]
        if desk.instance.settings["contract.strike_by"] != "class" or plant_id in desk.baseline.builds:
            return 0.0
        made = desk.family(plant_id, self.builds[plant_id], self.settings)
        level = desk.offer.levels.index(self.decisions.credit(plant.country, plant.product))
        least = replace(held, strike=float(made.strike[level]))
        site, credit = self.site(plant, self.builds[plant_id]), self.decisions.credit(plant.country, plant.product)
        paid = [self._cost(site, plant, credit, contract) for contract in (held, least)]
        flow = [(c.payments - c.receipts) @ desk.users.factor for c in paid]
        return float(flow[0] - flow[1])

    # --- public cost ------------------------------------------------------------------------------------------------

    def project_cost(self, plant_id: str) -> Cost:
        """Return the public cost of a built plant, increments over the baseline (C24)."""
        desk, plant = self.desk, self.plants[plant_id]
        site = self.site(plant, self.builds[plant_id])
        level = self.decisions.credit(plant.country, plant.product)
        held = self.decisions.contracts.get(plant_id)
        if held is None and plant_id in desk.closed_contracts:
            return desk.baseline_change(plant_id, self.settings, level)
        return self._cost(site, plant, level, held)

    def _cost(self, site: Site, plant: Plant, level: CreditLevel, held: Contract | None) -> Cost:
        law = self.desk.law[plant.country, plant.product]
        if held is None:
            return project_cost(site, law, level, self.desk.public_rate).pick(0)
        strikes = np.array([held.strike])
        return project_cost(site, law, level, self.desk.public_rate, held.terms, strikes).pick(0)

    @cached_property
    def costs(self) -> dict[str, Cost]:
        """Return the public cost of every built plant."""
        return {key: self.project_cost(key) for key in self.builds}

    def member_cost(self, country: str) -> Cost:
        """Return the public cost of the projects that a member hosts."""
        horizon, scenarios = next(iter(self.desk.market.market.values())).shape
        total = Cost.none(horizon, scenarios)
        for key, cost in self.costs.items():
            if self.plants[key].country == country:
                total = total + cost
        return total

    @cached_property
    def member_costs(self) -> tuple[Cost, ...]:
        """Return the public cost that each member bears, hosted or pooled (C24)."""
        hosted, quotas = [self.member_cost(c) for c in COUNTRIES], self.desk.reserve.shares
        joint = hosted[0] + hosted[1] + hosted[2] + self.reserve_cost
        own = [c.borne(1.0, 0.0) for c in hosted] if self.shares is None else [joint.borne(float(share), 0.0) for share in self.shares]
        return tuple(mine + joint.borne(0.0, float(quota)) for mine, quota in zip(own, quotas, strict=True))

    @cached_property
    def reserve_cost(self) -> Cost:
        """Return the carry of the reserve (C17)."""
        desk = self.desk
        total = Cost.none(*next(iter(desk.market.market.values())).shape)
        for m, rung in self.reserve.items():
            total = total + desk.reserve.cost(m, rung, desk.users.factor)
        return total

    @cached_property
    def revenue_gain(self) -> Array:
        """Return the increase of expected border revenue by member and year, musd, ``(3, T)``."""
        desk = self.desk
        total = np.zeros((3, desk.market.years.size))
        for m, need in self.needs.items():
            share = desk.balance.member_shares(m, desk.balance.feed_by_member(m, self.builds))
            total += desk.revenue(m, self.decisions.border(m)).of(need, share) - desk.baseline_revenue(m)
        return total

    @cached_property
    def total(self) -> Cost:
        """Return the public cost of the three members together."""
        return sum((self.member_cost(c) for c in COUNTRIES), self.reserve_cost)

    @property
    def cvar_cost(self) -> float:
        """Return the CVaR of scenario cost, PV musd (C26)."""
        scenario = self.total.scenario
        return float(scenario @ tail_measure(scenario, self.desk.rules.tail_alpha))

    @property
    def worst_outlay(self) -> float:
        """Return the mean PV outlay of the worst 5% of scenarios, musd (C26)."""
        outlay = self.total.scenario_outlay
        return float(outlay @ tail_measure(outlay, read_limits(self.desk).worst_share))

    @cached_property
    def users_loss(self) -> Array:
        """Return users' loss by member, PV musd, ``(3,)`` (C25)."""
        return np.sum([self.desk.users.loss(m, s) for m, s in self.settings.items()], axis=0)

    @property
    def objective(self) -> float:
        """Return C26's objective, musd."""
        limits = read_limits(self.desk)
        net_loss = float(self.users_loss.sum() - self.revenue_gain.sum(axis=0) @ self.desk.users.factor)
        return float(self.total.booked) + limits.cvar_weight * self.cvar_cost + limits.user_weight * net_loss


def expected_irr(tests: Tests, itc: float, ptc: float) -> float:
    """Return the IRR of expected unlevered after-tax real flows; nan if there is none."""
    site, cal = tests.site, tests.site.calendar
    margin, cost = tests.expected
    credit, rate = credit_flows(site, tests.law.itc + itc, tests.law.ptc + ptc)
    flow = site.after_tax_share * margin[:, 0] + rate * cost[:, 0] + site.fixed - site.shield_lost * credit.sum()
    flows = np.zeros(site.outlook.price.shape[0])
    flows[cal.operate] += flow
    flows[cal.build] += credit - cal.capital
    used = np.flatnonzero(flows)
    return float(irr(flows[used[0] : used[-1] + 1])) if used.size else float("nan")

