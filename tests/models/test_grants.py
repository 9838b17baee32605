"""Grants for early-stage work, worked out by hand (C13, C15, C16)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.instances.table_fields import DEV_STATUS
from minclub.models.aid import NO_AID, early_stage
from minclub.models.bankability import Tests, stack_share
from minclub.models.cashflow import Site
from minclub.models.desk import Desk
from minclub.models.subsidies import CreditLevel, LawCredits
from minclub.models.welfare import project_cost
from minclub.tests.models.tutorial_sites import RATE, START, YEARS, alpha_of, no_law, support

GRANT = CreditLevel(grant=0.2)
GIVEN: dict[str, object] = {
    "instruments.grants": True,
    "ladders.grant": [0, 0.2],
    "projects.USA_ALPHA.dev_status": "permitting",
    "projects.USA_ALPHA.itc_eligible": False,
}
"""USA_ALPHA costs 30 musd in 2028 and may draw no investment credit."""


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(mc.load("tutorial", GIVEN))


@pytest.fixture(scope="module")
def alpha(desk: Desk) -> Site:
    return alpha_of(desk, GRANT)


@pytest.mark.parametrize("status", DEV_STATUS)
def test_only_early_stage_work_draws_a_grant(status: str) -> None:
    instance = mc.load("tutorial", {"projects.USA_ALPHA.dev_status": status})
    assert ("USA_ALPHA" in early_stage(instance)) == (status in ("study", "permitting"))


def test_a_level_gives_it_to_early_work_alone() -> None:
    desk = Desk(mc.load("tutorial", GIVEN | {"projects.MEX_ALPHA.dev_status": "permitted"}))
    given = {key: desk.supports.aid(desk.plants[key], 5, GRANT).grant for key in ("USA_ALPHA", "MEX_ALPHA")}
    assert given == {"USA_ALPHA": 0.2, "MEX_ALPHA": 0.0}


def test_the_baseline_draws_none() -> None:
    early = Desk(mc.load("tutorial", GIVEN | {f"projects.{j}.dev_status": "study" for j in ("CAN_BETA", "USA_BETA")}))
    assert "CAN_BETA" in early.baseline.builds
    assert early.supports.kinds(early.plants["CAN_BETA"]) == frozenset()
    assert "grant" in early.supports.kinds(early.plants["USA_BETA"])


def test_it_is_paid_with_capital_in_the_build_years(desk: Desk, alpha: Site) -> None:
    cost = project_cost(alpha, no_law(), GRANT, RATE).pick(0)
    assert_allclose(cost.credits, [0, 6.0, 0, 0, 0, 0, 0, 0, 0, 0])
    assert float(cost.booked) == pytest.approx(6.0 / 1.05)
    plant = replace(alpha.plant, build_years=2)
    slow = replace(alpha, plant=plant, calendar=desk.outlooks.calendar(replace(plant, id="SLOW"), START))
    assert_allclose(project_cost(slow, no_law(), GRANT, RATE).pick(0).credits[:3], [3.0, 3.0, 0])


def test_it_adds_to_an_investment_credit(alpha: Site) -> None:
    """10% of law, counted with a contract only, 5% and 20% of the club."""
    able = replace(alpha, plant=replace(alpha.plant, itc_share=1.0))
    law, level = LawCredits(np.full(YEARS, 0.1), np.zeros(YEARS)), replace(GRANT, itc=0.05)
    assert project_cost(able, law, level, RATE).pick(0).credits[1] == pytest.approx(30 * 0.25)
    assert stack_share(able, law, [level], RATE) == pytest.approx([0.35])


def test_it_lowers_depreciation_and_loan(desk: Desk, alpha: Site) -> None:
    """24 of 30 musd are written off over 5 years; half of 24 is borrowed, with interest on half of it for a year."""
    given, bare = (Tests(site, no_law(), desk.rules, desk.market.long_run, dump_deck=False) for site in (alpha, replace(alpha, aid=NO_AID)))
    assert float(given.decks.loan().principal) == pytest.approx(0.5 * 24 * (1 + 0.5 * 0.05 * 0.5))
    hurdle = alpha.plant.terms.hurdle
    shield = 0.2 * 6 / 5
    gain = 6 / (1 + hurdle) - shield * sum((1 + hurdle) ** -t for t in range(2, 7))
    assert float(given.value()[0] - bare.value()[0]) == pytest.approx(gain)


def test_subsidy_equivalent_counts_it(alpha: Site) -> None:
    cost = project_cost(alpha, no_law(), GRANT, RATE).pick(0)
    given, sales = support(alpha, no_law(), GRANT, cost, RATE, 9_000.0, held=False)
    assert given == pytest.approx(6.0 / 1.05)
    assert sales == pytest.approx(18.0 * sum(1.05**-t for t in range(2, 7)))


def test_the_cap_on_support_excludes_a_level() -> None:
    """Grants of 60% exceed the cap of 50% of capital; 20% do not."""
    wide = Desk(mc.load("tutorial", GIVEN | {"ladders.grant": [0, 0.2, 0.6], "ladders.itc": [0]}))
    made = wide.family("USA_ALPHA", START, wide.law_settings())
    kinds = {level.grant: int(kind) for level, kind in zip(wide.offer.levels, made.kind, strict=True)}
    assert kinds[0.6] == 0
    assert kinds[0.2] > 0
