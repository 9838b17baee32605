"""Ladder columns: a project under one option, path and start year, at every credit level (C12 to C16)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .aid import NO_AID
from .bankability import TOLERANCE, Tests, stack_share
from .contracts import ContractTerms, three_digit_grid
from .lending import Rules, main_share
from .subsidies import CreditLevel, LawCredits, credits_at
from .welfare import Cost, LevelCosts, full_sales, increments_over_law, project_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .aid import Supports
    from .cashflow import Site

    Array = NDArray[np.float64]
    Passed = NDArray[np.bool_]

INFEASIBLE, UNAIDED, CONTRACT = range(3)


@dataclass(frozen=True)
class Family:
    """One project, start year, option and path at all ``L`` credit levels.

    ``kind`` is infeasible, unaided or contract per level; ``strike`` USD/t (nan without a contract); ``cost`` is by
    level; ``supported`` and ``sales`` are C16's numerator and denominator (musd).
    """

    kind: NDArray[np.int_]
    strike: Array
    cost: LevelCosts
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
    contracts: bool = True

    def under(self, level: CreditLevel) -> Offer:
        """Return the offer with the contract terms of a level (C14)."""
        if level.upside is None or level.upside == self.contract.upside_share:
            return self
        return replace(self, contract=replace(self.contract, upside_share=level.upside))


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
    levels: NDArray[np.int_] | None = None,
    supports: Supports | None = None,
) -> Family:
    """Evaluate a site at every credit level: unaided if it passes without a contract, else at the least strike.

    A ``fixed_strike`` replaces the least one; the column is then feasible only where that strike passes C12. With a
    ``worst`` site the result bounds, from below, the cost of every site between the two (an envelope). ``supports`` says
    who may draw what, and ``levels`` which levels to look at, all if not given. Levels of which the plant draws the same
    are evaluated once, and together where they differ in credit rates only.
    """
    wanted = np.arange(len(offer.levels)) if levels is None else levels
    offered = [offer.levels[r] for r in wanted]
    drawn = offered if supports is None else supports.drawn(site.plant, offered)
    distinct: dict[CreditLevel, int] = {}
    of = np.full(len(offer.levels), -1)
    of[wanted] = [distinct.setdefault(level, len(distinct)) for level in drawn]
    made = Columns(list(distinct), site.outlook.price.shape)
    for members in made.variants():
        sites = [None if s is None else _aided(s, supports, made.levels[members[0]]) for s in (site, worst)]
        assert sites[0] is not None
        made.fill(members, sites[0], law, offer.under(made.levels[members[0]]), dump_deck, fixed_strike, sites[1])
    expanded = (np.append(values, none)[of] for values, none in ((made.kind, INFEASIBLE), (made.strike, np.nan), (made.supported, 0.0)))
    kind, strike, supported = expanded
    sales = full_sales(site, offer.public_rate, offer.long_run[site.plant.product])
    return Family(kind, strike, LevelCosts(made.cost, of), supported, sales)


def _aided(site: Site, supports: Supports | None, level: CreditLevel) -> Site:
    if supports is None:
        return site
    aid = supports.aid(site.plant, site.calendar.operate.size, level)
    return site if aid is NO_AID else replace(site, aid=aid)


class Columns:
    """Columns of one site at distinct levels, filled in variant by variant."""

    def __init__(self, levels: Sequence[CreditLevel], shape: tuple[int, ...]) -> None:
        """Start with nothing feasible."""
        self.levels = levels
        count = len(levels)
        self.kind, self.strike, self.supported = np.full(count, INFEASIBLE), np.full(count, np.nan), np.zeros(count)
        self.cost = Cost.none(*shape).repeated(count)
        self._unaided: dict[tuple[object, ...], Passed] = {}
        self._worthy: dict[tuple[object, ...], Passed] = {}

    def variants(self) -> list[NDArray[np.int_]]:
        """Return the levels that differ in credit rates only, together."""
        found: dict[tuple[object, ...], list[int]] = {}
        for r, level in enumerate(self.levels):
            found.setdefault(level.variant, []).append(r)
        return [np.array(members) for members in found.values()]

    def fill(
        self,
        members: NDArray[np.int_],
        site: Site,
        law: LawCredits,
        offer: Offer,
        dump_deck: bool,
        fixed_strike: float | None,
        worst: Site | None,
    ) -> None:
        """Evaluate the levels of one variant and enter them."""
        rates = [credits_at(law, self.levels[r]) for r in members]
        itc, ptc = _stacked(rates)
        kind, strike = np.full(len(rates), INFEASIBLE), np.full(len(rates), np.nan)
        if offer.contracts and main_share(site.plant, offer.long_run) >= offer.rules.main_share_min:
            kind[:] = CONTRACT
        if fixed_strike is None:
            kind[self._alone(members, Tests(site, offer.rules, offer.long_run, dump_deck, worst=worst), itc, ptc)] = UNAIDED
        if offer.rules.stack:
            over = stack_share(site, itc, ptc, offer.public_rate) > offer.rules.stack_cap + TOLERANCE
            pays = np.array([self.levels[r].pays for r in members])
            kind[pays & over] = INFEASIBLE
        held = np.flatnonzero(kind == CONTRACT)
        if held.size:
            grid = three_digit_grid(*strike_bounds(site, offer)) if fixed_strike is None else np.array([fixed_strike])
            tests = Tests(site, offer.rules, offer.long_run, dump_deck, offer.contract, grid, worst)
            strike[held] = _least(tests, itc[held], ptc[held], self._worth(members, tests, rates)[held])
            kind[np.isnan(strike) & (kind == CONTRACT)] = INFEASIBLE
        self.kind[members], self.strike[members] = kind, strike
        self._price(members, site, law, offer, worst)

    def _alone(self, members: NDArray[np.int_], tests: Tests, itc: Array, ptc: Array) -> Passed:
        """Say which levels of a variant pass without a contract: its terms, the upside share, do not matter."""
        levels = [self.levels[r] for r in members]
        key = (levels[0].grant, levels[0].loan, levels[0].offtake, *((level.itc, level.ptc) for level in levels))
        if key not in self._unaided:
            self._unaided[key] = tests.passes(itc, ptc)
        return self._unaided[key]

    def _worth(self, members: NDArray[np.int_], tests: Tests, rates: Sequence[tuple[Array, Array]]) -> Passed:
        """Say which levels of a variant pass the test of value at each strike: it is unlevered, so the loan does not matter (C12a)."""
        levels = [self.levels[r] for r in members]
        key = (levels[0].grant, levels[0].offtake, levels[0].upside, *((level.itc, level.ptc) for level in levels))
        if key not in self._worthy:
            self._worthy[key] = tests.worthy(rates)
        return self._worthy[key]

    def _price(self, members: NDArray[np.int_], site: Site, law: LawCredits, offer: Offer, worst: Site | None) -> None:
        """Enter public cost and subsidy equivalents of each feasible level of one variant."""
        running = None if worst is None else surely_running(worst, offer)
        for sort in (UNAIDED, CONTRACT):
            where = members[self.kind[members] == sort]
            if not where.size:
                continue
            levels = [self.levels[r] for r in where]
            if sort == CONTRACT:
                cost = project_cost(site, law, levels, offer.public_rate, offer.contract, self.strike[where], worst)
            else:
                cost = project_cost(site, law, levels, offer.public_rate, worst=worst, running=running)
            self.supported[where] = increments_over_law(site, law, levels, cost, offer.public_rate, held=sort == CONTRACT)
            for name in Cost.__dataclass_fields__:
                getattr(self.cost, name)[where] = getattr(cost, name)


def _stacked(rates: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return several pairs of calendar-year credit rates as two tables, ``(R, T)``."""
    itc, ptc = zip(*rates, strict=True)
    return np.stack(itc), np.stack(ptc)


