"""Branch and price against brute force, and what its bound rests on."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minclub as mc
from minclub.instances.loader import load
from minclub.instances.synthetic import Recipe, write
from minclub.models.domains import Domain
from minclub.models.pricing import Pricing
from minclub.solvers import generation
from minclub.solvers.branching import Node, Pool
from minclub.solvers.design import Design
from minclub.solvers.enumerate import enumerate_designs
from minclub.solvers.highs import Status, compile_model, run
from minclub.solvers.incumbent import Incumbent
from minclub.solvers.relaxation import relax
from minclub.solvers.search import Clock, Search
from minclub.solvers.solve import Prepared, prepare, solve
from minclub.tests.models.every_plan import every_plan
from minclub.tests.models.test_ledgers import limited
from minclub.tests.solvers.instrument_sets import random

WEIGHTS = ("objective.user_weight=1", "caps.product_price=0.5", "objective.cvar_weight=0.3")

# seed, cap on each member's outlay in each year (musd), cap on the basket
FAST = ((103, 40, 0.02), (113, 15, 0.01), (140, 25, 0.005), (146, 25, 0.005), (160, 15, 0.01))
SLOW = (
    (105, 40, 0.02),
    (113, 40, 0.02),
    (113, 25, 0.005),
    (116, 40, 0.02),
    (116, 25, 0.005),
    (122, 40, 0.02),
    (125, 40, 0.02),
    (125, 25, 0.005),
    (131, 40, 0.02),
    (135, 15, 0.01),
    (139, 8, 0.005),
    (140, 40, 0.02),
    (148, 8, 0.005),
    (160, 25, 0.005),
    (183, 40, 0.02),
)


def bound_instance(folder: Path, seed: int, cap: float, basket: float) -> mc.Instance:
    """Make a small random instance with users' weight on which caps per member and year and on the basket bind."""
    recipe = Recipe(projects=4, products=2, scenarios=5, years=20, small_ladders=True, seed=seed, **({} if seed % 2 else {"target": 0.8}))
    caps = [f"caps.{c}.each_year={cap}" for c in ("USA", "CAN", "MEX")]
    return load(write(folder / "bound", recipe), [*WEIGHTS, f"caps.basket={basket}", *caps])


def compare(folder: Path, seed: int, cap: float, basket: float) -> None:
    """Compare the search with brute force and with the same caps off."""
    instance = bound_instance(folder, seed, cap, basket)
    found = prepare(instance)
    brute = enumerate_designs(found.desk)
    outcome = found.search.solve(1e-9)
    assert outcome.status is Status.OPTIMAL
    assert outcome.objective == pytest.approx(brute.objective, rel=1e-6, abs=1e-6)
    assert outcome.bound <= brute.objective + 1e-6 * (1.0 + abs(brute.objective))
    free = [f"caps.{c}.each_year=1e6" for c in ("USA", "CAN", "MEX")]
    loose = prepare(load(folder / "bound", [*WEIGHTS, "caps.basket=0.5", *free])).search.solve(1e-9)
    assert outcome.objective > loose.objective + 1.0


@pytest.mark.parametrize("listed", [generation.LISTED, -1])
@pytest.mark.parametrize(("seed", "cap", "basket"), [*FAST, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)])
def test_caps_that_bind_agree_with_brute_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, cap: float, basket: float, listed: int
) -> None:
    """With nothing listed, branching alone has to close every node."""
    monkeypatch.setattr(generation, "LISTED", listed)
    compare(tmp_path, seed, cap, basket)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """Return a search that has to branch when nothing is listed."""
    return prepare(bound_instance(tmp_path, 140, 25, 0.005))


def test_branching_is_used_and_its_bound_only_rises(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "LISTED", -1)
    seen: list[tuple[str, float, float]] = []
    splits = []
    split = Pool.split

    def counted(self: Pool, *args: object) -> object:
        splits.append(split(self, *args))  # type: ignore[arg-type]
        return splits[-1]

    monkeypatch.setattr(Pool, "split", counted)
    prepared.search.report = lambda *event: seen.append(event)
    outcome = prepared.search.solve(1e-9)
    assert any(children is not None for children in splits)
    bounds = [bound for _, _, bound in seen]
    assert bounds == sorted(bounds)
    assert max(bounds) <= outcome.objective + 1e-9
    assert outcome.objective == pytest.approx(enumerate_designs(prepared.desk).objective, rel=1e-6)


def test_a_search_that_may_not_branch_far_does_not_claim_a_proof(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "LISTED", -1)
    process = Search._process
    calls = []

    def once(self: Search, node: Node, gap: float) -> tuple[Node, ...]:
        calls.append(node)
        if len(calls) > 1:
            raise generation.Stopped
        return process(self, node, gap)

    monkeypatch.setattr(Search, "_process", once)
    outcome = prepared.search.solve(1e-9)
    optimum = enumerate_designs(prepared.desk).objective
    assert outcome.status is Status.STOPPED
    assert outcome.bound < optimum - 1.0
    assert outcome.objective >= optimum - 1e-6 * abs(optimum)


def test_the_relaxation_is_that_of_the_pyomo_master(prepared: Prepared) -> None:
    made = prepared.search
    made._first()
    pool = made.master.everything
    for feasibility in (False, True):
        point = relax(made.master, pool, feasibility=feasibility)
        pyomo = run(compile_model(made.master.model(elastic=True, feasibility=feasibility)).relaxed())
        assert point.value == pytest.approx(pyomo.objective, rel=1e-9, abs=1e-7)
        if not feasibility:
            reduced = made.master.reduced(point.prices, pool)
            assert reduced.min() >= -1e-5
            assert reduced @ point.x == pytest.approx(0.0, abs=1e-5)
            assert point.prices.convexity.sum() - point.prices.allowance == pytest.approx(point.value, rel=1e-9)


