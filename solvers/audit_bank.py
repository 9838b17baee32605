"""Recompute whether a project is bankable (C12) and its share of aid (C13)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .audit_border import Measures, law_measures, share_in_force
from .audit_cash import (
    Cash,
    cash,
    depreciation,
    law_scene,
    operate,
    outside_prices,
    prices_in,
    received,
    taxes,
)
from .audit_credits import Loan, capital_aid, capital_by_year, investment_credit, loan_of, loan_subsidy, production_credits
from .audit_market import Quote, Scene, buyers, own_premium, price_of
from .audit_option import USD_PER_MUSD, Option, Prices, cut, holds, reach_of, tenor_years
from .audit_world import CHINA, MARKET, FloatArray, Project, World

ROUNDING = 1e-9
"""A test that misses by less than this (ratio, or share of capital) counts as passed."""


@dataclass(frozen=True)
class Bank:
    """Hold the C12 figures of one project and option.

    Money in musd: ``npv`` (a), ``tail`` (b, mean NPV of the worst scenarios), ``capital_pv`` at the cost of debt. Ratios: the covers (None without a loan or
    without a dump deck). ``margins`` says by how much each enforced test is passed, in ratios or shares of capital.
    """

    npv: float
    tail: float
    capital_pv: float
    flow: FloatArray
    cover_bank: float | None
    cover_required: float
    cover_downside: float | None
    llcr_dump: float | None
    margins: Mapping[str, float]

    @property
    def passes(self) -> bool:
        """Tell whether every enforced test is passed."""
        return self.worst >= -ROUNDING

    @property
    def worst(self) -> float:
        """Return the least margin."""
        return min(self.margins.values(), default=0.0)


@dataclass(frozen=True)
class Setting:
    """Say where a project is judged: the scene, law at the same path, and the scene that prices by-products."""

    scene: Scene
    law: Scene
    baseline: Scene

    def met_by(self, project: Project) -> tuple[Hashable, ...]:
        """Return the prices that a project meets: settings that agree in them judge it alike."""
        met = [scene.quote(project.product) for scene in (self.scene, self.law)]
        met += [scene.quote(project.feed) for scene in (self.scene, self.law) if project.feed]
        return (*met, *(self.baseline.quote(s.product) for s in project.streams if s.product in self.scene.world.products))


def setting(scene: Scene, baseline: Scene) -> Setting:
    """Return the setting of a scene."""
    return Setting(scene, law_scene(scene.world, scene.path), baseline)


def mean_of_worst(values: FloatArray, share: float, *, lowest: bool) -> float:
    """Return the mean of the worst share of equally likely values; the last one counts in part if the share asks for it."""
    ordered = np.sort(values) if lowest else -np.sort(-values)
    weight = share * len(ordered)
    taken = np.clip(weight - np.arange(len(ordered)), 0.0, 1.0)
    return float(taken @ ordered / weight)


def long_run_sales(world: World, project: Project) -> tuple[float, float]:
    """Return yearly revenue at full ramp and long-run prices, musd: main product, by-products."""
    main = project.capacity * project.payability * world.products[project.product].long_run / USD_PER_MUSD
    others = 0.0
    for s in project.streams:
        price = world.products[s.product].long_run if s.product in world.products else s.price
        others += s.tonnes * s.payability * price / USD_PER_MUSD
    return main, others


def main_share(world: World, project: Project) -> float:
    """Return rho, the main product's share of revenue at long-run prices (C12)."""
    main, others = long_run_sales(world, project)
    return main / (main + others)


def cover_of_contract(world: World, project: Project, option: Option, scene: Scene) -> FloatArray:
    """Return phi by operating year, shape (N,) (C12a)."""
    terms = holds(option, project)
    covered = tenor_years(project, option)
    if terms is None or not covered.any():
        return np.zeros(project.life)
    price = cut(world, project, option, scene.own_price(project, expected=True)[0] + own_premium(world, project))
    expected, strike = float(price[covered].mean()), float(terms.strikes(project.life)[covered].mean())
    low, high = world.param("downside_price_factor") * expected, max(world.products[project.product].long_run, expected)
    depth = min(1.0, max(0.0, (strike - low) / (high - low)))
    phi: FloatArray = main_share(world, project) * terms.share * depth * covered.astype(np.float64)
    return phi