def least_strikes(
    site: Site,
    offer: Offer,
    dump_deck: bool,
    grid: Array,
    rates: Sequence[tuple[Array, Array]],
    worst: Site | None = None,
) -> Array:
    """Return the first value of the grid that passes C12 at each pair of credit rates; nan where none does.

    Value is computed over the whole grid. The lender's tests, which are monotone in the strike, and the tail are searched
    from the first strike on that passes what comes before.
    """
    tests = Tests(site, offer.rules, offer.long_run, dump_deck, offer.contract, grid, worst)
    return _least(tests, *_stacked(rates), tests.worthy(rates))


def _least(tests: Tests, itc: Array, ptc: Array, worthy: Passed) -> Array:
    """Return the first strike that passes C12 at each pair of credit rates, given where value passes ``(R, G)``."""
    count, grid, rules = itc.shape[0], tests.grid, tests.rules
    found = np.full(count, np.nan)
    if not grid or tests.strikes is None:
        return found
    passed = np.hstack([worthy, np.full((count, 1), True)])
    index = _next(passed, np.zeros(count, dtype=int))
    if rules.lender:
        index = first_passing(lambda at, case: tests.lender(itc[case], ptc[case], at), index, grid, LENDER_FAN)
        index = _next(passed, index)
    if rules.tail:
        index = first_passing(lambda at, case: tests.tail_passes(itc[case], ptc[case], at), index, grid, TAIL_FAN)
        index = _next(passed, index)
    feasible = index < grid
    found[feasible] = tests.strikes[index[feasible]]
    return found


