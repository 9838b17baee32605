"""Contract terms, grants and concessional loans in the audit, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minclub.solvers.audit_bank import bank, cover_of_contract, setting, stack
from minclub.solvers.audit_baseline import baseline, club_terms, contested, upside_ladder
from minclub.solvers.audit_cash import depreciation
from minclub.solvers.audit_cost import built_projects, ledger, public_cost, subsidy_equivalents
from minclub.solvers.audit_credits import loan_of, loan_subsidy
from minclub.solvers.audit_effects import flows_of
from minclub.solvers.audit_option import Option, contract_flows
from minclub.solvers.audit_strike import least_strike, net_payments, strike_floor
from minclub.solvers.audit_world import Project, Terms, World
from minclub.tests.solvers.audit_worlds import METAL, MINE, YEARS, flows, scene_of, terms, world


def paid(project: Project, contract: Terms, price: float) -> tuple[list[float], list[float]]:
    """Return payments and repayments of a contract at a flat price, musd by operating year."""
    given, back = contract_flows(world(), project, Option(2028, contract=contract), np.full((1, project.life), price))
    return given[0].tolist(), back[0].tolist()


def test_c14_the_part_that_is_not_indexed_loses_its_value() -> None:
    contract = replace(terms(1000.0), indexed=0.25, inflation=0.25)
    strikes = [1000.0, 250 + 750 / 1.25, 250 + 750 / 1.25**2]
    assert contract.strikes(3) == pytest.approx(np.array(strikes))
    given, back = paid(MINE, contract, 800.0)
    assert given == pytest.approx([0.2, 0.05, 0.0])
    assert back == pytest.approx([0.0, 0.0, 0.5 * 0.07])


def test_c14_nothing_is_shared_within_the_collar() -> None:
    contract = replace(terms(1000.0), collar=0.1)
    for price, repaid in ((1100.0, 0.0), (1300.0, 0.5 * 0.2)):
        given, back = paid(MINE, contract, price)
        assert given == pytest.approx([0.0] * 3)
        assert back == pytest.approx([repaid] * 3)
    worn = replace(contract, indexed=0.0, inflation=0.25)
    assert paid(MINE, worn, 1000.0)[1] == pytest.approx([0.0, 0.5 * 0.12, 0.5 * (1.0 - 1.1 * 0.64)])


def test_c14_a_delayed_contract_covers_later_operating_years() -> None:
    contract = replace(terms(1000.0, tenor=2), start=2029, delay=1, indexed=0.0, inflation=0.25)
    given, back = paid(MINE, contract, 500.0)
    assert given == pytest.approx([0.0, 0.3, 0.14])
    assert back == pytest.approx([0.0, 0.0, 0.0])
    w = world()
    found = cover_of_contract(w, MINE, Option(2028, contract=contract), scene_of(w, {"MINE": 2028}))
    assert found == pytest.approx(np.zeros(3))
    higher = replace(contract, strike=1300.0)
    strike = 1300.0 * (0.8 + 0.64) / 2
    found = cover_of_contract(w, MINE, Option(2028, contract=higher), scene_of(w, {"MINE": 2028}))
    assert found == pytest.approx(np.array([0.0, 1.0, 1.0]) * (strike - 800.0) / 200.0)


def test_c12c_a_contract_of_the_club_moves_with_a_late_start() -> None:
    delayed = Option(2028, contract=replace(terms(1000.0, tenor=1), start=2029, delay=1)).delayed(1)
    assert delayed.contract is not None
    assert (delayed.start, delayed.contract.start) == (2029, 2030)
    given, _ = contract_flows(world(), MINE, delayed, np.full((1, 3), 900.0))
    assert given[0] == pytest.approx(np.array([0.0, 0.1, 0.0]))


def test_c14_settings_make_the_contract() -> None:
    settings = {
        "contract.share": 0.8, "contract.stockpile_share": 0.25, "contract.stockpile_counted": False, "contract.start_delay": 2, "contract.collar": 0.1,
        "contract.indexed_share": 0.3, "contract.inflation": 0.04, "contract.tenor_years": 9, "contract.upside_shares": (0.2, 0.4),
    }  # fmt: skip
    w = world(settings=settings)
    found = club_terms(w, 900.0, 0.2, 2028)
    assert (found.share, found.start, found.delay, found.collar) == pytest.approx((0.6, 2030, 2, 0.1))
    assert (found.indexed, found.inflation, found.tenor, found.upside) == pytest.approx((0.3, 0.04, 9, 0.2))
    assert club_terms(world(settings=settings | {"contract.stockpile_counted": True}), 900.0, 0.2, 2028).share == 0.8
    assert upside_ladder(w) == (0.2, 0.4)
    assert upside_ladder(world(settings={"contract.upside_share": 0.3})) == (0.3,)


def test_c14_least_strike_and_rent() -> None:
    w = world((replace(METAL, china_share=0.0),), settings={"switches.lender": False, "switches.tail": False})
    where, option = setting(scene_of(w, {"MINE": 2028}), scene_of(w)), Option(2028)
    dear = replace(MINE, opex=700.0)
    strike = least_strike(where, dear, option, terms(1.0))
    assert strike is not None
    margins = [bank(where, dear, replace(option, contract=terms(k))).npv for k in (strike, strike - (10.0 if strike > 1000.0 else 1.0))]
    assert margins[0] >= 0.0 > margins[1]
    assert least_strike(where, replace(MINE, opex=5000.0), option, terms(1.0)) is None
    assert least_strike(where, replace(MINE, opex=499.3, capital=0.5), option, terms(1.0, upside=0.0)) == 500.0
    rent = net_payments(where, dear, replace(option, contract=terms(1000.0))) - net_payments(where, dear, replace(option, contract=terms(900.0)))
    assert rent == pytest.approx(3 * (0.5 * 0.1 + 0.5 * 0.5 * 0.1))


def test_c18_strike_floor_is_at_the_cost_of_the_design() -> None:
    w, mine = world(), replace(MINE, standards_gap=80.0)
    assert strike_floor(w, mine, Option(2028)) == pytest.approx(500.0)
    assert strike_floor(w, mine, Option(2028, standards=0.5)) == pytest.approx(540.0)


def test_c20_aid_that_is_off_helps_nobody() -> None:
    dear = replace(MINE, opex=900.0, capital=0.6, capacity=9000.0)
    ladders = {"ladders.tariffs": (0.0, 0.1), "contract.tenor_years": 3}
    for off, expected in (((), True), (("contracts",), False)):
        w = world(projects=(dear,), settings=ladders | {f"instruments.{name}": False for name in off})
        assert contested(w, baseline(w)) == {"metal": expected}


def test_c15_a_grant_works_like_an_investment_credit_for_all_capital() -> None:
    w = world()
    ineligible = replace(MINE, itc_eligible=False)
    assert flows(ineligible, Option(2028, grant=0.2), w) == pytest.approx(flows(MINE, Option(2028, itc=0.2), w))
    assert loan_of(w, ineligible, Option(2028, grant=0.2)).amount == pytest.approx(0.8 * loan_of(w, MINE, Option(2028)).amount)
    scene = scene_of(w, {"MINE": 2028})
    entry = ledger(built_projects(w, {"MINE": Option(2028, itc=0.1, grant=0.2)}, scene, scene)[0])
    assert entry.credits[0] == pytest.approx(np.array([0.3, 0, 0, 0, 0, 0]))
    assert stack(setting(scene, scene), replace(ineligible, grant=1.0), Option(2028, itc=0.1, grant=0.2)) == pytest.approx(1.2 / 2.0)
    assert depreciation(w, MINE, Option(2028), 0.2)[0] == pytest.approx(0.4)


LOAN = {"concessional.spread": 0.01, "concessional.tenor_years": 20}


def lending() -> World:
    """Return a world in which the club lends at 3% while its public rate is 4%."""
    return world(settings=LOAN, public_rate=0.04)


def test_c15_concessional_loan_and_its_subsidy() -> None:
    w = lending()
    long = replace(MINE, life=30, capital=10.0)
    option = Option(2028, itc=0.1, loan=True)
    amount = 0.6 * 9.0 * (1 + 0.6 * 0.03 * 0.5)
    service = amount * 0.03 / (1 - 1.03**-20)
    found = loan_of(w, long, option)
    assert (found.amount, found.rate, found.tenor, found.service) == pytest.approx((amount, 0.03, 20, service))
    assert loan_subsidy(w, long, option) == pytest.approx(amount - service * (1 - 1.04**-20) / 0.04)
    assert loan_of(w, MINE, Option(2028, loan=True)).tenor == 2
    closed = replace(MINE, loan=0.3, loan_tenor=2, loan_spread=0.01)
    assert loan_of(w, closed, option).amount == 0.3
    assert loan_subsidy(w, closed, option) == loan_subsidy(w, long, Option(2028)) == 0.0
    assert loan_subsidy(world(settings=LOAN | {"concessional.spread": 0.05}, public_rate=0.04), long, option) == 0.0


def test_c15_the_subsidy_is_a_credit_of_the_first_operating_year_and_no_cash_flow() -> None:
    w = lending()
    option, scene = Option(2028, loan=True), scene_of(w, {"MINE": 2028})
    subsidy = loan_subsidy(w, MINE, option)
    assert subsidy > 0.001
    assert flows(MINE, option, w) == pytest.approx(flows(MINE, Option(2028), w))
    built = built_projects(w, {"MINE": option}, scene, scene)
    entry = ledger(built[0])
    assert entry.credits[0] == pytest.approx(np.array([0.0, subsidy, 0, 0, 0, 0]))
    cost = public_cost(w, [entry], [], np.zeros((3, YEARS)))
    assert cost.outlay_pv == pytest.approx(np.array([0.0, subsidy / 1.04, 0.0]))
    assert cost.booked_pv[1] == pytest.approx(subsidy / 1.04)
    sales = sum(1.04**-n for n in (1, 2, 3))
    assert subsidy_equivalents(w, [entry], []) == {("CAN", "metal"): pytest.approx(subsidy / 1.04 / sales)}
    assert stack(setting(scene, scene), MINE, option) == pytest.approx(subsidy / 1.04)
    assert flows_of(w, built, scene).credits[1] == pytest.approx(subsidy / 1.04)


def test_c12_a_cheaper_loan_lifts_the_covers_and_leaves_value_and_tail() -> None:
    w = lending()
    where = setting(scene_of(w, {"MINE": 2028}), scene_of(w))
    dear, cheap = (bank(where, MINE, Option(2028, loan=loan)) for loan in (False, True))
    assert (dear.npv, dear.tail) == (cheap.npv, cheap.tail)
    assert dear.cover_bank is not None
    assert cheap.cover_bank == pytest.approx(dear.cover_bank * loan_of(w, MINE, Option(2028)).service / loan_of(w, MINE, Option(2028, loan=True)).service)
