"""Unlevered cash flow of one mine or plant on plain arrays, with duty and income tax; no instance needed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def capital_schedule(build_years: float) -> Array:
    """Return the share of capital spent in each year of building, last entry just before first production.

    Spending runs evenly over ``build_years``; a fraction falls into the earliest year: 1.5 years give 1/3, 2/3.

    Raises:
        ValueError: if building takes no time.
    """
    if not build_years > 0:
        raise ValueError(f"build_years must be positive, got {build_years}")
    return year_slices(build_years)[::-1] / build_years


def production_schedule(ramp: ArrayLike, life_years: float) -> Array:
    """Return output as a share of capacity per operating year: the ramp, then its last value (C10); a last part year counts in part.

    Raises:
        ValueError: if the ramp is empty or the life is not positive.
    """
    steps = np.atleast_1d(np.asarray(ramp, dtype=float))
    if steps.size == 0 or not life_years > 0:
        raise ValueError(f"need a ramp and life_years > 0, got ramp={ramp!r}, life_years={life_years}")
    slices = year_slices(life_years)
    return slices * steps[np.minimum(np.arange(slices.size), steps.size - 1)]


def straight_line(base: float, years: int, periods: int) -> Array:
    """Return straight-line depreciation of ``base`` over ``years`` from period 0 (C11), 0 afterwards.

    Raises:
        ValueError: if years is below 1.
    """
    if years < 1:
        raise ValueError(f"depreciation years must be at least 1, got {years}")
    return np.where(np.arange(periods) < years, base / years, 0.0)


def linear_tax(margin: ArrayLike, depreciation: ArrayLike, tax_rate: float, duty_rate: float = 0.0) -> tuple[Array, Array]:
    """Return duty and income tax per period under the linear rule of C11.

    ``duty = d margin``; ``tax = t (margin - duty - depreciation)``, negative in a year of loss.
    ``margin`` = revenue - royalty - cost - sustaining capital, shape (..., n).
    """
    profit = np.asarray(margin, dtype=float)
    duty = duty_rate * profit
    return duty, tax_rate * (profit - duty - np.asarray(depreciation, dtype=float))


def carry_forward_tax(margin: ArrayLike, depreciation: ArrayLike, tax_rate: float, duty_rate: float = 0.0) -> tuple[Array, Array]:
    """Return duty and income tax per period with losses carried forward without limit.

    Duty is ``d max(margin, 0)`` each period, as in law. Income ``margin - duty - depreciation`` is taxed only once its running sum exceeds
    its highest value so far: cumulative taxed income is ``max(0, max over k <= n of the running sum at k)``. Shapes as in ``linear_tax``.
    """
    profit = np.asarray(margin, dtype=float)
    duty = duty_rate * np.maximum(profit, 0.0)
    running = np.cumsum(profit - duty - np.asarray(depreciation, dtype=float), axis=-1)
    taxed = np.maximum(np.maximum.accumulate(running, axis=-1), 0.0)
    return duty, tax_rate * np.diff(taxed, axis=-1, prepend=0.0)


def percentage_depletion(revenue: ArrayLike, income: ArrayLike, rate: float) -> Array:
    """Return the United States' depletion allowance: ``rate`` x gross income, at most half of positive income before it (26 USC 613)."""
    return np.minimum(rate * np.asarray(revenue, dtype=float), 0.5 * np.maximum(np.asarray(income, dtype=float), 0.0))


@dataclass(frozen=True)
class Fiscal:
    """What a project owes to the state and to the holder of a royalty.

    Attributes:
        royalty_rate: share of main-product revenue.
        duty_rate: share of margin (mining duty).
        tax_rate: income tax.
        depreciation_years: straight line.
        depletion_rate: see ``percentage_depletion``; only with ``rule="carry_forward"``.
        rule: ``carry_forward`` (losses carried forward exactly) or ``linear`` (C11).

    Raises:
        ValueError: if the rule is unknown or excludes depletion.
    """

    royalty_rate: float = 0.0
    duty_rate: float = 0.0
    tax_rate: float = 0.0
    depreciation_years: int = 10
    depletion_rate: float = 0.0
    rule: Literal["carry_forward", "linear"] = "carry_forward"

    def __post_init__(self) -> None:
        if self.rule not in ("carry_forward", "linear") or (self.rule == "linear" and self.depletion_rate):
            raise ValueError(f"rule must be 'carry_forward' or 'linear' (without depletion), got {self.rule!r}")


