"""Public cost, payoff and the baseline of the audit against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minclub.solvers.audit_bank import setting, stack
from minclub.solvers.audit_baseline import baseline, contested
from minclub.solvers.audit_border import club_measures, law_measures
from minclub.solvers.audit_cost import border_revenue, built_projects, ledger, public_cost, subsidy_equivalents
from minclub.solvers.audit_effects import payoff, price_rises, users_loss
from minclub.solvers.audit_market import balances
from minclub.solvers.audit_option import Option
from minclub.solvers.audit_world import Terms
from minclub.tests.solvers.audit_worlds import METAL, MINE, YEARS, scene_of, terms, world


def test_c24_public_cost_by_hand() -> None:
    w = world()
    scene = scene_of(w, {"MINE": 2028})
    option = Option(2028, itc=0.1, contract=terms(940.0, tenor=2))
    built = built_projects(w, {"MINE": option}, scene, scene)
    entry = ledger(built[0])
    cost = public_cost(w, [entry], [], np.zeros((3, YEARS)))
    paid, back = 2 * 0.04 / 2, 2 * 0.5 * 0.16 / 2
    assert cost.outlay_pv == pytest.approx(np.array([0.0, paid + 0.1, 0.0]))
    assert cost.booked_pv[1] == pytest.approx(0.1)
    assert cost.net_pv[1] == pytest.approx(paid + 0.1 - back)
    assert cost.cvar == pytest.approx(0.08 + 0.1)
    assert cost.worst5 == pytest.approx(0.08 + 0.1)
    assert public_cost(replace(w, _params={("cvar_alpha", None, None): 1.0}), [entry], [], np.zeros((3, YEARS))).cvar == pytest.approx(0.1 + 0.08 / 2)
    lawful = replace(w, law_credits={("itc", 1, "metal"): np.full(YEARS, 0.2), ("ptc", 1, "metal"): np.full(YEARS, 0.1)})
    with_law, bare = (built_projects(lawful, {"MINE": o}, scene_of(lawful), scene_of(lawful))[0] for o in (option, replace(option, contract=None)))
    assert ledger(with_law).credits[0].sum() == pytest.approx(0.3 + 3 * 0.05)
    assert ledger(bare).credits[0].sum() == pytest.approx(0.1)
    assert stack(setting(scene_of(lawful), scene_of(lawful)), replace(MINE, grant=0.5), option) == pytest.approx((0.3 + 0.15 + 0.5) / 1.5)
    pooled = replace(w, settings={**w.settings, "funding.mode": "pooled", "funding.shares.USA": 0.75, "funding.shares.MEX": 0.25})
    assert public_cost(pooled, [entry], [], np.zeros((3, YEARS))).booked_pv == pytest.approx(np.array([0.075, 0.0, 0.025]))
    assert subsidy_equivalents(w, [entry], []) == {("CAN", "metal"): pytest.approx((0.1 + paid - back) / 3.0)}
    assert subsidy_equivalents(w, [ledger(with_law)], []) == {("CAN", "metal"): pytest.approx((0.1 + paid - back) / 3.0)}


def test_c23_c25_users_by_hand() -> None:
    w = world()
    base, club = scene_of(w), scene_of(w, rates={("metal", "market"): 0.1, ("metal", "china_linked"): 0.1})
    rises, baskets = price_rises(w, club, base)
    assert rises["metal"] == pytest.approx(0.1)
    assert baskets == pytest.approx(np.array([0.1, 0.1, 0.0]))
    steep = world((replace(METAL, elasticity=-20.0, embodied=np.array([12000.0, 0.0, 0.0])),), settings={"data.demand_basis": "embodied"})
    scenes = (scene_of(steep, rates={("metal", "market"): 0.1, ("metal", "china_linked"): 0.1}), scene_of(steep))
    assert users_loss(steep, *scenes) == pytest.approx(np.array([6 * 1.2 * 0.75, 0.0, 0.0]))
    assert users_loss(w, club, base) == pytest.approx(np.array([6 * 0.6, 6 * 0.2, 0.0]) * 0.5 * (1 + 1.1**-0.5))


def test_c25_transfers_cancel_where_builds_are_fixed_and_demand_is_rigid() -> None:
    law = np.array([[0.1, 0.0, 0.02], [0.0, 0.05, 0.0]])
    metal = replace(METAL, elasticity=0.0, existing=np.array([500.0, 0.0, 0.0]), law=law)
    plant = replace(MINE, feed="metal", feed_rate=0.1, feed_factor=0.5, closed=Terms(950.0, 0.5, 0.5, 2, 2028, 300.0))
    w = world((metal,), (plant,), gap=0.02, settings={"data.demand_basis": "embodied"}, public_rate=0.04)
    w = replace(w, law_credits={("ptc", 1, "metal"): np.full(YEARS, 0.1)})
    w.restricted["metal"][1, :3] = True
    base, club = scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028}, {("metal", "market"): 0.1, ("metal", "china_linked"): 0.15})
    balance = balances(w, {"MINE": 2028})
    border = (border_revenue(club, balance) - border_revenue(base, balance)).mean(axis=1)
    before = built_projects(w, {"MINE": Option(2028)}, base, base)
    for terms_now in (None, terms(1300.0)):
        after = built_projects(w, {"MINE": Option(2028, 0.1, 0.05, terms_now)}, club, base)
        parts = payoff(w, (after, club, balance), (before, base, balance), public_cost(w, [ledger(after[0])], [ledger(before[0])], border))
        assert not after[0].cash.operation.idle.any()
        assert parts["users"].sum() < -1.0
        assert parts["producers"][1] > 0.1
        assert abs(parts["importers"].sum()) > 0.01
        assert parts["total"].sum() == pytest.approx(0.0, abs=1e-9)


def test_c25_importers_keep_what_users_pay_and_nobody_in_the_club_receives() -> None:
    w = world((replace(METAL, direct=np.array([9000.0, 3000.0, 0.0])),))
    base, club = scene_of(w), scene_of(w, rates={("metal", "china_linked"): 0.1})
    balance = balances(w, {})
    border = (border_revenue(club, balance) - border_revenue(base, balance)).mean(axis=1)
    parts = payoff(w, ([], club, balance), ([], base, balance), public_cost(w, [], [], border))
    assert parts["treasury"] == pytest.approx(np.array([6 * 0.1 * 1.5, 6 * 0.1 * 0.5, 0.0]))
    assert parts["importers"] == pytest.approx(6 * (12 * 0.1 - 2 * 0.1) * np.array([0.75, 0.25, 0.0]))


def test_c25_security_is_the_value_of_shortage_avoided() -> None:
    w = world(public_rate=0.0)
    w.restricted["metal"][1] = True
    w = replace(w, products={"metal": replace(METAL, direct=np.array([9000.0, 0.0, 0.0]))})
    none = public_cost(w, [], [], np.zeros((3, YEARS)))
    before, after = balances(w, {}), balances(w, {"MINE": 2028})
    parts = payoff(w, ([], scene_of(w, {"MINE": 2028}), after), ([], scene_of(w), before), none)
    assert parts["security"] == pytest.approx(np.array([0.5 * 3 * 1000 * 3000 / 1e6, 0.0, 0.0]))


def test_c27_baseline_and_c20_contested() -> None:
    good = replace(MINE, code="GOOD", opex=200.0, capacity=7000.0, capital=1.0)
    second = replace(good, code="SECOND", opex=210.0)
    dear = replace(MINE, code="DEAR", opex=900.0, capital=0.6)
    hopeless = replace(dear, code="HOPELESS", opex=4000.0)
    started = replace(MINE, code="STARTED", b0_supply=True, opex=5000.0)
    w = world(projects=(dear, second, good, hopeless, started), settings={"ladders.tariffs": (0.0, 0.1), "contract.tenor_years": 3})
    found = baseline(w)
    assert found.builds == {"STARTED": 2028, "GOOD": 2028, "SECOND": 2028}
    assert found.unaided == ("GOOD", "SECOND")
    assert found.scene.path["metal"].tolist() == [2, 0, 0, 0, 2, 2]
    assert contested(w, found) == contested(w, found, ["metal"]) == {"metal": True}
    assert contested(w, found, []) == {}
    twins = tuple(replace(p, group="PAIR") for p in (good, second))
    assert baseline(world(projects=twins)).unaided == ("GOOD",)
    assert baseline(world(projects=(replace(good, available=False), replace(good, code="LATE", earliest=2031)))).builds == {}
    assert contested(world(projects=(hopeless,)), baseline(world(projects=(hopeless,)))) == {"metal": False}


def test_c20_capacity_counts_at_full_ramp_and_only_where_the_group_is_open() -> None:
    growing = replace(METAL, growth=(0.1, 0.1))
    dear = replace(MINE, code="DEAR", opex=900.0, capital=6.0, capacity=11000.0, ramp=(0.1, 1.0), group="PAIR")
    ladders = {"ladders.tariffs": (0.0, 0.1), "contract.tenor_years": 3}
    for capacity, expected in ((11000.0, True), (10000.0, False)):
        w = world((growing,), (replace(dear, capacity=capacity),), settings=ladders)
        assert baseline(w).balance["metal"].need[1:3] == pytest.approx(np.array([10648.0, 11712.8]))
        assert contested(w, baseline(w)) == {"metal": expected}
    started = replace(MINE, code="STARTED", capacity=1.0, b0_supply=True, group="PAIR")
    taken = world((growing,), (dear, started), settings=ladders)
    assert contested(taken, baseline(taken)) == {"metal": False}


def test_c21c_asks_only_for_what_passes_at_the_whole_baseline() -> None:
    for opex, lasting in ((200.0, ("MINE",)), (350.0, ())):
        w = world(projects=(replace(MINE, capacity=9000.0, capital=9.0, opex=opex),))
        assert (baseline(w).unaided, baseline(w).lasting) == (("MINE",), lasting)


def test_c24_closed_contract_counts_as_a_change() -> None:
    held = replace(MINE, closed=Terms(1000.0, 1.0, 0.5, 3, 2028))
    w = world(projects=(held,))
    base, club = scene_of(w), scene_of(w, rates={("metal", "market"): 0.1, ("metal", "china_linked"): 0.1})
    before, after = (ledger(built_projects(w, {"MINE": Option(2028)}, s, base)[0]) for s in (base, club))
    cost = public_cost(w, [after], [before], np.zeros((3, YEARS)))
    assert cost.payments[1].sum() == pytest.approx(3 * (0.01 - 0.1) / 2)
    assert cost.receipts[1].sum() == pytest.approx(3 * (0.105 - 0.05) / 2)
    assert cost.booked_pv[1] == pytest.approx(-3 * (0.1 - 0.05) / 2)
    assert (cost.cvar, cost.worst5) == pytest.approx((0.0, 0.0))
    assert subsidy_equivalents(w, [after], [before]) == {}
    bare = built_projects(w, {"MINE": Option(2028, closed=False)}, base, base)[0]
    assert bare.cash.operation.payments.sum() == 0.0
    assert before.paid.sum() == pytest.approx(0.3)


def test_law_rates_are_kept_where_higher() -> None:
    w = world((replace(METAL, law=np.array([[0.25, 0.0, 0.0], [0.0, 0.0, 0.0]])),))
    assert club_measures(w, {("metal", "china_linked"): 0.1})["metal"].rates.tolist() == [[0.25, 0.1, 0.1], [0.0, 0.0, 0.0]]
    assert law_measures(w)["metal"].rates[0, 0] == 0.25
