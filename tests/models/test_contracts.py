"""Payments of contracts for difference: the two published cases and the shape of the rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minclub.models.contracts import payment

PRICE = st.floats(0, 1e6)
SHARE = st.floats(0, 1)


def test_d1_low_carbon_contracts_company() -> None:
    """D1: the UK counterparty's rule, strike 140: +80 at 60, -60 at 200 (two-way)."""
    assert payment([60, 200], 140, 1.0) == pytest.approx([80, -60])


def test_d2_mp_materials() -> None:
    """D2: Department of Defense and MP Materials, July 2025: floor 110 USD/kg, 30% of the upside; 58, 0 and -6 USD/kg at 52, 110 and 130."""
    assert payment([52, 110, 130], 110, 0.3) == pytest.approx([58, 0, -6])


@given(price=PRICE, low=PRICE, high=PRICE, share=SHARE)
def test_payment_never_falls_with_the_strike(price: float, low: float, high: float, share: float) -> None:
    low, high = sorted((low, high))
    assert payment(price, high, share) >= payment(price, low, share)


@given(price=PRICE, strike=PRICE, low=SHARE, high=SHARE)
def test_payment_never_rises_with_the_upside_share(price: float, strike: float, low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert payment(price, strike, high) <= payment(price, strike, low)


@given(prices=st.lists(PRICE, min_size=1, max_size=20), strike=PRICE)
def test_two_way_contract_makes_revenue_flat(prices: list[float], strike: float) -> None:
    """With g = 1, merchant revenue and payment add up to the strike at every price."""
    assert np.asarray(prices) + payment(prices, strike, 1.0) == pytest.approx(np.full(len(prices), strike), abs=1e-6)


@given(price=PRICE, strike=PRICE)
def test_price_insurance_is_a_put(price: float, strike: float) -> None:
    assert payment(price, strike, 0.0) == max(strike - price, 0.0)


def test_arguments_broadcast() -> None:
    assert payment(np.full((3, 4), 100.0), [[80.0], [100.0], [120.0]], 0.5) == pytest.approx(np.repeat([[-10.0], [0.0], [20.0]], 4, axis=1))


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan"), [0.5, 2.0]])
def test_upside_share_outside_zero_to_one_is_an_error(share: object) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        payment(100.0, 110.0, share)  # type: ignore[arg-type]


def test_nothing_is_paid_inside_a_collar() -> None:
    """Strike 100 and a band of 10%: 5 below it is paid, the band is free, and half of what lies above 110 comes back."""
    assert payment([95.0, 100.0, 105.0, 110.0, 120.0], 100.0, 0.5, 0.1) == pytest.approx([5.0, 0.0, 0.0, 0.0, -5.0])


@given(
    prices=st.lists(st.floats(0.0, 1e5), min_size=1, max_size=8),
    strikes=st.lists(st.floats(0.0, 1e5), min_size=1, max_size=4),
    shares=st.one_of(st.sampled_from([0.0, 1.0]), SHARE, st.lists(st.one_of(st.sampled_from([0.0, 1.0]), SHARE), min_size=3, max_size=3)),
    collar=st.one_of(st.just(0.0), st.floats(0.0, 1.0)),
)
def test_payment_is_its_formula(prices: list[float], strikes: list[float], shares: float | list[float], collar: float) -> None:
    """``max(K - p, 0) - g max(p - (1 + collar) K, 0)`` for every price, strike and share, one of each or many."""
    found = payment(np.array(prices)[:, None, None], np.array(strikes)[:, None], shares, collar)
    every = shares if isinstance(shares, list) else [shares]
    plain = [[[max(k - p, 0.0) - g * max(p - (1.0 + collar) * k, 0.0) for g in every] for k in strikes] for p in prices]
    assert found.shape == (len(prices), len(strikes), len(every))
    assert found == pytest.approx(np.array(plain), rel=1e-9, abs=1e-6)
