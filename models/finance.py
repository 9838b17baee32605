"""Project-finance arithmetic on plain arrays: value, rates of return, debt cover, tail means; and ``cash_flow`` from ``unlevered``.

Nothing here knows about instances. Amounts may be in any one currency; times are years; rates are fractions a year.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from .unlevered import CashFlow as CashFlow
from .unlevered import Fiscal as Fiscal
from .unlevered import cash_flow as cash_flow

Array = NDArray[np.float64]

LOWEST_RATE = -0.999
HIGHEST_RATE = 1e6
_GRID = np.linspace(np.log1p(LOWEST_RATE), np.log1p(HIGHEST_RATE), 1201)
_DAYS_PER_YEAR = 365.0


def npv(flows: ArrayLike, rate: ArrayLike, times: ArrayLike | None = None) -> Array | float:
    """Return the present value at time 0 of flows along the last axis.

    ``sum_k flows[..., k] * (1 + rate)^-times[k]`` (C2). Timing is explicit: without ``times`` the first flow falls at time 0
    and is not discounted. A spreadsheet's NPV puts the first flow at time 1, which is ``times=[1, 2, ...]`` here.

    Args:
        flows: shape (..., T), any currency.
        rate: yearly rate, above -1; a scalar or an array that broadcasts against ``flows`` without its last axis.
        times: T times in years from the valuation date; default 0, 1, ..., T-1.

    Returns:
        A float for one series and one rate, otherwise an array without the last axis.

    Raises:
        ValueError: if a rate is not above -1 or the number of times differs from T.
    """
    values = np.asarray(flows, dtype=float)
    when = _times(times, values.shape[-1])
    growth = 1.0 + np.asarray(rate, dtype=float)
    if not np.all(growth > 0):
        raise ValueError(f"rate must be above -1, got {rate!r}")
    result = np.sum(values * growth[..., np.newaxis] ** -when, axis=-1)
    return float(result) if result.ndim == 0 else result


def irr_all(flows: ArrayLike, times: ArrayLike | None = None) -> Array:
    """Return every internal rate of return between -99.9% and 1e6 in rising order.

    A rate is found where the present value changes sign between two points of a fine grid in ``log(1 + rate)``. Flows with one
    change of sign have at most one; with several changes (a mine that pays for closure) there may be several or none.
    Two roots closer than about 1.7% of ``1 + rate`` may be missed as a pair.

    Args:
        flows: T flows of one project.
        times: T times in years; default 0, 1, ..., T-1.

    Raises:
        ValueError: if flows are not one-dimensional and finite, or the number of times differs.
    """
    values = np.asarray(flows, dtype=float)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError("flows must be one series of finite numbers")
    when = _times(times, values.size)
    values, when = values[values != 0], when[values != 0]
    if not (np.any(values > 0) and np.any(values < 0)):
        return np.empty(0)
    grid = _scaled_value(_GRID, values, when)
    exact = _GRID[grid == 0.0]
    change = np.flatnonzero(grid[:-1] * grid[1:] < 0)
    crossed = [brentq(_scaled_value, _GRID[k], _GRID[k + 1], args=(values, when), xtol=1e-15, rtol=1e-14) for k in change]
    return np.expm1(np.sort(np.concatenate([exact, np.asarray(crossed, dtype=float)])))


def irr(flows: ArrayLike, times: ArrayLike | None = None) -> float:
    """Return the internal rate of return: the rate at which the present value of the flows is nil.

    Of several rates (see ``irr_all``) the one nearest to zero is returned. ``nan`` if there is none: flows of one sign, or a
    present value that never crosses zero. Arguments and errors as in ``irr_all``.
    """
    roots = irr_all(flows, times)
    return float(roots[np.argmin(np.abs(roots))]) if roots.size else float("nan")


def xnpv(flows: ArrayLike, rate: float, dates: ArrayLike) -> float:
    """Return the present value at the first date of dated flows, actual days / 365.

    Args:
        flows: T flows.
        rate: yearly rate, above -1.
        dates: T dates (``datetime.date``, ISO text or ``datetime64``); the first is the valuation date.

    Raises:
        ValueError: as in ``npv``.
    """
    return float(npv(flows, rate, _year_fractions(dates)))


def xirr(flows: ArrayLike, dates: ArrayLike) -> float:
    """Return the internal rate of return of dated flows, actual days / 365; ``nan`` if there is none (see ``irr``)."""
    return irr(flows, _year_fractions(dates))


NEGLIGIBLE_RATE = 1e-300
"""Below it the annuity factor loses its digits to subnormal numbers; the payment differs from ``P / n`` by less than that."""


def pmt(rate: float, periods: int, principal: float) -> float:
    """Return the level payment at the end of each period that repays a loan: ``P r / (1 - (1 + r)^-n)``, ``P / n`` at ``r = 0``.

    The payment is positive for a positive principal.

    Raises:
        ValueError: if there is no period or the rate is not above -1.
    """
    if periods < 1 or rate <= -1:
        raise ValueError(f"need periods >= 1 and rate > -1, got periods={periods}, rate={rate}")
    if abs(rate) < NEGLIGIBLE_RATE:
        return principal / periods
    return float(principal * rate / -np.expm1(-periods * np.log1p(rate)))


def level_debt_service(loan: float, rate: float, tenor: int, periods: int, first: int = 1) -> Array:
    """Return debt service per period: a level annuity over ``tenor`` periods from period ``first`` on (C12c), else 0.

    Args:
        loan: balance one period before the first payment.
        rate: interest a period.
        tenor: number of payments.
        periods: length of the result; payments beyond it are cut off.
        first: index of the first payment; 1 is the second operating year.

    Raises:
        ValueError: as in ``pmt``, or if ``first`` is negative.
    """
    if first < 0:
        raise ValueError(f"first must not be negative, got {first}")
    service = np.zeros(periods)
    service[first : first + tenor] = pmt(rate, tenor, loan)
    return service


def dscr(cash: ArrayLike, service: ArrayLike) -> Array:
    """Return the debt service cover ratio ``cash / service`` per period (C12c); ``nan`` where nothing is due."""
    available, due = np.broadcast_arrays(np.asarray(cash, dtype=float), np.asarray(service, dtype=float))
    return np.divide(available, due, out=np.full(due.shape, np.nan), where=due > 0)


def average_dscr(cash: ArrayLike, service: ArrayLike) -> Array | float:
    """Return the mean of the yearly cover ratios over the periods with debt service (C12c, bank deck); ``nan`` if there is none."""
    ratios = dscr(cash, service)
    due = ~np.isnan(ratios)
    count = due.sum(axis=-1)
    total = np.where(due, ratios, 0.0).sum(axis=-1)
    mean = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    return float(mean) if mean.ndim == 0 else mean


def llcr(cash: ArrayLike, rate: float, loan: float, times: ArrayLike | None = None) -> Array | float:
    """Return the loan life cover ratio: present value of cash over the repayment periods / loan outstanding (C12c, dump deck).

    Args:
        cash: cash available in the repayment periods only, shape (..., T).
        rate: loan rate.
        loan: balance at time 0, positive.
        times: T times from the balance date; default 1, 2, ..., T (the first payment is one period after it).

    Raises:
        ValueError: if the loan is not positive, or as in ``npv``.
    """
    if loan <= 0:
        raise ValueError(f"loan must be positive, got {loan}")
    values = np.asarray(cash, dtype=float)
    when = np.arange(1, values.shape[-1] + 1) if times is None else times
    return npv(values, rate, when) / loan


def cvar(values: ArrayLike, alpha: float, tail: Literal["low", "high"] = "low", axis: int = -1) -> Array | float:
    """Return the mean of the worst share ``alpha`` of equally likely values (C12b, C26).

    With N values the tail holds ``alpha N`` of them: the worst ``floor(alpha N)`` in full and the next one with the fractional
    rest as its weight (Rockafellar and Uryasev 2002, doi:10.1016/S0378-4266(02)00271-6).

    Args:
        values: any shape.
        alpha: share of the tail, in (0, 1]; 1 gives the mean.
        tail: ``low`` where low values are bad (net present value), ``high`` where high values are (cost).
        axis: the axis of the scenarios.

    Raises:
        ValueError: if alpha is outside (0, 1], there is no value, or the tail has another name.
    """
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must lie in (0, 1], got {alpha}")
    if tail not in ("low", "high"):
        raise ValueError(f"tail must be 'low' or 'high', got {tail!r}")
    ordered = np.sort(np.moveaxis(np.asarray(values, dtype=float), axis, -1), axis=-1)
    size = ordered.shape[-1]
    if size == 0:
        raise ValueError("values must not be empty")
    weights = np.clip(alpha * size - np.arange(size), 0.0, 1.0)
    result = (ordered if tail == "low" else ordered[..., ::-1]) @ weights / weights.sum()
    return float(result) if result.ndim == 0 else result


def _times(times: ArrayLike | None, size: int) -> Array:
    when = np.arange(size, dtype=float) if times is None else np.asarray(times, dtype=float)
    if when.shape != (size,):
        raise ValueError(f"need one time per flow: {size} flows, times of shape {when.shape}")
    return when


def _year_fractions(dates: ArrayLike) -> Array:
    days = np.asarray(dates, dtype="datetime64[D]")
    return (days - days[0]).astype(float) / _DAYS_PER_YEAR


def _scaled_value(log_growth: ArrayLike, flows: Array, times: Array) -> Any:
    """Return present values times positive factors that keep every power at or below 1; shape of ``log_growth``."""
    growth = np.asarray(log_growth, dtype=float)[..., np.newaxis]
    anchor = np.where(growth < 0, times.max(), times.min())
    return np.exp(-growth * (times - anchor)) @ flows