def hurdle(world: World, project: Project, phi: FloatArray, start: int) -> FloatArray:
    """Return D by calendar year, shape (H,): the product of yearly factors, 1 in the base year (C12a)."""
    addon = 0.0 if world.products[project.product].exchange_traded else world.param("specialty_addon", project.country)
    base = world.param("base_project_rate", project.country) + world.param("country_risk_premium", project.country)
    yearly = np.zeros(world.horizon)
    first = start - world.base
    yearly[: first + 1] = phi[0]
    yearly[first : first + len(phi)] = phi
    rates = base + addon * (1.0 - yearly)
    factors: FloatArray = np.concatenate([[1.0], np.cumprod(1.0 / (1.0 + rates[1:]))])
    return factors


def deck_prices(where: Setting, project: Project, option: Option) -> Prices:
    """Return the lender's prices without demand premiums: means under law plus its share of the uplift before the review, each (1, N) (C12c)."""
    world = where.scene.world
    law, design = (outside_prices(s, where.baseline, project, option, expected=True) for s in (where.law, where.scene))
    counted = _lender_share(world, project, option)
    return Prices(law.main + counted * (design.main - law.main), law.feed + counted * (design.feed - law.feed), law.streams)


def _lender_share(world: World, project: Project, option: Option) -> FloatArray:
    years = option.start + np.arange(project.life)
    return np.where(years < world.param("review_year"), world.param("lender_share_of_protection"), 0.0)


def dumped_main(where: Setting, project: Project, option: Option) -> FloatArray:
    """Return the price of the main product at dumped node prices, unrestricted, without the demand premium, shape (1, N) (C12c)."""
    world, p = where.scene.world, where.scene.world.products[project.product]
    if project.concentrate:
        return np.full((1, project.life), p.long_run * (1.0 - p.dump_follow * p.dump_depth))
    law, design = (cut(world, project, option, _dumped(scene.quote(p.code))) for scene in (where.law, where.scene))
    return law + _lender_share(world, project, option) * (design - law)


def _dumped(quote: Quote) -> FloatArray:
    """Return the expected selling price at dumped node prices, unrestricted, shape (1, H): the club's measures count where they are in force (C12c)."""
    world, p = quote.world, quote.world.products[quote.product]
    china, market = (np.full((1, world.horizon), p.long_run * (1.0 - depth)) for depth in (p.dump_depth, p.dump_follow * p.dump_depth))

    def sold(measures: Measures) -> FloatArray:
        landed = measures.landed(MARKET, market), measures.landed(CHINA, china)
        best: FloatArray = price_of(world, p.code, quote.path, market, landed)[buyers(world, p.code)].max(axis=0)
        return best

    def mixed() -> FloatArray:
        share = share_in_force(world)
        return share * sold(quote.measures) + (1.0 - share) * sold(law_measures(world)[p.code])

    return world.once(("dumped", quote), mixed)


def deck_cash(
    world: World, project: Project, option: Option, prices: Prices, credit: float, *, cost_factor: float = 1.0, capital_factor: float = 1.0
) -> FloatArray:
    """Return the after-tax flow of each operating year at deck prices, nothing idle and without expansion capital, musd, shape (N,) (C12c).

    ``credit`` is the investment credit that lowers depreciation, musd.
    """
    op = operate(world, project, option, prices, may_idle=False, cost_factor=cost_factor)
    law_ptc, club_ptc = production_credits(world, project, option, op.cost)
    written_off = depreciation(world, project, option, credit, capital_factor, expansion=False)
    due = taxes(world, project, op.margin, written_off)
    flow: FloatArray = (op.margin - due.duty - due.income + law_ptc + club_ptc)[0]
    return flow


def _repaying(flow: FloatArray, loan: Loan, late: int = 0) -> FloatArray:
    """Return the cash of the repayment years (operating years 1 to tenor), zero after the project's life; ``late`` shifts it."""
    years = np.arange(1, loan.tenor + 1) - late
    inside = (years >= 0) & (years < len(flow))
    return np.where(inside, flow[np.clip(years, 0, len(flow) - 1)], 0.0)


def downside_cover(flow: FloatArray, loan: Loan, reserve: float) -> float:
    """Return the least yearly cover, (cash + reserve account) / debt service; surplus refills the account up to ``reserve``, musd (C12c)."""
    account, least = reserve, math.inf
    for yearly in flow:
        least = min(least, float(yearly + account) / loan.service)
        account = min(reserve, max(0.0, account + float(yearly) - loan.service))
    return least


def bank(where: Setting, project: Project, option: Option, done: Cash | None = None) -> Bank:
    """Apply all tests of C12 to one project and option, once; a test that is switched off is computed and not counted.

    Args:
        where: where it is judged.
        project: the project.
        option: how it is built.
        done: its cash flow there, if it is known.
    """
    key = ("bank", project, reach_of(option, project), where.met_by(project))
    return where.scene.world.once(key, lambda: _bank(where, project, option, done))


