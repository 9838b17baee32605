"""Three witnesses of one problem: plan columns, the compact model and brute force give the same optimum."""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

from minclub.instances.loader import load
from minclub.instances.synthetic import Recipe, write
from minclub.models.clusters import build_sets, find_clusters, read_demands
from minclub.models.desk import Desk
from minclub.models.master import Master, read_limits
from minclub.models.plans import PlanSpace
from minclub.solvers.compact import solve_compact
from minclub.solvers.enumerate import TooManyDesigns, enumerate_designs
from minclub.solvers.highs import Status, compile_model
from minclub.solvers.search import Clock, Outcome, Search

TIGHT = 1e-6
"""Relative and absolute."""
"""The plan search may give up 1e-6 of the objective to break ties (C26)."""

CAPS = ("caps.USA.each_year=60", "caps.CAN.each_year=60", "caps.MEX.each_year=60")
POOLED = ("funding.mode=pooled", "funding.shares.USA=0.6", "funding.shares.CAN=0.3", "funding.shares.MEX=0.1")
USERS = ("objective.user_weight=1", "caps.product_price=0.5", "caps.basket=0.5")
NARROW = ("finance.subsidy_band=0.01",)
TAIL = ("objective.cvar_weight=1", "caps.worst5_outlay=700")

# seed, recipe, overrides, overrides that bind on top of them
ONE = {"products": 1, "target": 0.9}
BINDING: tuple[tuple[int, dict[str, Any], tuple[str, ...], tuple[str, ...]], ...] = (
    (3, ONE, (), NARROW),
    (6, ONE, (*USERS, *POOLED), ("caps.USA.each_year=12",)),
    (8, ONE, USERS, ("caps.worst5_outlay=400",)),
)

# seed, recipe, overrides
SLOW: tuple[tuple[int, dict[str, Any], tuple[str, ...]], ...] = (
    (1, {}, ()),
    (2, {"target": 0.9}, USERS),
    (3, {}, TAIL),
    (4, {}, CAPS),
    (5, {"target": 0.9}, NARROW),
    (6, {}, USERS),
    (7, {"projects": 4}, ("ladders.start_delays=[0,2,4]",)),
    (10, ONE, (*NARROW, *USERS)),
    (12, ONE, (*CAPS, *USERS)),
    (15, {"target": 0.9}, CAPS),
    (17, {"target": 0.9}, NARROW),
    (18, {"target": 0.9}, TAIL),
    (22, ONE, NARROW),
    (25, {"target": 0.9}, ("objective.cvar_weight=0.3",)),
    (26, ONE, (*USERS, "caps.worst5_outlay=500")),
    (29, {"target": 0.9}, (*POOLED, *TAIL)),
    (35, {"target": 0.9}, NARROW),
    (37, ONE, USERS),
    (46, {"target": 0.9}, ("switches.band=false", "switches.displacement=false")),
    (50, {"target": 0.9}, ("switches.users_basket=false", "switches.export_cap=false")),
)


def small(folder: Path, seed: int, recipe: dict[str, Any], overrides: tuple[str, ...]) -> Desk:
    """Make a small random instance with overrides."""
    settings = {"projects": 5, "products": 2, "scenarios": 5, "years": 20, "small_ladders": True, "seed": seed} | recipe
    return Desk(load(write(folder / "small", Recipe(**settings)), list(overrides)))


def by_plans(desk: Desk) -> Outcome:
    """Solve by plan columns."""
    demands = read_demands(desk.balance, desk.baseline)
    clusters = find_clusters(desk.balance, desk.baseline, desk.fixes)
    sets = [build_sets(desk.balance, desk.baseline, c, demands, desk.fixes) for c in clusters]
    if not all(s.choice.shape[0] for s in sets):
        return Outcome(Status.INFEASIBLE, None, math.inf, math.inf, "no build set")
    spaces = [PlanSpace(desk, k, c, s) for k, (c, s) in enumerate(zip(clusters, sets, strict=True))]
    return Search(spaces, Master(desk, read_limits(desk), len(spaces)), Clock(None), None).solve(1e-9)


