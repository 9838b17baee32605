"""What each member gains or loses against the baseline (C25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .cashflow import credit_flows
from .decisions import Decisions
from .market import COUNTRIES
from .statement import Statement
from .subsidies import credits_at
from .welfare import discount

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cashflow import Site
    from .desk import Desk

    Array = NDArray[np.float64]

PARTS = ("producers", "users", "importers", "treasury", "security")


class Account:
    """One built plant's real flows at world prices and its transfers, PV musd (C25)."""

    def __init__(self, statement: Statement, plant_id: str) -> None:
        """Run the plant's operating years under the design."""
        desk = statement.desk
        self.desk, self.plant = desk, statement.plants[plant_id]
        self.site = statement.site(self.plant, statement.builds[plant_id])
        level = statement.decisions.credit(self.plant.country, self.plant.product)
        self.itc, self.ptc = credits_at(desk.law[self.plant.country, self.plant.product], level)
        self.held = statement.contract(plant_id)
        self.factor = discount(desk.market.years.size, desk.public_rate)
        site, count = self.site, self.site.calendar.operate.size
        self.margin, self.active = site.merchant.margin[0].copy(), site.merchant.active[0].copy()
        self.payment = np.zeros_like(self.margin)
        if self.held is not None:
            rows = self.held.terms.covered(count)
            run = site.operate(rows, np.array([self.held.strike]), self.held.terms)
            self.margin[rows], self.active[rows], self.payment[rows] = run.margin[0], run.active[0], run.payment[0]

    @property
    def royalty(self) -> Array:
        """Return royalties, musd, ``(n, S)``."""
        site = self.site
        sales = site.payable[:, None] / 1e6 * site.price
        return np.where(self.active, self.plant.royalty * sales, 0.0)

    def world_operation(self) -> Array:
        """Return sales less cost at world prices, less care cost in idle years, musd, ``(n, S)``."""
        market, site = self.desk.market, self.site
        world = {m: market.market[m] for m in market.products}
        sales = site.payable[:, None] / 1e6 * world[self.plant.product][site.calendar.operate]
        cost = _cost_at(site, world)
        return np.where(self.active, sales + _byproducts_at(site, world) - cost, -site.care_share * cost)

    def real_npv(self) -> float:
        """Return the NPV of real flows at world prices at the C12 rate without a contract, musd."""
        terms, cal = self.plant.terms, self.site.calendar
        rate = terms.hurdle + terms.specialty_addon
        factor = discount(self.desk.market.years.size, rate)
        flow = self.world_operation().mean(axis=1) - cal.sustaining - cal.expansion
        return float((factor[cal.operate] * flow).sum() - (factor[cal.build] * cal.capital).sum())

    def taxes(self) -> float:
        """Return PV of duty, income tax and royalties at the public rate, musd (C11)."""
        site, cal, terms = self.site, self.site.calendar, self.plant.terms
        credit, _ = credit_flows(site, self.itc, self.ptc)
        base = self.margin.mean(axis=1) - cal.sustaining
        shield = cal.depreciation - credit.sum() * cal.write_off
        duty = terms.duty * base
        yearly = duty + terms.income_tax * (base - duty - shield) + self.royalty.mean(axis=1)
        return float((self.factor[cal.operate] * yearly).sum())

    def credits(self) -> float:
        """Return PV of all credits drawn at the public rate, law and club, musd."""
        site, cal = self.site, self.site.calendar
        credit, rate = credit_flows(site, self.itc, self.ptc)
        drawn = (self.active * site.cost).mean(axis=1) * rate
        loan = self.factor[cal.operate[0]] * float(site.loan_subsidy(credit.sum()))
        return float((self.factor[cal.build] * credit).sum() + (self.factor[cal.operate] * drawn).sum()) + loan

    def uplift(self) -> float:
        """Return PV at the public rate of domestic over world prices on sales, by-products and feed, musd."""
        before_receipts = self.margin - self.payment + self.royalty - np.where(self.active, self.site.offtake, 0.0)
        gain = before_receipts - self.world_operation()
        return float((self.factor[self.site.calendar.operate] * gain.mean(axis=1)).sum())

    def receipts(self) -> float:
        """Return PV at the public rate of net receipts from the contract and from offtake, musd."""
        bought = np.where(self.active, self.site.offtake, 0.0)
        return float((self.factor[self.site.calendar.operate] * (self.payment + bought).mean(axis=1)).sum())


def _cost_at(site: Site, world: dict[str, Array]) -> Array:
    plant, cal = site.plant, site.calendar
    unit = np.full((cal.operate.size, 1), plant.opex)
    if plant.feed_product:
        unit = unit + plant.feed_tonnes * plant.feed_factor * world[plant.feed_product][cal.operate]
    return cal.output[:, None] * unit / 1e6


