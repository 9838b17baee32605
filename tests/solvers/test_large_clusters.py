"""Clusters that list few of their build sets: the same optimum and design as with all, and clusters that nobody could list."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from minclub import Infeasible, solve
from minclub.instances.instance import Instance
from minclub.instances.loader import load
from minclub.instances.synthetic import Recipe, write
from minclub.models.clusters import ClusterTooLarge, set_count
from minclub.models.desk import Desk
from minclub.models.plans import PlanSpace
from minclub.solvers.design import Design
from minclub.solvers.enumerate import enumerate_designs
from minclub.solvers.frontier import frontier
from minclub.solvers.kept import KeptSpace
from minclub.solvers.solve import prepare
from minclub.solvers.sweep import strikes
from minclub.tests.solvers.test_random_agreement import draw, placed_targets, tight_caps, written

TIGHT, GAP = 1e-6, 1e-9
SEED, COUNT = 2029, 50
STARTS = "ladders.start_delays=[0,2]"
FEATURES = ("byproducts", "targets", "starts", "user_weight", "caps", "infeasible", "large")
LEAST = 5
"""In how many of the random instances each feature must occur."""
Split = Callable[[], None]


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch) -> Split:
    """Return what makes every cluster with a candidate list one build set at first and two at a time."""

    def apply() -> None:
        for kind in (PlanSpace, KeptSpace):
            monkeypatch.setattr(kind, "most_whole", 1)
        monkeypatch.setattr("minclub.models.unlisted.FIRST", 1)
        monkeypatch.setattr("minclub.models.unlisted.WALKED", 3)
        monkeypatch.setattr("minclub.models.pricing.AT_A_TIME", 2)

    return apply


@cache
def instance_of(number: int) -> Instance:
    """Return a random instance, two start years in most of them."""
    drawn = draw(number, SEED)
    with tempfile.TemporaryDirectory() as folder:
        path, settings = written(Path(folder), drawn), [*drawn.settings, *([STARTS] if number % 4 else [])]
        settings += placed_targets(load(path, settings), drawn.targets)
        settings += tight_caps(load(path, settings), drawn) if drawn.caps else []
        return load(path, settings)


def solved(instance: Instance) -> Design | None:
    """Return the design, None if there is none."""
    try:
        return solve(instance, gap=GAP)
    except Infeasible:
        return None


def assert_same(whole: Design | None, parted: Design | None) -> None:
    """Check that two solves prove the same cost with the same choices."""
    assert (whole is None) == (parted is None)
    if whole is None or parted is None:
        return
    a, b = whole.certificate, parted.certificate
    assert b["objective_musd"] == pytest.approx(a["objective_musd"], rel=TIGHT, abs=TIGHT)
    assert b["bound_musd"] == pytest.approx(a["bound_musd"], rel=TIGHT, abs=1e-5)
    assert (b["audit"], b["proven"]) == (a["audit"], a["proven"])
    for name in ("projects", "tariffs", "credits"):
        pd.testing.assert_frame_equal(getattr(parted, name), getattr(whole, name))


def traits(instance: Instance, whole: Design | None) -> set[str]:
    """Return the features of an instance."""
    settings = instance.settings
    spaces: Sequence[PlanSpace] = ()
    with contextlib.suppress(Infeasible):
        spaces = prepare(instance).search.spaces
    tests = {
        "byproducts": not instance.byproducts.empty,
        "targets": any(name.startswith("targets.") and value for name, value in settings.items()),
        "starts": len(settings["ladders.start_delays"]) > 1,
        "user_weight": settings["objective.user_weight"] > 0.0,
        "caps": any(name.startswith(("caps.USA", "caps.CAN", "caps.MEX", "caps.worst5")) and value for name, value in settings.items()),
        "infeasible": whole is None,
        "large": any(set_count(space.cluster) > 50 for space in spaces),
    }
    return {name for name, found in tests.items() if found}


@pytest.mark.parametrize("number", range(4))
def test_a_few_listed_build_sets_prove_the_same(number: int, split: Split) -> None:
    instance = instance_of(number)
    whole = solved(instance)
    split()
    assert_same(whole, solved(instance))


@pytest.mark.slow
def test_fifty_random_instances_and_brute_force_agree(split: Split) -> None:
    """Whatever rows bind; each feature occurs often enough, and every fourth instance is enumerated too."""
    counts = dict.fromkeys(FEATURES, 0)
    wholes = [solved(instance_of(number)) for number in range(COUNT)]
    for number, whole in enumerate(wholes):
        for name in traits(instance_of(number), whole):
            counts[name] += 1
    split()
    for number, whole in enumerate(wholes):
        assert_same(whole, parted := solved(instance_of(number)))
        if number % 4 == 0:
            best = enumerate_designs(Desk(instance_of(number))).objective
            assert (math.inf if parted is None else parted.certificate["objective_musd"]) == pytest.approx(best, rel=TIGHT, abs=TIGHT)
    assert {name: count for name, count in counts.items() if count < LEAST} == {}


@pytest.mark.slow
def test_the_shipped_instance_lists_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets, feed chains, guards and closed contracts of the real case."""
    instance = load("usmca", ["scenarios.count=20"])
    whole = prepare(instance).search.solve(1e-6)
    monkeypatch.setattr(PlanSpace, "most_whole", 10)
    monkeypatch.setattr("minclub.models.unlisted.FIRST", 20)
    found = prepare(instance)
    parted = found.search.solve(1e-6)
    assert parted.objective == pytest.approx(whole.objective, rel=TIGHT)
    assert parted.bound == pytest.approx(whole.bound, rel=TIGHT)
    sizes = {space.cluster.products: space.size for space in found.search.spaces if space.outline is not None}
    assert sizes["graphite_flake", "graphite_anode"] < 1000


