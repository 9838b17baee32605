"""The landed price under a levy, an adjustment and a lapse; lines and national rates (C6, C18)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.instances.scenarios import generate
from minclub.models.border import Revenue
from minclub.models.levies import LAW, Border, Schedule, three_digits
from minclub.models.market import BEYOND, EXPORT, OPEN, Market
from minclub.models.options import border_options

PRICES = np.array([6_000.0, 9_000.0, 12_000.0])


def test_a_reference_price_lifts_the_landed_price_up_to_it_and_no_further() -> None:
    both, one = (Schedule(covers, {"market": 0.0, "china": 0.0}) for covers in (("market", "china"), ("china",)))
    assert_allclose(both.landed("market", PRICES, Border(reference=10_000.0)), [10_000, 10_000, 12_000])
    assert_allclose(one.landed("market", PRICES, Border(reference=10_000.0)), PRICES)
    assert_allclose(one.landed("china", PRICES, Border(china=0.25, reference=10_000.0)), [10_000, 11_250, 15_000])


def test_the_adjustment_is_what_imports_lack_to_the_standard() -> None:
    schedule = Schedule(("market", "china"), {"market": 20.0, "china": 100.0})
    assert_allclose(schedule.landed("china", PRICES, Border(china=0.1, standard=0.5)), 1.1 * PRICES + 50.0)
    assert_allclose(schedule.landed("market", PRICES, Border(standard=1.0)), PRICES + 20.0)


@pytest.mark.parametrize(("value", "rounded"), [(16774.0, 16800.0), (1.2345, 1.23), (99950.0, 100000.0), (0.0012349, 0.00123)])
def test_reference_prices_have_three_digits(value: float, rounded: float) -> None:
    assert float(three_digits(value)) == pytest.approx(rounded, rel=1e-12)


def _lapsed(first_out: list[int]) -> Market:
    instance = mc.load("tutorial")
    return Market(instance, replace(generate(instance), lapse_year=np.array(first_out)))


def test_measures_end_with_the_lapse_and_law_returns() -> None:
    market = _lapsed([2029, 2031, 9999])
    price = market.prices("alpha", Border(0.10, 0.10), "USA")[:8, BEYOND]
    law = market.prices("alpha", LAW, "USA")[:8, BEYOND]
    for s, first in enumerate((2029, 2031, 9999)):
        held = market.years[:8] < first
        assert_allclose(price[held, s], 1.10 * market.china["alpha"][:8][held, s])
        assert_allclose(price[~held, s], law[~held, s])


def test_revenue_is_landed_less_node_price_while_in_force() -> None:
    market = _lapsed([2029, 2031, 9999])
    revenue = Revenue(market, "alpha", Border(reference=10_000.0))
    need = np.full(market.years.size, 100.0)
    share = np.tile(np.array([1.0, 0.0, 0.0])[:, None], market.years.size)
    free = ~market.restricted["alpha"]
    assert market.in_force is not None
    per_tonne = np.where(market.in_force & free, np.maximum(market.market["alpha"], 10_000.0) - market.market["alpha"], 0.0)
    assert_allclose(revenue.of(need, share)[0][:8], 100.0 * per_tonne.mean(axis=1)[:8] / 1e6)


def test_a_levy_is_inert_in_the_export_state() -> None:
    market = Market(mc.load("tutorial"))
    levied, law = (market.prices("alpha", border, "CAN") for border in (Border(reference=30_000.0), LAW))
    assert_allclose(levied[:, EXPORT], law[:, EXPORT])
    assert (levied[:8, OPEN] > law[:8, OPEN]).all()


def test_national_rates_raise_a_members_own_law() -> None:
    market = Market(mc.load("tutorial", {"national.CAN.china_linked.alpha": 0.15}))
    assert market.law("alpha", "CAN") == Border(0.0, 0.15)
    assert market.law("alpha", "USA") == Border()


def test_options_hold_pairs_then_reference_prices_and_nothing_of_what_is_off() -> None:
    given = {"instruments.reference_price": True, "ladders.reference": [0.8, 1.0]}
    market = Market(mc.load("tutorial", given))
    options = border_options(market, "alpha", {})
    assert options[0] == LAW
    assert [o.reference for o in options if o.reference] == [7_200.0, 9_000.0]
    assert all(not (o.market or o.china) for o in options if o.reference)
    off = Market(mc.load("tutorial", given | {"instruments.tariffs": False, "instruments.reference_price": False}))
    assert border_options(off, "alpha", {}) == (LAW,)


def test_products_of_a_line_have_the_same_rates_in_the_same_order() -> None:
    given = {"lines.metals": ["alpha", "beta"], "products.beta.law_tariff_china_usa": 0.02, "instruments.reference_price": True, "ladders.reference": [0.9]}
    market = Market(mc.load("tutorial", given))
    alpha, beta = (border_options(market, m, {}) for m in ("alpha", "beta"))
    assert [(o.market, o.china) for o in alpha] == [(o.market, o.china) for o in beta]
    assert beta[-1].reference / market.long_run["beta"] == pytest.approx(alpha[-1].reference / market.long_run["alpha"], rel=1e-2)


def test_chinese_firms_elsewhere_count_as_market_where_origin_rules() -> None:
    given = {"products.alpha.china_controlled_share": 0.7, "products.alpha.china_made_share": 0.5}
    linked = Market(mc.load("tutorial", given)).availability["alpha"]
    origin = Market(mc.load("tutorial", given | {"data.china_equity": "market"})).availability["alpha"]
    row = mc.load("tutorial").products.loc["alpha"]
    supply = [max(0.0, s - 1_000) for s in (float(row["non_china_supply_t"]), float(row["non_china_supply_t"]) + 0.2 * float(row["world_supply_t"]))]
    assert_allclose(linked, max(float(row["market_reach_share"]) * supply[0], float(row["other_imports_t"])))
    assert_allclose(origin, max(float(row["market_reach_share"]) * supply[1], float(row["other_imports_t"])))
