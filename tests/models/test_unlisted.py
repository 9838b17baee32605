"""Build sets that a large cluster does not list: what bounds them, against every build set and plan of small ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import minclub as mc
from minclub.instances.synthetic import Recipe, write
from minclub.models.clusters import CHUNK, ClusterTooLarge, all_choices, build_sets, chunk_tonnes, find_clusters, joined, read_demands
from minclub.models.desk import Desk
from minclub.models.domains import EVERYTHING, Domain
from minclub.models.listing import Listing
from minclub.models.market import COUNTRIES
from minclub.models.outline import Outline
from minclub.models.plan import Weights
from minclub.models.plans import PlanSpace
from minclub.models.pricing import Pricing
from minclub.models.unlisted import Unlisted, never, plan_space
from minclub.models.welfare import Cost
from minclub.tests.models.every_plan import every_plan
from minclub.tests.models.test_ledgers import CASES, drawn_weights, least_of_all, limited, prepared

if TYPE_CHECKING:
    from minclub.models.clusters import BuildSets

Array = np.ndarray
NEAR = 1e-9


def outline_of(space: PlanSpace) -> Outline:
    """Return the outline of a space's cluster."""
    desk = space.desk
    return Outline(desk, space.index, space.cluster, read_demands(desk.balance, desk.baseline))


def few(space: PlanSpace, count: int = 1) -> PlanSpace:
    """Return the space of the same cluster with its first build sets listed."""
    sets = space.sets
    listed = type(sets)(sets.choice[:count], sets.path[:count], sets.paths)
    return PlanSpace(space.desk, space.index, space.cluster, listed, outline_of(space))


def rows(sets: BuildSets | None) -> set[bytes]:
    """Return build sets as bytes."""
    return set() if sets is None else {row.tobytes() for row in sets.choice}


@pytest.mark.parametrize("case", CASES)
def test_every_build_set_that_costs_less_is_found(case: str) -> None:
    """Whatever the threshold and what is listed; those that are left cost at least what is said of them."""
    rng, found_some = np.random.default_rng(5), False
    for cluster, space in enumerate(prepared(case).search.spaces):
        for _ in range(2):
            weights = drawn_weights(space, rng)
            kept = least_of_all(case, cluster, weights).kept
            cost = np.array([min(kept[option, k] for option in space.options()) for k in range(space.size)])
            keys = [row.tobytes() for row in space.sets.choice]
            for share in (0.0, 0.5, 1.0):
                threshold = float(np.quantile(cost[np.isfinite(cost)], share)) + 1e-6
                cheap = {key for key, value in zip(keys, cost, strict=True) if value < threshold - 1e-7}
                unlisted = Unlisted(outline_of(space), weights, EVERYTHING, space.options())
                sets, floor = unlisted.below(threshold, set(), 10_000, never)
                assert floor == threshold
                assert cheap <= rows(sets) <= set(keys)
                found_some |= rows(sets) < set(keys)
                listed = set(keys[::2])
                assert cheap - listed <= rows(unlisted.below(threshold, listed, 10_000, never)[0]) <= set(keys) - listed
                sets, floor = unlisted.below(threshold, set(), 1, never)
                rest = [value for key, value in zip(keys, cost, strict=True) if key not in rows(sets)]
                assert len(rows(sets)) <= 1
                assert floor <= min([threshold, *rest]) + NEAR * (1.0 + abs(threshold))
    assert found_some


@pytest.mark.parametrize("case", CASES)
def test_a_space_that_lists_few_is_priced_like_the_whole(case: str) -> None:
    """The least plan, what may cost little more, and all plans up to there, with and without a limited domain."""
    rng = np.random.default_rng(6)
    for whole in prepared(case).search.spaces:
        weights = drawn_weights(whole, rng)
        last = len(whole.borders[0]) - 1
        for domain in (EVERYTHING, Domain({("choice", 0): frozenset({0})}), Domain({("border", 0): frozenset({0, last})}), Domain({("level", 0): frozenset({0})})):
            if not whole.groups or not whole.cluster.candidates:
                continue
            partial = few(whole)
            least, option, _ = Pricing(partial, weights, domain).least(limited(5_000))
            expected, other, _ = Pricing(whole, weights, domain).least(limited(5_000))
            assert least == pytest.approx(expected, rel=NEAR, abs=NEAR)
            if other is None:
                assert option is None
                continue
            near = least + 0.02 * (1.0 + abs(least))
            mine, all_of_them = Pricing(few(whole), weights, domain), Pricing(whole, weights, domain)
            assert mine.can_cost(near) == all_of_them.can_cost(near)
            plans = {(o, mine.space.sets.choice[k].tobytes(), levels) for o, k, levels in every_plan(mine, near)}
            assert plans == {(o, whole.sets.choice[k].tobytes(), levels) for o, k, levels in every_plan(all_of_them, near)}
            assert Listing(mine).count(near, 10**6) == Listing(all_of_them).count(near, 10**6)


def test_listed_build_sets_keep_their_places() -> None:
    """Plans are known by the place of their build set, so it must not change."""
    whole = prepared("feed").search.spaces[0]
    partial, weights = few(whole, 2), drawn_weights(whole, np.random.default_rng(7))
    option = next(iter(whole.options()))
    levels = (0,) * len(whole.groups)
    before, first = [partial.plan(option, k, levels) for k in range(2)], partial.sets
    assert Pricing(partial, weights).complete(1e9)
    assert partial.size == whole.size > 2
    assert (partial.sets.choice[:2] == first.choice).all()
    for k, plan in enumerate(before):
        again = partial.plan(option, k, levels)
        assert (again.builds, again.paths, again.booked, again.loss) == (plan.builds, plan.paths, plan.booked, plan.loss)
    assert rows(joined(first, whole.sets)) == rows(whole.sets)