def _bank(where: Setting, project: Project, option: Option, known: Cash | None) -> Bank:
    world = where.scene.world
    phi = cover_of_contract(world, project, option, where.scene)
    done = known or cash(world, project, option, prices_in(where.scene, where.baseline, project, option))
    flow, debt_rate = done.flow, world.param("debt_rate", project.country)
    expected = flow.mean(axis=0)
    npv = float(expected @ hurdle(world, project, phi, option.start))
    tail = mean_of_worst(world.pv(flow, debt_rate), world.param("cvar_alpha"), lowest=True)
    capital_pv = float(world.pv(done.capital, debt_rate))
    scale = max(1.0, capital_pv)
    margins = {}
    if world.switch("value"):
        margins["value"] = npv / scale
    if world.switch("tail"):
        margins["tail"] = (tail + world.param("loss_tolerance") * capital_pv) / scale
    covers = _lender(where, project, option, phi)
    if world.switch("lender"):
        margins |= covers.margins
    return replace(covers, npv=npv, tail=tail, capital_pv=capital_pv, flow=expected, margins=margins)


def _lender(where: Setting, project: Project, option: Option, phi: FloatArray) -> Bank:
    """Return the lender's figures and margins; the other fields are left at zero (C12c)."""
    world, loan = where.scene.world, loan_of(where.scene.world, project, option)
    mean_phi = float(np.pad(phi, (0, loan.tenor + 1))[1 : loan.tenor + 1].mean())
    required = world.param("dscr_average_merchant") - world.param("dscr_contract_reduction") * mean_phi
    blank = Bank(0.0, 0.0, 0.0, np.empty(0), None, required, None, None, {})
    if loan.amount <= 0.0:
        return blank
    prices, credit = deck_prices(where, project, option), investment_credit(world, project, option)
    flow = deck_cash(world, project, option, received(world, project, option, prices), credit)
    cover = float(_repaying(flow, loan).mean() / loan.service)
    downside = _downside_deck(where, project, option, loan, credit)
    margins = {"bank deck": cover - required, "downside deck": downside - world.param("dscr_minimum_downside")}
    llcr = _dump_deck(where, project, option, prices, loan, credit)
    if llcr is not None:
        margins["dump deck"] = llcr - world.param("dump_llcr_minimum")
    return replace(blank, cover_bank=cover, cover_downside=downside, llcr_dump=llcr, margins=margins)


def _downside_deck(where: Setting, project: Project, option: Option, loan: Loan, credit: float) -> float:
    """Return the least yearly cover when operating years, their prices, credit rates and contract come late; building and repayments do not."""
    world = where.scene.world
    late = int(world.param("downside_delay_years"))
    delayed = option.delayed(late)
    low = received(world, project, delayed, deck_prices(where, project, delayed)).scaled(world.param("downside_price_factor"))
    factors = {"cost_factor": world.param("downside_opex_factor"), "capital_factor": world.param("downside_capex_factor")}
    stressed = _repaying(deck_cash(world, project, delayed, low, credit, **factors), loan, late)
    return downside_cover(stressed, loan, world.param("reserve_months") / 12.0 * loan.service)


def _dump_deck(where: Setting, project: Project, option: Option, prices: Prices, loan: Loan, credit: float) -> float | None:
    """Return PV of cash over the loan with the first repayment years at dumped prices; None where China does not control more than half."""
    world = where.scene.world
    if world.products[project.product].china_share <= 0.5:
        return None
    n = np.arange(project.life)
    dumped = (n >= 1) & (n <= world.param("dump_deck_years"))
    main = np.where(dumped, dumped_main(where, project, option), prices.main)
    dump = received(world, project, option, Prices(main, prices.feed, prices.streams))
    flow = _repaying(deck_cash(world, project, option, dump, credit), loan)
    return float(flow @ (1.0 + loan.rate) ** -np.arange(1.0, loan.tenor + 1.0) / loan.amount)


def stack(where: Setting, project: Project, option: Option) -> float:
    """Return (grant + PV of all credits at full operation, law and the loan's subsidy included) / (grant + PV of K), at the public rate (C13)."""
    world = where.scene.world
    op = operate(world, project, option, prices_in(where.scene, where.baseline, project, option, expected=True), may_idle=False)
    law, club = production_credits(world, project, option, op.cost)
    first, aid = option.start - world.base, sum(capital_aid(world, project, option), np.zeros(world.horizon))
    aid[first] += loan_subsidy(world, project, option)
    total = project.grant + float(world.pv(aid)) + float(world.pv((law + club)[0], first=first))
    capital = project.grant + float(world.pv(capital_by_year(world, project, option)))
    return total / capital if capital > 0.0 else 0.0
