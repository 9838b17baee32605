"""C15: credit rates by calendar year, and the ladder of the club's increments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.subsidies import NO_CREDIT, CreditLevel, LawCredits, credits_at, distinct_levels, ladder, law_credits, offered, schedule

YEARS = np.arange(2027, 2047)


def rate_of(year: int, rate: float, start: float, end: float, phases: list[tuple[int, float]]) -> float:
    """Walk through time to one year: the last step that has come counts, outside its life an instrument pays nothing."""
    current = rate if np.isnan(start) or year >= start else 0.0
    for step, level in phases:
        if step <= year:
            current = level
    return current if np.isnan(end) or year <= end else 0.0


@given(
    st.floats(0.0, 1.0),
    st.sampled_from([np.nan, 2020.0, 2030.0]),
    st.sampled_from([np.nan, 2033.0, 2040.0]),
    st.lists(st.tuples(st.integers(2028, 2045), st.floats(0.0, 1.0)), max_size=4, unique_by=lambda step: step[0]).map(sorted),
)
def test_schedule_follows_start_phases_and_end(rate: float, start: float, end: float, phases: list[tuple[int, float]]) -> None:
    assert schedule(rate, start, end, phases, YEARS).tolist() == [rate_of(int(y), rate, start, end, phases) for y in YEARS]


def test_law_of_usmca_is_the_phased_production_credit() -> None:
    instance = mc.load("usmca")
    rows = instance.policy[(instance.policy["country"] == "USA") & (instance.policy["kind"] == "ptc")]
    assert len(rows) >= 1
    got = law_credits(instance, "USA", "lithium_carbonate", YEARS)
    expected = [
        sum(
            rate_of(int(y), r.rate, r.start_year, r.end_year, list(r.phase_schedule))
            for r in rows.itertuples()
            if {"lithium_carbonate", "all"} & set(r.products)
        )
        for y in YEARS
    ]
    assert_allclose(got.ptc, expected)
    assert got.ptc[0] == 0.10
    assert_allclose([got.ptc[y - 2027] for y in (2030, 2031, 2032, 2033, 2034)], [0.10, 0.075, 0.05, 0.025, 0.0])


def test_club_adds_to_law() -> None:
    itc, ptc = credits_at(LawCredits(np.array([0.1, 0.0]), np.array([0.0, 0.05])), CreditLevel(0.2, 0.1))
    assert_allclose(itc, [0.3, 0.2])
    assert_allclose(ptc, [0.1, 0.15])


def test_equal_levels_have_the_place_of_the_first() -> None:
    one, two = CreditLevel(0.1), CreditLevel(0.1, upside=0.5)
    of, distinct = distinct_levels([one, NO_CREDIT, CreditLevel(0.1), two, NO_CREDIT])
    assert of.tolist() == [0, 1, 0, 2, 1]
    assert distinct == (one, NO_CREDIT, two)


def test_ladder_starts_with_nothing_and_is_the_product_of_both() -> None:
    levels = ladder(mc.load("usmca"), {})
    assert levels[0] == NO_CREDIT
    assert len(levels) == len(set(levels)) == 7 * 3


def test_pinned_rate_stands_alone_and_only_where_it_is_pinned() -> None:
    instance = mc.load("tutorial")
    fixes = {"credit.itc.USA.alpha": 0.07}
    levels = ladder(instance, fixes)
    assert [level.itc for level in levels] == [0.0, 0.07, 0.10]
    assert offered(instance, levels, "USA", "alpha", fixes).tolist() == [False, True, False]
    assert offered(instance, levels, "MEX", "alpha", fixes).tolist() == [True, False, True]


@pytest.mark.parametrize("country", ["CAN", "MEX"])
def test_a_law_of_one_member_gives_nothing_to_the_others(country: str) -> None:
    instance = mc.load("usmca")
    codes = set(instance.policy.loc[instance.policy["country"] == country, "kind"])
    got = law_credits(instance, country, "gallium", YEARS)
    assert ("itc" in codes) == bool(got.itc.any())
    assert ("ptc" in codes) == bool(got.ptc.any())
