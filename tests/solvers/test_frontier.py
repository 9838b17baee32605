"""Frontiers and sweeps of strikes against independent solves."""

from __future__ import annotations

import numpy as np
import pytest

import minclub as mc
from minclub.instances.errors import InstanceError
from minclub.models.desk import Desk
from minclub.models.pricing import Pricing
from minclub.solvers.axes import BasketAxis
from minclub.solvers.clock import Clock
from minclub.solvers.explain import Infeasible
from minclub.solvers.frontier import Frontier, changed, frontier
from minclub.solvers.solve import pinned_desk
from minclub.solvers.sweep import _Sweep, strikes
from minclub.solvers.warm import Memory

GAP = 1e-6
CAPS = {"caps.USA.each_year": 8.0, "caps.worst5_outlay": 40.0}
CASES = {
    "basket": [0.0, 0.004, 0.008, 0.012, 0.02],
    "country_caps": [0.0, 0.25, 0.5, 0.75, 1.0],
    "worst5_outlay": [0.0, 0.1, 0.25, 0.5, 1.0],
    "targets": [0.0, 0.5, 1.0, 1.5, 2.0],
}


def tutorial() -> mc.Instance:
    return mc.load("tutorial", CAPS)


def agree(made: Frontier, instance: mc.Instance, points: range | list[int], gap: float) -> None:
    """Check points against a solve of the instance with that limit set."""
    for k in points:
        row, alone = made.rows[k], changed(instance, made.overrides(k))
        assert row.settled, row
        if row.status == "infeasible":
            with pytest.raises(Infeasible):
                mc.solve(alone, gap=gap)
        else:
            best = mc.solve(alone, gap=gap).certificate
            room = 2.0 * gap * max(1.0, best["objective_musd"])
            assert row.objective_musd == pytest.approx(best["objective_musd"], abs=room), row
            assert row.bound_musd <= best["objective_musd"] + 1e-6
            assert made.design(k).certificate["proven"]


@pytest.mark.parametrize("over", sorted(CASES))
def test_every_point_is_what_a_solve_alone_finds(over: str) -> None:
    instance = tutorial()
    made = frontier(instance, over, CASES[over], gap=GAP)
    agree(made, instance, range(len(made.rows)), GAP)
    costs = [np.inf if row.objective_musd is None else row.objective_musd for row in made.rows]
    assert costs == sorted(costs)
    assert max(costs) > costs[0], "the limit must matter somewhere"


@pytest.mark.parametrize("over", ["worst5_outlay", "targets"])
def test_the_edge_of_what_is_feasible_is_told(over: str) -> None:
    """Just on this side of the edge a design exists, just on the other side none."""
    instance = tutorial()
    values = [1.0, 0.0] if over == "worst5_outlay" else [0.5, 2.8]
    made = frontier(instance, over, values, gap=GAP)
    assert [row.status for row in made.rows] == ["optimal", "infeasible"]
    assert made.feasible_from is not None
    assert made.infeasible_to is not None
    assert abs(made.feasible_from - made.infeasible_to) <= 2e-3 * abs(values[0] - values[1])
    side = -1.0 if over == "targets" else 1.0
    assert frontier(instance, over, [made.feasible_from + side * 1e-6]).rows[0].status == "optimal"
    with pytest.raises(Infeasible):
        frontier(instance, over, [made.infeasible_to])


def test_many_points_need_few_searches() -> None:
    made = frontier(tutorial(), "basket", np.linspace(0.0, 0.04, 400).tolist())
    assert made.proven
    assert len(made.rows) == 400
    assert made.searches <= 12
    assert made.rows[0].limit == 0.04
    assert any("users_basket USA" in row.binds for row in made.rows)


def test_without_time_points_say_that_they_are_not_proven() -> None:
    made = frontier(tutorial(), "basket", [0.0, 0.02], time_limit=0.0)
    assert not made.proven
    assert {row.status for row in made.rows} == {"time_limit"}