def _byproducts_at(site: Site, world: dict[str, Array]) -> Array:
    cal = site.calendar
    total = np.zeros((cal.operate.size, 1))
    for stream in site.plant.byproducts:
        tonnes = (stream.tonnes * stream.payability * cal.ramp)[:, None] / 1e6
        total = total + tonnes * (world[stream.product][cal.operate] if stream.listed else stream.price_usd_per_t)
    return total


class Ledger:
    """Producers, taxes and price uplift of one world (the design or the baseline), PV musd by member."""

    def __init__(self, statement: Statement) -> None:
        """Add up the accounts of all built plants and of existing supply."""
        self.statement, desk = statement, statement.desk
        self.producers, self.taxes, self.credits = np.zeros(3), np.zeros(3), np.zeros(3)
        self.producer_uplift = 0.0
        factor = desk.users.factor
        for key in statement.builds:
            account = Account(statement, key)
            k = COUNTRIES.index(account.plant.country)
            tax, uplift, credit = account.taxes(), account.uplift(), account.credits()
            self.taxes[k] += tax
            self.producer_uplift += uplift
            self.credits[k] += credit
            self.producers[k] += account.real_npv() + uplift + account.receipts() + credit - tax
        for m, setting in statement.settings.items():
            price = desk.market.producer_prices_along(m, setting.border, statement.paths[m])
            gain = float((factor * (price - desk.market.market[m]).mean(axis=1)).sum()) / 1e6
            for k, c in enumerate(COUNTRIES):
                existing = float(desk.market.facts[m][f"existing_refined_t_{c.lower()}"])
                self.producers[k] += gain * existing
                self.producer_uplift += gain * existing

    def users_uplift(self) -> Array:
        """Return what users pay above world prices at base demand, PV musd, ``(3,)``."""
        desk, total = self.statement.desk, np.zeros(3)
        for m, setting in self.statement.settings.items():
            for k, c in enumerate(COUNTRIES):
                price = desk.market.prices_along(m, setting.border, c, self.statement.paths[m])
                above = (price - desk.market.market[m]).mean(axis=1)
                total[k] += float((desk.users.factor * above * desk.market.stated[m][c]).sum()) / 1e6
        return total

    def shortage(self) -> Array:
        """Return the value of missing tonnes, PV musd, ``(3,)``."""
        market, total = self.statement.desk.market, np.zeros(3)
        for m, need in self.statement.needs.items():
            missing = np.maximum(0.0, need - market.fill * market.availability[m])
            if m in self.statement.reserve:
                missing = np.maximum(0.0, missing - self.statement.desk.reserve.stock(m, self.statement.reserve[m]))
            missing = missing * market.restricted[m].mean(axis=1)
            value = float(market.facts[m]["voll_usd_per_t"]) / 1e6
            for k, c in enumerate(COUNTRIES):
                share = market.stated[m][c] / np.maximum(market.demand[m], 1e-300)
                total[k] += value * float((self.statement.desk.users.factor * missing * share).sum())
        return total


def payoffs(desk: Desk, statement: Statement) -> dict[str, Array]:
    """Return the change of each part of the payoff against the baseline, PV musd, each ``(3,)`` (C25).

    *Importers* hold what users pay above world prices and neither producers nor the treasury receive; it is split over
    the members by the cost of their baseline basket. So transfers cancel in the sum over members and parts. The treasury
    also pays the change in law credits that C24 leaves out of public cost.
    """
    design, before = Ledger(statement), Ledger(Statement(desk, Decisions(), club=False))
    factor = desk.users.factor
    net = np.array([float((c.outlay - c.income) @ factor) for c in statement.member_costs])
    booked_credits = np.array([float(statement.member_cost(c).credits @ factor) for c in COUNTRIES])
    law_credits = design.credits - before.credits - booked_credits
    revenue = statement.revenue_gain @ factor
    paid = design.users_uplift() - before.users_uplift()
    rest = float(paid.sum()) - (design.producer_uplift - before.producer_uplift) - float(revenue.sum())
    weight = np.array([sum(desk.users.baseline_cost[m][k] for m in desk.market.products) for k in range(3)])
    parts = {
        "producers": design.producers - before.producers,
        "users": -statement.users_loss,
        "importers": rest * weight / weight.sum(),
        "treasury": -net - law_credits + revenue + design.taxes - before.taxes,
        "security": before.shortage() - design.shortage(),
    }
    return parts | {"total": np.sum(list(parts.values()), axis=0)}

