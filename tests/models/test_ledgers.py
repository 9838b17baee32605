"""Lazy prices against every exact column: bounds rise to the exact cost, and the least is the least over all plans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce
from itertools import combinations
from itertools import product as cartesian
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pytest

import minclub as mc
from minclub.models.columns import INFEASIBLE
from minclub.models.competition import equivalent
from minclub.models.filters import BROKEN
from minclub.models.ledgers import ENVELOPE, Ledger
from minclub.models.market import COUNTRIES
from minclub.models.plan import Weights
from minclub.models.plans import Group, PlanSpace
from minclub.models.pricing import Pricing
from minclub.solvers.solve import Prepared, prepare
from minclub.tests.models.every_plan import every_plan
from minclub.tests.solvers.instrument_sets import CHOICES, random

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray
Option = tuple[int, ...]

RANDOM = (
    *CHOICES["procurement"],
    "ladders.itc=[0,0.1]",
    "finance.subsidy_band=0.02",
    "ladders.tariffs=[0,0.05,0.1]",
    "ladders.start_delays=[0,2]",
    "objective.user_weight=0.5",
)
SEEDS = {"band": (3, 1), "feed": (16, 2), "guard": (22, 2), "credits": (23, 2)}
"""Seed and products.

Where ``band`` binds the cheapest levels are too far apart; ``feed`` and ``guard`` have several paths and a plant that buys feed;
in ``credits`` a plant of the baseline draws what the only path of its product lets it draw.
"""
TUTORIAL: dict[str, dict[str, object]] = {
    "tutorial": {"objective.user_weight": 0.5},
    "displaced": {"products.beta.existing_refined_t_usa": 10_000, "projects.CAN_BETA.opex_usd_per_t": 1350, "projects.USA_BETA.opex_usd_per_t": 1500},
}
"""Where USA_BETA leaves nothing to import CAN_BETA, which passes alone, is ``displaced``."""
CASES = (*TUTORIAL, *SEEDS)


@cache
def prepared(case: str) -> Prepared:
    """Return the plan spaces of a case."""
    if case in TUTORIAL:
        return prepare(mc.load("tutorial", TUTORIAL[case]))
    with TemporaryDirectory() as folder:
        return prepare(random(Path(folder), *SEEDS[case], *RANDOM))


def drawn_weights(space: PlanSpace, rng: np.random.Generator) -> Weights:
    """Draw prices of a master: none is negative, and some are nil."""
    years, scenarios = space.desk.market.years.size, space.desk.market.scenarios.count
    on = rng.integers(0, 2, 4)
    return Weights(
        outlay=on[0] * rng.random((3, years)),
        scenario=on[1] * rng.random(scenarios) / scenarios,
        scenario_outlay=on[2] * rng.random(scenarios) / scenarios,
        basket=0.1 * rng.random(3),
        user=0.5 * float(on[3]) * float(space.users_count),
        joint=on[0] * rng.random(years),
    )


# --- every plan, from exact columns ------------------------------------------------------------------------------------


def exact_levels(space: PlanSpace, group: Group, row: Array, option: Option, weights: Weights) -> Array:
    """Return the weighted cost of a group's choice at each level, infinite where not allowed, ``(L,)``."""
    desk, borders = space.desk, space.at(option)
    settings, built = space.group_settings(group, row, borders), space.built(group, row)
    country = COUNTRIES.index(group.country)
    if not built:
        return np.where(np.arange(len(desk.offer.levels)) == 0, 0.0, np.inf)
    open_ = desk.offered(group.country, group.product)
    for key, start in built:
        open_ = open_ & (desk.family(key, start, settings).kind != INFEASIBLE)
    return np.array([float(weights.of(space.group_cost(group, row, borders, k), country)) if ok else np.inf for k, ok in enumerate(open_)])


@cache
def in_band(case: str, cluster: int, option: Option, index: int) -> Array:
    """Say which combinations of the groups' levels keep the band, ``(L, L, ...)`` (C21b)."""
    space = prepared(case).search.spaces[cluster]
    desk, count = space.desk, len(space.groups)
    levels, good = len(desk.offer.levels), np.full((len(desk.offer.levels),) * len(space.groups), True)
    rates = []
    for g, group in enumerate(space.groups):
        row = group.rows[group.inverse[index]]
        settings, built, key = space.group_settings(group, row, space.at(option)), space.built(group, row), (group.country, group.product)
        aids = [desk.competition.aid(built, {key: k}, settings, [group.product]).get(key, []) if built else [] for k in range(levels)]
        rates.append(np.array([equivalent(aid) if aid else np.nan for aid in aids]).reshape([-1 if k == g else 1 for k in range(count)]))
    for a, b in combinations(range(count), 2):
        if space.groups[a].product == space.groups[b].product in desk.competition.products:
            good &= ~(np.abs(rates[a] - rates[b]) > desk.competition.band + 1e-9)
    return good


