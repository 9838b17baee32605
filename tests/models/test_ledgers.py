"""Lazy prices against every exact column: bounds rise to the exact cost, and the least is the least over all plans."""

from __future__ import annotations

from functools import cache, reduce
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import minclub as mc
from minclub.models.columns import INFEASIBLE
from minclub.models.competition import equivalent
from minclub.models.ledgers import ENVELOPE, Ledger
from minclub.models.market import COUNTRIES
from minclub.models.plans import Group, PlanSpace, Weights
from minclub.models.pricing import Pricing
from minclub.solvers.solve import Prepared, prepare
from minclub.tests.solvers.instrument_sets import CHOICES, random

Array = np.ndarray
Option = tuple[int, ...]

RANDOM = (*CHOICES["procurement"], "ladders.itc=[0,0.1]", "finance.subsidy_band=0.02", "ladders.tariffs=[0,0.05,0.1]", "objective.user_weight=0.5")
SEEDS = {"band": (3, 1), "feed": (16, 2), "guard": (22, 2)}
"""Seed and products. Where ``band`` binds the cheapest levels are too far apart; the others have several paths and a plant that buys feed."""
CASES = ("tutorial", *SEEDS)


@cache
def prepared(case: str) -> Prepared:
    """Return the plan spaces of a case."""
    if case == "tutorial":
        return prepare(mc.load("tutorial", {"objective.user_weight": 0.5}))
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


def least_of_all(case: str, cluster: int, weights: Weights) -> tuple[dict[tuple[Option, int], float], float]:
    """Return the least weighted cost over levels of every option and build set that has a plan, and the least without the band."""
    space = prepared(case).search.spaces[cluster]
    desk, found, free = space.desk, {}, np.inf
    for option in space.options():
        for index in range(space.size):
            settings = space.settings_at(space.at(option), index)
            kept = all(desk.guard(k, desk.law_settings() | settings) for m in settings for k in desk.guarded[m])
            if not kept or not all(desk.users.within_product_cap(m, s) for m, s in settings.items()):
                continue
            rows = [exact_levels(space, group, group.rows[group.inverse[index]], option, weights) for group in space.groups]
            shapes = [[-1 if k == g else 1 for k in range(len(rows))] for g in range(len(rows))]
            total = reduce(np.add, [row.reshape(shape) for row, shape in zip(rows, shapes, strict=True)], np.zeros((1,) * len(rows)))
            rest = sum(float(desk.users.burden(m, s) @ weights.basket) for m, s in settings.items())
            rest += weights.user * sum(space.loss_at(p, border, index) for p, border in enumerate(space.at(option)))
            rest += sum(float(weights.of(desk.closed_change(c.plant_id, settings), COUNTRIES.index(c.country))) for c in space.closed)
            low = float(np.where(in_band(case, cluster, option, index), total, np.inf).min()) + rest
            free = min(free, float(total.min()) + rest)
            if np.isfinite(low):
                found[option, index] = low
    return found, free


@pytest.mark.parametrize("case", CASES)
def test_the_least_price_is_that_of_all_exact_columns(case: str) -> None:
    """Under several weights in turn, so that later ones meet ledgers that earlier ones have sharpened."""
    rng, bound_by_band = np.random.default_rng(3), 0
    for cluster, space in enumerate(prepared(case).search.spaces):
        for _ in range(3):
            weights = drawn_weights(space, rng)
            (every, free), pricing = least_of_all(case, cluster, weights), Pricing(space, weights)
            room = 1e-9 * (1.0 + max(map(abs, every.values())))
            for known, (_, low, _) in dict(pricing.lows()).items():
                assert low <= min((cost for (o, _), cost in every.items() if o == known), default=np.inf) + room
            cost, option, index = pricing.least(lambda: False)
            assert option is not None
            assert cost == pytest.approx(min(every.values()), rel=1e-9, abs=1e-9)
            assert every[option, index] == pytest.approx(cost, rel=1e-9, abs=1e-9)
            plan = space.plan(option, index, pricing.cheapest_levels(option, index))
            paid = sum(float(weights.of(c, k)) for k, c in enumerate(plan.costs)) + float(plan.burden @ weights.basket) + weights.user * plan.loss
            assert paid == pytest.approx(cost, rel=1e-9, abs=1e-9)
            assert plan.in_band
            bound_by_band += cost > free + 1e-6
            near = cost + 0.05 * (1.0 + abs(cost))
            assert pricing.can_cost(near) >= {o for (o, _), value in every.items() if value <= near}
            assert {(o, i) for o, i, _ in pricing.below(near)} == {key for key, value in every.items() if value <= near}
    assert bool(bound_by_band) == (case == "band")


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
