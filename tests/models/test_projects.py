"""C4 and C10: what a project sells, spends and buys, year by year, by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.projects import Plant, calendar, feed_tonnes, plants, refined_tonnes, start_years

YEARS = np.arange(2027, 2047)


@pytest.fixture(scope="module")
def alpha() -> Plant:
    return plants(mc.load("tutorial"))["USA_ALPHA"]


def test_capital_is_spread_evenly_before_the_start(alpha: Plant) -> None:
    cal = calendar(replace(alpha, build_years=3, capital_musd=30.0), 2031, YEARS)
    assert (YEARS[cal.build]).tolist() == [2028, 2029, 2030]
    assert_allclose(cal.capital, [10, 10, 10])
    assert (YEARS[cal.operate]).tolist() == [2031, 2032, 2033, 2034, 2035]


@pytest.mark.parametrize(("start", "expected"), [(2029, [2027, 2028]), (2028, [2027]), (2027, [2027])])
def test_capital_falls_in_the_years_that_are_left(alpha: Plant, start: int, expected: list[int]) -> None:
    cal = calendar(replace(alpha, build_years=3), start, YEARS)
    assert YEARS[cal.build].tolist() == expected
    assert cal.capital.sum() == pytest.approx(30.0)


def test_capital_counts_optimism_and_money_spent_and_grants() -> None:
    given = {"projects.USA_ALPHA.optimism_factor": 1.4, "projects.USA_ALPHA.sunk_capex_share": 0.25, "projects.USA_ALPHA.public_grant_musd": 5}
    plant = plants(mc.load("tutorial", given))["USA_ALPHA"]
    assert plant.capital_musd == pytest.approx(30 * 1.4 * 0.75)
    assert calendar(plant, 2029, YEARS).capital.sum() == pytest.approx(30 * 1.4 * 0.75 - 5)
    assert calendar(replace(plant, grant_musd=99.0), 2029, YEARS).capital.sum() == 0.0


def test_last_ramp_value_holds_for_all_later_years(alpha: Plant) -> None:
    cal = calendar(replace(alpha, ramp=(0.5, 0.85, 1.0), life=6), 2029, YEARS)
    assert_allclose(cal.output, 2_000 * np.array([0.5, 0.85, 1, 1, 1, 1]))


def test_expansion_comes_a_year_after_its_capital(alpha: Plant) -> None:
    grown = replace(alpha, life=6, expansion_musd=10.0, expansion_index=2, expansion_capacity=500.0)
    cal = calendar(grown, 2029, YEARS)
    assert_allclose(cal.expansion, [0, 0, 10, 0, 0, 0])
    assert_allclose(cal.output, [2_000, 2_000, 2_000, 2_500, 2_500, 2_500])
    assert_allclose(cal.depreciation, 30 * np.array([0.2] * 5 + [0]) + 10 * np.array([0, 0, 1, 1, 1, 1]) / 4)
    assert_allclose(cal.initial_depreciation, 30 * np.array([0.2] * 5 + [0]))


def test_optional_expansion_is_left_out_unless_asked_for() -> None:
    rows = {"expansion_capex_musd": 10, "expansion_year": 3, "expansion_capacity_t_per_year": 500}
    given = {f"projects.USA_ALPHA.{k}": v for k, v in rows.items()}
    left = plants(mc.load("tutorial", given))["USA_ALPHA"]
    assert (left.expansion_musd, left.expansion_capacity) == (0.0, 0.0)
    asked = plants(mc.load("tutorial", given | {"data.optional_expansions": True}))["USA_ALPHA"]
    assert (asked.expansion_musd, asked.expansion_capacity, asked.expansion_index) == (10.0, 500.0, 2)
    forced = plants(mc.load("tutorial", given | {"projects.USA_ALPHA.expansion_capacity_t_per_year": 0}))["USA_ALPHA"]
    assert (forced.expansion_musd, forced.expansion_capacity) == (10.0, 0.0)


@given(st.integers(1, 30), st.integers(1, 15), st.integers(2027, 2040), st.integers(1, 6))
def test_all_capital_is_written_off_once(life: int, span: int, start: int, build: int) -> None:
    plant = plants_of_tutorial()
    drawn = replace(plant, life=life, build_years=build, terms=replace(plant.terms, depreciation_years=span))
    cal = calendar(drawn, start, np.arange(2027, 2072))
    assert cal.write_off.sum() == pytest.approx(1.0)
    assert cal.depreciation.sum() == pytest.approx(cal.capital.sum()) == pytest.approx(30.0)
    assert np.count_nonzero(cal.write_off) == min(span, life)


@cache
def plants_of_tutorial() -> Plant:
    return plants(mc.load("tutorial"))["USA_ALPHA"]


def test_life_is_cut_at_thirty_years() -> None:
    assert plants(mc.load("tutorial", {"projects.USA_ALPHA.life_years": 44}))["USA_ALPHA"].life == 30


@pytest.mark.parametrize(("sold", "stated", "refined"), [
    ("refined", "refined", True), ("chemical", "refined", True), ("anode", "chemical", True), ("concentrate", "concentrate", True),
    ("concentrate", "refined", False),
])  # fmt: skip
def test_form_says_whether_border_measures_reach_a_project(sold: str, stated: str, refined: bool) -> None:
    given = {"projects.USA_ALPHA.form_sold": sold, "products.alpha.form": stated}
    assert plants(mc.load("tutorial", given))["USA_ALPHA"].refined is refined


def test_tonnes_count_payability_only_in_concentrate(alpha: Plant) -> None:
    cal = calendar(alpha, 2029, YEARS)
    for refined, factor in ((True, 1.0), (False, 0.8)):
        tonnes = refined_tonnes(replace(alpha, refined=refined, payability=0.8), cal, YEARS.size)
        assert tonnes.tolist() == [0.0, 0.0] + [2_000 * factor] * 5 + [0.0] * 13


def test_feed_follows_output(alpha: Plant) -> None:
    eats = replace(alpha, ramp=(0.5, 1.0), feed_product="beta", feed_tonnes=1.5)
    assert feed_tonnes(eats, calendar(eats, 2029, YEARS), YEARS.size)[:7].tolist() == [0, 0, 1_500, 3_000, 3_000, 3_000, 3_000]


def test_starts_are_delays_within_the_end_year() -> None:
    instance = mc.load("tutorial", {"ladders.start_delays": [0, 2, 4]})
    found = plants(instance)
    assert start_years(instance, found["USA_ALPHA"]) == (2029, 2031)
    assert start_years(instance, replace(found["USA_ALPHA"], earliest=2020)) == (2027, 2029, 2031)
    assert start_years(instance, replace(found["USA_ALPHA"], earliest=2032)) == ()


def test_only_mines_pay_duty_and_only_untraded_products_the_add_on() -> None:
    given = {"finance.mining_duty_rate": 0.1, "products.beta.exchange_traded": 0}
    found = plants(mc.load("tutorial", given))
    assert found["USA_ALPHA"].terms.duty == 0.0
    assert found["CAN_BETA"].terms.duty == 0.1
    assert found["USA_ALPHA"].terms.specialty_addon == 0.0
    assert found["CAN_BETA"].terms.specialty_addon == 0.025
