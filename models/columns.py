"""Ladder columns: a project under one option, path and start year, at every credit level (C12 to C16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .bankability import TOLERANCE, Tests, stack_share
from .cashflow import ContractTerms, Site
from .contracts import three_digit_grid
from .lending import Rules, main_share
from .subsidies import NO_CREDIT, CreditLevel, LawCredits, credits_at
from .welfare import Cost, project_cost, support

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

INFEASIBLE, UNAIDED, CONTRACT = range(3)


@dataclass(frozen=True)
class Family:
    """One project, start year, option and path at all ``L`` credit levels.

    ``kind`` is infeasible, unaided or contract per level; ``strike`` USD/t (nan without a contract); ``cost`` is
    batched over levels; ``supported`` and ``sales`` are C16's numerator and denominator (musd).
    """

    kind: NDArray[np.int_]
    strike: Array
    cost: Cost
    supported: Array
    sales: float


@dataclass(frozen=True)
class Offer:
    """What the club may offer: contract terms, credit levels, rules and the public rate."""

    contract: ContractTerms
    levels: tuple[CreditLevel, ...]
    rules: Rules
    public_rate: float
    long_run: dict[str, float]


def strike_bounds(site: Site, offer: Offer) -> tuple[float, float]:
    """Return C13's least and highest strike, USD per payable tonne."""
    plant, long_run = site.plant, offer.long_run
    feed = plant.feed_tonnes * plant.feed_factor * long_run[plant.feed_product] if plant.feed_product else 0.0
    streams = sum(b.tonnes * b.payability * (long_run[b.product] if b.listed else b.price_usd_per_t) for b in plant.byproducts)
    cash = (plant.capacity * (plant.opex + feed) - streams) / (plant.capacity * plant.payability)
    return max(0.0, cash), offer.rules.strike_max * long_run[plant.product]


def family(
    site: Site,
    law: LawCredits,
    offer: Offer,
    dump_deck: bool,
    fixed_strike: float | None = None,
    worst: Site | None = None,
) -> Family:
    """Evaluate a site at every credit level: unaided if it passes without a contract, else at the least strike.

    A ``fixed_strike`` replaces the least one; the column is then feasible only where that strike passes C12. With a
    ``worst`` site the result bounds, from below, the cost of every site between the two (an envelope).
    """
    count = len(offer.levels)
    kind = np.full(count, INFEASIBLE)
    strike = np.full(count, np.nan)
    rates = [credits_at(law, level) for level in offer.levels]
    bare = Tests(site, offer.rules, offer.long_run, dump_deck, worst=worst)
    for r, (itc, ptc) in enumerate(rates):
        if offer.rules.stack and offer.levels[r] != NO_CREDIT and stack_share(site, itc, ptc, offer.public_rate) > offer.rules.stack_cap + TOLERANCE:
            continue
        if fixed_strike is None and bare.passes(itc, ptc)[0]:
            kind[r] = UNAIDED
        elif main_share(site.plant, offer.long_run) >= offer.rules.main_share_min:
            kind[r] = CONTRACT
    wanted = np.flatnonzero(kind == CONTRACT)
    if wanted.size:
        grid = three_digit_grid(*strike_bounds(site, offer)) if fixed_strike is None else np.array([fixed_strike])
        found = least_strikes(site, offer, dump_deck, grid, [rates[r] for r in wanted], worst)
        strike[wanted] = found
        kind[wanted[np.isnan(found)]] = INFEASIBLE
    return _priced(site, law, offer, kind, strike, worst)


def least_strikes(
    site: Site,
    offer: Offer,
    dump_deck: bool,
    grid: Array,
    rates: Sequence[tuple[Array, Array]],
    worst: Site | None = None,
) -> Array:
    """Return the first value of the grid that passes C12 at each pair of credit rates; nan where none does."""
    found = np.full(len(rates), np.nan)
    if not grid.size:
        return found
    tests = Tests(site, offer.rules, offer.long_run, dump_deck, offer.contract, grid, worst)
    need = -offer.rules.loss_tolerance * tests.capital_at_debt_cost() - TOLERANCE
    values = tests.value_at(rates)
    for k, (itc, ptc) in enumerate(rates):
        passed = values[k] >= -TOLERANCE if offer.rules.value else np.full(grid.size, True)
        if offer.rules.lender and passed.any() and not tests.at(int(np.argmax(passed))).lender(itc, ptc)[0]:
            passed &= tests.lender(itc, ptc)
        if not passed.any():
            continue
        index = int(np.argmax(passed))
        if offer.rules.tail:
            index = tail_index(tests, itc, ptc, index, need)
            while 0 <= index < grid.size and not passed[index]:
                index += 1
        if 0 <= index < grid.size:
            found[k] = grid[index]
    return found


def tail_index(tests: Tests, itc: Array, ptc: Array, first: int, need: float) -> int:
    """Return the first grid index from ``first`` on whose tail passes, by bisection; -1 if none does."""

    def ok(index: int) -> bool:
        return bool(tests.tail(itc, ptc, np.array([index]))[0] >= need)

    last = tests.grid - 1
    if ok(first):
        return first
    if first == last or not ok(last):
        return -1
    low, high = first, last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ok(middle) else (middle, high)
    return high


def surely_running(worst: Site, offer: Offer) -> NDArray[np.bool_]:
    """Say where a plant runs at the worst prices without a contract and under any strike on offer, ``(n, S)``.

    A site that an envelope finds unaided may hold a contract in truth, whose upside share can make it idle.
    """
    running = worst.merchant.active[0].copy()
    rows = np.arange(min(offer.contract.tenor_years, running.shape[0]))
    lowest = np.array([strike_bounds(worst, offer)[0]])
    running[rows] &= worst.operate(rows, lowest, offer.contract).active[0]
    return running


def _priced(
    site: Site, law: LawCredits, offer: Offer, kind: NDArray[np.int_], strike: Array, worst: Site | None
) -> Family:
    """Attach public cost and subsidy equivalents to each feasible level."""
    horizon, scenarios = site.outlook.price.shape
    parts: list[Cost] = []
    running = None if worst is None else surely_running(worst, offer)
    supported = np.zeros(kind.size)
    sales = 0.0
    for r, level in enumerate(offer.levels):
        if kind[r] == CONTRACT:
            cost = project_cost(site, law, level, offer.public_rate, offer.contract, strike[r : r + 1], worst).pick(0)
        elif kind[r] == UNAIDED:
            cost = project_cost(site, law, level, offer.public_rate, worst=worst, running=running).pick(0)
        else:
            cost = Cost.none(horizon, scenarios)
        parts.append(cost)
        held, long_run = bool(kind[r] == CONTRACT), offer.long_run[site.plant.product]
        supported[r], sales = support(site, law, level, cost, offer.public_rate, long_run, held=held)
    names = Cost.__dataclass_fields__
    stacked = Cost(*(np.stack([getattr(p, n) for p in parts]) for n in names))
    return Family(kind=kind, strike=strike, cost=stacked, supported=supported, sales=sales)
