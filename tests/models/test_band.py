"""The cheapest levels in the band against every combination, and subsidy equivalents at all levels at once (C16, C21b)."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from itertools import product as cartesian

import numpy as np
import pytest

from minclub.models.columns import CONTRACT
from minclub.models.competition import cheapest_in_band, equivalent
from minclub.models.desk import Desk
from minclub.models.projects import start_years
from minclub.tests.solvers.instrument_sets import CHOICES, tutorial

Array = np.ndarray
Builds = tuple[tuple[str, int], ...]

# --- the cheapest levels in the band ----------------------------------------------------------------------------------


def drawn_members(rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    """Draw costs of two or three members' levels, some not allowed, and equivalents in whole points, some of nothing aided."""
    costs, aids = [], []
    for _ in range(rng.integers(2, 4)):
        size = rng.integers(1, 6)
        cost = rng.integers(0, 12, size).astype(float)
        cost[rng.random(size) < 0.25] = np.inf
        aid = rng.integers(-4, 30, size) / 100.0
        aid[rng.random(size) < 0.2] = np.nan
        costs.append(cost)
        aids.append(aid)
    return costs, aids


def every_combination(costs: list[Array], aids: list[Array], band: float) -> dict[tuple[int, ...], float]:
    """Return the cost of each combination of levels that are allowed and keep the band."""
    found = {}
    for levels in cartesian(*(range(cost.size) for cost in costs)):
        total = sum(float(cost[k]) for cost, k in zip(costs, levels, strict=True))
        aided = [aid[k] for aid, k in zip(aids, levels, strict=True) if not np.isnan(aid[k])]
        if np.isfinite(total) and (not aided or max(aided) - min(aided) <= band + 1e-9):
            found[levels] = total
    return found


@pytest.mark.parametrize("band", [0.0, 0.05, 0.12, 1.0])
def test_no_combination_in_the_band_costs_less(band: float) -> None:
    rng, seen = np.random.default_rng(5), Counter[str]()
    for _ in range(300):
        costs, aids = drawn_members(rng)
        allowed, chosen = every_combination(costs, aids, band), cheapest_in_band(costs, aids, band)
        free = min(every_combination(costs, aids, np.inf).values(), default=np.inf)
        if chosen is None:
            assert not allowed
            seen["no level" if np.isinf(free) else "no combination"] += 1
            continue
        assert allowed[chosen] == min(allowed.values())
        seen[f"{len(costs)} members, {'bound' if allowed[chosen] > free else 'free'}"] += 1
    kinds = {"no level", "2 members, free", "3 members, free"}
    if band < 1.0:
        kinds |= {"no combination", "2 members, bound", "3 members, bound"}
    assert {kind for kind, count in seen.items() if count >= 5} == kinds


def test_equivalents_that_differ_by_the_band_are_within_it() -> None:
    """0.17 is above 0.12 + 0.05 by rounding alone; the second member's first choice is out of reach."""
    assert 0.12 + 0.05 < 0.17
    costs = [np.array([1.0]), np.array([0.0, 5.0])]
    assert cheapest_in_band(costs, [np.array([0.12]), np.array([0.3, 0.17])], 0.05) == (0, 1)
    assert cheapest_in_band(costs, [np.array([0.12]), np.array([0.3, 0.1701])], 0.05) is None


# --- equivalents at all levels at once --------------------------------------------------------------------------------

BOTH = (*CHOICES["procurement"], *CHOICES["grants"], "ladders.ptc=[0,0.05]", "projects.CAN_ALPHA.itc_eligible=true", "projects.CAN_ALPHA.ptc_eligible_share=1")


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Return the tutorial with offtake, grants and credits, the alternative in the country of the baseline's plant that draws them."""
    return Desk(tutorial(*BOTH, "projects.MEX_ALPHA.country=CAN", "projects.CAN_ALPHA.earliest_start_year=2028"))


def aided(desk: Desk, pair: tuple[str, str], builds: Builds, level: int) -> list[tuple[float, float]]:
    """Return support and sales of each project that has a contract, an offtake or a club credit at a level, one by one (C16)."""
    settings, rates, found = desk.law_settings(), desk.offer.levels[level], []
    for key, start in builds:
        made = desk.family(key, start, settings)
        if made.kind[level] == CONTRACT or made.supported[level] != 0.0:
            found.append((float(made.supported[level]), made.sales))
    for key in desk.baseline.builds:
        if (desk.plants[key].country, desk.plants[key].product) == pair:
            per_itc, per_ptc, sales = desk.competition.drawn(key, settings)
            if (given := rates.itc * per_itc + rates.ptc * per_ptc) > 0.0:
                found.append((given, sales))
    return found


def test_equivalents_are_those_of_each_project_and_level(desk: Desk) -> None:
    seen = Counter[tuple[bool, bool, bool]]()
    settings = desk.law_settings()
    for pair in {(p.country, p.product) for p in desk.plants.values()}:
        baseline = any((desk.plants[k].country, desk.plants[k].product) == pair for k in desk.baseline.builds)
        starts = [(p.id, start_years(desk.instance, p)[0]) for p in desk.candidates if (p.country, p.product) == pair]
        for builds in (chosen for count in range(len(starts) + 1) for chosen in combinations(starts, count)):
            found = desk.competition.equivalents(pair, builds, settings)
            for level in range(len(desk.offer.levels)):
                entries = aided(desk, pair, builds, level)
                assert found[level] == pytest.approx(equivalent(entries) if entries else np.nan, rel=1e-12, abs=1e-15, nan_ok=True)
                assert desk.competition.aid(builds, {pair: level}, settings, [pair[1]]) == ({pair: entries} if entries else {})
                seen[baseline, bool(builds), bool(entries)] += 1
    assert set(seen) == {(True, False, False), (True, False, True), (True, True, True), (False, False, False), (False, True, False), (False, True, True)}


def test_a_baseline_plant_and_a_candidate_share_one_equivalent(desk: Desk) -> None:
    """The sum of what both draw over the sum of their sales, not a mean of two ratios."""
    level = next(k for k, one in enumerate(desk.offer.levels) if one.ptc and one.itc and not (one.grant or one.offtake))
    settings, rates = desk.law_settings(), desk.offer.levels[level]
    built = ("MEX_ALPHA", start_years(desk.instance, desk.plants["MEX_ALPHA"])[0])
    made, (per_itc, per_ptc, sales) = desk.family(*built, settings), desk.competition.drawn("CAN_ALPHA", settings)
    drawn = rates.itc * per_itc + rates.ptc * per_ptc
    assert drawn > 0.1
    assert made.supported[level] > 0.1
    found = desk.competition.equivalents(("CAN", "alpha"), [built], settings)
    assert found[level] == pytest.approx((drawn + made.supported[level]) / (sales + made.sales))
