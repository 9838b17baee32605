"""C10 to C14 against hand numbers and plain loops: cash flow, hurdle, decks, tail and the least strike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import minclub as mc
from minclub.instances.synthetic import synthetic
from minclub.models import finance
from minclub.models.bankability import Tests, cvar_worst, stack_share
from minclub.models.baseline import dump_exposed
from minclub.models.cashflow import Site
from minclub.models.clusters import free_candidates
from minclub.models.columns import CONTRACT, INFEASIBLE, UNAIDED, least_strikes, strike_bounds
from minclub.models.contracts import ContractTerms, payment, three_digit_grid
from minclub.models.desk import Desk
from minclub.models.lending import loan, main_share
from minclub.models.levies import Border
from minclub.models.outlooks import Setting
from minclub.models.projects import Byproduct, start_years
from minclub.models.subsidies import CreditLevel, LawCredits, credits_at

# --- small parts -----------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 1e6), st.floats(1e-3, 1e7))
def test_grid_holds_exactly_the_values_of_three_digits(low: float, high: float) -> None:
    grid = three_digit_grid(low, high)
    assert (np.diff(grid) > 0).all()
    assert ((grid >= max(low, high * 1e-3) * (1 - 1e-9)) & (grid <= high * (1 + 1e-9))).all()
    assert all(float(f"{value:.3g}") == value for value in grid)


@given(st.integers(100, 999), st.integers(-2, 5))
def test_grid_misses_no_value_of_three_digits(digits: int, exponent: int) -> None:
    value = float(f"{digits}e{exponent}")
    grid = three_digit_grid(value * 0.5, value * 1.5)
    assert np.isclose(grid, value, rtol=1e-12).sum() == 1
    assert grid.size == sum(
        value * 0.5 * (1 - 1e-12) <= float(f"{d}e{e}") <= value * 1.5 * (1 + 1e-12) for e in (exponent - 1, exponent, exponent + 1) for d in range(100, 1000)
    )


def test_grid_is_empty_where_the_floor_is_above_the_ceiling() -> None:
    assert three_digit_grid(6_000, 5_000).size == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0.01, 1.0))
def test_tail_is_the_mean_of_the_worst_share(values: list[float], alpha: float) -> None:
    left, total = alpha * len(values), 0.0
    for value in sorted(values):
        taken = min(1.0, left)
        total, left = total + taken * value, left - taken
        if left <= 0.0:
            break
    expected = total / (alpha * len(values))
    assert float(cvar_worst(np.array(values), alpha)) == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert float(finance.cvar(values, alpha)) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.0308, 0.0508, 0.2553, 1.0])
def test_tail_of_many_cases_is_that_of_a_plain_sort(alpha: float) -> None:
    """More scenarios than are sorted in passing, in no order; the last one of the tail counts in part."""
    values = np.random.default_rng(2).standard_normal((2, 3, 3_000))
    mass = alpha * values.shape[-1]
    weights = [min(1.0, max(0.0, mass - k)) / mass for k in range(values.shape[-1])]
    assert_allclose(cvar_worst(values, alpha), np.sort(values, axis=-1) @ weights, rtol=1e-9)


# --- the tutorial by hand --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(mc.load("tutorial"))


def site_of(desk: Desk, key: str, border: Border | None = None) -> Site:
    settings = desk.law_settings()
    if border is not None:
        settings = settings | {"alpha": Setting(border, settings["alpha"].path)}
    plant = desk.plants[key]
    return desk.outlooks.site(plant, start_years(desk.instance, plant)[0], settings)


def bank(desk: Desk, site: Site, *strikes: float, dump: bool = False, terms: ContractTerms | None = None) -> Tests:
    held = (terms or desk.offer.contract, np.array(strikes)) if strikes else (None, None)
    return Tests(site, desk.law[site.plant.country, site.plant.product], desk.rules, desk.market.long_run, dump, *held)


def test_value_without_a_contract_by_hand(desk: Desk) -> None:
    yearly = [0.8 * (2_000 * p / 1e6 - 10) + 0.2 * 6 for p in (6_000, 9_000, 12_000)]
    expected = -30 / 1.1 + sum(np.mean(yearly) / 1.1**k for k in range(2, 7))
    assert float(bank(desk, site_of(desk, "USA_ALPHA")).value()[0]) == pytest.approx(expected)
    assert expected == pytest.approx(-1.0818, abs=1e-4)


def test_investment_credit_lowers_the_write_off(desk: Desk) -> None:
    gain = 3 / 1.1 - 0.2 * 3 / 5 * sum(1.1**-k for k in range(2, 7))
    tests = bank(desk, site_of(desk, "USA_ALPHA"))
    assert float(tests.value(itc=0.10)[0] - tests.value()[0]) == pytest.approx(gain)


def test_production_credit_is_paid_on_cost_untaxed() -> None:
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.ptc_eligible_share": 0.5}))
    tests = bank(desk, site_of(desk, "USA_ALPHA"))
    gain = 0.5 * 0.1 * 10 * sum(1.1**-k for k in range(2, 7))
    assert float(tests.value(ptc=0.1)[0] - tests.value()[0]) == pytest.approx(gain)


@pytest.mark.parametrize(("opex", "runs"), [(6_600, True), (6_665, True), (6_670, False), (6_700, False)])
def test_plant_idles_below_cost_less_care(opex: float, runs: bool) -> None:
    site = site_of(Desk(mc.load("tutorial", {"projects.USA_ALPHA.opex_usd_per_t": opex})), "USA_ALPHA")
    assert bool(site.merchant.active[0, 0, 0]) is runs
    assert site.merchant.margin[0, 0, 0] == pytest.approx(2_000 * ((6_000 - opex) if runs else -0.1 * opex) / 1e6)


def test_feed_is_bought_at_a_factor_of_the_domestic_price() -> None:
    rows = {"feed_product_code": "beta", "feed_t_per_t": 1.5, "feed_price_factor": 0.8}
    desk = Desk(mc.load("tutorial", {f"projects.USA_ALPHA.{k}": v for k, v in rows.items()}))
    site = site_of(desk, "USA_ALPHA")
    assert_allclose(site.cost[0], 2_000 * (5_000 + 1.5 * 0.8 * np.array([1_500, 2_000, 2_500])) / 1e6)
    assert site.deck_cost(np.array([2]), np.array([2_000.0]), 0.9)[0] == pytest.approx(2_000 * (5_000 + 1.5 * 0.8 * 0.9 * 2_000) / 1e6)


def test_royalty_is_on_sales_and_not_on_receipts() -> None:
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.royalty_rate": 0.05}))
    site = site_of(desk, "USA_ALPHA")
    run = site.operate(np.array([0]), np.array([9_000.0]), ContractTerms(5, 1.0, 0.5))
    sales = 2_000 * np.array([6_000, 9_000, 12_000]) / 1e6
    receipts = 2_000 * np.array([3_000, 0, -1_500]) / 1e6
    assert_allclose(run.payment[0, 0], receipts)
    assert_allclose(run.margin[0, 0], sales + receipts - 0.05 * sales - 10)


def test_phi_is_the_strength_of_the_strike() -> None:
    desk = Desk(mc.load("tutorial", {"products.alpha.exchange_traded": 0}))
    tests = bank(desk, site_of(desk, "USA_ALPHA"), 7_000, 7_200, 8_440, 9_000, 9_900)
    expected = np.clip((np.array([7_000, 7_200, 8_440, 9_000, 9_900]) - 7_200) / (9_000 - 7_200), 0, 1)
    assert_allclose(tests.phi, expected)
    build, operate = tests.discount
    assert_allclose(build[0], 1 / (1.125 - 0.025 * expected))
    assert_allclose(operate[4], (1.125 - 0.025 * expected) ** -6.0)


def test_phi_counts_the_contracted_share_of_revenue() -> None:
    desk = Desk(mc.load("tutorial", {"products.alpha.exchange_traded": 0, "contract.share": 0.5}))
    site = site_of(desk, "USA_ALPHA")
    stream = Byproduct("other", 1_000.0, 1.0, 9_000.0, listed=False)
    plant = replace(site.plant, byproducts=(stream,))
    assert main_share(plant, desk.market.long_run) == pytest.approx(2 / 3)
    tests = bank(desk, replace(site, plant=plant), 9_000)
    assert tests.phi[0] == pytest.approx(2 / 3 * 0.5)


def test_rate_returns_to_merchant_after_the_tenor() -> None:
    desk = Desk(mc.load("tutorial", {"products.alpha.exchange_traded": 0, "contract.tenor_years": 3}))
    _, operate = bank(desk, site_of(desk, "USA_ALPHA"), 9_000).discount
    assert_allclose(operate[:, 0], [1.1**-2, 1.1**-3, 1.1**-4, 1.1**-4 / 1.125, 1.1**-4 / 1.125**2])


def test_loan_is_a_share_of_capital_and_interest_and_leaves_out_credits(desk: Desk) -> None:
    plant = desk.plants["USA_ALPHA"]
    debt = loan(plant, 5, desk.rules, credit=3.0)
    assert debt.principal == pytest.approx(0.5 * (30 - 3) * (1 + 0.5 * 0.05 * 0.5 * 1))
    assert debt.years == 4
    assert debt.service == pytest.approx(finance.pmt(0.05, 4, debt.principal))
    assert loan(plant, 3, desk.rules).years == 2
    closed = loan(replace(plant, loan_musd=12.0, loan_tenor=3, loan_spread=0.01), 5, desk.rules, credit=3.0)
    assert (closed.principal, closed.rate, closed.years) == pytest.approx((12.0, 0.03, 3))


def service_of(credit: float = 0.0) -> float:
    return finance.pmt(0.05, 4, 0.5 * (30 - credit) * (1 + 0.5 * 0.05 * 0.5))


def test_bank_deck_by_hand(desk: Desk) -> None:
    tests = bank(desk, site_of(desk, "USA_ALPHA"), 8_440)
    receipts = 2_000 * (0 - 0.5 * (9_000 - 8_440)) / 1e6
    flow = 0.8 * (18 - 10 + receipts) + 0.2 * 6
    assert float(tests.decks.bank_cover()[0]) == pytest.approx(flow / service_of())
    assert float(tests.decks.bank_required()[0]) == pytest.approx(1.45 - 0.15 * (8_440 - 7_200) / 1_800)


def test_bank_deck_counts_half_of_the_uplift_before_the_review() -> None:
    desk = Desk(mc.load("tutorial", {"finance.review_year": 2031}))
    site = site_of(desk, "USA_ALPHA", Border(0.0, 0.02))
    assert_allclose(site.outlook.deck[2:7], [9_090, 9_090, 9_000, 9_000, 9_000])


def test_downside_deck_by_hand(desk: Desk) -> None:
    tests = bank(desk, site_of(desk, "USA_ALPHA"), 8_440)
    unit = 7_200 + (8_440 - 7_200)
    flow = 0.8 * (2_000 * unit / 1e6 - 11) + 0.2 * 6 * 1.15
    assert float(tests.decks.downside_cover()[0]) == pytest.approx(flow / service_of() + 0.5)


def test_downside_reserve_is_spent_and_refilled() -> None:
    prices = np.full((10, 1), 9_000.0)
    desk = Desk(mc.load("tutorial"))
    site = site_of(desk, "USA_ALPHA")
    deck = prices[:, 0].copy()
    deck[[3, 4, 5, 6]] = [7_000, 8_500, 7_000, 7_000]
    tests = bank(desk, replace(site, outlook=replace(site.outlook, price=prices, deck=deck)))
    cash = [0.8 * (2_000 * 0.8 * p / 1e6 - 11) + 0.2 * 6 * 1.15 for p in (7_000, 8_500, 7_000, 7_000)]
    due, reserve, least = service_of(), 0.5 * service_of(), np.inf
    for money in cash:
        least = min(least, (money + reserve) / due)
        reserve = min(max(money + reserve - due, 0.0), 0.5 * due)
    assert float(tests.decks.downside_cover()[0]) == pytest.approx(least)


def test_dump_deck_by_hand(desk: Desk) -> None:
    tests = bank(desk, site_of(desk, "USA_ALPHA"), 8_440, dump=True)
    dumped = 9_000 * (1 - 0.4)
    units = [8_440] * 3 + [9_000 - 0.5 * 560]
    assert dumped < 8_440
    value = sum((0.8 * (2_000 * u / 1e6 - 10) + 1.2) / 1.05**k for k, u in enumerate(units, start=1))
    assert float(tests.decks.dump_cover()[0]) == pytest.approx(value / (0.5 * 30 * 1.0125))


def test_tail_is_the_worst_scenario_at_the_cost_of_debt(desk: Desk) -> None:
    tests = bank(desk, site_of(desk, "USA_ALPHA"))
    worst = -30 / 1.05 + sum((0.8 * (12 - 10) + 1.2) / 1.05**k for k in range(2, 7))
    assert float(tests.tail()[0]) == pytest.approx(worst)
    assert tests.capital_at_debt_cost() == pytest.approx(30 / 1.05)


def test_stack_adds_grants_and_all_credits() -> None:
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.public_grant_musd": 6, "projects.USA_ALPHA.ptc_eligible_share": 1}))
    law = LawCredits(np.full(10, 0.04), np.full(10, 0.02))
    share = stack_share(site_of(desk, "USA_ALPHA"), law, [CreditLevel(itc=0.06, ptc=0.03)], 0.05)
    paid = 0.1 * 24 / 1.05 + sum(0.05 * 10 / 1.05**k for k in range(2, 7))
    assert share == pytest.approx([(6 + paid) / (6 + 24 / 1.05)])


def test_strike_lies_between_cash_cost_and_a_multiple_of_the_price() -> None:
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.payability": 0.8}))
    site = site_of(desk, "USA_ALPHA")
    assert strike_bounds(site, desk.offer) == pytest.approx((5_000 / 0.8, 22_500.0))
    rich = replace(site, plant=replace(site.plant, byproducts=(Byproduct("other", 2_000.0, 1.0, 9_000.0, listed=False),)))
    assert strike_bounds(rich, desk.offer)[0] == 0.0
    fed = replace(site, plant=replace(site.plant, feed_product="beta", feed_tonnes=1.5, feed_factor=0.9))
    assert strike_bounds(fed, desk.offer)[0] == pytest.approx((5_000 + 1.5 * 0.9 * 2_000) / 0.8)


# --- on random projects ----------------------------------------------------------------------------------------------


def candidates(seed: int) -> list[tuple[Desk, Site, str]]:
    desk = Desk(synthetic(projects=10, products=4, scenarios=12, seed=seed, years=20, small_ladders=True))
    settings = desk.law_settings()
    found = []
    for plant in free_candidates(desk.balance, desk.baseline):
        start = start_years(desk.instance, plant)[0]
        found.append((desk, desk.outlooks.site(plant, start, settings), plant.id))
    return found


def npv_by_loop(tests: Tests, itc: np.ndarray, ptc: np.ndarray, strike: float | None) -> float:
    """Add up C12a's present value year by year and scenario by scenario."""
    site, plant, cal = tests.site, tests.site.plant, tests.site.calendar
    t, phi = plant.terms, float(tests.phi[0])
    tenor = tests.rows.size
    early, late = 1 + t.hurdle + t.specialty_addon * (1 - phi), 1 + t.hurdle + t.specialty_addon
    edge = int(cal.operate[tenor - 1]) if tenor else -1

    def weight(year: int) -> float:
        return early ** -min(year, max(edge, 0)) * late ** -max(year - max(edge, 0), 0) if tenor else late**-year

    credit = sum(plant.itc_share * itc[b] * c for b, c in zip(cal.build, cal.capital, strict=True))
    total = -sum((1 - plant.itc_share * itc[b]) * c * weight(int(b)) for b, c in zip(cal.build, cal.capital, strict=True))
    for n, year in enumerate(cal.operate):
        for s in range(site.price.shape[1]):
            payable, price = site.payable[n] / 1e6, site.price[n, s]
            cost = float(np.broadcast_to(site.cost, site.price.shape)[n, s])
            gross = payable * price + float(np.broadcast_to(site.byproduct_revenue, site.price.shape)[n, s])
            if n < tenor and strike is not None and tests.held is not None:
                gross += tests.held.terms.share * payable * float(payment(price, strike, tests.held.terms.upside_share))
            runs = gross >= 0.9 * cost
            margin = gross - plant.royalty * payable * price - cost if runs else -0.1 * cost
            taxed = margin - cal.sustaining[n]
            shield = cal.depreciation[n] - credit * cal.write_off[n]
            flow = taxed - t.duty * taxed - t.income_tax * (taxed - t.duty * taxed - shield) - cal.expansion[n]
            flow += plant.ptc_share * ptc[year] * cost if runs else 0.0
            total += weight(int(year)) * flow / site.price.shape[1]
    return total


