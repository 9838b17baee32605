"""Ladder columns: a project under one option, path and start year, at every credit level (C12 to C16)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .aid import NO_AID
from .bankability import Tests, stack_share
from .contracts import ContractTerms, three_digit_grid
from .decks import TOLERANCE
from .lending import Rules, main_share
from .subsidies import CreditLevel, LawCredits, distinct_levels
from .welfare import Cost, LevelCosts, full_sales, increments_over_law, project_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .aid import Supports
    from .cashflow import Site

    Array = NDArray[np.float64]
    Index = NDArray[np.int_]
    Passed = NDArray[np.bool_]

INFEASIBLE, UNAIDED, CONTRACT = range(3)


@dataclass(frozen=True)
class Family:
    """One project, start year, option and path at all ``L`` credit levels.

    ``kind`` is infeasible, unaided or contract per level; ``strike`` USD/t (nan without a contract); ``cost`` is by
    level; ``supported`` and ``sales`` are C16's numerator and denominator (musd).
    """

    kind: NDArray[np.int8]
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

    @cached_property
    def rates(self) -> Array:
        """Return investment and production credit of every level, ``(L, 2)``."""
        return np.array([(level.itc, level.ptc) for level in self.levels])

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
    are evaluated once, and together where its own terms are the same but for the loan and the upside share.
    """
    wanted = np.arange(len(offer.levels)) if levels is None else levels
    drawn, distinct = distinct_levels([offer.levels[r] for r in wanted]) if supports is None else supports.distinct(site.plant, offer.levels, wanted)
    of = np.full(len(offer.levels), -1)
    of[wanted] = drawn
    made = Columns(distinct)
    for members in made.variants():
        sites = [None if s is None else _aided(s, supports, [made.levels[r] for r in members]) for s in (site, worst)]
        assert sites[0] is not None
        made.fill(members, Variant(sites[0], sites[1], law, offer, dump_deck), fixed_strike)
    expanded = (np.append(values, values.dtype.type(none))[of] for values, none in ((made.kind, INFEASIBLE), (made.strike, np.nan), (made.supported, 0.0)))
    kind, strike, supported = expanded
    sales = full_sales(site, offer.public_rate, offer.long_run[site.plant.product])
    return Family(kind, strike, LevelCosts.collected(made.costs, of, Cost.none(*site.outlook.price.shape)), supported, sales)


def _aided(site: Site, supports: Supports | None, levels: Sequence[CreditLevel]) -> Site:
    """Return a site with the aid of levels that differ in credits, loan and upside share; the loan is for those that have one."""
    if supports is None:
        return site
    lent = max(levels, key=lambda level: level.loan)
    aid = supports.aid(site.plant, site.calendar.operate.size, lent)
    return site if aid is NO_AID else replace(site, aid=aid)


@dataclass(frozen=True)
class Variant:
    """A site under the aid of some levels, with a worst one where it is an envelope's best."""

    site: Site
    worst: Site | None
    law: LawCredits
    offer: Offer
    dump_deck: bool

    def tests(self, contract: ContractTerms | None = None, strikes: Array | None = None) -> Tests:
        """Return the tests of the site."""
        return Tests(self.site, self.law, self.offer.rules, self.offer.long_run, self.dump_deck, contract, strikes, self.worst)


@dataclass(frozen=True)
class Cases:
    """Levels of one variant as ``M`` cases: increments of both credits, whether the loan is taken, and the upside share.

    ``pair`` ``(M,)`` numbers the distinct pairs of increments ``pairs`` ``(2, P)``, and ``which`` the distinct ``shares``.
    """

    itc: Array
    ptc: Array
    lent: Passed
    pairs: Array
    pair: Index
    shares: Array
    which: Index

    @staticmethod
    def of(levels: Sequence[CreditLevel], upside_share: float) -> Cases:
        """Lay out levels; ``upside_share`` is that of a level which states none."""
        rows = [(x.itc, x.ptc, x.loan, upside_share if x.upside is None else x.upside) for x in levels]
        itc, ptc, loan, share = np.array(rows).T
        pairs, pair = np.unique(np.stack([itc, ptc]), axis=1, return_inverse=True)
        shares, which = np.unique(share, return_inverse=True)
        return Cases(itc, ptc, loan > 0.0, pairs, pair, shares, which)

    def pick(self, where: Index) -> Cases:
        """Return some of the cases."""
        return replace(self, itc=self.itc[where], ptc=self.ptc[where], lent=self.lent[where], pair=self.pair[where], which=self.which[where])


