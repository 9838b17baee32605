"""Offtake of defence products, worked out by hand on the tutorial (C17, C24)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.bankability import Tests
from minclub.models.cashflow import Site
from minclub.models.decisions import Decisions
from minclub.models.desk import Desk
from minclub.models.procurement import nameplates, offered_streams, procured_products
from minclub.models.statement import Statement
from minclub.models.subsidies import CreditLevel, LawCredits
from minclub.models.welfare import project_cost
from minclub.tests.models.tutorial_sites import no_law

START, YEARS, RATE = 2029, 10, 0.05
GIVEN: dict[str, object] = {
    "instruments.procurement": True,
    "ladders.offtake": [1.0, 1.5],
    "products.alpha.is_defence": True,
    "products.alpha.defence_share": 0.1,
    "procurement.quotas.USA": 0.5,
    "procurement.quotas.CAN": 0.3,
    "procurement.quotas.MEX": 0.2,
}
"""Defence needs 1,000 of 10,000 t of alpha; USA_ALPHA and MEX_ALPHA offer 2,000 t each: the club buys a quarter of each."""


@cache
def desk(**more: object) -> Desk:
    return Desk(mc.load("tutorial", GIVEN | {key.replace("__", "."): value for key, value in more.items()}))


def alpha(multiple: float, at: Desk | None = None) -> Site:
    """Return USA_ALPHA from 2029 with offtake at a multiple of 9,000 USD/t."""
    at = at or desk()
    site = at.outlooks.site(at.plants["USA_ALPHA"], START, at.law_settings())
    return replace(site, aid=at.aid(site, CreditLevel(offtake=multiple)))


def test_every_tonne_of_nameplate_has_the_same_claim() -> None:
    shares = desk().supports.shares
    assert set(shares) == {"alpha"}
    assert_allclose(shares["alpha"], np.full(YEARS, 1_000 / 4_000))
    assert_allclose(desk(products__alpha__defence_share=0.6).supports.shares["alpha"], np.ones(YEARS))


def test_of_an_exclusive_group_only_the_largest_counts() -> None:
    plants = desk().plants
    usa, mexico = plants["USA_ALPHA"], replace(plants["MEX_ALPHA"], capacity=1_500.0, payability=0.8)
    assert nameplates([usa, mexico]) == {"alpha": 3_200.0}
    assert nameplates([replace(usa, group="one"), replace(mexico, group="one")]) == {"alpha": 2_000.0}
    assert nameplates([replace(usa, refined=False), mexico]) == {"alpha": 1_200.0}


def test_plants_linked_to_china_do_not_supply() -> None:
    linked = desk(projects__MEX_ALPHA__china_linked=True)
    assert_allclose(linked.supports.shares["alpha"], np.full(YEARS, 1_000 / 2_000))
    assert offered_streams(linked.plants["MEX_ALPHA"], linked.supports.shares) == ()
    assert offered_streams(linked.plants["USA_ALPHA"], linked.supports.shares) == ("alpha",)


def test_a_list_of_products_stands_before_the_flags() -> None:
    assert procured_products(desk().instance) == ("alpha",)
    listed = mc.load("tutorial", GIVEN | {"procurement.products": ["beta"]})
    assert procured_products(listed) == ("beta",)


def test_plants_of_the_baseline_take_no_offtake() -> None:
    assert desk().supports.kinds(desk().plants["CAN_ALPHA"]) == frozenset()
    assert desk().supports.kinds(desk().plants["USA_ALPHA"]) == {"offtake", "loan", "upside"}


@pytest.mark.parametrize(("multiple", "paid", "got"), [(1.5, 2.25, 0.0), (1.0, 0.5, 0.5)])
def test_the_club_pays_the_difference_on_its_share(multiple: float, paid: float, got: float) -> None:
    """500 t a year: at 13,500 USD/t 3.75, 2.25 and 0.75 musd in the three scenarios; at 9,000 USD/t 1.5, 0 and -1.5."""
    cost = project_cost(alpha(multiple), no_law(), CreditLevel(offtake=multiple), RATE).pick(0)
    years = np.isin(np.arange(2027, 2027 + YEARS), range(2029, 2034))
    assert_allclose(cost.joint_payments, paid * years)
    assert_allclose(cost.joint_receipts, got * years)
    assert not cost.payments.any()
    value = sum((paid - got) * 1.05**-t for t in range(2, 7))
    assert float(cost.booked) == pytest.approx(value, abs=1e-12)
    assert float(cost.joint_booked) == pytest.approx(value, abs=1e-12)


def test_each_scenario_is_booked_on_its_own_in_the_tail() -> None:
    cost = project_cost(alpha(1.0), no_law(), CreditLevel(offtake=1.0), RATE).pick(0)
    worth = sum(1.05**-t for t in range(2, 7))
    assert_allclose(cost.scenario, [1.5 * worth, 0.0, 0.0], atol=1e-12)
    assert_allclose(cost.scenario_outlay, [1.5 * worth, 0.0, 0.0], atol=1e-12)


def test_the_tenor_counts_operating_years() -> None:
    cost = project_cost(alpha(1.5, desk(procurement__tenor_years=2)), no_law(), CreditLevel(offtake=1.5), RATE).pick(0)
    assert_allclose(cost.joint_payments, [0, 0, 2.25, 2.25, 0, 0, 0, 0, 0, 0])


def test_nothing_is_bought_in_idle_years() -> None:
    """At 9,000 USD/t of cost the plant needs 16.2 musd; with offtake it earns 15.75, 20.25 and 24.75."""
    site = alpha(1.5)
    idle = replace(site, plant=replace(site.plant, opex=9_000.0))
    cost = project_cost(idle, no_law(), CreditLevel(offtake=1.5), RATE).pick(0)
    assert cost.joint_payments[2] == pytest.approx((2.25 + 0.75) / 3)


def test_a_contract_covers_what_the_offtake_leaves() -> None:
    """1,500 t at a strike of 9,000 USD/t: 3,000 USD/t in one scenario of three."""
    held = desk().offer.contract
    cost = project_cost(alpha(1.5), no_law(), CreditLevel(offtake=1.5), RATE, held, np.array([9_000.0])).pick(0)
    assert cost.payments[2] == pytest.approx(1_500 * 3_000 / 3 / 1e6)
    assert cost.receipts[2] == pytest.approx(0.5 * 1_500 * 3_000 / 3 / 1e6)
    assert cost.joint_payments[2] == pytest.approx(2.25)


def test_payments_are_margin_and_bring_no_royalty_and_no_phi() -> None:
    at = desk(projects__USA_ALPHA__royalty_rate=0.1)
    with_, without = alpha(1.5, at), replace(alpha(1.5, at), aid=alpha(0.0, at).aid)
    assert_allclose(with_.merchant.margin - without.merchant.margin, np.array([3.75, 2.25, 0.75]) * np.ones((1, 5, 3)))
    tests = Tests(with_, no_law(), at.rules, at.market.long_run, dump_deck=False)
    assert_allclose(tests.phi, 0.0)


def test_law_credits_become_cost_with_a_contract_and_not_with_an_offtake() -> None:
    """5% of 30 musd in 2028."""
    law, level = LawCredits(np.full(YEARS, 0.05), np.zeros(YEARS)), CreditLevel(offtake=1.5)
    alone = project_cost(alpha(1.5), law, level, RATE).pick(0)
    assert not alone.credits.any()
    held = project_cost(alpha(1.5), law, level, RATE, desk().offer.contract, np.array([9_000.0])).pick(0)
    assert held.credits[1] == pytest.approx(1.5)


def test_members_bear_it_by_their_quotas_wherever_the_plant_stands() -> None:
    cost = project_cost(alpha(1.5), no_law(), CreditLevel(offtake=1.5), RATE).pick(0)
    host, other = cost.borne(1.0, 0.5), cost.borne(0.0, 0.3)
    assert host.outlay[2] == pytest.approx(0.5 * 2.25)
    assert other.outlay[2] == pytest.approx(0.3 * 2.25)
    assert float(other.booked) == pytest.approx(0.3 * float(cost.booked))


def test_what_is_not_built_is_not_bought() -> None:
    at, level = desk(), CreditLevel(offtake=1.5)
    given = Decisions(builds={"USA_ALPHA": START}, credits={("USA", "alpha"): level, ("MEX", "alpha"): level})
    statement = Statement(at, given)
    taken = {key: bool(statement.site(at.plants[key], START).aid.streams) for key in ("USA_ALPHA", "MEX_ALPHA")}
    assert taken == {"USA_ALPHA": True, "MEX_ALPHA": False}
