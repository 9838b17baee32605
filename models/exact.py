"""Exact columns at given credit rates with strikes off the three-digit grid (C14 with continuous credits and strikes)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .bankability import Tests, stack_share
from .columns import CONTRACT, INFEASIBLE, UNAIDED, Family, least_strikes, strike_bounds
from .contracts import three_digit_grid
from .decks import TOLERANCE
from .lending import main_share
from .welfare import Cost, LevelCosts, full_sales, increments_over_law, project_cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .cashflow import Site
    from .columns import Offer
    from .subsidies import CreditLevel, LawCredits

    Array = NDArray[np.float64]

DIGITS = 7
"""Significant digits of a strike where strikes are continuous."""
FAN = 100
"""Strikes that are tried at once between two."""


def exact_family(site: Site, law: LawCredits, offer: Offer, exposed: bool, levels: Sequence[CreditLevel]) -> Family:
    """Evaluate a site at some pairs of credit rates, as ``columns.family`` does, with strikes of seven significant digits."""
    itc, ptc = np.array([(level.itc, level.ptc) for level in levels]).T
    kind, strike = np.full(len(levels), INFEASIBLE), np.full(len(levels), np.nan)
    if offer.contracts and main_share(site.plant, offer.long_run) >= offer.rules.main_share_min:
        kind[:] = CONTRACT
    kind[Tests(site, law, offer.rules, offer.long_run, exposed).passes(itc, ptc)] = UNAIDED
    if offer.rules.stack:
        draws = np.array([level.itc * site.plant.itc_share > 0.0 or level.ptc * site.plant.ptc_share > 0.0 for level in levels])
        kind[draws & (stack_share(site, law, levels, offer.public_rate) > offer.rules.stack_cap + TOLERANCE)] = INFEASIBLE
    held = np.flatnonzero(kind == CONTRACT).tolist()
    strike[held] = fine_strikes(site, law, offer, exposed, [levels[k] for k in held])
    kind[np.isnan(strike) & (kind == CONTRACT)] = INFEASIBLE
    return _priced(site, law, offer, levels, kind, strike)


def _priced(site: Site, law: LawCredits, offer: Offer, levels: Sequence[CreditLevel], kind: NDArray[np.int_], strike: Array) -> Family:
    costs: list[tuple[NDArray[np.int_], Cost]] = []
    supported = np.zeros(len(levels))
    for sort, contract in ((UNAIDED, None), (CONTRACT, offer.contract)):
        where = np.flatnonzero(kind == sort)
        if not where.size:
            continue
        chosen = [levels[k] for k in where.tolist()]
        cost = project_cost(site, law, chosen, offer.public_rate, contract, None if contract is None else strike[where])
        supported[where] = increments_over_law(site, law, chosen, cost, offer.public_rate, held=sort == CONTRACT)
        costs.append((where, cost))
    sales = full_sales(site, offer.public_rate, offer.long_run[site.plant.product])
    found = LevelCosts.collected(costs, np.arange(len(levels)), Cost.none(*site.outlook.price.shape))
    return Family(kind.astype(np.int8), strike, found, supported, sales)


def fine_strikes(site: Site, law: LawCredits, offer: Offer, exposed: bool, levels: Sequence[CreditLevel]) -> Array:
    """Return the least strike of seven significant digits that passes C12 at each pair of credit rates, USD/t; nan where none does."""
    low, high = strike_bounds(site, offer)
    found = np.full(len(levels), np.nan)
    if high < low or not levels:
        return found
    low = max(low, high * 1e-3)
    grid = np.unique(np.concatenate([[low], three_digit_grid(low, high), [high]]))
    coarse = least_strikes(site, law, offer, exposed, grid, levels)
    for k in np.flatnonzero(~np.isnan(coarse)).tolist():
        below = grid[grid < coarse[k]]
        found[k] = _between(site, law, offer, exposed, float(below[-1]) if below.size else None, float(coarse[k]), low, high, levels[k])
    return found


def _between(site: Site, law: LawCredits, offer: Offer, exposed: bool, fails: float | None, passes: float, low: float, high: float, level: CreditLevel) -> float:
    """Return the least number of seven digits that passes, between a strike that fails, if there is one, and one that passes."""
    power = math.floor(math.log10(passes * (1.0 - 1e-12))) - DIGITS + 1
    first = math.ceil(low * 10.0**-power * (1.0 - 1e-14)) if fails is None else math.floor(fails * 10.0**-power * (1.0 + 1e-14)) + 1
    last = math.floor(high * 10.0**-power * (1.0 + 1e-14))
    last = min(last, math.ceil(passes * 10.0**-power * (1.0 - 1e-14)))
    while first <= last:
        tried = np.unique(np.linspace(first, last, min(FAN, last - first + 1)).round())
        strikes = np.array([float(f"{int(n)}e{power}") for n in tried])
        strike = least_strikes(site, law, offer, exposed, strikes, [level])[0]
        if np.isnan(strike):
            break
        at = int(np.searchsorted(strikes, strike))
        if last - first < FAN:
            return float(strike)
        first, last = (int(tried[at - 1]) + 1 if at else first), int(tried[at])
    return float("nan")
