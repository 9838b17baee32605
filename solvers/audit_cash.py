"""Recompute the cash flow of a project (C10, C11).

Money in musd, prices in USD per tonne. Arrays of operating years have shape (S, N), of calendar years (H,) or (S, H), with year 0 the base year.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .audit_border import law_measures
from .audit_credits import Credits, capital_by_year, credits_of
from .audit_market import Scene, own_premium, premium
from .audit_option import USD_PER_MUSD, Option, Prices, Purchase, contract_flows, cut, offtake_flows, ramp_of
from .audit_world import BoolArray, FloatArray, IntArray, Project, World


@dataclass(frozen=True)
class Operation:
    """Hold one project's operating years, each (S, N) in musd; ``idle`` is a flag, ``output`` payable tonnes while running.

    ``payments`` and ``repayments`` are the contract's, ``offtake`` holds purchases by product. ``gross`` is revenue without receipts less cost
    (or less care cost), ``margin`` is C11's.
    """

    idle: BoolArray
    output: FloatArray
    payments: FloatArray
    repayments: FloatArray
    offtake: Mapping[str, Purchase]
    cost: FloatArray
    royalty: FloatArray
    gross: FloatArray
    margin: FloatArray

    @property
    def offtake_paid(self) -> FloatArray:
        """Return what offtake pays, musd, shape (S, N) (C17)."""
        return sum((deal.paid for deal in self.offtake.values()), np.zeros_like(self.gross))

    @property
    def offtake_repaid(self) -> FloatArray:
        """Return what offtake receives, musd, shape (S, N) (C17)."""
        return sum((deal.repaid for deal in self.offtake.values()), np.zeros_like(self.gross))


def outside_prices(scene: Scene, baseline: Scene, project: Project, option: Option) -> Prices:
    """Return the prices of a scene without demand premiums; by-products that are listed products sell at the baseline's path and law (C8)."""
    return _prices(scene.world, project, option, scene.own_price(project), lambda m: scene.domestic(m)[project.country], baseline.selling)


def world_prices(world: World, project: Project, option: Option) -> Prices:
    """Return the prices of the ``market`` node for everything sold and bought (C25)."""
    return _prices(world, project, option, world.market[project.product], world.market.__getitem__, world.market.__getitem__)


PriceOf = Callable[[str], FloatArray]


def _prices(world: World, project: Project, option: Option, main: FloatArray, bought: PriceOf, sold: PriceOf) -> Prices:
    own = cut(world, project, option, main)
    feed = project.feed_rate * project.feed_factor * cut(world, project, option, bought(project.feed)) if project.feed else np.zeros_like(own)
    streams = (cut(world, project, option, sold(s.product)) if s.product in world.products else np.full_like(own, s.price) for s in project.streams)
    return Prices(own, feed, tuple(streams))


def received(world: World, project: Project, option: Option, prices: Prices) -> Prices:
    """Return prices with the demand premiums that refined-form producers receive (C9)."""
    streams = (
        price + cut(world, project, option, premium(world, s.product)) if s.product in world.products else price
        for s, price in zip(project.streams, prices.streams, strict=True)
    )
    return Prices(prices.main + cut(world, project, option, own_premium(world, project)), prices.feed, tuple(streams))


def prices_in(scene: Scene, baseline: Scene, project: Project, option: Option) -> Prices:
    """Return what a project receives and pays in a scene, demand premiums included (C8, C9)."""
    return received(scene.world, project, option, outside_prices(scene, baseline, project, option))


def operate(world: World, project: Project, option: Option, prices: Prices, *, may_idle: bool = True, cost_factor: float = 1.0) -> Operation:
    """Run the operating years at given prices (C10).

    Args:
        world: the instance.
        project: the project.
        option: start, credits and contract.
        prices: prices of its operating years.
        may_idle: False in the lender's decks.
        cost_factor: multiple on operating cost and feed.
    """
    tonnes = project.tonnes()
    sales = tonnes * project.payability * prices.main / USD_PER_MUSD
    streams = ramp_of(project) * stream_sales(project, prices)
    paid, repaid = contract_flows(world, project, option, prices.main)
    deals = offtake_flows(world, project, option, prices)
    receipts = paid - repaid + sum((deal.paid - deal.repaid for deal in deals.values()), np.zeros_like(sales))
    cost = cost_factor * tonnes * (unit_cost(project, option) + prices.feed) / USD_PER_MUSD
    care = world.param("care_share") * cost
    revenue = sales + streams + receipts
    idle = revenue < cost - care if may_idle else np.zeros_like(revenue, dtype=bool)
    runs = ~idle
    royalty = np.where(runs, project.royalty * sales, 0.0)
    gross = np.where(runs, sales + streams - cost, -care)
    margin = gross + runs * receipts - royalty - project.sustaining
    bought = {m: Purchase(runs * deal.paid, runs * deal.repaid, deal.tonnes) for m, deal in deals.items()}
    return Operation(idle, runs * tonnes * project.payability, runs * paid, runs * repaid, bought, np.where(runs, cost, 0.0), royalty, gross, margin)


