"""Contract terms, credits by law and the demand premium, worked out by hand year by year (C9, C14, C15)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.bankability import Tests
from minclub.models.cashflow import Site
from minclub.models.contracts import ContractTerms, contracted_share
from minclub.models.desk import Desk
from minclub.models.levies import LAW
from minclub.models.market import OPEN, Market
from minclub.models.projects import calendar
from minclub.models.subsidies import CreditLevel, LawCredits, law_credits, schedule
from minclub.models.welfare import Cost, project_cost
from minclub.tests.models.tutorial_sites import START, YEARS, alpha_of, no_law

BASE = 2027
TONNES = 2_000
"""USA_ALPHA sells 2,000 t a year at 6,000, 9,000 and 12,000 USD/t in the three scenarios, 2029 to 2033; it costs 5,000 USD/t."""
PRICES = (6_000.0, 9_000.0, 12_000.0)
TERMS = ContractTerms(tenor_years=5, share=1.0, upside_share=0.5)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(mc.load("tutorial"))


@pytest.fixture(scope="module")
def alpha(desk: Desk) -> Site:
    return alpha_of(desk)


def cost(site: Site, terms: ContractTerms, strike: float) -> Cost:
    return project_cost(site, no_law(), CreditLevel(), 0.05, terms, np.array([strike])).pick(0)


def expected(strikes: list[float], collar: float = 0.0, share: float = 1.0, upside: float = 0.5) -> tuple[list[float], list[float]]:
    """Return mean payments and receipts of each year, musd, one scenario after the other."""
    paid = [sum(max(k - p, 0.0) for p in PRICES) / 3 * share * TONNES / 1e6 for k in strikes]
    back = [sum(upside * max(p - (1 + collar) * k, 0.0) for p in PRICES) / 3 * share * TONNES / 1e6 for k in strikes]
    return paid, back


def by_year(values: list[float], first: int = START) -> np.ndarray:
    """Place yearly values from a first year on in the simulated years."""
    placed = np.zeros(YEARS)
    placed[first - BASE : first - BASE + len(values)] = values
    return placed


# --- contracts (C14) -------------------------------------------------------------------------------------------------


def test_a_two_way_contract_pays_in_the_years_of_its_tenor_only(alpha: Site) -> None:
    found = cost(alpha, replace(TERMS, tenor_years=3, upside_share=1.0), 9_000.0)
    assert_allclose(found.payments, by_year([2.0] * 3))
    assert_allclose(found.receipts, by_year([2.0] * 3))
    assert float(found.booked) == pytest.approx(0.0, abs=1e-12)


def test_price_insurance_never_receives(alpha: Site) -> None:
    found = cost(alpha, replace(TERMS, upside_share=0.0), 9_000.0)
    assert_allclose(found.payments, by_year([2.0] * 5))
    assert not found.receipts.any()
    assert float(found.booked) == pytest.approx(sum(2.0 * 1.05**-t for t in range(2, 7)))


def test_a_strike_in_money_wears_off_from_the_first_operating_year(alpha: Site) -> None:
    """``K_n = K (0.25 + 0.75 x 1.25^-n)`` with ``K`` = 8,000: 8,000, 6,800, 5,840, 5,072 and 4,457.6 USD/t."""
    strikes = [8_000.0, 6_800.0, 5_840.0, 5_072.0, 4_457.6]
    paid, back = expected(strikes)
    found = cost(alpha, replace(TERMS, indexed_share=0.25, inflation=0.25), 8_000.0)
    assert_allclose(found.payments, by_year(paid))
    assert_allclose(found.receipts, by_year(back))
    assert paid[2:] == [0.0, 0.0, 0.0]


def test_a_collar_leaves_a_band_above_the_strike_of_each_year(alpha: Site) -> None:
    """Strike 8,440 and collar 10%: at 9,000 nothing is shared, at 12,000 half of what exceeds 9,284."""
    found = cost(alpha, replace(TERMS, collar=0.1), 8_440.0)
    assert_allclose(found.payments, by_year([2_000 * 2_440 / 3 / 1e6] * 5))
    assert_allclose(found.receipts, by_year([2_000 * 0.5 * (12_000 - 9_284) / 3 / 1e6] * 5))
    worn = replace(TERMS, collar=0.1, indexed_share=0.0, inflation=0.25)
    assert_allclose(cost(alpha, worn, 8_440.0).receipts, by_year(expected([8_440.0 * 1.25**-n for n in range(5)], collar=0.1)[1]))


def test_a_late_start_moves_the_tenor_and_keeps_the_index(alpha: Site) -> None:
    """Two years from ``n`` = 2: 2031 and 2032, at ``K x 1.1^-2`` and ``K x 1.1^-3``."""
    late = replace(TERMS, tenor_years=2, first=2, indexed_share=0.0, inflation=0.1)
    paid, back = expected([9_680 / 1.21, 9_680 / 1.331])
    found = cost(alpha, late, 9_680.0)
    assert_allclose(found.payments, by_year(paid, START + 2))
    assert_allclose(found.receipts, by_year(back, START + 2))


def test_a_tenor_beyond_the_life_ends_with_it(alpha: Site) -> None:
    found = cost(alpha, replace(TERMS, tenor_years=9, first=3), 9_000.0)
    assert_allclose(found.payments, by_year([2.0, 2.0], START + 3))
    assert not cost(alpha, replace(TERMS, first=5), 9_000.0).payments.any()


def test_stockpiled_output_is_left_out_unless_it_counts(alpha: Site) -> None:
    settings = {"contract.share": 0.8, "contract.stockpile_share": 0.25}
    shares = [contracted_share(settings | {"contract.stockpile_counted": counted}) for counted in (True, False)]
    assert shares == pytest.approx([0.8, 0.6])
    found = cost(alpha, replace(TERMS, share=shares[1]), 9_000.0)
    assert_allclose(found.payments, by_year([1.2] * 5))


def test_nothing_is_paid_in_idle_years(alpha: Site) -> None:
    """At 9,000 USD/t of cost and a strike of 7,000 only the highest price pays for running: 9,500 after sharing, 8,100 needed."""
    dear = replace(alpha, plant=replace(alpha.plant, opex=9_000.0))
    found = cost(dear, TERMS, 7_000.0)
    assert not found.payments.any()
    assert_allclose(found.receipts, by_year([2_000 * 0.5 * 5_000 / 3 / 1e6] * 5))


def test_the_hurdle_counts_the_mean_strike_of_the_tenor(desk: Desk, alpha: Site) -> None:
    """C12a: ``phi = (K x mean index - 0.8 e) / (max(L, e) - 0.8 e)`` with ``e = L`` = 9,000."""
    terms = replace(TERMS, tenor_years=2, first=1, indexed_share=0.5, inflation=0.25)
    index = (0.5 + 0.5 / 1.25 + 0.5 + 0.5 / 1.5625) / 2
    strikes = np.array([9_000.0, 9_900.0, 20_000.0])
    tests = Tests(alpha, no_law(), desk.rules, desk.market.long_run, dump_deck=False, contract=terms, strikes=strikes)
    assert_allclose(tests.phi, [(9_000 * index - 7_200) / 1_800, (9_900 * index - 7_200) / 1_800, 1.0])


@pytest.mark.parametrize(
    ("name", "tenor", "share", "upside", "indexed"),
    [("mp_materials", 10, 1.0, 0.3, 0.0), ("nouveau_monde", 7, 0.29, 0.5, 1.0), ("uk_allocation_round", 15, 1.0, 1.0, 1.0)],
)
def test_a_precedent_sets_the_terms(name: str, tenor: int, share: float, upside: float, indexed: float) -> None:
    held = Desk(mc.load("usmca", {"contract.preset": name, "scenarios.count": 2})).offer.contract
    assert (held.tenor_years, held.share, held.upside_share, held.indexed_share, held.collar) == (tenor, share, upside, indexed, 0.0)


# --- credits of the law (C15) ----------------------------------------------------------------------------------------


def test_production_credit_of_2026_phases_out_by_calendar_year(desk: Desk, alpha: Site) -> None:
    """45X on 10 musd of yearly cost, half of it eligible: 10% to 2030, then 7.5, 5 and 2.5%, nothing from 2034."""
    years = np.arange(BASE, BASE + YEARS)
    ptc = schedule(0.10, 2023, 2033, ((2031, 0.075), (2032, 0.05), (2033, 0.025), (2034, 0.0)), years)
    plant = replace(alpha.plant, ptc_share=0.5)
    site = replace(alpha, plant=plant)
    held = project_cost(site, LawCredits(np.zeros(YEARS), ptc), CreditLevel(), 0.05, desk.offer.contract, np.array([9_000.0])).pick(0)
    assert_allclose(held.credits, by_year([0.5, 0.5, 0.375, 0.25, 0.125]))
    later = desk.outlooks.site(plant, START + 2, desk.law_settings())
    held = project_cost(later, LawCredits(np.zeros(YEARS), ptc), CreditLevel(ptc=0.02), 0.05, desk.offer.contract, np.array([9_000.0])).pick(0)
    assert_allclose(held.credits, by_year([0.475, 0.35, 0.225, 0.1, 0.1], START + 2))


def test_investment_credit_of_canada_steps_down_by_the_year_of_spending(desk: Desk, alpha: Site) -> None:
    """CTM ITC on 30 musd over 2030 to 2033: 30, 30, 20 and 10% of 7.5 musd a year."""
    law = law_credits(mc.load("usmca"), "CAN", "nickel", np.arange(BASE, BASE + YEARS))
    assert law.itc.tolist() == [0.30] * 5 + [0.20, 0.10, 0.05, 0.0, 0.0]
    plant = replace(alpha.plant, build_years=4)
    slow = replace(alpha, plant=plant, calendar=calendar(plant, 2034, desk.market.years))
    held = project_cost(slow, law, CreditLevel(), 0.05, replace(TERMS, tenor_years=0), np.array([9_000.0])).pick(0)
    assert_allclose(held.credits, by_year([2.25, 2.25, 1.5, 0.75], 2030))


@pytest.mark.parametrize("product", ["phosphate", "nickel"])
def test_mexico_has_no_credit_and_canada_none_on_phosphate(product: str) -> None:
    instance, years = mc.load("usmca"), np.arange(BASE, BASE + YEARS)
    mexico = law_credits(instance, "MEX", product, years)
    assert not mexico.itc.any()
    assert not mexico.ptc.any()
    assert bool(law_credits(instance, "CAN", product, years).itc.any()) == (product == "nickel")


def test_the_cost_base_of_the_proposed_rule_replaces_the_final_one() -> None:
    given = {"projects.USA_ALPHA.ptc_eligible_share": 0.9, "projects.USA_ALPHA.ptc_eligible_share_proposed": 0.4}
    bases = [Desk(mc.load("tutorial", given | {"data.ptc_cost_base": base})).plants["USA_ALPHA"].ptc_share for base in ("final", "proposed")]
    assert bases == [0.9, 0.4]


# --- law vintages and the demand premium (C9) ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vintages() -> dict[str, Market]:
    return {law: Market(mc.load("usmca", {"data.law_vintage": law, "scenarios.count": 4})) for law in ("2026", "chapter")}


def test_the_premium_of_the_chapter_is_paid_to_producers_until_2032(vintages: dict[str, Market]) -> None:
    """30D on lithium carbonate: 961 USD/t from 2027 to 2032, in every state; nothing after, and nothing under the law of 2026."""
    assert not vintages["2026"].premium["lithium_carbonate"].any()
    market = vintages["chapter"]
    years = market.years
    assert_allclose(market.premium["lithium_carbonate"], np.where(years <= 2032, 961.0, 0.0))
    laws = [m.producer_prices("lithium_carbonate", LAW) for m in (vintages["chapter"], vintages["2026"])]
    assert_allclose(laws[0] - laws[1], np.where(years <= 2032, 961.0, 0.0)[:, None, None] * np.ones((1, 4, 4)))
    assert_allclose(market.producer_prices_along("lithium_carbonate", LAW, np.full(years.size, OPEN)), laws[0][:, OPEN])


def test_users_and_unlisted_products_see_no_premium(vintages: dict[str, Market]) -> None:
    users = [vintages[law].prices("lithium_carbonate", LAW, "USA")[:, OPEN] for law in ("chapter", "2026")]
    assert_allclose(users[0], users[1])
    assert not vintages["chapter"].premium["tungsten"].any()


def test_production_credit_of_the_chapter_does_not_end() -> None:
    years = np.arange(2027, 2041)
    rates = [law_credits(mc.load("usmca", {"data.law_vintage": law}), "USA", "lithium_carbonate", years).ptc for law in ("2026", "chapter")]
    assert rates[0].tolist() == [0.10] * 4 + [0.075, 0.05, 0.025] + [0.0] * 7
    assert rates[1].tolist() == [0.10] * 14
