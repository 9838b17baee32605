"""C7 against a plain reading of its table, and what tariffs can and cannot do to a price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import minclub as mc
from minclub.instances.scenarios import generate
from minclub.models.border import Revenue
from minclub.models.levies import LAW, Border, Schedule
from minclub.models.market import BEYOND, COUNTRIES, EXPORT, OPEN, SCARCE, Market, along, domestic_price

rates = st.floats(0.0, 1.0)
prices = st.floats(1.0, 1e6)


DRAWN = generate(mc.load("tutorial"))
TUTORIAL = Market(mc.load("tutorial"), replace(DRAWN, china={m: 0.8 * price for m, price in DRAWN.china.items()}))
"""The tutorial with a node whose price is a fifth below the other's."""
MIXED = mc.load("tutorial", {"products.alpha.law_tariff_china_usa": 0.25, "products.alpha.law_tariff_market_can": 0.05, "projects.USA_ALPHA.life_years": 9})
SUPPLY = replace(
    TUTORIAL.scenarios,
    restricted={m: np.random.default_rng(4).random(flags.shape) < 0.4 for m, flags in DRAWN.restricted.items()},
    lapse_year=np.arange(DRAWN.count) + 2030,
)
"""Prices at which some years are restricted and the club's measures lapse in different years."""
TABLED, BARE = Market(MIXED, SUPPLY), Market(MIXED, SUPPLY)
BARE.kept_bytes = 0
"""Members with different laws and years after the last simulated one; of ``BARE`` no table of prices is ever made."""
PLAIN = Schedule(("market", "china"), {"market": 0.0, "china": 0.0})


def price_under(M: float, C: float, restricted: bool, border: Border, spike: float) -> np.ndarray:
    world, china = np.array([[M]]), np.array([[C]])
    landed = PLAIN.landed("market", world, border), PLAIN.landed("china", china, border)
    return domestic_price(world, *landed, np.array([[restricted]]), export_cost=0.07, spike=spike)


def by_the_table(M: float, C: float, restricted: bool, tM: float, tC: float, e: float, spike: float) -> list[float]:
    """Read one row of prices off the table of C7, states 0 to 3."""
    m, x = M * (1 + tM), C * (1 + tC)
    if restricted:
        return [M * (1 - e), m, spike * m, spike * m]
    return [M * (1 - e), min(m, x), min(m, x), x]


@given(prices, prices, st.booleans(), rates, rates, rates, rates, st.floats(1.0, 5.0))
def test_domestic_price_is_the_table(M: float, C: float, restricted: bool, own_m: float, law_m: float, own_c: float, law_c: float, spike: float) -> None:
    got = price_under(M, C, restricted, Border(own_m, own_c).raised_to(Border(law_m, law_c)), spike)
    assert got.shape == (1, 4, 1)
    assert_allclose(got[0, :, 0], by_the_table(M, C, restricted, max(own_m, law_m), max(own_c, law_c), 0.07, spike), rtol=1e-12)


@given(prices, prices, st.booleans(), rates, rates, rates, rates)
def test_more_tariff_never_lowers_the_price(M: float, C: float, restricted: bool, t_m: float, t_c: float, more_m: float, more_c: float) -> None:
    low, high = (price_under(M, C, restricted, border, 2.0) for border in (Border(t_m, t_c), Border(t_m + more_m, t_c + more_c)))
    assert (high >= low).all()
    assert high[0, EXPORT, 0] == low[0, EXPORT, 0]


# --- along a path ---------------------------------------------------------------------------------------------------

paths = st.lists(st.integers(EXPORT, BEYOND), min_size=TABLED.years.size, max_size=TABLED.years.size).map(np.array)
borders = st.builds(Border, rates, rates) | st.just(Border(reference=10_000.0))


@given(st.sampled_from(TABLED.products), borders, st.sampled_from(COUNTRIES), paths)
def test_prices_along_a_path_are_those_of_its_states(product: str, border: Border, country: str, path: np.ndarray) -> None:
    expected = along(TABLED.prices(product, border, country), path)
    for market in (TABLED, BARE):
        assert_array_equal(market.prices_along(product, border, country, path), expected)
    sold = along(TABLED.producer_prices(product, border), path)
    for market in (TABLED, BARE):
        assert_array_equal(market.producer_prices_along(product, border, path), sold)
    assert not BARE._prices


@given(st.sampled_from(TABLED.products), borders, st.sampled_from(COUNTRIES), paths)
def test_mean_prices_are_the_means_of_prices(product: str, border: Border, country: str, path: np.ndarray) -> None:
    means = TABLED.mean_prices(product, border, country)
    assert_array_equal(means, TABLED.prices(product, border, country).mean(axis=2))
    assert_allclose(along(means, path), BARE.prices_along(product, border, country, path).mean(axis=1), rtol=1e-12)
    assert TABLED.mean_prices(product, border, country) is means


def test_changing_prices_along_a_path_changes_no_others() -> None:
    path = np.full(TABLED.years.size, BEYOND)
    for market in (TABLED, BARE):
        before = market.prices_along("alpha", LAW, "USA", path)
        market.prices_along("alpha", LAW, "USA", path)[:] = 0.0
        assert_array_equal(market.prices_along("alpha", LAW, "USA", path), before)


# --- the market of an instance ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(mc.load("tutorial"))


def test_availability_is_reach_or_todays_imports(market: Market) -> None:
    assert_allclose(market.availability["alpha"], max(0.5 * (4_000 - 1_000), 2_000))
    assert_allclose(market.availability["beta"], max(0.5 * (105_000 - 5_000), 10_000))


