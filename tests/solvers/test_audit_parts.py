"""Markets, cash flows and bankability of the audit against numbers worked out by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from minclub.solvers.audit_bank import bank, downside_cover, hurdle, main_share, mean_of_worst, setting
from minclub.solvers.audit_cash import cash, depreciation, prices_in
from minclub.solvers.audit_cost import border_revenue
from minclub.solvers.audit_credits import Loan, capital_by_year, loan_of
from minclub.solvers.audit_market import availability, balances, growth_index, imports, price_of, secured, stated_demand, states
from minclub.solvers.audit_option import Option
from minclub.solvers.audit_strike import strike_floor
from minclub.solvers.audit_world import Converter, Stream
from minclub.tests.solvers.audit_worlds import METAL, MINE, flows, scene_of, terms, world


@pytest.mark.parametrize(
    ("state", "open_dear", "open_cheap", "restricted"),
    [(0, 900.0, 900.0, 900.0), (1, 1100.0, 960.0, 1100.0), (2, 1100.0, 960.0, 2200.0), (3, 1200.0, 960.0, 2200.0)],
)
def test_c7_price_table(state: int, open_dear: float, open_cheap: float, restricted: float) -> None:
    w = world()
    market = np.full((1, 1), 1000.0)

    def price(china: float, restricted: bool) -> float:
        landed = (np.full((3, 1, 1), 1100.0), np.full((3, 1, 1), china * 1.2))
        return float(price_of(w, "metal", np.array([state]), market, landed, restricted)[0, 0, 0])

    assert price(1000.0, False) == pytest.approx(open_dear)
    assert price(800.0, False) == pytest.approx(open_cheap)
    assert price(800.0, True) == pytest.approx(restricted)


def test_c8_demand_and_availability() -> None:
    product = replace(METAL, growth=(0.1, 0.2), existing=np.array([2000.0, 0.0, 0.0]))
    w = world((product,), settings={"data.demand_basis": "localised", "data.localised_share": 0.5, "data.growth_until": 2031})
    growth = [1.1**2, 1.1**3, 1.1**4, 1.1**5, 1.1**5 * 1.2, 1.1**5 * 1.2]
    assert growth_index(w, "metal") == pytest.approx(np.array(growth))
    assert stated_demand(w, "metal")[0, 0] == pytest.approx((6000 + 0.5 * 0.2 * 2000) * 1.21)
    assert availability(w, "metal")[0] == pytest.approx(0.5 * 18000 * 1.21)
    assert availability(world((replace(product, other_imports=9500.0),)), "metal")[0] == pytest.approx(9500.0 * 1.21)
    assert availability(world((replace(product, existing=np.full(3, 9000.0)),)), "metal")[0] == 0.0


def test_c8_need_states_and_c22_security() -> None:
    ore = replace(METAL, code="ore", form="concentrate", direct=np.zeros(3), embodied=np.zeros(3))
    smelters = (
        Converter("SAME", 0, "metal", "metal", 1500.0, 1500.0, 2027, False),
        Converter("LINKED", 0, "metal", "metal", 300.0, 300.0, 2027, True),
        Converter("FROM_ORE", 1, "ore", "metal", 4000.0, 1000.0, 2028, False),
    )
    projects = (
        MINE,
        replace(MINE, code="CONC", concentrate=True, capacity=2000.0, payability=0.5, streams=(Stream("ore", 70.0, 0.0, 1.0),)),
        replace(MINE, code="ORE", product="ore", capacity=1600.0, streams=(Stream("metal", 100.0, 0.0, 0.9),)),
        replace(MINE, code="PLANT", feed="ore", feed_rate=2.0, capacity=50.0, china_linked=True, streams=(Stream("metal", 10.0, 0.0, 1.0),)),
    )
    w = world((replace(METAL, existing=np.array([1000.0, 0.0, 0.0])), ore), projects, smelters)
    builds = dict.fromkeys((p.code for p in projects), 2028)
    found = balances(w, builds)
    converted = 800.0 + 1000.0 * 1600 / 4000
    assert found["metal"].need == pytest.approx(np.array([7000.0] + [8000 - 1000 - 1050 - converted] * 3 + [7000.0] * 2))
    assert found["ore"].need == pytest.approx(np.array([0.0] + [4000 + 100 - 1600.0] * 3 + [4000.0] * 2))
    assert secured(w, builds, "ore")[1] == pytest.approx(1600.0)
    linked = replace(w, projects=w.projects | {"CONC": replace(projects[1], china_linked=True)})
    assert secured(linked, builds, "metal")[1] == pytest.approx(secured(w, builds, "metal")[1] - 500.0)
    little = replace(w, products=w.products | {"metal": replace(w.products["metal"], direct=np.array([3560.0, 0.0, 0.0]))})
    assert secured(little, builds, "metal")[1] == pytest.approx(3560.0)
    assert secured(w, builds, "metal")[[0, 1, 4]] == pytest.approx(np.array([1000.0, 1000 + 1000 + 500 + 1000 + 90, 2000.0]))
    for demand, state in ((0.0, 0), (7000.0, 1), (7001.0, 2), (10000.0, 2), (10001.0, 3)):
        narrow = world((replace(METAL, direct=np.array([demand, 0.0, 0.0])),))
        assert states(narrow, balances(narrow, {}))["metal"][0] == state


def test_c9_seller_gets_the_highest_price_and_concentrate_the_world_price() -> None:
    law = np.array([[0.0, 0.1, 0.3], [0.0, 0.1, 0.3]])
    w = world((replace(METAL, law=law),))
    scene = scene_of(w)
    assert scene.own_price(MINE)[0, 0] == pytest.approx(990.0)
    assert np.array([scene.paid("metal", c)[0, 0] for c in range(3)]) == pytest.approx(np.array([900.0, 990.0, 1170.0]))
    assert scene.own_price(replace(MINE, concentrate=True))[0, 0] == pytest.approx(900.0)
    assert scene_of(w, rates={("metal", "market"): 0.2, ("metal", "china_linked"): 0.2}).own_price(MINE)[0, 0] == pytest.approx(1080.0)


def test_c7_import_tonnes_and_c24_border_revenue() -> None:
    w = world((replace(METAL, direct=np.array([9000.0, 3000.0, 0.0]), reach=0.5),), gap=0.0)
    scene = scene_of(w, rates={("metal", "china_linked"): 0.1, ("metal", "market"): 0.05})
    found = imports(scene, "metal", balances(w, {})["metal"])
    assert (found.market[0, 0, 0], found.china[0, 0, 0]) == pytest.approx((7500.0, 1500.0))
    assert border_revenue(scene, balances(w, {}))[1, 1, 0] == pytest.approx((2500 * 1100 * 0.05 + 500 * 1100 * 0.1) / 1e6)
    w.restricted["metal"][:] = True
    cut = imports(scene, "metal", balances(w, {})["metal"])
    assert (cut.market[0, 0, 0], cut.china[0, 0, 0], cut.shortage[0, 0, 0]) == pytest.approx((5250.0, 0.0, 3750.0))


def test_c10_c11_cash_flow_without_contract() -> None:
    low, high = 0.72 * (0.9 - 0.018 - 0.5 - 0.05), 0.72 * (1.1 - 0.022 - 0.5 - 0.05)
    assert flows(MINE, Option(2028), world()) == pytest.approx(np.array([[-1, low + 0.1, low + 0.1, low, 0, 0], [-1, high + 0.1, high + 0.1, high, 0, 0]]))
    plant = replace(MINE, stage="refinery")
    assert flows(plant, Option(2028), world())[0, 1] == pytest.approx(0.8 * (0.9 - 0.018 - 0.5 - 0.05) + 0.1)


def test_c14_contract_receipts_and_c15_credits() -> None:
    option = Option(2028, itc=0.1, ptc=0.05, contract=terms(1000.0, tenor=2))
    found = flows(MINE, option, world())
    written_off, credit = 0.2 * 0.9 / 2, 0.05 * 0.5
    low, high = 0.72 * (0.9 - 0.018 - 0.5 - 0.05 + 0.1), 0.72 * (1.1 - 0.022 - 0.5 - 0.05 - 0.05)
    assert found[:, 0] == pytest.approx(np.array([-0.9, -0.9]))
    assert found[:, 2] == pytest.approx(np.array([low, high]) + written_off + credit)
    assert found[0, 3] == pytest.approx(0.72 * (0.9 - 0.018 - 0.5 - 0.05) + credit)
    half = flows(replace(MINE, ptc_share=0.5, itc_eligible=False), option, world())
    assert half[0, [0, 3]] == pytest.approx(np.array([-1.0, found[0, 3] - credit / 2]))
    before = replace(MINE, build_years=1, life=2)
    assert flows(before, Option(2027, ptc=0.05), world())[0, 1] == pytest.approx(low - 0.72 * 0.1 + 0.1 + credit)


def test_c10_idle_year_pays_care_and_draws_nothing() -> None:
    dear = replace(MINE, opex=1050.0)
    w = world()
    option = Option(2028, ptc=0.05, contract=terms(940.0))
    scene = scene_of(w, {"MINE": 2028})
    done = cash(w, dear, option, prices_in(scene, scene, dear, option))
    assert done.operation.idle.tolist() == [[True] * 3, [False] * 3]
    assert done.operation.margin[0] == pytest.approx(-0.105 - 0.05)
    assert done.operation.payments[0].sum() == done.credits.club_ptc[0].sum() == 0.0
    assert done.operation.repayments[1] == pytest.approx(0.5 * 0.16)
    just = replace(dear, opex=1000.0)
    assert not cash(w, just, Option(2028), prices_in(scene, scene, just, Option(2028))).operation.idle.any()


def test_c10_capital_years_and_expansion() -> None:
    w = world()
    assert capital_by_year(w, replace(MINE, build_years=3), Option(2029))[:3] == pytest.approx(np.array([0.5, 0.5, 0.0]))
    assert capital_by_year(w, MINE, Option(2027))[0] == 1.0
    grown = replace(MINE, expansion_capital=0.4, expansion_year=2, expansion_capacity=500.0)
    assert grown.tonnes.tolist() == [1000.0, 1000.0, 1500.0]
    assert depreciation(w, grown, Option(2028), 0.1) == pytest.approx(np.array([0.45, 0.65, 0.2]))
    slow = replace(grown, expansion_year=3)
    assert depreciation(world(depreciation_years=10), slow, Option(2028), 0.1) == pytest.approx(np.array([0.3, 0.3, 0.7]))
    assert flows(grown, Option(2028), w)[0, 2] == pytest.approx(0.72 * (0.9 - 0.018 - 0.5 - 0.05) + 0.2 * 0.7 - 0.4)


def test_c4_feed_and_by_products() -> None:
    plant = replace(
        MINE, feed="metal", feed_rate=0.1, feed_factor=0.5, streams=(Stream("gold", 2.0, 50000.0, 0.9), Stream("metal", 100.0, 0.0, 0.5)), ramp=(0.5, 1.0)
    )
    w = world((replace(METAL, law=np.full((2, 3), 0.1)),), (plant,))
    scene = scene_of(w, {"MINE": 2028})
    done = cash(w, plant, Option(2028), prices_in(scene, scene, plant, Option(2028)))
    sales, cost = 0.99, 0.5 + 0.1 * 0.5 * 0.99
    assert done.operation.gross[0, :2] == pytest.approx(np.array([0.5, 1.0]) * (sales - cost + 0.09 + 50 * 990 / 1e6))
    assert main_share(w, plant) == pytest.approx(1.0 / 1.14)
    assert strike_floor(w, plant, Option(2028)) == pytest.approx(550.0 - 140.0)


def test_c12a_value_and_hurdle() -> None:
    w = world()
    where = setting(scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028}))
    mean = 0.72 * 0.43
    npv = -1 + (mean + 0.1) / 1.1 + (mean + 0.1) / 1.1**2 + mean / 1.1**3
    assert bank(where, MINE, Option(2028)).npv == pytest.approx(npv)
    loose = world((replace(METAL, exchange_traded=False),))
    there = setting(scene_of(loose, {"MINE": 2028}), scene_of(loose, {"MINE": 2028}))
    contract = Option(2028, contract=terms(900.0, tenor=2))
    rates = 1.1 + 0.025 * np.array([0.5, 0.5, 1.0])
    factors = np.cumprod(1 / rates)
    assert hurdle(loose, MINE, np.array([0.5, 0.5, 0.0]), 2028)[:4] == pytest.approx(np.array([1.0, *factors]))
    late = np.cumprod(1 / (1.1 + 0.025 * np.array([0.5, 0.5, 1.0])))
    assert hurdle(loose, MINE, np.array([0.5, 0.0, 0.0]), 2029)[:4] == pytest.approx(np.array([1.0, *late]))
    flow = flows(MINE, contract, loose).mean(axis=0)
    assert bank(there, MINE, contract).npv == pytest.approx(float(flow[:4] @ np.array([1.0, *factors])))


def test_c12b_tail_is_the_mean_of_the_worst_scenarios() -> None:
    assert mean_of_worst(np.array([5.0, 1.0, 2.0, 9.0]), 0.5, lowest=True) == 1.5
    assert mean_of_worst(np.array([5.0, 1.0, 2.0, 9.0]), 0.375, lowest=False) == pytest.approx((9 + 0.5 * 5) / 1.5)
    w = world()
    found = bank(setting(scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028})), MINE, Option(2028))
    assert found.tail == pytest.approx(float(flows(MINE, Option(2028), w)[0] @ 1.05 ** -np.arange(6.0)))
    assert found.margins["tail"] == pytest.approx(found.tail + 0.6)


def test_c12c_bank_and_dump_deck_by_hand() -> None:
    w = world()
    loan = loan_of(w, MINE, Option(2028))
    amount = 0.6 * (1 + 0.6 * 0.05 * 0.5)
    service = amount * 0.05 / (1 - 1.05**-2)
    assert (loan.amount, loan.service) == pytest.approx((amount, service))
    first, second = 0.72 * 0.43 + 0.1, 0.72 * 0.43
    found = bank(setting(scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028})), MINE, Option(2028))
    assert found.cover_bank == pytest.approx((first + second) / 2 / service)
    assert found.cover_required == pytest.approx(1.45)
    dumped = 0.72 * (0.6 * 0.98 - 0.55) + 0.1
    assert found.llcr_dump == pytest.approx((dumped / 1.05 + second / 1.05**2) / amount)
    care = bank(setting(scene_of(w), scene_of(w)), replace(MINE, opex=2000.0), Option(2028))
    assert care.cover_bank == pytest.approx((0.72 * (0.98 - 2.05) * 2 + 0.1) / 2 / service)
    wide = replace(MINE, expansion_capital=0.4, expansion_year=2)
    assert bank(setting(scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028})), wide, Option(2028)).cover_bank == pytest.approx(found.cover_bank)
    assert loan_of(w, MINE, Option(2028, itc=0.1)).amount == pytest.approx(0.9 * amount)
    public = replace(MINE, loan=0.3, loan_tenor=4, loan_spread=0.01)
    assert loan_of(w, public, Option(2028)).service == pytest.approx(0.3 * 0.03 / (1 - 1.03**-2))
    assert loan_of(w, replace(public, life=9), Option(2028)).service == pytest.approx(0.3 * 0.03 / (1 - 1.03**-4))
    calm = world((replace(METAL, china_share=0.5),))
    assert bank(setting(scene_of(calm), scene_of(calm)), MINE, Option(2028)).llcr_dump is None


def test_c12c_downside_deck_by_hand() -> None:
    w = world()
    found = bank(setting(scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028})), MINE, Option(2028))
    service = loan_of(w, MINE, Option(2028)).service
    yearly = 0.72 * (0.8 - 0.016 - 0.55 - 0.05) + 0.2 * 1.15 / 2
    left = 0.5 * service - (service - yearly)
    assert found.cover_downside == pytest.approx(min(yearly / service + 0.5, (yearly + left) / service))
    insured = bank(setting(scene_of(w), scene_of(w)), MINE, Option(2028, contract=terms(1000.0, tenor=1)))
    assert insured.cover_downside == pytest.approx(yearly / service + 0.5)
    rising = replace(w, law_credits={("ptc", 1, "metal"): np.array([0, 0, 0.3, 0, 0, 0.0]), ("itc", 1, "metal"): np.array([0.1, 0, 0, 0, 0, 0.0])})
    paid, smaller = found.cover_downside, 0.9 * service
    found = bank(setting(scene_of(rising), scene_of(rising)), MINE, Option(2028))
    yearly += 0.3 * 0.55 - 0.2 * 0.1 / 2
    late = yearly - 0.3 * 0.55
    assert found.cover_downside == pytest.approx((late + min(0.5 * smaller, 0.5 * smaller + yearly - smaller)) / smaller)
    assert found.cover_downside != paid
    loan = Loan(1.0, 0.05, 3, 1.0)
    assert downside_cover(np.array([0.6, 3.0, 0.6]), loan, 0.5) == pytest.approx(1.1)
    assert downside_cover(np.array([0.6, 1.0, 0.6]), loan, 0.5) == pytest.approx(0.7)
    assert downside_cover(np.array([3.0, 0.8, 0.6]), loan, 0.5) == pytest.approx(0.9)


def test_c12c_lender_counts_half_the_uplift_before_the_review() -> None:
    w = world(review_year=2030)
    scene = scene_of(w, {"MINE": 2028}, {("metal", "market"): 0.2, ("metal", "china_linked"): 0.2})
    found = bank(setting(scene, scene_of(w)), MINE, Option(2028))
    service = loan_of(w, MINE, Option(2028)).service
    cover = (0.72 * (1.1 * 0.98 - 0.55) + 0.1 + 0.72 * 0.43) / 2 / service
    assert found.cover_bank == pytest.approx(cover)


def test_c12_a_worthless_contract_changes_nothing_and_a_higher_strike_never_hurts() -> None:
    w = world((replace(METAL, exchange_traded=False),))
    where = setting(scene_of(w, {"MINE": 2028}), scene_of(w, {"MINE": 2028}))
    bare, idle = bank(where, MINE, Option(2028)), bank(where, MINE, Option(2028, contract=terms(1.0, upside=0.0)))
    assert (bare.npv, bare.tail, bare.cover_bank, bare.cover_required) == (idle.npv, idle.tail, idle.cover_bank, idle.cover_required)
    ladder = [bank(where, MINE, Option(2028, contract=terms(k))) for k in (800.0, 900.0, 1000.0, 1200.0)]
    assert all(a.worst <= b.worst for a, b in itertools.pairwise(ladder))
    assert ladder[-1].cover_required == pytest.approx(1.30)
