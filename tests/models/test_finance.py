"""Project finance: published cases F1 to F4, hand numbers, and properties that must hold for any flows."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import minclub as mc
from minclub.models import unlevered
from minclub.models.finance import (
    Fiscal,
    average_dscr,
    cash_flow,
    cvar,
    dscr,
    irr,
    irr_all,
    level_debt_service,
    llcr,
    npv,
    pmt,
    xirr,
    xnpv,
)

AMOUNT = st.floats(-1e6, 1e6)
FLOWS = st.lists(AMOUNT, min_size=2, max_size=40)
RATE = st.floats(-0.5, 2.0)
DATED = [-10000, 2750, 4250, 3250, 2750]
DATES = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]


def test_f1_numpy_financial() -> None:
    """F1: ``irr`` page of numpy-financial."""
    assert mc.models.finance.irr([-100, 39, 59, 55, 20]) == pytest.approx(0.28094842, abs=5e-9)


def test_f2_excel_irr() -> None:
    """F2: Microsoft Excel's IRR help, 8.7% and -2.1%."""
    flows = [-70000, 12000, 15000, 18000, 21000, 26000]
    assert irr(flows) == pytest.approx(0.08663095, abs=5e-9)
    assert irr(flows[:-1]) == pytest.approx(-0.0212, abs=5e-5)


def test_f3_excel_dated_flows() -> None:
    """F3: Microsoft Excel's XIRR and XNPV help; Excel stops its search at 1e-8."""
    assert xirr(DATED, DATES) == pytest.approx(0.373362535, abs=1e-8)
    assert xnpv(DATED, 0.09, np.array([dt.date.fromisoformat(day) for day in DATES])) == pytest.approx(2086.6476, abs=5e-5)


def test_f4_excel_npv_discounts_the_first_flow() -> None:
    """F4: Microsoft Excel's NPV help: the first flow falls at the end of year 1."""
    flows = [-10000, 3000, 4200, 6800]
    assert npv(flows, 0.10, times=[1, 2, 3, 4]) == pytest.approx(1188.4434, abs=5e-5)
    assert npv(flows, 0.10) == pytest.approx(1188.4434 * 1.1, abs=1e-4)