class Columns:
    """Columns of one site at distinct levels, filled in variant by variant."""

    def __init__(self, levels: Sequence[CreditLevel]) -> None:
        """Start with nothing feasible."""
        self.levels = levels
        count = len(levels)
        self.kind, self.strike, self.supported = np.full(count, INFEASIBLE, dtype=np.int8), np.full(count, np.nan), np.zeros(count)
        self.costs: list[tuple[Index, Cost]] = []

    def variants(self) -> list[Index]:
        """Return the levels that put the plant on the same terms but for credit rates, loan and upside share, together."""
        found: dict[tuple[float, float], list[int]] = {}
        for r, level in enumerate(self.levels):
            found.setdefault((level.grant, level.offtake), []).append(r)
        return [np.array(members) for members in found.values()]

    def fill(self, members: Index, variant: Variant, fixed_strike: float | None) -> None:
        """Evaluate the levels of one variant and enter them."""
        site, offer = variant.site, variant.offer
        levels = [self.levels[r] for r in members]
        cases = Cases.of(levels, float(offer.contract.upside_share))
        kind, strike = np.full(members.size, INFEASIBLE), np.full(members.size, np.nan)
        if offer.contracts and main_share(site.plant, offer.long_run) >= offer.rules.main_share_min:
            kind[:] = CONTRACT
        if fixed_strike is None:
            kind[_alone(variant.tests(), cases)] = UNAIDED
        if offer.rules.stack:
            over = stack_share(site, variant.law, levels, offer.public_rate) > offer.rules.stack_cap + TOLERANCE
            kind[np.array([level.pays for level in levels]) & over] = INFEASIBLE
        held = np.flatnonzero(kind == CONTRACT)
        if held.size:
            grid = three_digit_grid(*strike_bounds(site, offer)) if fixed_strike is None else np.array([fixed_strike])
            strike[held] = _least(variant, cases.pick(held), grid)
            kind[np.isnan(strike) & (kind == CONTRACT)] = INFEASIBLE
        self.kind[members], self.strike[members] = kind, strike
        self._price(members, variant, cases)

    def _price(self, members: Index, variant: Variant, cases: Cases) -> None:
        """Enter public cost and subsidy equivalents of each feasible level of one variant.

        Between bounds a plant that passes without a contract may hold one in truth, so its upside share matters there too.
        """
        site, worst, law, offer = variant.site, variant.worst, variant.law, variant.offer
        kind = self.kind[members]
        alone = [kind == UNAIDED] if worst is None else [(kind == UNAIDED) & (cases.which == k) for k in range(cases.shares.size)]
        for held, mine in [(True, kind == CONTRACT), *((False, part) for part in alone)]:
            if not mine.any():
                continue
            where = members[mine]
            levels = [self.levels[r] for r in where]
            if held:
                terms = replace(offer.contract, upside_share=cases.shares[cases.which[mine]])
                cost = project_cost(site, law, levels, offer.public_rate, terms, self.strike[where], worst)
            else:
                running = None if worst is None else surely_running(worst, offer.under(levels[0]))
                cost = project_cost(site, law, levels, offer.public_rate, worst=worst, running=running)
            self.supported[where] = increments_over_law(site, law, levels, cost, offer.public_rate, held=held)
            self.costs.append((where, cost))


