"""Recompute the cash flow of a project (C10, C11, C14, C15).

Money in musd, prices in USD per tonne. Arrays of operating years have shape (S, N), of calendar years (H,) or (S, H), with year 0 the base year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .audit_market import Scene, law_rates
from .audit_world import BoolArray, FloatArray, IntArray, Project, Terms, World

USD_PER_MUSD = 1e6


@dataclass(frozen=True)
class Option:
    """Say how a project is built: start year, club credit rates over law, the contract it holds, if any, and whether one closed before the club counts."""

    start: int
    itc: float = 0.0
    ptc: float = 0.0
    contract: Terms | None = None
    closed: bool = True

    def without_contract(self) -> Option:
        """Return the same option without the contract."""
        return replace(self, contract=None)


@dataclass(frozen=True)
class Prices:
    """Hold the prices a project meets in its operating years, each (S, N).

    ``main`` and ``feed`` (cost per tonne of main product) in USD/t, ``streams`` the by-product revenue at full ramp in musd per year.
    """

    main: FloatArray
    feed: FloatArray
    streams: FloatArray

    def scaled(self, factor: float) -> Prices:
        """Return all prices times a factor."""
        return Prices(self.main * factor, self.feed * factor, self.streams * factor)


@dataclass(frozen=True)
class Operation:
    """Hold one project's operating years, each (S, N) in musd; ``idle`` is a flag, ``output`` payable tonnes while running.

    ``gross`` is revenue without receipts less cost (or less care cost), ``margin`` is C11's.
    """

    idle: BoolArray
    output: FloatArray
    payments: FloatArray
    repayments: FloatArray
    cost: FloatArray
    royalty: FloatArray
    gross: FloatArray
    margin: FloatArray


def cut(world: World, project: Project, option: Option, yearly: FloatArray) -> FloatArray:
    """Return the operating years of an array whose last axis is the calendar."""
    first = option.start - world.base
    return yearly[..., first : first + project.life]


def prices_in(scene: Scene, baseline: Scene, project: Project, option: Option) -> Prices:
    """Return the prices of a scene; by-products that are listed products sell at the baseline's path and law (C8)."""
    world = scene.world
    main = cut(world, project, option, scene.own_price(project))
    feed = np.zeros_like(main)
    if project.feed:
        feed = project.feed_rate * project.feed_factor * cut(world, project, option, scene.domestic(project.feed)[project.country])
    streams = np.zeros_like(main)
    for s in project.streams:
        price = cut(world, project, option, baseline.selling(s.product)) if s.product in world.products else np.full_like(main, s.price)
        streams = streams + s.tonnes * s.payability * price / USD_PER_MUSD
    return Prices(main, feed, streams)


def world_prices(world: World, project: Project, option: Option) -> Prices:
    """Return the prices of the ``market`` node for everything sold and bought (C25)."""
    main = cut(world, project, option, world.market[project.product])
    feed = project.feed_rate * project.feed_factor * cut(world, project, option, world.market[project.feed]) if project.feed else np.zeros_like(main)
    streams = np.zeros_like(main)
    for s in project.streams:
        price = cut(world, project, option, world.market[s.product]) if s.product in world.products else np.full_like(main, s.price)
        streams = streams + s.tonnes * s.payability * price / USD_PER_MUSD
    return Prices(main, feed, streams)


def ramp_of(project: Project) -> FloatArray:
    """Return the ramp of the operating years, shape (N,)."""
    return np.array([project.ramp_at(n) for n in range(project.life)])


def holds(option: Option, project: Project) -> Terms | None:
    """Return the contract in force: the design's, else one closed before the club."""
    return option.contract or (project.closed if option.closed else None)


def tenor_years(project: Project, option: Option) -> BoolArray:
    """Return which operating years the contract covers, shape (N,) (C14)."""
    terms = holds(option, project)
    years = option.start + np.arange(project.life)
    if terms is None:
        return np.zeros(project.life, dtype=bool)
    return (years >= terms.start) & (years < terms.start + terms.tenor)


def contract_flows(project: Project, option: Option, price: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return payments to the project and repayments to the state at full output, musd, each (S, N), both >= 0 (C14)."""
    terms = holds(option, project)
    if terms is None:
        return np.zeros_like(price), np.zeros_like(price)
    payable = np.minimum(project.tonnes() * project.payability, terms.quantity) * terms.share * tenor_years(project, option)
    below, above = np.maximum(terms.strike - price, 0.0), np.maximum(price - terms.strike, 0.0)
    return payable * below / USD_PER_MUSD, payable * terms.upside * above / USD_PER_MUSD


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
    streams = ramp_of(project) * prices.streams
    paid, repaid = contract_flows(project, option, prices.main)
    cost = cost_factor * tonnes * (project.opex + prices.feed) / USD_PER_MUSD
    care = world.param("care_share") * cost
    revenue = sales + streams + paid - repaid
    idle = revenue < cost - care if may_idle else np.zeros_like(revenue, dtype=bool)
    runs = ~idle
    royalty = np.where(runs, project.royalty * sales, 0.0)
    gross = np.where(runs, sales + streams - cost, -care)
    paid, repaid = np.where(runs, paid, 0.0), np.where(runs, repaid, 0.0)
    margin = gross + paid - repaid - royalty - project.sustaining
    return Operation(idle, runs * tonnes * project.payability, paid, repaid, np.where(runs, cost, 0.0), royalty, gross, margin)


def capital_by_year(world: World, project: Project, option: Option) -> FloatArray:
    """Spread K evenly over the build years that are not before the base year, musd, shape (H,) (C10)."""
    spent = np.zeros(world.horizon)
    years = [y for y in range(option.start - project.build_years, option.start) if y >= world.base] or [world.base]
    for y in years:
        spent[y - world.base] += project.capital / len(years)
    return spent


def expansion_by_year(project: Project) -> FloatArray:
    """Return expansion capital by operating year, musd, shape (N,) (C10)."""
    spent = np.zeros(project.life)
    if 0 < project.expansion_year <= project.life:
        spent[project.expansion_year - 1] = project.expansion_capital
    return spent


@dataclass(frozen=True)
class Credits:
    """Hold the credits of a project, musd: investment credits by calendar year (H,), production credits by operating year (S, N)."""

    law_itc: FloatArray
    club_itc: FloatArray
    law_ptc: FloatArray
    club_ptc: FloatArray


def credits_of(world: World, project: Project, option: Option, cost: FloatArray) -> Credits:
    """Return the credits drawn; ``cost`` is operating cost and feed of years not idle, musd, shape (S, N) (C15)."""
    zero = np.zeros(world.horizon)
    where = (project.country, project.product)
    eligible = capital_by_year(world, project, option) * float(project.itc_eligible)
    law_itc, law_ptc = (world.law_credits.get((kind, *where), zero) for kind in ("itc", "ptc"))
    base = cost * project.ptc_share
    return Credits(law_itc * eligible, option.itc * eligible, cut(world, project, option, law_ptc) * base, option.ptc * base)


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
    """Return law tariffs at a given path."""
    return Scene(world, law_rates(world), path)