def test_demand_grows_to_2030_then_slower_then_not_at_all() -> None:
    given = {"products.alpha.growth_to_2030": 0.10, "products.alpha.growth_after_2030": 0.02, "data.growth_until": 2031}
    grown = Market(mc.load("tutorial", given))
    factor = [1.1**2, 1.1**3, 1.1**4, 1.1**5] + [1.1**5 * 1.02] * 4
    assert_allclose(grown.demand["alpha"][:8], 10_000 * np.array(factor))
    assert_allclose(grown.availability["alpha"][:8], 2_000 * np.array(factor))


def test_localised_demand_moves_from_direct_towards_embodied() -> None:
    given = {
        "data.demand_basis": "localised", "data.localised_share": 0.5, "data.localised_from": 2025, "data.localised_until": 2035,
        "products.alpha.demand_embodied_2025_t_usa": 16_000,
    }  # fmt: skip
    basis = Market(mc.load("tutorial", given))
    share = 0.5 * np.minimum((basis.years - 2025) / 10, 1.0)
    assert_allclose(basis.stated["alpha"]["USA"], 6_000 + share * 10_000)
    assert_allclose(basis.direct["alpha"]["USA"], 6_000)
    assert_allclose(basis.stated["alpha"]["CAN"], 2_000)


def test_a_member_levies_the_higher_of_its_law_and_the_club() -> None:
    club = Market(mc.load("tutorial", {"products.alpha.law_tariff_china_usa": 0.25}))
    for country, rate in zip(COUNTRIES, (0.25, 0.10, 0.10), strict=True):
        price = club.prices("alpha", Border(0.0, 0.10), country)[0, BEYOND]
        assert_allclose(price, (1 + rate) * np.array([6_000, 9_000, 12_000]))


def test_a_producer_sells_to_the_dearest_member_with_demand() -> None:
    law = {"products.alpha.law_tariff_china_usa": 0.25}
    sold = Market(mc.load("tutorial", law)).producer_prices("alpha", LAW)
    assert_allclose(sold[0, BEYOND], 1.25 * np.array([6_000, 9_000, 12_000]))
    assert_allclose(sold[0, EXPORT], 0.93 * np.array([6_000, 9_000, 12_000]))
    unused = Market(mc.load("tutorial", law | {"products.alpha.demand_direct_2025_t_usa": 0})).producer_prices("alpha", LAW)
    assert_allclose(unused[0, BEYOND], [6_000, 9_000, 12_000])


def test_dumped_prices_go_through_the_table(market: Market) -> None:
    fallen_m, fallen_c = 9_000 * (1 - 0.5 * 0.4), 9_000 * (1 - 0.4)
    expected = [0.93 * fallen_m, min(fallen_m, 1.02 * fallen_c), min(fallen_m, 1.02 * fallen_c), 1.02 * fallen_c]
    assert_allclose(market.dumped_price("alpha", Border(0.0, 0.02)), expected)


def test_options_with_the_same_effective_rates_are_one() -> None:
    law = Market(mc.load("tutorial", {f"products.alpha.law_tariff_china_{c}": 0.25 for c in ("usa", "can", "mex")}))
    assert law.effective("alpha", Border(0.0, 0.10)) == law.effective("alpha", LAW) == Border(0.0, 0.25)
    mixed = Market(mc.load("tutorial", {"products.alpha.law_tariff_china_usa": 0.25}))
    assert mixed.effective("alpha", Border(0.0, 0.10), "CAN") == Border(0.0, 0.10)
    assert mixed.effective("alpha", Border(0.0, 0.10), "USA") == Border(0.0, 0.25)


def test_years_after_the_last_simulated_one_are_flat_and_unprotected() -> None:
    long = Market(mc.load("tutorial", {"projects.USA_ALPHA.life_years": 12}))
    assert long.years[-1] == 2042
    after = long.prices("alpha", Border(0.05, 0.05), "USA")[8:]
    assert_allclose(after[:, [EXPORT, SCARCE, OPEN, BEYOND]], 9_000)


def split(need: float, reach: float, fill: float, landed: tuple[float, float], restricted: bool) -> tuple[float, float]:
    """Read tonnes of ``market`` and of ``china_linked`` off the sentence of C7."""
    wanted = max(need, 0.0)
    if restricted:
        return min(wanted, fill * reach), 0.0
    from_market = min(wanted, reach) if landed[0] <= landed[1] else 0.0
    return from_market, wanted - from_market


@given(st.lists(st.floats(-3_000.0, 9_000.0), min_size=8, max_size=8), st.sampled_from([Border(), Border(0.1, 0.25), Border(reference=10_000.0)]))
def test_border_revenue_is_what_each_node_pays_on_what_it_sells(need: list[float], border: Border) -> None:
    market, share = TUTORIAL, np.full((3, TUTORIAL.years.size), 1.0 / 3.0)
    made = Revenue(market, "alpha", border).of(np.array(need + [0.0] * (market.years.size - 8)), share).sum(axis=0)
    for t, wanted in enumerate(need):
        total = 0.0
        for c in COUNTRIES:
            landed = market.landed("alpha", border, market.law("alpha", c))
            for s in range(market.market["alpha"].shape[1]):
                pair, closed = (float(landed[0][t, s]), float(landed[1][t, s])), bool(market.restricted["alpha"][t, s])
                tonnes = split(wanted, float(market.availability["alpha"][t]), market.fill, pair, closed)
                prices = float(market.market["alpha"][t, s]), float(market.china["alpha"][t, s])
                total += sum(q * (x - p) for q, x, p in zip(tonnes, pair, prices, strict=True)) / 3.0
        assert made[t] == pytest.approx(total / market.market["alpha"].shape[1] / 1e6, abs=1e-9)