def test_what_cannot_be_listed_is_not_ruled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit the least is a lower bound, and narrowing leaves room for the rest."""
    whole = prepared("feed").search.spaces[0]
    monkeypatch.setattr("minclub.models.pricing.MOST_LISTED", 1)
    weights = drawn_weights(whole, np.random.default_rng(8))
    pricing, least = Pricing(few(whole), weights), Pricing(whole, weights).least(never)[0]
    assert pricing.least(never)[0] <= least
    assert pricing.can_cost(least) == set(whole.options())
    with pytest.raises(ClusterTooLarge, match="a family of targets"):
        Pricing(few(whole), weights, Domain(kept=np.array([True])))


# --- the outline ---------------------------------------------------------------------------------------------------------

class Free(Unlisted):
    """Build sets that cost nothing, so that demands alone rule some out."""

    def tables(self, options: Any) -> list[Array]:
        """Return no cost at any choice and level."""
        return [np.zeros_like(table) for table in super().tables(options)]


TIED = ["ladders.start_delays=[0,2]", "objective.user_weight=0.5", "targets.product_01=0.2", "china_caps.product_03=1e5"]


@pytest.mark.parametrize("seed", [2, 3, 12, 13, 19, 20])
def test_an_outline_encloses_every_build_set(tmp_path: Path, seed: int) -> None:
    """Needs, states and demands; burden and loss of users, and closed contracts along every path."""
    recipe = Recipe(projects=8, products=3, scenarios=5, years=24, small_ladders=True, target=0.0, seed=seed)
    desk = Desk(mc.load(write(tmp_path / "random", recipe), TIED))
    demands = read_demands(desk.balance, desk.baseline)
    for index, cluster in enumerate(find_clusters(desk.balance, desk.baseline)):
        outline, choices = Outline(desk, index, cluster, demands), all_choices(cluster, desk.plants)
        needs, _ = chunk_tonnes(desk.balance, desk.baseline, cluster, choices[:CHUNK])
        for m, (low, high) in outline.needs.items():
            assert (needs[m] >= low - 1e-6).all()
            assert (needs[m] <= high + 1e-6).all()
            seen = outline.space.visited[m]
            states = desk.balance.states(m, needs[m])
            assert seen[np.arange(seen.shape[0]), states].all()
        sets = build_sets(desk.balance, desk.baseline, cluster, demands)
        for asked in outline.requirements:
            added = sum(table[sets.choice[:, j]] for j, table in enumerate(asked.adds))
            for made in asked.converters:
                more = np.minimum(made.limit, made.own + sum(table[sets.choice[:, j]] for j, table in enumerate(made.adds)))
                added = added - (more - np.minimum(made.limit, made.own))
            assert (added >= asked.wanted - 1e-6 * (1.0 + np.abs(asked.wanted))).all()
        none, years = np.zeros(5), np.zeros(desk.market.years.size)
        weights = Weights(np.zeros((3, years.size)), none, none, np.zeros(3), 0.0, years)
        free = Free(outline, weights, EVERYTHING, [next(outline.space.options())])
        assert rows(free.below(np.inf, set(), 10**6, never)[0]) == rows(sets)
        if sets.choice.shape[0]:
            assert_constants_are_least(outline, PlanSpace(desk, index, cluster, sets))


def assert_constants_are_least(outline: Outline, space: PlanSpace) -> None:
    """Check that no build set costs users or a closed contract less than its outline says."""
    for p, borders in enumerate(outline.space.borders):
        for b, border in enumerate(borders):
            burden, within, net = outline.least_users(p, b)
            settings = [space.setting(p, border, k) for k in range(len(space.sets.paths[p]))]
            for setting in settings:
                assert (burden <= space.desk.users.burden(space.cluster.products[p], setting) + 1e-9).all()
                assert within or not space.desk.users.within_product_cap(space.cluster.products[p], setting)
            assert (net <= space.product_loss(p, border) + 1e-9).all()
    for closed in space.closed:
        for option in outline.space.options():
            bound = dict(outline.least_closed(option))[COUNTRIES.index(closed.country)]
            for index in range(space.size):
                change = space.desk.closed_change(closed.plant_id, space.settings_at(outline.space.at(option), index))
                for name in ("payments", "credits", "booked", "scenario", "scenario_outlay"):
                    assert (np.asarray(getattr(bound, name)) <= np.asarray(getattr(change, name)) + 1e-9).all(), name
                assert isinstance(bound, Cost)


def test_a_cluster_beyond_the_limit_lists_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    found = prepared("tutorial")
    desk, demands = found.desk, read_demands(found.desk.balance, found.desk.baseline)
    cluster = found.search.spaces[0].cluster
    whole = plan_space(desk, 0, cluster, demands, PlanSpace)
    assert whole is not None
    assert whole.outline is None
    assert whole.size == 3
    monkeypatch.setattr(PlanSpace, "most_whole", 3)
    monkeypatch.setattr("minclub.models.unlisted.FIRST", 2)
    partial = plan_space(desk, 0, cluster, demands, PlanSpace)
    assert partial is not None
    assert partial.outline is not None
    assert partial.size == 2
    assert partial.borders == whole.borders
    impossible = type(demands)({"alpha": 5.0}, demands.china_caps, demands.export_limit, demands.window)
    assert plan_space(desk, 0, cluster, impossible, PlanSpace) is None
    monkeypatch.setattr("minclub.models.unlisted.MOST_STEPS", 0)
    with pytest.raises(ClusterTooLarge, match="relax targets"):
        plan_space(desk, 0, cluster, demands, PlanSpace)