def test_any_prices_give_a_bound_below_the_optimum(prepared: Prepared) -> None:
    made, optimum = prepared.search, enumerate_designs(prepared.desk).objective
    made._first()
    point = relax(made.master, made.master.everything)
    bound = sum(Pricing(space, point.prices.weights).least(lambda: False)[0] for space in made.spaces) - point.prices.allowance
    assert -math.inf < bound <= optimum + 1e-6


def test_a_domain_prices_like_a_filter_on_all_plans(prepared: Prepared) -> None:
    made = prepared.search
    made._first()
    weights = relax(made.master, made.master.everything).prices.weights
    compared = 0
    for space in made.spaces:
        plans = list(every_plan(Pricing(space, weights), 1e9))
        traits = [space.traits(space.plan(*plan)) for plan in plans]
        costs = [sum(float(weights.of(c, k)) for k, c in enumerate(space.plan(*plan).costs)) for plan in plans]
        for trait in traits[0]:
            for value in {t[trait] for t in traits}:
                domain = Domain().narrowed(trait, frozenset({value}))
                cost, option, _ = Pricing(space, weights, domain).least(lambda: False)
                inside = [
                    c + float(space.plan(*plan).burden @ weights.basket) + weights.user * space.plan(*plan).loss
                    for c, t, plan in zip(costs, traits, plans, strict=True)
                    if domain.holds(plan[1], t)
                ]
                assert option is not None
                assert cost == pytest.approx(min(inside), rel=1e-9, abs=1e-7)
                compared += 1
    assert compared > 10


def test_options_ruled_out_by_cost_stay_out(prepared: Prepared) -> None:
    space = prepared.search.spaces[0]
    pricing = Pricing(space, prepared.search.columns.weights)
    least = pricing.least(lambda: False)[0]
    kept = pricing.can_cost(least + 1.0)
    assert 0 < len(kept) < len(list(space.options()))
    narrow = Pricing(space, prepared.search.columns.weights, Domain(options=kept))
    assert {o for o, _, _ in every_plan(narrow, least + 1.0)} == {o for o, _, _ in every_plan(pricing, least + 1.0)}
    assert np.isclose(narrow.least(lambda: False)[0], least)


def test_pricing_says_that_no_plan_is_below_a_value(prepared: Prepared) -> None:
    for space in prepared.search.spaces:
        least, option, _ = Pricing(space, prepared.search.columns.weights).least(lambda: False)
        assert option is not None
        bound, none, _ = Pricing(space, prepared.search.columns.weights).least(lambda: False, least - 1.0)
        assert none is None
        assert least - 1.0 <= bound <= least + 1e-9
        assert Pricing(space, prepared.search.columns.weights).least(lambda: True) == (-np.inf, None, -1)


def test_a_stopped_clock_ends_the_search_without_a_design(prepared: Prepared) -> None:
    outcome = Search(prepared.search.spaces, prepared.search.master, Clock(0.0), None).solve(1e-3)
    assert (outcome.status, outcome.chosen) == (Status.TIME_LIMIT, None)


def users_loss(design: Design) -> float:
    """Return the loss of the three members' users, musd."""
    mine = design.payoff[(design.payoff["part"] == "users") & (design.payoff["country"] != "ALL")]
    return -float(mine["pv_musd"].sum())


def test_of_all_equal_optima_the_one_that_users_prefer_is_chosen(tmp_path: Path) -> None:
    """Each pair of rates is pinned in turn; several cost the same (C26)."""
    rates = (0.0, 0.05, 0.1, 0.2)
    instance = random(tmp_path, 8, 1, "ladders.tariffs=[0,0.05,0.1,0.2]", "caps.product_price=1.0", "caps.basket=1.0")
    free = solve(instance)
    best, pinned = free.certificate["objective_musd"], []
    for low, high in ((low, high) for low in rates for high in rates if low <= high):
        made = solve(instance, fixes={"tariff.market.product_01": low, "tariff.china_linked.product_01": high})
        pinned.append((made.certificate["objective_musd"], users_loss(made)))
    equal = [loss for cost, loss in pinned if cost <= best + 1e-6 * abs(best)]
    assert len(equal) > 1
    assert max(equal) > min(equal) + 1.0
    assert users_loss(free) == pytest.approx(min(equal))


def test_of_optima_equal_for_users_and_in_rates_and_contracts_the_one_with_fewest_plants_is_chosen(prepared: Prepared) -> None:
    """The optimum again, with a plant more that costs nothing, is what the search starts from (C26)."""
    made = prepared.search
    outcome = made.solve(1e-3)
    assert outcome.chosen is not None
    plans = [made.master.plans[p] for p in outcome.chosen]
    larger = made.master.add(replace(plans[0], builds=(*plans[0].builds, ("FREE", 2030))))
    best = Incumbent(made.master, Clock(None))
    best.offer((larger, *outcome.chosen[1:]))
    best.break_ties(np.array([larger, *outcome.chosen]))
    assert sorted(best.chosen) == sorted(outcome.chosen)
    assert best.value == pytest.approx(outcome.objective)


def test_a_list_is_whole_or_stopped(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the clock runs out, a list that lacks plans is never taken for all of them (C31)."""
    made = prepared.search
    made.solve(1e-3)
    asked: list[None] = []

    def never() -> bool:
        asked.append(None)
        return False

    monkeypatch.setattr(made.clock, "over", never)
    assert made.columns.list(10.0) is not None
    assert len(asked) > len(made.spaces)
    for calls in range(len(asked)):
        monkeypatch.setattr(made.clock, "over", limited(calls))
        with pytest.raises(generation.Stopped):
            made.columns.list(10.0)