def _alone(tests: Tests, cases: Cases) -> Passed:
    """Say which cases pass without a contract, ``(M,)``: value and tail do not depend on the loan, the upside share does not matter."""
    rules, (itc, ptc) = tests.rules, cases.pairs
    passed = tests.value(itc, ptc) >= -TOLERANCE if rules.value else np.full(itc.size, True)
    if rules.tail and passed.any():
        where = np.flatnonzero(passed)
        passed[where] = tests.tail_passes(itc[where], ptc[where])
    found: Passed = passed[cases.pair]
    if rules.lender and found.any():
        for lent in (False, True):
            where = np.flatnonzero(found & (cases.lent == lent))
            if where.size:
                found[where] = tests.decks_under(tests.site.aid.loan if lent else None).passes(cases.itc[where], cases.ptc[where])
    return found


def _least(variant: Variant, cases: Cases, grid: Array) -> Array:
    """Return the first value of the grid that passes C12 in each case, nan where none does, ``(M,)``.

    Value is computed over the whole grid. The lender's tests, which are monotone in the strike, and the tail are searched
    from the first strike on that passes what comes before. The tests' grid is the given one for each upside share in turn.
    """
    size, (itc, ptc) = grid.size, cases.pairs
    found = np.full(cases.pair.size, np.nan)
    if not size:
        return found
    terms = replace(variant.offer.contract, upside_share=np.repeat(cases.shares, size))
    tests = variant.tests(terms, np.tile(grid, cases.shares.size))
    worthy = tests.worthy(itc, ptc).reshape(itc.size, cases.shares.size, size)
    passed = np.concatenate([worthy, np.full((*worthy.shape[:2], 1), True)], axis=2)[cases.pair, cases.which]
    index, offset = _next(passed, np.zeros(found.size, dtype=int)), cases.which * size
    if tests.rules.lender:
        for lent in (False, True):
            decks = tests.decks_under(variant.site.aid.loan if lent else None)
            for k in range(cases.shares.size):
                mine = np.flatnonzero((cases.lent == lent) & (cases.which == k))
                if mine.size:
                    passed[mine, :size] &= decks.totals_pass(cases.itc[mine], cases.ptc[mine], slice(k * size, (k + 1) * size))
            mine = np.flatnonzero(cases.lent == lent)
            index[mine] = _next(passed[mine], index[mine])
            index[mine] = first_passing(_shifted(decks.downside_passes, cases.pick(mine), offset[mine]), index[mine], size, LENDER_FAN)
        index = _next(passed, index)
    if tests.rules.tail:
        index = first_passing(_shifted(tests.tail_passes, cases, offset), index, size, TAIL_FAN)
        index = _next(passed, index)
    feasible = index < size
    found[feasible] = grid[index[feasible]]
    return found


def _shifted(test: Callable[[Array, Array, Index], Passed], cases: Cases, offset: Index) -> Callable[[Index, Index], Passed]:
    """Return a test of places in the grid of each case's upside share."""
    return lambda at, case: test(cases.itc[case], cases.ptc[case], at + offset[case])


def least_strikes(
    site: Site,
    law: LawCredits,
    offer: Offer,
    dump_deck: bool,
    grid: Array,
    levels: Sequence[CreditLevel],
    worst: Site | None = None,
) -> Array:
    """Return the first value of the grid that passes C12 at each level; nan where none does."""
    return _least(Variant(site, worst, law, offer, dump_deck), Cases.of(levels, float(offer.contract.upside_share)), grid)


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


def surely_running(worst: Site, offer: Offer) -> NDArray[np.bool_]:
    """Say where a plant runs at the worst prices without a contract and under any strike on offer, ``(n, S)``.

    A site that an envelope finds unaided may hold a contract in truth, whose upside share can make it idle.
    """
    running = worst.merchant.active[0].copy()
    rows = offer.contract.covered(running.shape[0])
    lowest = np.array([strike_bounds(worst, offer)[0]])
    running[rows] &= worst.runs(rows, lowest, offer.contract)[0]
    return running