@dataclass(frozen=True)
class Least:
    """The least weighted cost over levels of every option and build set, infinite without a plan: in the band, and whatever the band."""

    kept: dict[tuple[Option, int], float]
    free: dict[tuple[Option, int], float]


def least_of_all(case: str, cluster: int, weights: Weights) -> Least:
    """Evaluate every option, build set and combination of levels."""
    space, found = prepared(case).search.spaces[cluster], Least({}, {})
    desk = space.desk
    for option, index in cartesian(space.options(), range(space.size)):
        settings = space.settings_at(space.at(option), index)
        kept = all(desk.guard(k, desk.law_settings() | settings) for m in settings for k in desk.guarded[m])
        capped = all(desk.users.within_product_cap(m, s) for m, s in settings.items())
        rows = [exact_levels(space, group, group.rows[group.inverse[index]], option, weights) for group in space.groups]
        shapes = [[-1 if k == g else 1 for k in range(len(rows))] for g in range(len(rows))]
        total = reduce(np.add, [row.reshape(shape) for row, shape in zip(rows, shapes, strict=True)], np.zeros((1,) * len(rows)))
        rest = 0.0 if kept and capped else np.inf
        rest += sum(float(desk.users.burden(m, s) @ weights.basket) for m, s in settings.items())
        rest += weights.user * sum(space.loss_at(p, border, index) for p, border in enumerate(space.at(option)))
        rest += sum(float(weights.of(desk.closed_change(c.plant_id, settings), COUNTRIES.index(c.country))) for c in space.closed)
        found.free[option, index] = float(total.min()) + rest
        found.kept[option, index] = float(np.where(in_band(case, cluster, option, index), total, np.inf).min()) + rest
    return found


def limited(calls: int) -> Callable[[], bool]:
    """Return a clock that stops after some calls: pricing that never ends fails, rather than hangs."""
    count = iter(range(calls))
    return lambda: next(count, None) is None


def assert_bounds_of_all(pricing: Pricing, every: Least, near: float) -> None:
    """Check that no option is ruled out which has a plan that costs at most ``near``, and that all such plans are listed."""
    cheap = {key for key, cost in every.kept.items() if cost <= near}
    assert pricing.can_cost(near) >= {option for option, _ in cheap}
    assert {(option, index) for option, index, _ in every_plan(pricing, near)} == cheap


@pytest.mark.parametrize("case", CASES)
def test_the_least_price_is_that_of_all_exact_columns(case: str) -> None:
    """Under several weights in turn, so that later ones meet ledgers that earlier ones have sharpened."""
    rng, bound_by_band = np.random.default_rng(3), 0
    for cluster, space in enumerate(prepared(case).search.spaces):
        for _ in range(3):
            weights = drawn_weights(space, rng)
            every, pricing = least_of_all(case, cluster, weights), Pricing(space, weights)
            for known, (_, low, _) in dict(pricing.lows()).items():
                least = min(every.kept[known, index] for index in range(space.size))
                assert low <= least + 1e-9 * (1.0 + abs(least))
            cost, option, index = pricing.least(limited(5_000))
            assert option is not None
            assert cost == pytest.approx(min(every.kept.values()), rel=1e-9, abs=1e-9)
            assert every.kept[option, index] == pytest.approx(cost, rel=1e-9, abs=1e-9)
            plan = space.plan(option, index, pricing.cheapest_levels(option, index))
            paid = sum(float(weights.of(c, k)) for k, c in enumerate(plan.costs)) + float(plan.burden @ weights.basket) + weights.user * plan.loss
            assert paid == pytest.approx(cost, rel=1e-9, abs=1e-9)
            assert plan.in_band
            bound_by_band += cost > min(every.free.values()) + 1e-6
            assert_bounds_of_all(pricing, every, cost + 0.05 * (1.0 + abs(cost)))
    assert bool(bound_by_band) == (case == "band")


