"""Lists of plans against all plans, each spelt out: nothing that matters is left aside."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from minclub.models.clusters import ClusterTooLarge
from minclub.models.listing import Listing
from minclub.models.master import outlay_of
from minclub.models.pricing import Pricing
from minclub.tests.models.every_plan import every_plan
from minclub.tests.models.test_ledgers import CASES, drawn_weights, prepared
from minclub.tests.models.test_unlisted import few

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from minclub.models.listing import Chosen
    from minclub.models.plans import PlanSpace

    Array = NDArray[np.float64]

ROUNDING = 1e-9
MOST = 4000


def respects(space: PlanSpace, plan: Chosen) -> Array | None:
    """Return everything in which a design can be worse for using a plan; None outside the band."""
    made, quotas = space.plan(*plan), space.desk.reserve.shares
    if not made.in_band:
        return None
    costs = made.costs
    parts = [np.array([made.booked, made.loss, made.users_loss, made.rates, made.contracts]), made.burden, outlay_of(made, None, quotas).ravel()]
    return np.concatenate([*parts, sum(c.scenario for c in costs), sum(c.scenario_outlay for c in costs)])


@pytest.mark.parametrize("case", CASES)
def test_each_plan_left_aside_is_beaten_by_one_of_the_list(case: str) -> None:
    """With several weights and distances; the list holds plans of the band's build sets below the threshold only."""
    rng, seen, kept = np.random.default_rng(11), 0, 0
    for space in prepared(case).search.spaces:
        for distance in (1e-9, 0.02, 0.2):
            weights = drawn_weights(space, rng)
            pricing = Pricing(space, weights)
            least = pricing.least(lambda: False)[0]
            threshold = least + distance * (1.0 + abs(least))
            everything = list(every_plan(pricing, threshold))[:MOST]
            listed = list(Listing(Pricing(space, weights)).below(threshold))
            assert len(set(listed)) == len(listed)
            if len(everything) < MOST:
                assert set(listed) <= set(everything)
            good = [r for plan in listed if (r := respects(space, plan)) is not None]
            table = np.stack(good)
            slack = ROUNDING * (1.0 + np.abs(table))
            for plan in everything:
                mine = respects(space, plan)
                assert mine is None or (table <= mine + slack).all(axis=1).any(), plan
            seen, kept = seen + len(everything), kept + len(listed)
    assert 0 < kept <= seen


def test_plans_that_no_measure_tells_apart_are_listed_once() -> None:
    """Without weights on users, a border option that moves no plant's money is beaten by law wherever nothing is built."""
    shorter = 0
    for case in CASES:
        for space in prepared(case).search.spaces:
            pricing = Pricing(space, prepared(case).search.columns.weights)
            threshold = pricing.least(lambda: False)[0] + 1.0
            shorter += len(list(Listing(pricing).below(threshold))) < len(list(every_plan(pricing, threshold)))
    assert shorter > 0


@pytest.mark.parametrize("case", CASES)
def test_what_is_borne_is_what_the_plans_say(case: str) -> None:
    """Burden by member, users' loss net and as it is, and rates: each decides by itself."""
    for space in prepared(case).search.spaces:
        pricing = Pricing(space, prepared(case).search.columns.weights)
        for option, index, levels in islice(every_plan(pricing, 1e9), 0, 600, 7):
            plan, borne = space.plan(option, index, levels), Listing(pricing)._borne(option, np.array([index]))[0]
            assert borne == pytest.approx([*plan.burden, plan.loss, plan.users_loss, plan.rates], rel=1e-9, abs=1e-9)


class Displacing:
    """A pricing at which the build sets named cost more than anything."""

    def __init__(self, *displacing: int) -> None:
        """Settle nothing yet."""
        self.space, self.displacing, self.settled = None, displacing, list[int]()

    def settle(self, option: tuple[int, ...], sets: NDArray[np.int_]) -> None:
        """Note which build sets are settled."""
        self.settled += sets.tolist()

    def keep_band(self, option: tuple[int, ...], index: int) -> tuple[float, tuple[int, ...]]:
        """Return 1, infinity for a build set that displaces a project."""
        return (np.inf if index in self.displacing else 1.0), ()


@pytest.mark.parametrize(
    ("displacing", "kept", "settled"), [((), {0, 3}, {0, 3}), ((0,), {1, 2, 3}, {0, 1, 2, 3}), ((0, 3), {1, 2}, {0, 1, 2, 3}), ((0, 1, 2, 3, 4), set(), {0, 1, 2, 3, 4})]
)
def test_a_pair_that_displaces_a_project_beats_none(displacing: tuple[int, ...], kept: set[int], settled: set[int]) -> None:
    """Pair 0 beats 1, 2 and its equal 4, but not 3; what is beaten is not looked at further."""
    borne = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [0.5, 3.0], [1.0, 1.0]])
    pricing = Displacing(*displacing, *((4,) if 0 in displacing else ()))
    found = Listing(cast("Pricing", pricing))._undominated([((0,), k) for k in range(5)], borne, 1.0)
    assert {index for _, index in found} == kept
    assert set(pricing.settled) - {4} == settled - {4}


def test_what_cannot_be_listed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit of build sets counting leaves room for the rest, and naming all plans is refused."""
    whole = prepared("feed").search.spaces[0]
    monkeypatch.setattr("minclub.models.pricing.MOST_LISTED", 1)
    weights = drawn_weights(whole, np.random.default_rng(8))
    listing, least = Listing(Pricing(few(whole), weights)), Pricing(whole, weights).least(lambda: False)[0]
    assert listing.count(least, 7) == 8
    with pytest.raises(ClusterTooLarge, match="too many build sets"):
        next(listing.below(least))
