"""What one point of a target is worth: the difference of two solves."""

from __future__ import annotations

import pytest

import minclub as mc
from minclub.solvers.solve import Prepared, prepare
from minclub.solvers.worth import STEP, crossing_worth, target_worth


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


@pytest.mark.parametrize("target", [0.22, 0.35, 0.42])
def test_a_point_that_changes_no_build_is_worth_nothing(target: float) -> None:
    found = searched(target)
    assert objective(target) == pytest.approx(objective(target - STEP))
    assert target_worth(found.search, found.demands) == {("security", "alpha"): 0.0}


TIED = {"lines.metals": ["alpha", "beta"], "projects.USA_BETA.opex_usd_per_t": 1500, "caps.basket": 0.2, "caps.product_price": 0.1}
"""One cluster of both products, whose beta mine a contract carries; it is needed above 50% of demand."""


def test_a_point_that_allows_no_cheaper_build_is_worth_nothing() -> None:
    """Under a tariff of 2.5% the plant of alpha needs no aid: without it nothing of what beta costs is saved."""
    free = TIED | {"ladders.tariffs": [0, 0.025], "targets.beta": 0.51}
    found = searched(0.21, **free)
    assert objective(0.21, **free) == pytest.approx(objective(0.2, **free))
    worth = target_worth(found.search, found.demands)
    assert worth["security", "alpha"] == 0.0
    assert worth["security", "beta"] == pytest.approx(objective(0.21, **free) - objective(0.21, **(free | {"targets.beta": 0.5})))


@pytest.mark.parametrize("given", [{}, TIED])
def test_each_target_is_lowered_alone(given: dict[str, object]) -> None:
    """In one cluster or in two; both points are worth something where the mine of beta can be built."""
    targets = given | {"targets.beta": 0.51 if given else 0.3}
    found, least = searched(0.41, **targets), objective(0.41, **targets)
    lower = objective(0.41, **(targets | {"targets.beta": 0.5 if given else 0.29}))
    assert bool(least > lower + 1.0) == bool(given)
    assert target_worth(found.search, found.demands) == {
        ("security", "alpha"): pytest.approx(least - objective(0.4, **targets), rel=1e-6),
        ("security", "beta"): pytest.approx(least - lower, rel=1e-6, abs=1e-9),
    }


def test_without_a_target_or_a_search_nothing_is_said() -> None:
    fresh = prepare(mc.load("tutorial"))
    assert target_worth(fresh.search, fresh.demands) == {}
    none = prepare(mc.load("tutorial", {"switches.security": False}))
    none.search.solve(1e-9)
    assert target_worth(none.search, none.demands) == {}


def test_the_basket_is_worth_the_slope_of_the_relaxation() -> None:
    def root(cap: float) -> Prepared:
        found = prepare(mc.load("tutorial", {"caps.basket": cap}))
        found.search.relax()
        return found

    low, middle, high = (root(cap) for cap in (0.0078, 0.008, 0.0082))
    slope = (low.search.bound - high.search.bound) / 0.0004
    assert slope > 1.0
    assert crossing_worth(middle.search) == {("users_basket", "USA"): pytest.approx(slope, rel=1e-6)}
    assert crossing_worth(root(0.05).search) == {}


def test_the_tail_of_outlay_is_worth_something_where_it_binds() -> None:
    found = prepare(mc.load("tutorial", {"caps.worst5_outlay": 12.0}))
    found.search.solve(1e-9)
    assert crossing_worth(found.search)["worst5_outlay", "ALL"] > 0.0
    loose = prepare(mc.load("tutorial", {"caps.worst5_outlay": 100.0}))
    loose.search.solve(1e-9)
    assert ("worst5_outlay", "ALL") not in crossing_worth(loose.search)
