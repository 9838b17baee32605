"""Recompute the cash flow of a project (C10, C11).

Money in musd, prices in USD per tonne. Arrays of operating years have shape (S, N), of calendar years (H,) or (S, H), with year 0 the base year.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .audit_border import law_measures
from .audit_credits import Credits, capital_by_year, credits_of
from .audit_market import Scene, own_premium, premium
from .audit_option import USD_PER_MUSD, Option, Prices, Purchase, contract_flows, cut, offtake_flows
from .audit_world import BoolArray, FloatArray, IntArray, Project, World


@dataclass(frozen=True)
class Operation:
    """Hold one project's operating years, each (S, N) in musd, or (1, N) where all scenarios are alike; ``idle`` is a flag.

    ``payments`` and ``repayments`` are the contract's, ``offtake`` holds purchases by product. ``gross`` is revenue without receipts less cost
    (or less care cost), ``margin`` is C11's.
    """

    idle: BoolArray
    payments: FloatArray
    repayments: FloatArray
    offtake: Mapping[str, Purchase]
    cost: FloatArray
    royalty: FloatArray
    gross: FloatArray
    margin: FloatArray

    @property
    def offtake_paid(self) -> FloatArray:
        """Return what offtake pays, musd, shape (S, N), or (1, N) without one (C17)."""
        return sum((deal.paid for deal in self.offtake.values()), np.zeros((1, self.gross.shape[1])))

    @property
    def offtake_repaid(self) -> FloatArray:
        """Return what offtake receives, musd, shape (S, N), or (1, N) without one (C17)."""
        return sum((deal.repaid for deal in self.offtake.values()), np.zeros((1, self.gross.shape[1])))


def outside_prices(scene: Scene, baseline: Scene, project: Project, option: Option, *, expected: bool = False) -> Prices:
    """Return the prices of a scene, or their means, without demand premiums; by-products that are listed products sell at the baseline's path and law (C8)."""

    def bought(product: str) -> FloatArray:
        return scene.paid(product, project.country, expected=expected)

    def sold(product: str) -> FloatArray:
        return baseline.selling(product, expected=expected)

    return _prices(scene.world, project, option, scene.own_price(project, expected=expected), bought, sold)


def world_prices(world: World, project: Project, option: Option) -> Prices:
    """Return the prices of the ``market`` node for everything sold and bought (C25)."""
    return _prices(world, project, option, world.market[project.product], world.market.__getitem__, world.market.__getitem__)


PriceOf = Callable[[str], FloatArray]


def _prices(world: World, project: Project, option: Option, main: FloatArray, bought: PriceOf, sold: PriceOf) -> Prices:
    own = cut(world, project, option, main)
    rate, alike = project.feed_rate * project.feed_factor, (1, project.life)
    feed = rate * cut(world, project, option, bought(project.feed)) if project.feed else np.zeros(alike)
    streams = (cut(world, project, option, sold(s.product)) if s.product in world.products else np.full(alike, s.price) for s in project.streams)
    return Prices(own, feed, tuple(streams))


def received(world: World, project: Project, option: Option, prices: Prices) -> Prices:
    """Return prices with the demand premiums that refined-form producers receive (C9)."""
    if not world.premiums:
        return prices
    streams = (
        price + cut(world, project, option, premium(world, s.product)) if s.product in world.products else price
        for s, price in zip(project.streams, prices.streams, strict=True)
    )
    return Prices(prices.main + cut(world, project, option, own_premium(world, project)), prices.feed, tuple(streams))


def prices_in(scene: Scene, baseline: Scene, project: Project, option: Option, *, expected: bool = False) -> Prices:
    """Return what a project receives and pays in a scene, or its means, demand premiums included (C8, C9)."""
    return received(scene.world, project, option, outside_prices(scene, baseline, project, option, expected=expected))


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
    tonnes = project.tonnes / USD_PER_MUSD
    sales = tonnes * project.payability * prices.main
    earned = sales + stream_sales(project, prices) if project.streams else sales
    paid, repaid = contract_flows(world, project, option, prices.main)
    deals = offtake_flows(world, project, option, prices)
    receipts = sum((deal.paid - deal.repaid for deal in deals.values()), paid - repaid)
    cost = cost_factor * tonnes * (unit_cost(project, option) + prices.feed)
    care = world.param("care_share") * cost
    runs = earned + receipts >= cost - care if may_idle else np.ones((1, project.life), dtype=bool)
    royalty = runs * (project.royalty * sales)
    gross = np.where(runs, earned - cost, -care)
    margin = gross - royalty - project.sustaining
    if receipts.any():
        margin += runs * receipts
    bought = {m: Purchase(runs * deal.paid, runs * deal.repaid, deal.tonnes) for m, deal in deals.items()}
    paid, repaid = (runs * flow if flow.any() else flow for flow in (paid, repaid))
    return Operation(~runs, paid, repaid, bought, runs * cost, royalty, gross, margin)


def stream_sales(project: Project, prices: Prices) -> FloatArray:
    """Return by-product revenue, musd per year, shape (S, N)."""
    sold = (s.tonnes * s.payability / USD_PER_MUSD * price for s, price in zip(project.streams, prices.streams, strict=True))
    return project.ramp_path * sum(sold, np.zeros((1, project.life)))


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
    if expansion:
        spent = expansion_by_year(project)
        for n in np.flatnonzero(spent):
            spread[n : n + years] += spent[n] / min(years, project.life - n)
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
    """Hold a project's whole cash flow: after-tax flows of its operating years ``yearly`` (S, N), ``capital`` by calendar year (H,), the rest as in its parts."""

    operation: Operation
    credits: Credits
    taxes: Taxes
    capital: FloatArray
    yearly: FloatArray
    first: int

    @property
    def flow(self) -> FloatArray:
        """Return the flow by scenario and calendar year, musd, shape (S, H)."""
        return self.on_calendar(self.yearly) + (self.credits.law_itc + self.credits.club_itc - self.capital)

    def on_calendar(self, yearly: FloatArray) -> FloatArray:
        """Place an array of operating years, shape (S, N) or (N,), on the calendar, shape (S, H) or (H,)."""
        placed = np.zeros((*yearly.shape[:-1], len(self.capital)))
        placed[..., self.first : self.first + yearly.shape[-1]] = yearly
        return placed


def cash(world: World, project: Project, option: Option, prices: Prices) -> Cash:
    """Return the unlevered after-tax cash flow of a project in every scenario (C10, C11)."""
    op = operate(world, project, option, prices)
    drawn = credits_of(world, project, option, op.cost)
    itc = drawn.law_itc + drawn.club_itc
    due = taxes(world, project, op.margin, depreciation(world, project, option, float(itc.sum())))
    yearly = op.margin - due.duty - due.income + (drawn.law_ptc + drawn.club_ptc - expansion_by_year(project))
    return Cash(op, drawn, due, capital_by_year(world, project, option), yearly, option.start - world.base)


def law_scene(world: World, path: Mapping[str, IntArray]) -> Scene:
    """Return the members' law at a given path."""
    return Scene(world, law_measures(world), path)