@pytest.mark.parametrize("seed", [1, 3])
def test_value_is_the_plain_sum_over_years_and_scenarios(seed: int) -> None:
    for desk, site, key in candidates(seed):
        level = desk.offer.levels[-1]
        itc, ptc = credits_at(desk.law[site.plant.country, site.plant.product], level)
        exposed = dump_exposed(desk.market, site.plant.product)
        assert float(bank(desk, site, dump=exposed).value(level.itc, level.ptc)[0]) == pytest.approx(npv_by_loop(bank(desk, site), itc, ptc, None)), key
        for strike in three_digit_grid(*strike_bounds(site, desk.offer))[::150]:
            tests = bank(desk, site, float(strike))
            assert float(tests.value(level.itc, level.ptc)[0]) == pytest.approx(npv_by_loop(tests, itc, ptc, float(strike)), rel=1e-9, abs=1e-6), key


@pytest.mark.parametrize("seed", [1, 3])
def test_value_is_linear_in_credits(seed: int) -> None:
    for desk, site, _ in candidates(seed):
        grid = three_digit_grid(*strike_bounds(site, desk.offer))[::60]
        if not grid.size:
            continue
        itc, ptc = np.array([(level.itc, level.ptc) for level in desk.offer.levels]).T
        tests = bank(desk, site, *grid)
        together = tests.value(itc[:, None], ptc[:, None])
        assert_allclose(together, [tests.value(*pair) for pair in zip(itc, ptc, strict=True)], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_least_strike_is_the_first_value_that_passes_alone(seed: int) -> None:
    held = 0
    for desk, site, key in candidates(seed):
        plant, exposed = site.plant, dump_exposed(desk.market, site.plant.product)
        grid = three_digit_grid(*strike_bounds(site, desk.offer))[::20]
        levels = [desk.offer.levels[0], desk.offer.levels[-1]]
        found = least_strikes(site, desk.law[plant.country, plant.product], desk.offer, exposed, grid, levels)
        for level, strike in zip(levels, found, strict=True):
            alone = [bool(bank(desk, site, float(k), dump=exposed).passes(level.itc, level.ptc)[0]) for k in grid]
            assert strike == (grid[alone.index(True)] if any(alone) else pytest.approx(np.nan, nan_ok=True)), key
            held += any(alone)
    assert held > 3


def test_no_contract_is_offered_where_a_project_passes_alone() -> None:
    kinds = set()
    for desk, site, key in [case for seed in (1, 2, 4, 5) for case in candidates(seed)]:
        plant = site.plant
        made = desk.family(key, site.calendar.start, desk.law_settings())
        for level, kind in zip(desk.offer.levels, made.kind, strict=True):
            alone = bool(bank(desk, site, dump=dump_exposed(desk.market, plant.product)).passes(level.itc, level.ptc)[0])
            kinds.add(int(kind))
            assert kind != UNAIDED or alone, key
            assert kind != CONTRACT or not alone, key
    assert kinds == {INFEASIBLE, UNAIDED, CONTRACT}