@pytest.mark.parametrize(
    ("over", "points", "overrides", "word"),
    [
        ("tariffs", [0.1], {}, "basket, country_caps"),
        ("basket", [], {}, "1 to"),
        ("basket", [-0.1, float("nan")], {}, "not negative"),
        ("targets", [3.0], {}, "targets.alpha"),
        ("country_caps", [1.0], {}, "absent"),
        ("basket", [0.1], {"switches.users_basket": False}, "switches.users_basket"),
        ("basket", [0.1], {"contract.strike_by": "class"}, "contract.strike_by"),
    ],
)
def test_bad_questions_are_refused(over: str, points: list[float], overrides: dict[str, object], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        frontier(mc.load("tutorial", overrides), over, points)


def test_each_strike_costs_what_a_solve_with_it_pinned_finds() -> None:
    instance = mc.load("tutorial")
    made = strikes(instance, "USA_ALPHA", [9000.0, 6000.0, 10500.0, 8800.0, 12000.0], gap=GAP)
    assert {row.status for row in made.rows} == {"optimal", "infeasible"}
    for row in made.rows:
        fixes = {"strike.USA_ALPHA": row.strike}
        if row.status == "infeasible":
            with pytest.raises(Infeasible):
                mc.solve(instance, gap=GAP, fixes=fixes)
        else:
            best = mc.solve(instance, gap=GAP, fixes=fixes).certificate["objective_musd"]
            assert row.objective_musd == pytest.approx(best, abs=2.0 * GAP * max(1.0, best))


def test_a_dual_of_one_limit_bounds_the_cost_at_every_other() -> None:
    desk = Desk(mc.load("tutorial"))
    axis = BasketAxis(desk)
    axis.lay_out(0.02)
    memory = Memory(desk, Clock(None))
    memory.search(axis.whole, axis.limits(0.01), GAP)
    priced = [dual for dual in memory.duals if dual.binding(desk.market.years) and not dual.seeks_feasibility]
    assert priced
    made = frontier(desk.instance, "basket", np.linspace(0.0, 0.02, 9).tolist(), gap=GAP)
    for row in made.rows:
        bounds = [dual.bound(axis.limits(row.limit)) for dual in priced]
        assert row.objective_musd is not None
        assert max(bounds) <= row.objective_musd + 1e-6
        assert row.limit != 0.01 or max(bounds) > 0.5 * row.objective_musd


def test_duals_follow_the_strike() -> None:
    """A lower strike costs less: bounds at the prices of a higher one must come down with it, and stay close."""
    instance = mc.load("tutorial")
    desk = pinned_desk(instance, {"strike.USA_ALPHA": 12000.0})
    pass_ = _Sweep("USA_ALPHA", desk, GAP, Clock(None))
    pass_._row(12000.0)
    for value in (10000.0, 9000.0):
        assert pass_._repin(value)
        best = mc.solve(instance, gap=GAP, fixes={"strike.USA_ALPHA": value}).certificate["objective_musd"]
        bound = max(dual.bound(pass_.limits) for dual in pass_.memory.duals)
        assert 0.5 * best < bound <= best + 1e-6


def test_wrong_sweeps_are_refused_in_one_list() -> None:
    instance = mc.load("tutorial")
    with pytest.raises(InstanceError, match="a name of the instance"):
        strikes(instance, "NOWHERE", [1.0, 2.0])
    with pytest.raises(InstanceError, match="in range") as caught:
        strikes(instance, "USA_ALPHA", [-1.0, 9000.0, -2.0])
    assert len(caught.value.problems) == 2
    with pytest.raises(InstanceError, match="1 to"):
        strikes(instance, "USA_ALPHA", [])


@pytest.mark.slow
@pytest.mark.parametrize(("over", "points"), [("basket", [0.0008, 0.0016, 0.02]), ("targets", [0.5, 0.85, 1.0])])
def test_points_of_the_shipped_instance_are_what_a_solve_alone_finds(over: str, points: list[float]) -> None:
    instance = mc.load("usmca")
    agree(frontier(instance, over, points), instance, range(3), 1e-3)


@pytest.mark.slow
def test_strikes_of_the_shipped_instance_are_what_a_solve_with_them_pinned_finds() -> None:
    instance = mc.load("usmca")
    made = strikes(instance, "LI_TLC", np.linspace(16000.0, 20000.0, 33).tolist())
    assert made.proven
    assert made.searches <= 8
    for row in (made.rows[3], made.rows[20]):
        best = mc.solve(instance, fixes={"strike.LI_TLC": row.strike}).certificate["objective_musd"]
        assert row.objective_musd == pytest.approx(best, rel=2e-3)


def test_every_dual_keeps_the_least_costs_of_its_own_prices() -> None:
    desk = Desk(mc.load("tutorial", CAPS))
    axis = BasketAxis(desk)
    axis.lay_out(0.02)
    memory = Memory(desk, Clock(None))
    memory.search(axis.whole, axis.limits(0.004), GAP)
    assert len(memory.duals) > 1
    for dual in memory.duals:
        least = [Pricing(space, dual.weights).least(lambda: False)[0] for space in axis.whole]
        assert (dual.least <= np.array(least) + 1e-6).all()
