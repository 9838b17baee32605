"""Border measures, their expiry, demand premiums and standards in the audit, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minclub.solvers.audit_bank import bank, setting
from minclub.solvers.audit_border import adjustments, club_measures, in_force, landed_prices, reference_of
from minclub.solvers.audit_cash import cash, prices_in
from minclub.solvers.audit_cost import border_revenue, built_projects, ledger, public_cost
from minclub.solvers.audit_credits import loan_of
from minclub.solvers.audit_effects import flows_of, payoff
from minclub.solvers.audit_market import Scene, balances, imports
from minclub.solvers.audit_option import Option
from minclub.solvers.audit_world import World
from minclub.tests.solvers.audit_worlds import METAL, MINE, YEARS, flows, scene_of, terms, world

BOTH = {("metal", "china_linked"): 1000.0, ("metal", "market"): 1000.0}
RATES = {("metal", "china_linked"): 0.1, ("metal", "market"): 0.1}


def landed(w: World, references: dict[tuple[str, str], float]) -> tuple[float, ...]:
    """Return the landed prices in the USA and Canada in the first scenario: market, china_linked."""
    found = landed_prices(w, "metal", club_measures(w, {}, references)["metal"], w.market["metal"], w.china["metal"])
    return tuple(float(node[c, 0, 0]) for node in found for c in (0, 1))


def test_c6_reference_price_lifts_the_landed_price_of_a_covered_node() -> None:
    law = np.array([[0.25, 0.0, 0.0], [0.0, 0.2, 0.0]])
    w = world((replace(METAL, law=law),), gap=0.1)
    assert landed(w, {}) == pytest.approx((900.0, 1080.0, 1012.5, 810.0))
    assert landed(w, BOTH) == pytest.approx((1000.0, 1080.0, 1012.5, 1000.0))
    assert landed(w, {("metal", "china_linked"): 1000.0}) == pytest.approx((900.0, 1080.0, 1012.5, 1000.0))
    assert (reference_of(w, "metal", 1.2346), reference_of(w, "metal", 0.9)) == (1230.0, 900.0)


def test_c18_adjustment_comes_on_top_and_falls_with_compliance() -> None:
    metal = replace(METAL, standard_cost=200.0, compliance=(0.0, 0.75))
    for tier, theta in (("none", 0.0), ("usmca", 0.4), ("high", 1.0)):
        w = world((metal,), settings={"standards.tier": tier, "standards.usmca_factor": 0.4})
        assert adjustments(w, "metal") == pytest.approx(theta * np.array([200.0, 50.0]))
    scene = scene_of(w, references=BOTH)
    assert scene.landed("metal")[0][:, :, 0] == pytest.approx(np.tile([1050.0, 1150.0], (3, 1)))
    assert scene.landed("metal")[1][:, :, 0] == pytest.approx(np.tile([1200.0, 1300.0], (3, 1)))
    assert scene.paid("metal", 0)[:, 0] == pytest.approx(np.array([1050.0, 1150.0]))
    assert club_measures(w, {})["metal"].adjustment.tolist() == [0.0, 0.0]


def test_c6_border_revenue_per_tonne_is_landed_less_node_price() -> None:
    metal = replace(METAL, direct=np.array([9000.0, 3000.0, 0.0]), standard_cost=20.0, compliance=(0.0, 0.5))
    w = world((metal,), gap=0.2, settings={"standards.tier": "high"})
    scene, balance = scene_of(w, references=BOTH), balances(w, {})
    sold = imports(scene, "metal", balance["metal"])
    assert (sold.market[0, 0, 0], sold.china[0, 0, 0]) == pytest.approx((7500.0, 1500.0))
    low = 7500 * (100 + 10) + 1500 * (280 + 20)
    high = 9000 * (120 + 20)
    assert border_revenue(scene, balance)[0, :, 0] == pytest.approx(np.array([low, high]) / 1e6)


def lapsing(w: World) -> World:
    """Return a world whose measures lapse in 2029 in the first scenario and never in the second."""
    return replace(w, lapse=np.array([2029, 2033]))


def test_c6_from_the_lapse_on_members_are_at_their_own_law() -> None:
    metal = replace(METAL, law=np.array([[0.05, 0.0, 0.0], [0.05, 0.0, 0.0]]), standard_cost=10.0, compliance=(0.0, 0.0))
    w = lapsing(world((metal,), settings={"standards.tier": "high"}))
    assert in_force(w).sum(axis=1).tolist() == [2, 6]
    scene = scene_of(w, rates=RATES)
    assert scene.paid("metal", 0)[0] == pytest.approx(np.array([1000.0, 1000.0, 945.0, 945.0, 945.0, 945.0]))
    assert scene.paid("metal", 1)[0] == pytest.approx(np.array([1000.0, 1000.0, 900.0, 900.0, 900.0, 900.0]))
    assert scene.paid("metal", 0)[1] == pytest.approx(np.full(6, 1220.0))
    revenue = border_revenue(scene, balances(w, {}))
    assert revenue[0, 0] == pytest.approx(6000 * np.array([100.0, 100.0, 45.0, 45.0, 45.0, 45.0]) / 1e6)
    assert revenue[1, 0, 2:] == pytest.approx(np.zeros(4))


def test_c6_contracts_and_credits_survive_a_lapse() -> None:
    w = lapsing(world())
    option = Option(2028, ptc=0.1, contract=terms(1000.0))
    scene = scene_of(w, {"MINE": 2028}, RATES)
    done = cash(w, MINE, option, prices_in(scene, scene, MINE, option))
    assert done.operation.payments[0] == pytest.approx(np.array([0.01, 0.1, 0.1]))
    assert done.operation.repayments[1] == pytest.approx(np.full(3, 0.5 * 0.21))
    assert done.credits.club_ptc[0] == pytest.approx(np.full(3, 0.05))


def test_c6_a_lender_counts_half_of_the_expected_uplift_lapses_included() -> None:
    w = lapsing(world(review_year=2031, lender_share_of_protection=0.5))
    scene = scene_of(w, {"MINE": 2028}, RATES)
    found = bank(setting(scene, scene_of(w)), MINE, Option(2028))
    service = loan_of(w, MINE, Option(2028)).service
    price = 1.0 + 0.5 * 0.11 / 2
    assert found.cover_bank == pytest.approx((2 * 0.72 * (price * 0.98 - 0.55) + 0.1) / 2 / service)
    assert found.llcr_dump is not None
    dumped = 0.6 * (1 + 0.5 * 0.1 / 2)
    first, second = 0.72 * (dumped * 0.98 - 0.55) + 0.1, 0.72 * (price * 0.98 - 0.55)
    assert found.llcr_dump == pytest.approx((first / 1.05 + second / 1.05**2) / loan_of(w, MINE, Option(2028)).amount)


def premium(w: World, *, usd: float = 50.0) -> World:
    """Return a world with a demand premium to 2029."""
    return replace(w, premiums={"metal": np.where(np.arange(YEARS) < 3, usd, 0.0)})


def test_c9_demand_premium_reaches_refined_form_producers_only() -> None:
    w = premium(world())
    assert flows(MINE, Option(2028), w)[0, 1:4] - flows(MINE, Option(2028), world())[0, 1:4] == pytest.approx(0.72 * 0.98 * np.array([0.05, 0.05, 0.0]))
    ore = replace(MINE, concentrate=True)
    assert flows(ore, Option(2028), w) == pytest.approx(flows(ore, Option(2028), world()))
    scene = scene_of(w)
    for country in range(3):
        assert scene.paid("metal", country) == pytest.approx(scene_of(world()).paid("metal", country))
    exporting = replace(w, products={"metal": replace(METAL, direct=np.array([1.0, 0.0, 0.0]))})
    glut = scene_of(exporting, {"MINE": 2028})
    assert prices_in(glut, glut, MINE, Option(2028)).main[0] == pytest.approx(np.array([860.0, 860.0, 810.0]))


def test_c9_demand_premium_is_added_to_the_deck_price() -> None:
    w = premium(world())
    where = setting(scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028}))
    found, loan = bank(where, MINE, Option(2028)), loan_of(w, MINE, Option(2028))
    service = loan.service
    assert found.cover_bank == pytest.approx((0.72 * (1.05 * 0.98 - 0.55) + 0.1 + 0.72 * (0.98 - 0.55)) / 2 / service)
    assert found.llcr_dump == pytest.approx(((0.72 * (0.65 * 0.98 - 0.55) + 0.1) / 1.05 + 0.72 * (0.98 - 0.55) / 1.05**2) / loan.amount)
    first = 0.72 * (0.8 * 1.05 * 0.98 - 0.6) + 0.115
    rest = 0.72 * (0.8 * 0.98 - 0.6) + 0.115
    assert found.cover_downside == pytest.approx(min(first / service + 0.5, (rest + min(0.5 * service, first - 0.5 * service)) / service))


def test_c9_premium_counts_as_uplift_and_not_as_cost() -> None:
    metal = replace(METAL, existing=np.array([500.0, 0.0, 0.0]))
    w, plain = premium(world((metal,))), world((metal,))
    uplift = []
    for at in (plain, w):
        scene = scene_of(at, {"MINE": 2028})
        built = built_projects(at, {"MINE": Option(2028)}, scene, scene)
        uplift.append(flows_of(at, built, scene).uplift)
        cost = public_cost(at, [ledger(built[0])], [], np.zeros((3, YEARS)))
        assert cost.outlay_pv.sum() == cost.booked_pv.sum() == 0.0
    assert uplift[1] - uplift[0] == pytest.approx(np.array([3 * 0.025, 2 * 0.05, 0.0]))


def test_c18_every_plant_of_a_design_pays_for_standards() -> None:
    mine = replace(MINE, standards_gap=40.0)
    w = world(projects=(mine,))
    option, dear = Option(2028, ptc=0.1, standards=0.5), replace(mine, opex=520.0)
    assert flows(mine, option, w) == pytest.approx(flows(dear, Option(2028, ptc=0.1), w))
    assert flows(mine, Option(2028), w) == pytest.approx(flows(MINE, Option(2028), w))
    scene, balance = scene_of(w, {"MINE": 2028}), balances(w, {"MINE": 2028})
    before, after = (built_projects(w, {"MINE": o}, scene, scene) for o in (Option(2028), Option(2028, standards=0.5)))
    none = public_cost(w, [ledger(after[0])], [ledger(before[0])], np.zeros((3, YEARS)))
    parts = payoff(w, (after, scene, balance), (before, scene, balance), none)
    cost = 0.02 * np.array([1.1**-1, 1.1**-2, 1.1**-3]).sum()
    assert parts["producers"][1] == pytest.approx(-cost + 3 * 0.28 * 0.02)
    assert parts["total"].sum() == pytest.approx(-cost)


def test_c25_transfers_cancel_with_reference_prices_that_lapse() -> None:
    metal = replace(METAL, elasticity=0.0, existing=np.array([500.0, 0.0, 0.0]))
    w = lapsing(world((metal,), gap=0.02, settings={"data.demand_basis": "embodied"}, public_rate=0.04))
    balance, base, club = balances(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028}, references=BOTH)
    border = (border_revenue(club, balance) - border_revenue(base, balance)).mean(axis=1)
    before, after = (built_projects(w, {"MINE": o}, s, base) for o, s in ((Option(2028), base), (Option(2028, grant=0.2, loan=True), club)))
    parts = payoff(w, (after, club, balance), (before, base, balance), public_cost(w, [ledger(after[0])], [ledger(before[0])], border))
    assert parts["users"].sum() < -0.5
    assert parts["producers"][1] > 0.2
    assert parts["total"].sum() == pytest.approx(0.0, abs=1e-9)


def test_c7_a_levy_on_china_alone_moves_imports_to_the_market() -> None:
    w = world(gap=0.1)
    for references, cheap in (({}, 0.0), ({("metal", "china_linked"): 1000.0}, 6000.0)):
        scene = Scene(w, club_measures(w, {}, references), scene_of(w).path)
        assert imports(scene, "metal", balances(w, {})["metal"]).market[0, 0, 0] == pytest.approx(cheap)