@pytest.mark.parametrize("case", CASES)
def test_what_is_settled_is_exact(case: str) -> None:
    """Costs of every build set but for the band, the least of them, and what a broken guard rules out."""
    rng, ruled_out = np.random.default_rng(4), 0
    for cluster, space in enumerate(prepared(case).search.spaces):
        weights = drawn_weights(space, rng)
        every, pricing, sets = least_of_all(case, cluster, weights), Pricing(space, weights), np.arange(space.size)
        for option in space.options():
            exact = np.array([every.free[option, int(index)] for index in sets])
            for _ in range(10):
                assert (pricing.costs(option) <= exact + 1e-9 * (1.0 + np.abs(np.where(np.isfinite(exact), exact, 0.0)))).all()
                assert pricing.low(option)[0] == pricing.costs(option).min()
                if pricing.sure(option, sets).all():
                    break
                pricing.settle(option, sets)
            assert pricing.sure(option, sets).all()
            assert pricing.costs(option) == pytest.approx(exact, rel=1e-9, abs=1e-9)
            ruled_out += sum(bool((guard.status(option) == BROKEN).any()) for guard in space.guards)
    assert bool(ruled_out) == (case == "displaced")


# --- one ledger ---------------------------------------------------------------------------------------------------------


def fresh(case: str) -> list[Ledger]:
    """Return ledgers of the groups of a case in which nothing is known yet."""
    return [Ledger(space, group) for space in prepared(case).search.spaces for group in space.groups]


@pytest.mark.parametrize("case", CASES)
def test_bounds_rise_step_by_step_to_the_exact_cost(case: str) -> None:
    """Of every option in turn, over the levels that a node allows, and every change is counted."""
    rng, steps = np.random.default_rng(9), set()
    for ledger in fresh(case):
        space, group = ledger.space, ledger.group
        weights, allowed = drawn_weights(space, rng), rng.random(ledger.offered.size) < 0.7
        values = np.zeros((1, ledger.levels.size))
        for option in space.options():
            tables = np.stack([exact_levels(space, group, row, option, weights) for row in group.rows])
            exact = np.where(allowed, tables, np.inf).min(axis=1)
            sheet, before, version = ledger.sheet(option), np.full(exact.size, -np.inf), -1
            for count in range(8):
                values = ledger.weigh(weights, COUNTRIES.index(group.country), values)
                low = ledger.least(sheet, values, allowed)
                assert (low <= exact + 1e-9 * (1.0 + np.abs(np.where(np.isfinite(exact), exact, 0.0)))).all()
                assert (low >= before - 1e-9).all()
                assert sheet.version > version or np.array_equal(low, before)
                if sheet.exact.all():
                    steps.add(count)
                    break
                before, version = low, sheet.version
                for row in range(exact.size):
                    ledger.settle(sheet, row)
            assert sheet.exact.all()
            assert low == pytest.approx(exact, rel=1e-9, abs=1e-9)
            assert ledger.table(sheet, values, allowed, np.arange(exact.size)) == pytest.approx(np.where(allowed, tables, np.inf), rel=1e-9, abs=1e-9)
    assert max(steps) >= 2


def sharpened(ledger: Ledger, option: Option) -> int:
    """Sharpen all rows of an option as far as it goes; return in how many rounds."""
    sheet = ledger.sheet(option)
    for count in range(10):
        found = [ledger.sharpen(sheet, row) for row in range(sheet.exact.size)]
        if not any(found):
            return count
    raise AssertionError("no end")


def test_rows_that_sharpening_alone_makes_exact_are_marked() -> None:
    """Alpha has one path: a bound over one option of one path is an exact column."""
    for ledger in fresh("tutorial")[:2]:
        assert ledger.group.product == "alpha"
        option = next(iter(ledger.space.options()))
        sheet = ledger.sheet(option)
        assert sheet.exact.tolist() == ledger.idle.tolist()
        version = sheet.version
        assert sharpened(ledger, option) > 0
        assert sheet.exact.all()
        assert not sheet.touched.any()
        assert sheet.version > version


@pytest.mark.parametrize("case", ["feed", "guard"])
def test_bounds_that_can_be_sharpened_no_more_cover_one_option(case: str) -> None:
    """Then a bound is the one that a plant has under this option of its own product and this option of its feed."""
    compared = 0
    for ledger in fresh(case):
        space, group = ledger.space, ledger.group
        for option in space.options():
            sharpened(ledger, option)
            sheet, borders = ledger.sheet(option), {m: (border,) for m, border in zip(space.cluster.products, space.at(option), strict=True)}
            for member, j in enumerate(group.members):
                if sheet.rank[member, 1] != ENVELOPE:
                    continue
                plant, start = space.cluster.candidates[j], space.cluster.starts[j][0]
                alone = space.desk.bound(plant, start, borders, space.visited)
                cost, feasible = ledger.entries[sheet.base[member, 1] - 1]
                assert feasible.tolist() == (alone.kind != INFEASIBLE).tolist()
                for k in np.flatnonzero(feasible):
                    assert cost.at(int(k)).booked == pytest.approx(alone.cost.at(int(k)).booked, rel=1e-12)
                compared += bool(space.desk.plants[plant].feed_product)
    assert compared > 10
