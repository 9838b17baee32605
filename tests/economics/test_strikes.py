"""What a contract for difference can and cannot do, and what its least strike depends on (C12 to C15)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import minclub as mc
from minclub.models.bankability import Tests
from minclub.models.baseline import dump_exposed
from minclub.models.cashflow import Site
from minclub.models.clusters import free_candidates
from minclub.models.columns import least_strikes, strike_bounds
from minclub.models.contracts import ContractTerms, payment, three_digit_grid
from minclub.models.desk import Desk
from minclub.models.levies import LAW, Border
from minclub.models.outlooks import Setting
from minclub.models.projects import start_years
from minclub.models.subsidies import CreditLevel

WORTHLESS = 1.0
"""A strike in USD/t below any price."""


def candidate_sites(desk: Desk, settings: dict[str, Setting] | None = None) -> list[Site]:
    """Return every candidate at its earliest start, by default under law and the baseline's path."""
    used = settings or desk.law_settings()
    return [desk.outlooks.site(p, start_years(desk.instance, p)[0], used) for p in free_candidates(desk.balance, desk.baseline)]


def bank(desk: Desk, site: Site, strike: float | None = None, terms: ContractTerms | None = None) -> Tests:
    law, exposed = desk.law[site.plant.country, site.plant.product], dump_exposed(desk.market, site.plant.product)
    if strike is None:
        return Tests(site, law, desk.rules, desk.market.long_run, exposed)
    return Tests(site, law, desk.rules, desk.market.long_run, exposed, terms or desk.offer.contract, np.array([strike]))


def strikes_of(desk: Desk, site: Site, levels: list[CreditLevel], *, only_value: bool = False) -> np.ndarray:
    """Return the least strike at each credit level, infinite where none passes."""
    rules = replace(desk.rules, tail=False, lender=False) if only_value else desk.rules
    law = desk.law[site.plant.country, site.plant.product]
    grid = three_digit_grid(*strike_bounds(site, desk.offer))
    found = least_strikes(site, law, replace(desk.offer, rules=rules), dump_exposed(desk.market, site.plant.product), grid, levels)
    return np.where(np.isnan(found), np.inf, found)


# --- a contract that pays nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("upside", [0.0, 0.5])
@pytest.mark.parametrize("protection", [LAW, Border(0.25, 0.25)])
def test_a_worthless_contract_makes_nothing_bankable(usmca: Desk, upside: float, protection: Border) -> None:
    """For every candidate, passing with a strike of 1 USD/t means passing without a contract: a signature is worth nothing."""
    settings = {m: Setting(protection, s.path) for m, s in usmca.law_settings().items()}
    passed = 0
    for site in candidate_sites(usmca, settings):
        alone = bank(usmca, site)
        signed = bank(usmca, site, WORTHLESS, ContractTerms(12, 1.0, upside))
        assert signed.phi[0] == 0.0
        assert signed.value()[0] <= alone.value()[0] + 1e-9
        with_it, without = (bool(t.passes()[0]) for t in (signed, alone))
        assert not with_it or without, site.plant.id
        passed += without
    assert (passed > 0) == (protection != LAW)


def test_a_worthless_insurance_changes_no_test(usmca: Desk) -> None:
    for site in candidate_sites(usmca):
        alone, signed = bank(usmca, site), bank(usmca, site, WORTHLESS, ContractTerms(12, 1.0, 0.0))
        for test in ("value", "tail"):
            assert getattr(signed, test)()[0] == pytest.approx(getattr(alone, test)()[0], rel=1e-9, abs=1e-9)
        for cover in ("bank_cover", "downside_cover", "dump_cover"):
            assert getattr(signed.decks, cover)()[0] == pytest.approx(getattr(alone.decks, cover)()[0], rel=1e-9, abs=1e-9)
        assert signed.decks.bank_required()[0] == alone.decks.bank_required()[0]


# --- payments --------------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 1e5), st.floats(0.0, 1e5), st.floats(0.0, 1e4), st.floats(0.0, 1.0))
def test_payment_rises_with_the_strike_and_falls_with_the_price(price: float, strike: float, more: float, upside: float) -> None:
    assert payment(price, strike + more, upside) >= payment(price, strike, upside)
    assert payment(price + more, strike, upside) <= payment(price, strike, upside)
    assert payment(price, price, upside) == 0.0


@given(st.lists(st.floats(0.0, 1e5), min_size=1, max_size=20), st.floats(0.0, 1.0))
def test_expected_payment_rises_with_the_strike(price: list[float], upside: float) -> None:
    grid = np.linspace(0.0, 1e5, 50)
    assert (np.diff(payment(np.array(price)[:, None], grid, upside).mean(axis=0)) >= -1e-6).all()


@given(st.floats(0.0, 1e5), st.floats(0.0, 1e5))
def test_a_two_way_contract_and_the_market_together_are_flat(price: float, strike: float) -> None:
    assert price + float(payment(price, strike, 1.0)) == pytest.approx(strike, rel=1e-12, abs=1e-9)


def test_a_two_way_contract_takes_all_risk_out_of_the_tenor(usmca: Desk) -> None:
    """Without royalty, feed and by-products the margin of a tenor year is the same number in every scenario."""
    sites = [s for s in candidate_sites(usmca) if not s.plant.feed_product and s.byproduct_revenue.shape[1] == 1]
    assert len(sites) > 10
    for site in sites:
        free = replace(site, plant=replace(site.plant, royalty=0.0))
        strike = max(strike_bounds(site, usmca.offer)[0], 1.0) * 1.2
        run = free.operate(np.arange(min(12, free.payable.size)), np.array([strike]), ContractTerms(12, 1.0, 1.0))
        assert run.active.all()
        assert_allclose(run.margin[0], run.margin[0][:, :1] @ np.ones((1, run.margin.shape[2])), rtol=1e-9)
        assert np.ptp(free.merchant.margin[0][:12], axis=1).max() > 0.0


