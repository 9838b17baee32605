"""Offtake and reserve in the audit, against numbers worked out by hand (C17)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minclub.solvers.audit_bank import bank, cover_of_contract, setting
from minclub.solvers.audit_baseline import Baseline, baseline
from minclub.solvers.audit_cash import cash, prices_in
from minclub.solvers.audit_cost import built_projects, ledger, public_cost, subsidy_equivalents
from minclub.solvers.audit_credits import loan_of
from minclub.solvers.audit_effects import payoff, shortage_value
from minclub.solvers.audit_market import balances
from minclub.solvers.audit_offtake import bought_shares, nameplates, reserves, suppliers
from minclub.solvers.audit_option import Offtake, Option, Prices, offtake_flows
from minclub.solvers.audit_world import Project, Stream, World
from minclub.tests.solvers.audit_worlds import METAL, MINE, YEARS, flows, scene_of, terms, world

QUOTAS = {"procurement.quotas.USA": 0.5, "procurement.quotas.CAN": 0.2, "procurement.quotas.MEX": 0.3}
BOUGHT = replace(METAL, defence=True, defence_share=0.05)
GOLD = replace(METAL, code="gold", defence=True, defence_share=0.01, long_run=2000.0)


def deal(price: float = 1200.0, share: float = 0.4, tenor: int = 2) -> Offtake:
    """Return an offtake of a flat share of the metal."""
    return Offtake(tenor, {"metal": price}, {"metal": np.full(YEARS, share)})


def hopeless(**more: object) -> Project:
    """Return a candidate that no baseline builds."""
    return replace(MINE, opex=4000.0, **more)  # type: ignore[arg-type]


def shares_of(*projects: Project) -> tuple[dict[str, float], Baseline, World]:
    """Return f of the first year by product in a world of some projects."""
    w = world((BOUGHT, GOLD), projects)
    b0 = baseline(w)
    return {m: float(f[0]) for m, f in bought_shares(w, b0).items()}, b0, w


def test_c17_every_tonne_of_nameplate_has_the_same_claim() -> None:
    first = hopeless(code="FIRST", payability=0.8, streams=(Stream("gold", 50.0, 0.0, 0.5), Stream("tin", 9.0, 1.0, 1.0)))
    second = hopeless(code="SECOND", capacity=200.0)
    found, b0, w = shares_of(first, second)
    assert nameplates(w, first) == {"metal": 800.0, "gold": 25.0}
    assert found == {"metal": pytest.approx(0.05 * 8000 / 1000.0), "gold": 1.0}
    assert shares_of(replace(second, capacity=300.0))[0]["metal"] == 1.0
    assert [p.code for p in suppliers(w, b0)] == ["FIRST", "SECOND"]
    grown = world((replace(BOUGHT, growth=(0.1, 0.1)), GOLD), (first, second))
    assert bought_shares(grown, baseline(grown))["metal"][:2] == pytest.approx(0.4 * np.array([1.21, 1.331]))


def test_c17_who_counts_as_a_supplier() -> None:
    first = hopeless(code="FIRST")
    others = {
        "China-linked": hopeless(code="OTHER", china_linked=True),
        "not available": hopeless(code="OTHER", available=False),
        "baseline": hopeless(code="OTHER", b0_supply=True),
        "concentrate": hopeless(code="OTHER", concentrate=True),
        "too late": hopeless(code="OTHER", earliest=2031),
    }
    for reason, other in others.items():
        assert shares_of(first, other)[0] == {"metal": pytest.approx(0.4)}, reason
    assert shares_of(first, hopeless(code="OTHER"))[0] == {"metal": pytest.approx(0.2)}
    pair = (replace(first, group="PAIR", capacity=600.0), hopeless(code="OTHER", group="PAIR"))
    assert shares_of(*pair)[0] == {"metal": pytest.approx(0.4)}


def test_c17_payments_per_tonne_of_each_stream() -> None:
    mine = replace(MINE, payability=0.5, ramp=(0.5, 1.0), streams=(Stream("gold", 40.0, 0.0, 0.25),))
    both = Offtake(2, {"metal": 1200.0, "gold": 1500.0}, {"metal": np.full(YEARS, 0.4), "gold": np.array([0.0, 0.5, 1.0, 1.0, 1.0, 1.0])})
    flat = Prices(np.full((1, 3), 1000.0), np.zeros((1, 3)), (np.full((1, 3), 2000.0),))
    found = offtake_flows(world(), mine, Option(2028, offtake=both), flat)
    assert found["metal"].tonnes == pytest.approx(0.4 * np.array([250.0, 500.0, 0.0]))
    assert found["metal"].paid[0] == pytest.approx(0.4 * 0.5 * 0.2 * np.array([0.5, 1.0, 0.0]))
    assert found["gold"].repaid[0] == pytest.approx(np.array([0.5 * 0.5, 1.0, 0.0]) * 10 * 500 / 1e6)
    assert found["metal"].repaid.sum() == found["gold"].paid.sum() == 0.0
    ore = replace(mine, concentrate=True)
    assert set(offtake_flows(world(), ore, Option(2028, offtake=both), flat)) == {"gold"}


def test_c17_the_contract_covers_what_offtake_leaves() -> None:
    w = world()
    option = Option(2028, contract=terms(1000.0), offtake=deal())
    scene = scene_of(w, {"MINE": 2028})
    op = cash(w, MINE, option, prices_in(scene, scene, MINE, option)).operation
    assert op.payments[0] == pytest.approx(0.1 * np.array([0.6, 0.6, 1.0]))
    assert op.offtake_paid[:, :2] == pytest.approx(0.4 * np.array([[0.3, 0.3], [0.1, 0.1]]))
    assert op.royalty[0] == pytest.approx(np.full(3, 0.018))
    gain = flows(MINE, option, w)[0] - flows(MINE, Option(2028), w)[0]
    assert gain[1:4] == pytest.approx(0.72 * np.array([0.06 + 0.12, 0.06 + 0.12, 0.1]))
    bare = replace(option, offtake=None)
    assert cover_of_contract(w, MINE, option, scene) == pytest.approx(cover_of_contract(w, MINE, bare, scene))


def test_c17_idle_years_sell_nothing_to_the_state() -> None:
    w = world()
    dear, scene = replace(MINE, opex=1050.0), scene_of(w, {"MINE": 2028})
    option = Option(2028, offtake=deal(price=1000.0, share=0.1))
    op = cash(w, dear, option, prices_in(scene, scene, dear, option)).operation
    assert op.idle[:, 0].tolist() == [True, False]
    assert op.offtake_paid[0].sum() == 0.0
    assert op.offtake_repaid[1] == pytest.approx(0.1 * 0.1 * np.array([1.0, 1.0, 0.0]))
    rich = Option(2028, offtake=deal(price=1900.0, share=0.1))
    assert not cash(w, dear, rich, prices_in(scene, scene, dear, rich)).operation.idle[0, 0]


def test_c17_decks_pay_on_their_own_prices() -> None:
    w = world(downside_delay_years=0)
    where = setting(scene_of(w, {"MINE": 2028}), scene_of(w))
    option = Option(2028, offtake=deal(tenor=3))
    loan, found = loan_of(w, MINE, option), bank(where, MINE, option)
    assert found.cover_bank == pytest.approx((2 * 0.72 * (0.98 + 0.4 * 0.2 - 0.55) + 0.1) / 2 / loan.service)
    yearly = 0.72 * (0.8 * 0.98 + 0.4 * 0.4 - 0.6)
    first, second = yearly + 0.115, yearly
    account = min(0.5 * loan.service, first - 0.5 * loan.service)
    assert found.cover_downside == pytest.approx(min(first / loan.service + 0.5, (second + account) / loan.service))


def test_c24_offtake_is_one_contract_borne_by_quotas() -> None:
    w = world(settings=QUOTAS | {"funding.mode": "pooled", "funding.shares.USA": 1.0})
    scene = scene_of(w, {"MINE": 2028})
    built = built_projects(w, {"MINE": Option(2028, offtake=deal(price=1000.0))}, scene, scene)
    entry = ledger(built[0])
    cost = public_cost(w, [entry], [], np.zeros((3, YEARS)))
    one = 2 * 0.4 * 0.1
    quotas = np.array([0.5, 0.2, 0.3])
    assert cost.bought.sum(axis=1) == pytest.approx(quotas * one / 2)
    assert cost.outlay_pv == pytest.approx(quotas * one / 2)
    assert cost.net_pv == pytest.approx(np.zeros(3))
    assert cost.booked_pv == pytest.approx(np.zeros(3))
    assert (cost.cvar, cost.worst5) == pytest.approx((one, one))
    assert cost.outlay.sum(axis=1) == pytest.approx(quotas * one / 2)
    dear = ledger(built_projects(w, {"MINE": Option(2028, offtake=deal())}, scene, scene)[0])
    assert public_cost(w, [dear], [], np.zeros((3, YEARS))).booked_pv == pytest.approx(quotas * 2 * 0.4 * 0.2)
    assert subsidy_equivalents(w, [dear], []) == {("CAN", "metal"): pytest.approx(0.16 / 3)}


def test_c26_contract_and_offtake_of_a_project_are_two_contracts_in_the_tail() -> None:
    w = world()
    scene = scene_of(w, {"MINE": 2028})
    option = Option(2028, contract=terms(1000.0), offtake=deal(price=700.0))
    cost = public_cost(w, [ledger(built_projects(w, {"MINE": option}, scene, scene)[0])], [], np.zeros((3, YEARS)))
    assert cost.cvar == pytest.approx(2 * 0.06 + 0.1)


def test_c24_offtake_brings_no_law_credits_into_cost() -> None:
    w = replace(world(), law_credits={("ptc", 1, "metal"): np.full(YEARS, 0.1)})
    scene = scene_of(w, {"MINE": 2028})
    with_deal, without = (ledger(built_projects(w, {"MINE": Option(2028, offtake=d)}, scene, scene)[0]) for d in (deal(), None))
    assert with_deal.bought.sum() > 0.0
    assert with_deal.credits.sum() == without.credits.sum() == 0.0


def test_c25_offtake_is_a_transfer() -> None:
    w = world((replace(METAL, elasticity=0.0),), settings=QUOTAS, public_rate=0.04)
    scene, balance = scene_of(w, {"MINE": 2028}), balances(w, {"MINE": 2028})
    before, after = (built_projects(w, {"MINE": o}, scene, scene) for o in (Option(2028), Option(2028, offtake=deal())))
    cost = public_cost(w, [ledger(after[0])], [ledger(before[0])], np.zeros((3, YEARS)))
    parts = payoff(w, (after, scene, balance), (before, scene, balance), cost)
    assert parts["producers"][1] == pytest.approx(0.72 * 0.08 * (1.04**-1 + 1.04**-2))
    assert parts["treasury"][0] == pytest.approx(-0.5 * 0.08 * (1.04**-1 + 1.04**-2))
    assert parts["total"].sum() == pytest.approx(0.0, abs=1e-12)


def reserved(cover: float, ladder: tuple[float, ...] = (0.0, 3.0, 6.0, 9.0, 12.0)) -> World:
    """Return a world with 9,000 t of demand, of which a restriction leaves 7,000 t, and a reserve from 2029 to 2030."""
    settings = {"years.target": 2029, "reserve.cover.metal": cover, "ladders.reserve_months": ladder, "reserve.holding_cost": 0.06} | QUOTAS
    return world((replace(METAL, direct=np.array([6000.0, 3000.0, 0.0])),), settings=settings, public_rate=0.04)


def test_c17_months_of_the_reserve() -> None:
    for cover, months in ((0.0, 0.0), (1.0, 3.0), (0.9, 3.0)):
        assert reserves(reserved(cover), balances(reserved(cover), {}))["metal"].months == months
    w = reserved(1.0, (0.0, 1.0, 2.0))
    short = reserves(w, balances(w, {}))["metal"]
    assert (short.months, short.enough) == (2.0, False)
    assert reserves(w, balances(w, {"MINE": 2028}))["metal"].enough
    assert reserves(world(), balances(world(), {})) == {}


def test_c17_stock_price_and_carry() -> None:
    w = reserved(1.0)
    held = reserves(w, balances(w, {}))["metal"]
    price = 1000.0 * (1 + 0.1 * 0.25)
    assert held.price == pytest.approx(price)
    assert held.stock == pytest.approx(np.array([0.0, 0.0, 2250.0, 2250.0, 0.0, 0.0]))
    yearly = 0.1 * 2250.0 * price / 1e6
    assert held.carry == pytest.approx(np.array([0.0, 0.0, yearly, yearly, 0.0, 0.0]))
    cost = public_cost(w, [], [], np.zeros((3, YEARS)), held.carry)
    pv = yearly * (1.04**-2 + 1.04**-3)
    for borne in (cost.outlay_pv, cost.booked_pv, cost.net_pv):
        assert borne == pytest.approx(np.array([0.5, 0.2, 0.3]) * pv)
    assert (cost.cvar, cost.worst5) == pytest.approx((pv, pv))


def test_c25_a_release_lowers_the_shortage_of_all_members_alike() -> None:
    w = reserved(1.0)
    w.restricted["metal"][1] = True
    balance = balances(w, {})
    weights = 1.04 ** -np.arange(6.0)
    full = 0.5 * 2000 * 3000 / 1e6 * np.array([2 / 3, 1 / 3, 0.0])
    assert shortage_value(w, balance) == pytest.approx(full * weights.sum())
    for stock, left in ((500.0, 0.75), (2250.0, 0.0)):
        stocks = {"metal": np.array([0.0, 0.0, stock, stock, 0.0, 0.0])}
        assert shortage_value(w, balance, stocks) == pytest.approx(full * (weights.sum() - (1 - left) * weights[2:4].sum()))
