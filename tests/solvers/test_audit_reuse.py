"""What the audit keeps and uses again is told only to those that it holds for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from minclub.solvers.audit_bank import bank, setting
from minclub.solvers.audit_market import stated_demand
from minclub.solvers.audit_option import Offtake, Option
from minclub.solvers.audit_world import Stream, Terms
from minclub.tests.solvers.audit_worlds import METAL, MINE, YEARS, scene_of, terms, world


def test_scenes_share_the_price_of_a_product_only_where_measures_and_path_agree() -> None:
    w = world((replace(METAL, law=np.array([[0.1, 0.0, 0.0], [0.1, 0.0, 0.0]])),))
    base, same, higher, elsewhere = scene_of(w), scene_of(w), scene_of(w, rates={("metal", "market"): 0.2}), scene_of(w, {"MINE": 2028})
    assert base.quote("metal") is same.quote("metal")
    assert base.quote("metal").rows == (0, 1, 1)
    assert base.paid("metal", 2, expected=True)[0] == pytest.approx(base.paid("metal", 1).mean(axis=0))
    assert len({base.quote("metal"), higher.quote("metal"), elsewhere.quote("metal"), scene_of(replace(w)).quote("metal")}) == 4
    with pytest.raises(ValueError, match="read-only"):
        stated_demand(w, "metal")[0, 0] = 1.0


@pytest.mark.parametrize(
    "changed",
    [
        {"start": 2029}, {"itc": 0.2}, {"ptc": 0.2}, {"contract": terms(1200.0)}, {"closed": False}, {"grant": 0.2}, {"loan": True}, {"standards": 0.5},
        {"offtake": Offtake(2, {"metal": 1500.0}, {"metal": np.full(YEARS, 0.5)})},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_c12_what_is_known_of_one_option_is_not_told_of_another(changed: dict[str, Any]) -> None:
    mine = replace(MINE, closed=Terms(1100.0, 1.0, 0.5, 3, 2028), standards_gap=200.0, ptc_share=0.5)
    w = world(projects=(mine,), public_rate=0.04)
    where, fresh = (setting(scene, scene) for scene in (scene_of(w), scene_of(replace(w))))
    plain, other = bank(where, mine, Option(2028)), bank(where, mine, replace(Option(2028), **changed))
    assert other.margins == bank(fresh, mine, replace(Option(2028), **changed)).margins
    assert other.margins != plain.margins


def test_c12_what_is_known_at_one_price_is_not_told_of_another() -> None:
    w = world((METAL, replace(METAL, code="feed")), gap=0.2)
    plant = replace(MINE, feed="feed", feed_rate=0.1, feed_factor=1.0, streams=(Stream("feed", 100.0, 0.0, 1.0),))
    base = scene_of(w)
    scenes = {m: scene_of(w, rates={(m, "china_linked"): 0.2, (m, "market"): 0.2}) for m in w.products}
    settings = [setting(base, base), setting(scenes["metal"], base), setting(scenes["feed"], base), setting(base, scenes["feed"])]
    assert len({bank(where, plant, Option(2028)).npv for where in settings}) == len(settings)
