"""What one point of a target is worth: the difference of two solves."""

from __future__ import annotations

import pytest

import minclub as mc
from minclub.solvers.solve import Prepared, prepare
from minclub.solvers.worth import STEP, target_worth


def searched(target: float, **given: object) -> Prepared:
    """Return a search of the tutorial that has ended, with a security target of alpha."""
    found = prepare(mc.load("tutorial", {"targets.alpha": target} | given))
    assert found.search.solve(1e-9).objective < float("inf")
    return found


def objective(target: float, **given: object) -> float:
    """Return the objective of a solve of its own, musd."""
    return mc.solve(mc.load("tutorial", {"targets.alpha": target} | given), gap=1e-9).certificate["objective_musd"]


@pytest.mark.parametrize(("target", "built"), [(0.21, 1), (0.41, 2)])
def test_a_point_is_worth_what_two_solves_differ_by(target: float, built: int) -> None:
    """At 20% of demand the baseline is enough and at 40% one plant more: a point above needs another one."""
    found = searched(target)
    saved = objective(target) - objective(target - STEP)
    assert saved > 1.0
    assert (found.search.spaces[0].sets.choice != 0).sum(axis=1).min() == built
    assert target_worth(found.search, found.demands) == {("security", "alpha"): pytest.approx(saved, rel=1e-6)}


def test_a_point_that_changes_no_build_is_worth_nothing() -> None:
    found = searched(0.35)
    assert objective(0.35) == pytest.approx(objective(0.35 - STEP))
    assert target_worth(found.search, found.demands) == {("security", "alpha"): 0.0}


def test_a_point_that_allows_no_cheaper_build_is_worth_nothing() -> None:
    """Under a tariff of 2.5% the plant needs no aid: without it nothing is saved."""
    free = {"ladders.tariffs": [0, 0.025]}
    found = searched(0.21, **free)
    assert objective(0.21, **free) == objective(0.2, **free) == pytest.approx(0.0, abs=1e-9)
    assert target_worth(found.search, found.demands) == {("security", "alpha"): 0.0}


def test_each_target_is_lowered_alone() -> None:
    """Beta's target is met by what stands; alpha's point is worth the same as without it."""
    both = searched(0.41, **{"targets.beta": 0.3})
    assert target_worth(both.search, both.demands) == {
        ("security", "alpha"): pytest.approx(objective(0.41) - objective(0.4), rel=1e-6),
        ("security", "beta"): 0.0,
    }


def test_without_a_target_or_a_search_nothing_is_said() -> None:
    fresh = prepare(mc.load("tutorial"))
    assert target_worth(fresh.search, fresh.demands) == {}
    none = prepare(mc.load("tutorial", {"switches.security": False}))
    none.search.solve(1e-9)
    assert target_worth(none.search, none.demands) == {}