def test_what_a_point_of_a_target_is_worth_and_why_there_is_no_design(split: Split) -> None:
    instance = load("tutorial", {"targets.alpha": 0.41})
    whole, lacking = solve(instance, gap=GAP), load("tutorial", {"targets.alpha": 0.9})
    with pytest.raises(Infeasible) as before:
        solve(lacking)
    split()
    parted = solve(instance, gap=GAP)
    pd.testing.assert_frame_equal(parted.binding, whole.binding)
    with pytest.raises(Infeasible) as after:
        solve(lacking)
    assert after.value.repairs == before.value.repairs
    assert after.value.conflicts == before.value.conflicts


def test_sweeps_and_frontiers_of_listed_parts(split: Split) -> None:
    """A family of targets masks build sets, so it needs all of them; the others do not."""
    instance = load("tutorial", {"caps.USA.each_year": 8.0, "caps.worst5_outlay": 40.0})
    values, points = [8000.0, 9000.0, 10500.0], [0.25, 1.0]
    before = strikes(instance, "USA_ALPHA", values, gap=GAP), frontier(instance, "country_caps", points, gap=GAP)
    split()
    after = strikes(instance, "USA_ALPHA", values, gap=GAP), frontier(instance, "country_caps", points, gap=GAP)
    for old, new in ((before[0], after[0]), (before[1], after[1])):
        assert [row.status for row in new.rows] == [row.status for row in old.rows]
        assert [row.objective_musd for row in new.rows] == pytest.approx([row.objective_musd for row in old.rows], rel=TIGHT, abs=TIGHT)
    with pytest.raises(ClusterTooLarge, match="every build set; shorten"):
        frontier(instance, "targets", points, gap=GAP)


def dear(folder: Path, projects: int, products: int, seed: int) -> Instance:
    """Return an instance whose projects are so dear that the target costs something."""
    path = write(folder / "large", Recipe(projects=projects, products=products, scenarios=20, seed=seed, target=0.0))
    table = pd.read_csv(path / "projects.csv")
    table["opex_usd_per_t"] *= 1.5
    table["b0_supply"] = 0
    table.to_csv(path / "projects.csv", index=False)
    (path / "contracts.csv").unlink(missing_ok=True)
    settings = ["caps.basket=0.2", "switches.displacement=false"]
    return load(path, [*settings, *placed_targets(load(path, settings), (0.4,) * products)])


def test_eighteen_projects_of_one_country_and_product(tmp_path: Path) -> None:
    """Over 1e20 build sets with three start years each; the audit checks the design, its bound follows from what was not listed."""
    instance = dear(tmp_path, 40, 1, 11)
    (space,) = prepare(instance).search.spaces
    assert set_count(space.cluster) > 1e20
    assert max(len(group.members) for group in space.groups) == 18
    design = solve(instance)
    assert design.certificate["proven"]
    assert design.certificate["audit"] == "passed"
    assert design.certificate["objective_musd"] > 10.0
    with pytest.raises(ClusterTooLarge, match="limit 4e"):
        solve(instance, continuous=1.0)
