"""Bounds without ladders hold for every design off the ladders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minclub import solve
from minclub.instances.errors import InstanceError
from minclub.instances.loader import load
from minclub.instances.synthetic import Recipe, synthetic, write
from minclub.models.baseline import dump_exposed
from minclub.models.border import Revenue
from minclub.models.boxes import Box, BoxRevenue
from minclub.models.cells import Cell
from minclub.models.columns import INFEASIBLE
from minclub.models.continuous import BoxDesk
from minclub.models.credits import weigher
from minclub.models.desk import Desk
from minclub.models.exact import exact_family
from minclub.models.levies import Border
from minclub.models.outlooks import Setting
from minclub.models.plan import Weights
from minclub.models.projects import start_years
from minclub.models.regimes import encode
from minclub.models.subsidies import NO_CREDIT, CreditLevel
from minclub.solvers.compact import bound_continuous
from minclub.solvers.enumerate import enumerate_designs

Rng = np.random.Generator


def random_box(rng: Rng, width: float) -> Box:
    market, china = np.sort(rng.uniform(0.0, 0.25, 2))
    return Box(float(market), float(china), market_top=float(market + width * rng.random()), china_top=float(china + width * rng.random()))


def inside(rng: Rng, box: Box) -> Border:
    """Return a random pair of rates in a box, often a corner."""
    shares = rng.choice([0.0, 1.0, rng.random()], 2)
    return Border(
        float(box.market + shares[0] * (box.market_top - box.market)),
        float(box.china + shares[1] * (box.china_top - box.china)),
    )


def random_cell(rng: Rng, width: float) -> Cell:
    itc, ptc = float(rng.uniform(0.0, 0.25)), float(rng.uniform(0.0, 0.08))
    return Cell(CreditLevel(itc, ptc), CreditLevel(itc + width * float(rng.random()), ptc + width * float(rng.random())))


def random_weights(rng: Rng, desk: Desk) -> Weights:
    """Return prices that a master could have."""
    years, scenarios = desk.market.years.size, desk.market.scenarios.count
    caps, outlay = (rng.random(n) * (rng.random(n) < 0.3) for n in (3 * years, scenarios))
    scenario = rng.dirichlet(np.ones(scenarios)) * rng.choice([0.0, 0.1, 2.0])
    return Weights(caps.reshape(3, years), scenario, outlay / scenarios, np.zeros(3), 0.0, np.zeros(years), float(rng.choice([0.0, 1.0])))


RULES = [(), ("switches.lender=false",), ("switches.tail=false", "contract.indexed_share=0.5"), ("contract.collar=0.1", "contract.upside_share=1")]


@pytest.mark.parametrize("overrides", RULES)
@pytest.mark.parametrize("seed", [1, 6, 11, 18, 33])
def test_a_cell_bounds_every_column_in_it(seed: int, overrides: tuple[str, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    desk = Desk(load(write(tmp_path / "small", Recipe(projects=8, products=2, scenarios=6, years=20, seed=seed)), list(overrides)))
    compared = 0
    for plant in desk.plants.values():
        law, start = desk.law[plant.country, plant.product], start_years(desk.instance, plant)[0]
        for _ in range(6):
            box, cell, weigh = BoxDesk(desk), random_cell(rng, 0.1), weigher(random_weights(rng, desk), plant.country)
            box.highest = CreditLevel(0.35, 0.18)
            box.replace_cell((plant.country, plant.product), 1, [cell])
            boxes = {m: random_box(rng, 0.1) for m in desk.market.products}
            paths = {m: encode(rng.integers(0, 4, desk.market.years.size)) for m in boxes}
            bound = box.family(plant.id, start, {m: Setting(b, paths[m]) for m, b in boxes.items()})
            settings = {m: Setting(inside(rng, b), paths[m]) for m, b in boxes.items()}
            exact = exact_family(desk.outlooks.site(plant, start, settings), law, desk.offer, dump_exposed(desk.market, plant.product), within(rng, cell))
            low, high = bound.cost.weighed(weigh), exact.cost.weighed(weigh)
            for level, kind, cost in zip((0, *[2] * 4), exact.kind, high, strict=True):
                assert kind == INFEASIBLE or low[level] <= cost + 1e-7
            compared += int((exact.kind[1:] != INFEASIBLE).sum())
    assert compared > 20


def within(rng: Rng, cell: Cell) -> list[CreditLevel]:
    """Return no credit, two corners of a cell and two points in it."""
    low, high = (np.array([end.itc, end.ptc]) for end in (cell.bottom, cell.top))
    shares = [rng.integers(0, 2, 2), rng.integers(0, 2, 2), rng.random(2), rng.random(2)]
    return [NO_CREDIT, *(CreditLevel(*map(float, low + share * (high - low))) for share in shares)]


def test_a_box_bounds_border_revenue() -> None:
    rng = np.random.default_rng(5)
    market = Desk(synthetic(projects=4, products=3, scenarios=20, years=20, seed=5)).market
    for m in market.products:
        for _ in range(10):
            box = random_box(rng, 0.1)
            need, share = market.availability[m] * rng.uniform(-0.5, 2.0, market.years.size), np.full((3, 1), 1 / 3)
            exact, bound = Revenue(market, m, inside(rng, box)), BoxRevenue(market, m, box)
            assert (exact.of(need, share) <= bound.of(need, share) + 1e-9).all()


def test_a_box_bounds_what_closed_contracts_and_baseline_credits_cost() -> None:
    rng = np.random.default_rng(7)
    contracts = 0
    for seed in (31, 43, 52, 53):
        desk = Desk(synthetic(projects=5, products=2, scenarios=5, years=20, seed=seed))
        box = BoxDesk(desk)
        contracts += len(desk.closed_contracts)
        for plant_id in desk.baseline.builds:
            for _ in range(10):
                boxes = {m: random_box(rng, 0.1) for m in desk.market.products}
                paths = {m: encode(rng.integers(0, 4, desk.market.years.size)) for m in boxes}
                wide = {m: Setting(b, paths[m]) for m, b in boxes.items()}
                point = {m: Setting(inside(rng, b), paths[m]) for m, b in boxes.items()}
                level = CreditLevel(float(rng.uniform(0, 0.3)), float(rng.uniform(0, 0.1)))
                low, high = box.baseline_cost(plant_id, wide, level), desk.baseline_cost(plant_id, point, level)
                none = box.baseline_cost(plant_id, wide, NO_CREDIT), desk.baseline_cost(plant_id, point, NO_CREDIT)
                for part in ("booked", "outlay", "scenario", "scenario_outlay"):
                    assert (getattr(low, part) <= getattr(high, part) + 1e-9).all(), part
                    assert (getattr(low - none[0], part) <= getattr(high - none[1], part) + 1e-9).all(), part
    assert contracts


CASES = [
    (17, {"target": 0.9}, ()),
    (18, {"target": 0.9}, ("objective.cvar_weight=1",)),
    (8, {"products": 1, "target": 0.9}, ("objective.user_weight=1", "caps.product_price=0.5", "caps.basket=0.5")),
]


@pytest.mark.parametrize(("seed", "recipe", "overrides"), CASES)
def test_no_ladder_beats_the_bound(tmp_path: Path, seed: int, recipe: dict[str, Any], overrides: tuple[str, ...]) -> None:
    settings = {"projects": 5, "products": 2, "scenarios": 5, "years": 20, "small_ladders": True, "seed": seed} | recipe
    folder = write(tmp_path / "small", Recipe(**settings))
    desk = Desk(load(folder, list(overrides)))
    optimum = enumerate_designs(desk).objective
    found = bound_continuous(desk, optimum, time_limit=60.0, rounds=8)
    assert np.isfinite(found.bound)
    assert found.bound <= optimum
    assert list(found.trace) == sorted(found.trace)
    assert found.trace[-1] > found.trace[0]
    rng = np.random.default_rng(seed)
    for _ in range(3):
        rungs = {"tariffs": (0.25, 2), "itc": (0.1, 1), "ptc": (0.05, 1)}
        ladders = [f"ladders.{k}={[0.0, *np.sort(rng.uniform(0, top, n)).round(4).tolist()]}" for k, (top, n) in rungs.items()]
        other = Desk(load(folder, [*overrides, *ladders, "ladders.max_pairs=6", "switches.band=false"]))
        assert found.bound <= enumerate_designs(other).objective


def test_the_tutorial_costs_nothing_between_its_rungs() -> None:
    desk = Desk(load("tutorial"))
    found = bound_continuous(desk, 2.0506600611, rounds=3)
    assert found.bound == pytest.approx(0.0, abs=1e-9)
    assert found.gap == pytest.approx(2.0506600611)
    assert enumerate_designs(Desk(load("tutorial", ["ladders.tariffs=[0,0.025,0.05]"]))).objective == pytest.approx(0.0)


def test_bounds_take_no_pinned_decisions() -> None:
    with pytest.raises(ValueError, match="no pinned decisions"):
        bound_continuous(Desk(load("tutorial"), {"built.MEX_ALPHA": 1.0}), 1.0)


@pytest.mark.slow
def test_a_bound_on_the_club_is_found_in_minutes() -> None:
    found = bound_continuous(Desk(load("usmca")), 1e6, time_limit=45.0)
    assert found.bound > 100.0


def test_it_refuses_instruments_that_it_does_not_cover() -> None:
    given = {"instruments.grants": True, "ladders.grant": [0.0, 0.2], "standards.tier": "high"}
    with pytest.raises(InstanceError, match="2 problems"):
        solve(load("tutorial", given), continuous=1.0)