@dataclass(frozen=True)
class CashFlow:
    """Yearly cash flow of a mine or plant, million USD, years along the last axis; year 0 is the first year of building.

    ``capital`` holds initial and expansion capital.

    Every item is a positive amount except ``working_capital`` (an increase is positive, its release negative) and a linear ``income_tax``.
    """

    capital: Array
    revenue: Array
    operating: Array
    sustaining: Array
    royalty: Array
    duty: Array
    income_tax: Array
    working_capital: Array

    @property
    def pre_tax(self) -> Array:
        """Return the flow before duty and income tax."""
        return self.revenue - self.operating - self.royalty - self.sustaining - self.capital - self.working_capital

    @property
    def after_tax(self) -> Array:
        """Return the flow after duty and income tax."""
        return self.pre_tax - self.duty - self.income_tax


def cash_flow(
    *,
    capacity_t: float,
    price_usd_per_t: ArrayLike,
    opex_usd_per_t: ArrayLike,
    capital_musd: float,
    output: ArrayLike,
    build_years: float = 2.0,
    other_revenue_musd: ArrayLike = 0.0,
    feed_usd_per_t: ArrayLike = 0.0,
    sustaining_musd: ArrayLike = 0.0,
    expansion_musd: ArrayLike = 0.0,
    working_capital_years: float = 0.0,
    fiscal: Fiscal | None = None,
) -> CashFlow:
    """Return the unlevered real cash flow of one mine or plant (C10 without idling), million USD a year.

    Capital is spent evenly before first production. Per-year arguments hold one value per operating year or a scalar; prices and unit costs
    may have leading axes (scenarios). With the linear rule an operating year's after-tax flow is ``(1-t)(1-d) margin + t depreciation`` (C11),
    expansion and working capital apart.

    Args:
        capacity_t: tonnes sold a year at full output.
        price_usd_per_t: net of payability.
        opex_usd_per_t: operating cost without ``feed_usd_per_t``.
        capital_musd: initial capital, depreciated from the first operating year.
        output: share of capacity per operating year, see ``production_schedule``.
        build_years: years of spending before first production.
        other_revenue_musd: by-product revenue a year at full output; follows ``output``; bears no royalty.
        feed_usd_per_t: purchased feed, paid when the product is sold (no working capital).
        sustaining_musd: expensed.
        expansion_musd: depreciated from its own year.
        working_capital_years: share of a year's operating cost held as stock and released in the last year.
        fiscal: royalty, duty and tax; default none.

    Raises:
        ValueError: if build time, output or depreciation years are not usable.
    """
    level = np.atleast_1d(np.asarray(output, dtype=float))
    law = fiscal or Fiscal()
    spending = capital_musd * capital_schedule(build_years)
    tonnes = capacity_t * level / 1e6
    main = tonnes * np.asarray(price_usd_per_t, dtype=float)
    revenue = main + np.asarray(other_revenue_musd, dtype=float) * level
    site = tonnes * np.asarray(opex_usd_per_t, dtype=float)
    operating = site + tonnes * np.asarray(feed_usd_per_t, dtype=float)
    sustaining = np.broadcast_to(np.asarray(sustaining_musd, dtype=float), level.shape)
    expansion = np.broadcast_to(np.asarray(expansion_musd, dtype=float), level.shape)
    royalty = law.royalty_rate * main
    base = expansion + np.append(capital_musd, np.zeros(level.size - 1))
    duty, income_tax = _levies(revenue, revenue - royalty - operating - sustaining, base, law)
    stock = working_capital_years * site * np.append(np.ones(level.size - 1), 0.0)
    operations = (revenue, operating, sustaining, royalty, duty, income_tax, np.diff(stock, axis=-1, prepend=0.0))
    return CashFlow(np.append(spending, expansion), *(_after(spending.size, part) for part in operations))


def _levies(revenue: Array, margin: Array, base: Array, law: Fiscal) -> tuple[Array, Array]:
    """Return duty and income tax; ``base`` is capital by the operating year from which it is depreciated."""
    years = base.size
    deductions = np.convolve(base, straight_line(1.0, law.depreciation_years, years))[:years]
    if law.rule == "linear":
        return linear_tax(margin, deductions, law.tax_rate, law.duty_rate)
    income = margin - law.duty_rate * np.maximum(margin, 0.0) - deductions
    depletion = percentage_depletion(revenue, income, law.depletion_rate)
    return carry_forward_tax(margin, deductions + depletion, law.tax_rate, law.duty_rate)


def _after(years: int, part: Array) -> Array:
    return np.concatenate([np.zeros((*part.shape[:-1], years)), part], axis=-1)


def year_slices(years: float) -> Array:
    """Return the part of each year that lies inside a span of ``years``: ones, then the fraction left over."""
    whole = np.arange(np.ceil(round(years, 9)))
    return np.clip(years - whole, 0.0, 1.0)