def test_every_test_eases_as_the_strike_rises(usmca: Desk) -> None:
    for site in candidate_sites(usmca)[::3]:
        grid = three_digit_grid(*strike_bounds(site, usmca.offer))[::40]
        if grid.size < 2:
            continue
        law, exposed = usmca.law[site.plant.country, site.plant.product], dump_exposed(usmca.market, site.plant.product)
        tests = Tests(site, law, usmca.rules, usmca.market.long_run, exposed, usmca.offer.contract, grid)
        decks = tests.decks
        pairs = {
            "bank": decks.bank_cover() - decks.bank_required(), "downside": decks.downside_cover(),
            "dump": decks.dump_cover(), "tail": tests.tail(), "phi": tests.phi,
        }  # fmt: skip
        for name, values in pairs.items():
            assert (np.diff(values) >= -1e-9).all(), (site.plant.id, name)


# --- the least strike ------------------------------------------------------------------------------------------------


def test_the_least_strike_falls_with_each_credit(usmca: Desk) -> None:
    """Weakly for every candidate and both credits; strictly over the ladder of investment credits where the value test binds."""
    bound_by_value = 0
    for site in candidate_sites(usmca):
        itc = strikes_of(usmca, site, [CreditLevel(itc=float(x)) for x in (0.0, 0.1, 0.2, 0.3)])
        ptc = strikes_of(usmca, site, [CreditLevel(ptc=float(x)) for x in (0.0, 0.05, 0.1)])
        for strikes in (itc, ptc):
            assert all(after <= before for before, after in pairwise(strikes)), site.plant.id
        if np.isfinite(itc[0]) and itc[0] == strikes_of(usmca, site, [CreditLevel()], only_value=True)[0] and site.plant.itc_share > 0.0:
            bound_by_value += 1
            assert itc[-1] < itc[0], site.plant.id
    assert bound_by_value > 5


def test_moving_the_end_year_changes_no_strike(usmca: Desk) -> None:
    """A project is valued over its own life and a contract over its whole tenor, wherever decisions end (C2)."""
    short = Desk(mc.load("usmca", {"years.end": 2037}))
    assert short.baseline.builds == usmca.baseline.builds
    years = short.market.years.size
    for now, then in zip(candidate_sites(usmca), candidate_sites(short), strict=True):
        assert now.plant.id == then.plant.id
        assert now.calendar.start == then.calendar.start
        assert_array_equal(now.outlook.price[:years], then.outlook.price[:years])
        assert_array_equal(strikes_of(usmca, now, [CreditLevel()]), strikes_of(short, then, [CreditLevel()]))


def test_protection_lowers_the_least_strike_in_the_tutorial(tutorial: Desk) -> None:
    path = tutorial.law_settings()["alpha"].path
    strikes = []
    for rate in (0.0, 0.01, 0.02):
        settings = tutorial.law_settings() | {"alpha": Setting(Border(0.0, rate), path)}
        site = tutorial.outlooks.site(tutorial.plants["USA_ALPHA"], 2029, settings)
        strikes.append(float(strikes_of(tutorial, site, [CreditLevel()])[0]))
    assert strikes == [8_550.0, 8_500.0, 8_440.0]


def test_a_strike_is_never_above_the_price_that_makes_a_two_way_contract_pay(tutorial: Desk) -> None:
    """With all upside returned and no risk, the least strike is the break-even price rounded up to three digits."""
    desk = Desk(mc.load("tutorial", {"finance.upside_share_max": 1.0, "contract.upside_share": 1.0}))
    site = desk.outlooks.site(desk.plants["USA_ALPHA"], 2029, desk.law_settings())
    annuity = sum(1.1**-k for k in range(1, 6))
    break_even = 5_000 + (30 / annuity - 0.2 * 6) / 0.8 / 2_000 * 1e6
    assert break_even == pytest.approx(9_196, abs=1)
    assert strikes_of(desk, site, [CreditLevel()])[0] == 9_200.0


# --- prices ----------------------------------------------------------------------------------------------------------


def test_recentred_prices_have_the_stated_mean_in_each_regime(usmca: Desk) -> None:
    """``mean M[y] = L + (spot - L) exp(-kappa (y - base))`` exactly, by regime and year, episodes included (C5)."""
    drawn, table = usmca.market.scenarios, usmca.instance.products
    years = np.arange(drawn.years.size)
    for product in usmca.market.products:
        level, spot = drawn.long_run[product], float(table.loc[product, "spot_usd_per_t"])
        for regime, name in ((0, "kappa_slow"), (1, "kappa_fast")):
            target = level + (spot - level) * np.exp(-float(table.loc[product, name]) * years)
            assert_allclose(drawn.market[product][drawn.regime == regime].mean(axis=0), target, rtol=1e-9)


def test_without_an_episode_both_nodes_ask_the_same(usmca: Desk) -> None:
    for product in usmca.market.products:
        world, china = usmca.market.market[product], usmca.market.china[product]
        assert (china <= world).all()
        assert_array_equal(china[usmca.market.restricted[product]], world[usmca.market.restricted[product]])
