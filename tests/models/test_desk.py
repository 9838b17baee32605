"""A desk with other strikes pinned: what they touch is new, the rest is shared."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import minclub as mc
from minclub.models.columns import CONTRACT
from minclub.models.desk import Desk


def columns(desk: Desk, plant_id: str) -> tuple[np.ndarray, ...]:
    """Return strikes and booked cost of a plant's columns and of their bound over all options."""
    settings, visited = desk.law_settings(), {m: np.full((desk.market.years.size, 4), True) for m in desk.market.products}
    exact = desk.family(plant_id, 2029, settings)
    bound = desk.bound(plant_id, 2029, {m: desk.borders(m) for m in settings}, visited)
    return exact.kind, exact.strike, exact.cost.entries.booked, bound.kind, bound.strike, bound.cost.entries.booked


def test_a_repinned_desk_is_one_made_with_those_strikes() -> None:
    """The old one keeps its own; plants that are not pinned are not evaluated again."""
    instance, low, high = mc.load("tutorial"), {"strike.USA_ALPHA": 10_000.0}, {"strike.USA_ALPHA": 12_000.0}
    old = Desk(instance, low)
    before = {plant: columns(old, plant) for plant in ("USA_ALPHA", "MEX_ALPHA")}
    new, fresh = old.repinned(high), Desk(instance, high)
    for plant in before:
        for ours, theirs in zip(columns(new, plant), columns(fresh, plant), strict=True):
            assert_array_equal(ours, theirs)
        for ours, theirs in zip(columns(old, plant), before[plant], strict=True):
            assert_array_equal(ours, theirs)
    assert columns(new, "USA_ALPHA")[0][0] == CONTRACT
    assert columns(new, "USA_ALPHA")[1][0] == 12_000.0
    settings = old.law_settings()
    assert new.family("MEX_ALPHA", 2029, settings) is old.family("MEX_ALPHA", 2029, settings)
    assert new.competition.desk is new
    assert old.competition.desk is old


@pytest.mark.parametrize("fixes", [{}, {"strike.MEX_ALPHA": 9_000.0}, {"strike.USA_ALPHA": 10_000.0, "built.USA_BETA": 1.0}])
def test_only_the_strikes_pinned_here_can_be_pinned_again(fixes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="only the values of pinned strikes"):
        Desk(mc.load("tutorial"), {"strike.USA_ALPHA": 10_000.0}).repinned(fixes)


def test_other_pinned_decisions_keep_their_values() -> None:
    with pytest.raises(ValueError, match=r"not strikes: built\.USA_BETA"):
        Desk(mc.load("tutorial"), {"built.USA_BETA": 0.0}).repinned({"built.USA_BETA": 1.0})
