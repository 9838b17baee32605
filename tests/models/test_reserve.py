"""The joint reserve, worked out by hand on the tutorial (C17, C25)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.decisions import Decisions
from minclub.models.desk import Desk
from minclub.models.payoff import Ledger
from minclub.models.reserve import Reserve
from minclub.models.statement import Statement

QUOTAS: dict[str, object] = {"procurement.quotas.USA": 0.5, "procurement.quotas.CAN": 0.3, "procurement.quotas.MEX": 0.2}
YEARS, HELD = 10, (2030, 2031)
"""The stock stands from the target year to the end of decisions."""


def reserve(cover: float, **more: object) -> tuple[Desk, Reserve]:
    """Return the desk and the reserve that covers a share of alpha's shortage: 8,000 t needed, 1,400 t come in a restriction."""
    given = {"reserve.cover.alpha": cover} | QUOTAS | {key.replace("__", "."): value for key, value in more.items()}
    desk = Desk(mc.load("tutorial", given))
    assert desk.baseline.needs["alpha"][3] == 8_000
    assert 0.7 * desk.market.availability["alpha"][3] == pytest.approx(1_400)
    return desk, desk.reserve


@pytest.mark.parametrize(("cover", "months"), [(0.1, 3), (0.3, 3), (0.5, 6), (0.7, 6), (0.9, 9), (1.0, 9)])
def test_the_least_rung_that_covers_the_shortage_is_held(cover: float, months: float) -> None:
    """6,600 t are short and a month is 833 t: 0.8, 2.4, 4.0, 5.5, 7.1 and 7.9 months."""
    desk, rules = reserve(cover)
    rung = int(rules.rung("alpha", desk.baseline.needs["alpha"]))
    assert rules.rungs[rung] == months


def test_the_worst_year_of_the_window_decides_and_no_other() -> None:
    desk, rules = reserve(0.5)
    need = np.zeros((3, YEARS))
    need[0, 3], need[1, 4], need[2, 5] = 8_000, 3_000, 8_000
    assert rules.rungs[rules.rung("alpha", need)].tolist() == [6.0, 3.0, 0.0]
    assert desk.market.years[3] == HELD[0]


def test_a_rung_that_covers_to_the_tonne_is_enough() -> None:
    """5,000 t are short beyond 1,400 t: half of them are 3 months of 10,000 t."""
    _, rules = reserve(0.5)
    need = np.zeros(YEARS)
    need[3] = 6_400.0
    assert rules.rungs[rules.rung("alpha", need)] == 3.0
    need[3] = 6_401.0
    assert rules.rungs[rules.rung("alpha", need)] == 6.0


def test_a_shortage_beyond_the_top_rung_is_not_admissible() -> None:
    desk, rules = reserve(1.0, ladders__reserve_months=[0, 3])
    assert int(rules.rung("alpha", desk.baseline.needs["alpha"])) == rules.rungs.size
    with pytest.raises(mc.Infeasible):
        mc.solve(desk.instance)


def test_carry_is_holding_and_interest_on_the_purchase_price() -> None:
    """6 months of 10,000 t at 9,000 x 1.05 USD/t, 2% holding and 5% interest: 3.3075 musd in 2030 and 2031."""
    _, rules = reserve(0.5)
    assert rules.purchase_price("alpha", 2) == pytest.approx(9_450.0)
    yearly = 0.07 * 5_000 * 9_450 / 1e6
    expected = np.where(np.isin(np.arange(2027, 2027 + YEARS), HELD), yearly, 0.0)
    assert_allclose(rules.carry("alpha", 2), expected)
    cost = rules.cost("alpha", 2, 1.05 ** -np.arange(YEARS, dtype=np.float64))
    value = yearly * (1.05**-3 + 1.05**-4)
    assert float(cost.booked) == float(cost.joint_booked) == pytest.approx(value)
    assert_allclose(cost.scenario, value)
    assert_allclose(cost.scenario_outlay, value)
    assert not rules.cost("alpha", 0, np.ones(YEARS)).outlay.any()


def test_price_impact_and_holding_cost_are_settings() -> None:
    _, rules = reserve(0.5, reserve__price_impact=0.4, reserve__holding_cost=0.0)
    assert rules.purchase_price("alpha", 4) == pytest.approx(9_000 * 1.4)
    assert rules.carry("alpha", 4)[3] == pytest.approx(0.05 * 10_000 * 12_600 / 1e6)


def test_the_design_bears_the_carry_by_quotas() -> None:
    desk, rules = reserve(0.5)
    statement = Statement(desk, Decisions())
    assert statement.reserve == {"alpha": 2}
    shares = [float(cost.booked) for cost in statement.member_costs]
    assert_allclose(shares, np.array([0.5, 0.3, 0.2]) * float(rules.cost("alpha", 2, desk.users.factor).booked))


def test_a_release_fills_the_shortage_up_to_the_stock() -> None:
    """No year of the tutorial is restricted, so restrict all: 6,600 t short, less 5,000 t of stock in 2030 and 2031, at 27,000 USD/t."""
    desk, _ = reserve(0.5)
    for closed in desk.market.restricted.values():
        closed[:] = True
    held, bare = Ledger(Statement(desk, Decisions())), Ledger(Statement(desk, Decisions(), club=False))
    gain = 5_000 * 27_000 / 1e6 * (1.05**-3 + 1.05**-4)
    assert_allclose(bare.shortage() - held.shortage(), gain * np.array([0.6, 0.2, 0.2]))