def check(desk: Desk) -> float:
    """Solve three ways, compare, and return the optimum."""
    brute = enumerate_designs(desk)
    compact = solve_compact(desk, gap=1e-9)
    plans = by_plans(desk)
    assert compact.objective == pytest.approx(brute.objective, rel=TIGHT, abs=TIGHT)
    assert plans.objective == pytest.approx(brute.objective, rel=TIGHT, abs=TIGHT)
    if math.isinf(brute.objective):
        assert compact.status is Status.INFEASIBLE
        assert plans.status is Status.INFEASIBLE
    else:
        assert compact.status is plans.status is Status.OPTIMAL
    return brute.objective


def test_tutorial_three_ways() -> None:
    desk = Desk(load("tutorial"))
    assert check(desk) == pytest.approx(2.0506600611, rel=1e-9)
    found = enumerate_designs(desk)
    assert (found.tried, found.feasible) == (25_600, 5_184)
    assert dict(found.builds) == {"USA_ALPHA": 2029}
    decisions = solve_compact(desk).decisions
    assert decisions is not None
    assert dict(decisions.builds) == {"USA_ALPHA": 2029}
    assert decisions.contracts["USA_ALPHA"].strike == 8440.0


@pytest.mark.parametrize(("seed", "recipe", "overrides", "binding"), BINDING)
def test_limits_bind_and_agree(tmp_path: Path, seed: int, recipe: dict[str, Any], overrides: tuple[str, ...], binding: tuple[str, ...]) -> None:
    free = enumerate_designs(small(tmp_path / "free", seed, recipe, overrides))
    assert check(small(tmp_path / "bound", seed, recipe, (*overrides, *binding))) > free.objective + 1.0


def test_start_years_agree(tmp_path: Path) -> None:
    assert check(small(tmp_path, 7, {"projects": 4}, ("ladders.start_delays=[0,2]",))) > 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "recipe", "overrides"), SLOW)
def test_twenty_instances_three_ways(tmp_path: Path, seed: int, recipe: dict[str, Any], overrides: tuple[str, ...]) -> None:
    check(small(tmp_path, seed, recipe, overrides))


def test_tariffs_that_relieve_closed_contracts_cost_less_than_nothing(tmp_path: Path) -> None:
    desk = small(tmp_path, 31, {"target": 0.0}, ("objective.cvar_weight=1", "caps.product_price=0.5", "caps.basket=0.5"))
    assert desk.closed_contracts
    assert check(desk) < -10.0


def test_the_band_can_exclude_every_design(tmp_path: Path) -> None:
    assert math.isinf(check(small(tmp_path, 4, ONE, NARROW)))


def test_a_baseline_plant_that_buys_feed_ties_its_products(tmp_path: Path) -> None:
    desk = small(tmp_path, 5, {"projects": 4}, ())
    buyers = [desk.plants[k] for k in desk.baseline.builds if desk.plants[k].feed_product]
    assert buyers
    clusters = find_clusters(desk.balance, desk.baseline)
    assert all(any({p.product, p.feed_product} <= set(c.products) for c in clusters) for p in buyers)


def test_fixed_decisions_hold_in_the_compact_model() -> None:
    desk = Desk(load("tutorial"), {"built.MEX_ALPHA": 1.0, "built.USA_ALPHA": 0.0})
    compact = solve_compact(desk)
    assert compact.decisions is not None
    assert set(compact.decisions.builds) == {"MEX_ALPHA"}
    assert compact.objective == pytest.approx(by_plans(desk).objective, rel=TIGHT, abs=TIGHT)


def test_brute_force_refuses_large_instances() -> None:
    with pytest.raises(TooManyDesigns, match="brute force takes 1e\\+03"):
        enumerate_designs(Desk(load("tutorial")), limit=1000)


def test_compiled_names_outlive_the_callers_model() -> None:
    def model() -> pyo.ConcreteModel:
        m = pyo.ConcreteModel()
        m.x = pyo.Var(range(2), domain=pyo.Binary)
        m.one = pyo.Constraint(expr=m.x[0] + m.x[1] == 1)
        m.cost = pyo.Objective(expr=3 * m.x[0] + 2 * m.x[1])
        return m

    compiled = compile_model(model())
    gc.collect()
    assert [v.name for v in compiled.columns] == ["x[0]", "x[1]"]
    assert [row.parent_component().local_name for row in compiled.rows] == ["one"]
    assert np.isfinite(compiled.row_lower).all()