LENDER_FAN, TAIL_FAN = 8, 2
"""Values of the grid tried at once: a lender's test costs little more for many cases, the tail in proportion."""


def _next(passed: NDArray[np.bool_], index: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return the first column from ``index`` on in which each row is true; the last column is true everywhere."""
    return np.argmax(passed & (np.arange(passed.shape[1]) >= index[:, None]), axis=1)


def first_passing(
    test: Callable[[NDArray[np.int_], NDArray[np.int_]], NDArray[np.bool_]], first: NDArray[np.int_], count: int, fan: int
) -> NDArray[np.int_]:
    """Return for each case the first index in ``first .. count - 1`` at which a monotone test passes; ``count`` if none.

    ``test`` takes indices and their cases. ``first`` is tried alone; where it fails, each round tries ``fan`` indices,
    evenly spread over those that may still be the answer.
    """
    low, high = first.copy(), np.full(first.size, count)
    case = np.flatnonzero(low < high)
    if case.size:
        passed = test(low[case], case)
        high[case[passed]] = low[case[passed]]
        low[case[~passed]] += 1
    while (case := np.flatnonzero(low < high)).size:
        tried = low[case, None] + (high - low)[case, None] * np.arange(1, fan + 1) // (fan + 1)
        passed = test(tried.ravel(), np.repeat(case, fan)).reshape(tried.shape)
        failures = (~passed).sum(axis=1)
        edges = np.hstack([low[case, None] - 1, tried, high[case, None]])
        low[case] = edges[np.arange(case.size), failures] + 1
        high[case] = edges[np.arange(case.size), failures + 1]
    return low


def tail_index(tests: Tests, itc: Array, ptc: Array, first: int, need: float) -> int:
    """Return the first grid index from ``first`` on whose tail is at least ``need``, musd; -1 if none is."""
    found = int(first_passing(lambda at, _: tests.tail(itc, ptc, at) >= need, np.array([first]), tests.grid, TAIL_FAN)[0])
    return found if found < tests.grid else -1


def surely_running(worst: Site, offer: Offer) -> NDArray[np.bool_]:
    """Say where a plant runs at the worst prices without a contract and under any strike on offer, ``(n, S)``.

    A site that an envelope finds unaided may hold a contract in truth, whose upside share can make it idle.
    """
    running = worst.merchant.active[0].copy()
    rows = offer.contract.covered(running.shape[0])
    lowest = np.array([strike_bounds(worst, offer)[0]])
    running[rows] &= worst.runs(rows, lowest, offer.contract)[0]
    return running