@given(first=st.floats(1, 1e6), rest=st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_irr_is_the_root_of_npv(first: float, rest: list[float]) -> None:
    flows = [-first, *rest]
    rate = irr(flows)
    if math.isnan(rate):
        assert npv(flows, -0.99) < 0 or not any(rest) or npv(flows, 9e5) > 0
    else:
        weights = (1 + rate) ** -np.arange(len(flows))
        assert abs(npv(flows, rate)) <= 1e-9 * np.abs(flows) @ weights


@given(flows=FLOWS)
def test_every_root_is_a_root(flows: list[float]) -> None:
    roots = irr_all(flows)
    assert np.all(np.diff(roots) > 0)
    for rate in roots[np.abs(roots) < 0.9]:
        assert abs(npv(flows, rate)) <= 1e-8 * np.abs(flows) @ (1 + rate) ** -np.arange(len(flows))


@given(flows=FLOWS, factor=st.floats(1e-3, 1e3), delay=st.integers(1, 60))
def test_irr_ignores_scale_and_delay(flows: list[float], factor: float, delay: int) -> None:
    rate = irr(flows)
    assume(abs(rate) < 0.9 and len(irr_all(flows)) == 1)
    assert irr(np.array(flows) * factor) == pytest.approx(rate, rel=1e-6, abs=1e-9)
    assert irr([0.0] * delay + flows) == pytest.approx(rate, rel=1e-6, abs=1e-9)


@given(one=st.lists(AMOUNT, min_size=5, max_size=5), two=st.lists(AMOUNT, min_size=5, max_size=5), a=st.floats(-9, 9), rate=RATE)
def test_npv_is_linear(one: list[float], two: list[float], a: float, rate: float) -> None:
    both = a * np.array(one) + np.array(two)
    size = 10 * np.abs([one, two]).sum() * max(1.0, (1 + rate) ** -4)
    assert npv(both, rate) == pytest.approx(a * npv(one, rate) + npv(two, rate), abs=1e-12 * size + 1e-9)


def test_npv_broadcasts_flows_and_rates() -> None:
    flows = np.array([[-100.0, 110.0], [-50.0, 60.0]])
    assert npv(flows, 0.1) == pytest.approx([0.0, 60 / 1.1 - 50])
    assert npv(flows[0], np.array([0.0, 0.1])) == pytest.approx([10.0, 0.0])


@pytest.mark.parametrize("flows", [[1, 2, 3], [-1, -2], [0, 0], [-1, 3, -2.5]])
def test_no_rate_of_return(flows: list[float]) -> None:
    """Flows of one sign, and a present value that stays below zero at every rate."""
    assert math.isnan(irr(flows))


def test_several_rates_of_return() -> None:
    """The pump problem of Lorie and Savage (1955): 25% and 400%."""
    assert irr_all([-1600, 10000, -10000]) == pytest.approx([0.25, 4.0])
    assert irr([-1600, 10000, -10000]) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: npv([1, 2], -1.0), "above -1"),
        (lambda: npv([1, 2], 0.1, times=[0]), "one time per flow"),
        (lambda: irr([[1, -2]]), "one series"),
        (lambda: irr([-1, float("nan")]), "finite"),
        (lambda: pmt(0.05, 0, 100), "periods"),
        (lambda: level_debt_service(100, 0.05, 8, 20, first=-1), "first"),
        (lambda: llcr([1, 2], 0.05, 0.0), "positive"),
        (lambda: cvar([1, 2], 0.0), "alpha"),
        (lambda: cvar([], 0.5), "empty"),
        (lambda: cvar([1, 2], 0.5, tail="both"), "tail"),  # type: ignore[arg-type]
        (lambda: Fiscal(rule="none"), "rule"),  # type: ignore[arg-type]
        (lambda: Fiscal(rule="linear", depletion_rate=0.1), "depletion"),
        (lambda: unlevered.capital_schedule(0), "positive"),
        (lambda: unlevered.production_schedule([], 10), "ramp"),
        (lambda: unlevered.straight_line(100, 0, 5), "at least 1"),
    ],
)
def test_errors(call: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        call()  # type: ignore[operator]


def test_pmt_known_value() -> None:
    """A loan of 100 over two years at 10%: 100 = p / 1.1 + p / 1.21."""
    assert pmt(0.10, 2, 100) == pytest.approx(57.6190476, abs=1e-7)
    assert pmt(0.0, 4, 100) == 25


@given(rate=st.floats(-0.2, 1.0), periods=st.integers(1, 40), loan=st.floats(1, 1e6))
def test_payments_repay_the_loan(rate: float, periods: int, loan: float) -> None:
    balance = loan
    for _ in range(periods):
        balance = balance * (1 + rate) - pmt(rate, periods, loan)
    assert balance == pytest.approx(0.0, abs=1e-6 * loan * max(1.0, (1 + rate) ** periods))


def test_debt_service_starts_in_the_second_operating_year() -> None:
    service = level_debt_service(100, 0.10, 2, 5)
    assert service == pytest.approx([0, 57.6190476, 57.6190476, 0, 0], abs=1e-7)
    assert level_debt_service(100, 0.10, 8, 3)[1:] == pytest.approx([pmt(0.10, 8, 100)] * 2)


def test_cover_ratios() -> None:
    cash, service = np.array([50.0, 90.0, 30.0, 70.0]), np.array([0.0, 60.0, 60.0, 0.0])
    assert dscr(cash, service) == pytest.approx([math.nan, 1.5, 0.5, math.nan], nan_ok=True)
    assert average_dscr(cash, service) == pytest.approx(1.0)
    assert math.isnan(float(average_dscr(cash, np.zeros(4))))
    assert average_dscr(np.vstack([cash, 2 * cash]), service) == pytest.approx([1.0, 2.0])


def test_loan_life_cover_of_its_own_service_is_one() -> None:
    assert llcr(np.full(8, pmt(0.0625, 8, 300.0)), 0.0625, 300.0) == pytest.approx(1.0)
    assert llcr([[110.0], [220.0]], 0.10, 100.0) == pytest.approx([1.0, 2.0])


def test_cvar_weights_the_last_value_in_part() -> None:
    values = [5.0, -3.0, 2.0, 1.0]
    assert cvar(values, 0.3) == pytest.approx((-3.0 + 0.2 * 1.0) / 1.2)
    assert cvar(values, 0.25) == pytest.approx(-3.0)
    assert cvar(values, 0.1) == pytest.approx(-3.0)
    assert cvar(values, 0.3, tail="high") == pytest.approx((5.0 + 0.2 * 2.0) / 1.2)
    assert cvar(np.array([values, values]).T, 0.25, axis=0) == pytest.approx([-3.0, -3.0])


@given(values=st.lists(AMOUNT, min_size=1, max_size=30), alpha=st.floats(0.01, 1.0))
def test_cvar_is_the_best_of_the_rockafellar_uryasev_problem(values: list[float], alpha: float) -> None:
    """The low tail mean is ``max over z of z - E[max(z - v, 0)] / alpha``, reached at one of the values."""
    v = np.array(values)
    best = max(z - np.maximum(z - v, 0).mean() / alpha for z in v)
    assert cvar(v, alpha) == pytest.approx(best, rel=1e-9, abs=1e-6)


@given(values=st.lists(AMOUNT, min_size=1, max_size=30), alpha=st.floats(0.01, 1.0))
def test_cvar_tails_mirror_and_bound_the_mean(values: list[float], alpha: float) -> None:
    v = np.array(values)
    assert cvar(v, alpha, tail="high") == pytest.approx(-cvar(-v, alpha), abs=1e-6)
    assert min(v) - 1e-6 <= cvar(v, alpha) <= v.mean() + 1e-6


def _mine(**changes: object) -> unlevered.CashFlow:
    inputs: dict[str, object] = {
        "capacity_t": 10_000,
        "price_usd_per_t": 20_000,
        "opex_usd_per_t": 8_000,
        "capital_musd": 500,
        "output": unlevered.production_schedule([0.5, 1.0], 10),
        "build_years": 2.5,
        "sustaining_musd": 10,
        "fiscal": Fiscal(royalty_rate=0.02, duty_rate=0.1, tax_rate=0.25, depreciation_years=5),
    }
    return cash_flow(**{**inputs, **changes})  # type: ignore[arg-type]


def test_cash_flow_by_hand() -> None:
    """First full year: revenue 200, cost 80, royalty 4, sustaining 10: margin 106, duty 10.6. Depreciation 100 a year for 5 years."""
    flow = _mine()
    assert flow.capital[:3] == pytest.approx([100, 200, 200])
    assert flow.pre_tax[:5] == pytest.approx([-100, -200, -200, 48, 106])
    assert flow.duty[3:5] == pytest.approx([4.8, 10.6])
    # Year 0: 48 - 4.8 - 100 = -56.8. Then 106 - 10.6 - 100 = -4.6 a year for four years. Loss 75.2, then 95.4 a year.
    assert flow.income_tax[3:10] == pytest.approx([0, 0, 0, 0, 0, 0.25 * (95.4 - 75.2), 0.25 * 95.4])
    assert flow.after_tax[-1] == pytest.approx(106 - 10.6 - 0.25 * 95.4)


def test_linear_tax_gives_the_formula_of_c11() -> None:
    flow = _mine(fiscal=Fiscal(duty_rate=0.1, tax_rate=0.25, depreciation_years=5, rule="linear"))
    margin = flow.pre_tax[3:]
    depreciation = np.where(np.arange(10) < 5, 100.0, 0.0)
    assert flow.after_tax[3:] == pytest.approx(0.75 * 0.9 * margin + 0.25 * depreciation)


@given(margin=st.lists(AMOUNT, min_size=1, max_size=30), depreciation=st.floats(0, 1e6), rate=st.floats(0, 0.5))
def test_loss_carry_forward_matches_a_loss_account(margin: list[float], depreciation: float, rate: float) -> None:
    _, tax = unlevered.carry_forward_tax(margin, depreciation, rate)
    losses = 0.0
    for profit, paid in zip(margin, tax, strict=True):
        income = profit - depreciation
        taxed = max(income - losses, 0.0)
        losses = max(losses - income, 0.0)
        assert paid == pytest.approx(rate * taxed, abs=1e-6)


@given(margin=st.lists(AMOUNT, min_size=1, max_size=30), depreciation=st.floats(0, 1e6), discount=st.floats(0, 0.3))
def test_linear_tax_never_lowers_value(margin: list[float], depreciation: float, discount: float) -> None:
    """It pays for losses at once, and for those that are never recovered."""
    _, exact = unlevered.carry_forward_tax(margin, depreciation, 0.25)
    _, linear = unlevered.linear_tax(margin, depreciation, 0.25)
    assert npv(linear, discount) <= npv(exact, discount) + 1e-3


def test_depletion_takes_at_most_half_of_income() -> None:
    allowance = unlevered.percentage_depletion([100.0, 100.0, 100.0], [80.0, 20.0, -5.0], 0.22)
    assert allowance == pytest.approx([22.0, 10.0, 0.0])


def test_working_capital_comes_back() -> None:
    flow = _mine(working_capital_years=0.25, feed_usd_per_t=1_000)
    assert flow.working_capital[3:5] == pytest.approx([10, 10])
    assert flow.working_capital[-1] == pytest.approx(-20)
    assert flow.working_capital.sum() == pytest.approx(0)


def test_expansion_is_spent_and_depreciated_from_its_year() -> None:
    expansion = np.zeros(10)
    expansion[8] = 50.0
    base, grown = _mine(), _mine(expansion_musd=expansion)
    assert (grown.capital - base.capital)[11] == 50
    assert (base.income_tax - grown.income_tax)[10:] == pytest.approx([0, 2.5, 2.5])


def test_scenarios_run_along_leading_axes() -> None:
    prices = np.array([[20_000.0], [24_000.0]]) * np.ones(10)
    flow = _mine(price_usd_per_t=prices)
    assert flow.after_tax.shape == (2, 13)
    assert flow.after_tax[0] == pytest.approx(_mine().after_tax)
    assert flow.after_tax[1] == pytest.approx(_mine(price_usd_per_t=24_000).after_tax)


@given(years=st.floats(0.1, 50))
def test_schedules_keep_their_totals(years: float) -> None:
    assert unlevered.capital_schedule(years).sum() == pytest.approx(1.0)
    assert unlevered.production_schedule([1.0], years).sum() == pytest.approx(years, abs=1e-6)