def stream_sales(project: Project, prices: Prices) -> FloatArray:
    """Return by-product revenue at full ramp, musd per year, shape (S, N)."""
    sold = (s.tonnes * s.payability * price / USD_PER_MUSD for s, price in zip(project.streams, prices.streams, strict=True))
    return sum(sold, np.zeros_like(prices.main))


def unit_cost(project: Project, option: Option) -> float:
    """Return operating cost with the standards' cost, USD per tonne (C18)."""
    return project.opex + option.standards * project.standards_gap


def expansion_by_year(project: Project) -> FloatArray:
    """Return expansion capital by operating year, musd, shape (N,) (C10)."""
    spent = np.zeros(project.life)
    if 0 < project.expansion_year <= project.life:
        spent[project.expansion_year - 1] = project.expansion_capital
    return spent


def depreciation(world: World, project: Project, option: Option, credit: float, factor: float = 1.0, *, expansion: bool = True) -> FloatArray:
    """Return depreciation by operating year, musd, shape (N,) (C11).

    Straight line from ``n = 0`` on ``factor x K`` less the investment credit; each line ends with the project at the latest.
    ``expansion`` adds the line of the expansion from its year.
    """
    years = max(1, int(world.param("depreciation_years", project.country)))
    spread = np.zeros(project.life)
    spread[:years] += (factor * project.capital - credit) / min(years, project.life)
    for n, spent in enumerate(expansion_by_year(project)) if expansion else ():
        spread[n : n + years] += spent / min(years, project.life - n)
    return spread


@dataclass(frozen=True)
class Taxes:
    """Hold duty and income tax by operating year, musd, each (S, N)."""

    duty: FloatArray
    income: FloatArray


def taxes(world: World, project: Project, margin: FloatArray, written_off: FloatArray) -> Taxes:
    """Return linear duty and income tax (C11)."""
    duty_rate = 0.0 if project.stage == "refinery" else world.param("mining_duty_rate", project.country, project.stage)
    duty = duty_rate * margin
    income = world.param("income_tax_rate", project.country, project.stage) * (margin - duty - written_off)
    return Taxes(duty, income)


@dataclass(frozen=True)
class Cash:
    """Hold a project's whole cash flow; ``flow`` by scenario and calendar year (S, H), the rest as in its parts."""

    operation: Operation
    credits: Credits
    taxes: Taxes
    capital: FloatArray
    flow: FloatArray

    def on_calendar(self, world: World, option: Option, yearly: FloatArray) -> FloatArray:
        """Place an array of operating years (S, N) on the calendar, shape (S, H)."""
        placed = np.zeros((yearly.shape[0], world.horizon))
        first = option.start - world.base
        placed[:, first : first + yearly.shape[1]] = yearly
        return placed


def cash(world: World, project: Project, option: Option, prices: Prices) -> Cash:
    """Return the unlevered after-tax cash flow of a project in every scenario (C10, C11)."""
    op = operate(world, project, option, prices)
    drawn = credits_of(world, project, option, op.cost)
    itc = drawn.law_itc + drawn.club_itc
    due = taxes(world, project, op.margin, depreciation(world, project, option, float(itc.sum())))
    capital = capital_by_year(world, project, option)
    yearly = op.margin - due.duty - due.income + drawn.law_ptc + drawn.club_ptc - expansion_by_year(project)
    found = Cash(op, drawn, due, capital, np.empty(0))
    flow = found.on_calendar(world, option, yearly) + (itc - capital)
    return replace(found, flow=flow)


def law_scene(world: World, path: Mapping[str, IntArray]) -> Scene:
    """Return the members' law at a given path."""
    return Scene(world, law_measures(world), path)
