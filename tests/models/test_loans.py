"""Concessional loans, worked out by hand (C12c, C15, C24)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.models.aid import NO_AID
from minclub.models.bankability import Tests, stack_share
from minclub.models.cashflow import Site
from minclub.models.desk import Desk
from minclub.models.loans import subsidy_rate
from minclub.models.subsidies import NO_CREDIT, CreditLevel, LawCredits
from minclub.models.welfare import loan_subsidies, project_cost
from minclub.tests.models.tutorial_sites import RATE, START, YEARS, alpha_of, no_law, support

LOAN = CreditLevel(loan=1.0)
GIVEN: dict[str, object] = {"instruments.loans": True, "ladders.loan": [0, 1], "concessional.spread": 0.01, "concessional.tenor_years": 3}
"""Public loans at 2% + 1% over 3 years, against 5% over 4 of the market; the public rate is 5%."""
SERVICE = 0.03 / (1 - 1.03**-3)
"""Yearly service of 1 musd."""
PRINCIPAL = 0.5 * 30 * (1 + 0.5 * 0.03 * 0.5)
"""Half of 30 musd, and interest of the one build year on half of it."""
SUBSIDY = PRINCIPAL * (1 - SERVICE * (1.05**-1 + 1.05**-2 + 1.05**-3))


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(mc.load("tutorial", GIVEN))


@pytest.fixture(scope="module")
def alpha(desk: Desk) -> Site:
    return alpha_of(desk, LOAN)


def bank_of(desk: Desk, site: Site) -> Tests:
    return Tests(site, no_law(), desk.rules, desk.market.long_run, dump_deck=False)


def test_the_subsidy_is_principal_less_service_at_the_public_rate() -> None:
    """100 over 2 years at 0%: 50 a year, worth 50 / 1.05 + 50 / 1.1025."""
    assert subsidy_rate(0.0, 2, 0.05) == pytest.approx(1 - 0.5 / 1.05 - 0.5 / 1.1025)
    assert subsidy_rate(0.05, 20, 0.05) == pytest.approx(0.0, abs=1e-12)
    assert subsidy_rate(0.08, 20, 0.05) == 0.0


def test_a_public_loan_has_the_public_rate_and_tenor(desk: Desk, alpha: Site) -> None:
    found = bank_of(desk, alpha).decks.loan()
    assert (found.rate, found.years) == (0.03, 3)
    assert float(found.principal) == pytest.approx(PRINCIPAL)
    assert float(found.service) == pytest.approx(PRINCIPAL * SERVICE)
    market = bank_of(desk, replace(alpha, aid=NO_AID)).decks.loan()
    assert (market.rate, market.years) == (0.05, 4)


def test_the_tenor_ends_a_year_before_the_plant() -> None:
    long = Desk(mc.load("tutorial", GIVEN | {"concessional.tenor_years": 20}))
    site = long.outlooks.site(long.plants["USA_ALPHA"], START, long.law_settings())
    held = replace(site, aid=long.aid(site, LOAN))
    assert bank_of(long, held).decks.loan().years == 4
    per_musd = 0.5 * (1 + 0.5 * 0.03 * 0.5) * subsidy_rate(0.03, 4, 0.05)
    assert held.loan_subsidy(np.zeros(())) == pytest.approx(30 * per_musd)


def test_it_costs_the_treasury_its_subsidy_in_the_first_operating_year(alpha: Site) -> None:
    cost = project_cost(alpha, no_law(), LOAN, RATE).pick(0)
    assert_allclose(cost.credits, [0, 0, SUBSIDY, 0, 0, 0, 0, 0, 0, 0])
    assert float(cost.booked) == pytest.approx(SUBSIDY * 1.05**-2)
    assert_allclose(cost.scenario_outlay, SUBSIDY * 1.05**-2)


def test_what_the_treasury_pays_towards_capital_is_not_lent(alpha: Site) -> None:
    """10% of law and 10% of the club leave 24 of 30 musd to borrow for."""
    law = LawCredits(np.full(YEARS, 0.1), np.zeros(YEARS))
    level = replace(LOAN, itc=0.1)
    cost = project_cost(alpha, law, level, RATE).pick(0)
    assert_allclose(cost.credits[:3], [0, 3.0, 0.8 * SUBSIDY])
    given, _ = support(alpha, law, level, cost, RATE, 9_000.0, held=False)
    assert given == pytest.approx(3.0 / 1.05 + 0.8 * SUBSIDY / 1.05**2)


def test_value_and_tail_do_not_see_it(desk: Desk, alpha: Site) -> None:
    dear, cheap = bank_of(desk, replace(alpha, aid=NO_AID)), bank_of(desk, alpha)
    assert_allclose(cheap.value(), dear.value())
    assert_allclose(cheap.tail(), dear.tail())
    cash = 6.4 + 0.2 * 6
    assert_allclose(cheap.decks.bank_cover(), cash / (PRINCIPAL * SERVICE))


def test_decks_without_it_are_those_of_a_plant_without_aid(desk: Desk, alpha: Site) -> None:
    dear, cheap = bank_of(desk, replace(alpha, aid=NO_AID)), bank_of(desk, alpha)
    without = cheap.decks_under(None)
    for cover in ("bank_cover", "downside_cover", "dump_cover"):
        assert_allclose(getattr(without, cover)(0.1), getattr(dear.decks, cover)(0.1))
        assert getattr(without, cover)(0.1) != pytest.approx(getattr(cheap.decks, cover)(0.1))


def test_only_levels_with_a_loan_pay_its_subsidy(alpha: Site) -> None:
    """10% of the club's leave 27 of 30 musd to borrow for."""
    levels = [NO_CREDIT, LOAN, replace(LOAN, itc=0.1), CreditLevel(itc=0.1)]
    assert_allclose(loan_subsidies(alpha, no_law(), levels), [0.0, SUBSIDY, 0.9 * SUBSIDY, 0.0])
    assert_allclose(stack_share(alpha, no_law(), levels, RATE), [0.0, SUBSIDY * 1.05**-2 / (30 / 1.05), 0.1 + 0.9 * SUBSIDY * 1.05**-2 / (30 / 1.05), 0.1])


def test_the_cap_on_support_counts_its_subsidy(alpha: Site) -> None:
    assert stack_share(alpha, no_law(), [LOAN], RATE) == pytest.approx([SUBSIDY * 1.05**-2 / (30 / 1.05)])


def test_who_borrows() -> None:
    """Not the baseline, not a plant with a closed public loan, not one without capital to pay."""
    given = {"projects.MEX_ALPHA.public_loan_musd": 5, "projects.MEX_ALPHA.public_loan_tenor_years": 3, "projects.MEX_ALPHA.public_loan_spread": 0.01}
    found = Desk(mc.load("tutorial", GIVEN | given)).supports
    plants = Desk(mc.load("tutorial", GIVEN)).plants
    kinds = {key: "loan" in found.kinds(replace(plant, loan_musd=5.0 if key == "MEX_ALPHA" else 0.0)) for key, plant in plants.items()}
    assert kinds == {"CAN_ALPHA": False, "USA_ALPHA": True, "MEX_ALPHA": False, "CAN_BETA": False, "USA_BETA": True}
    assert "loan" not in found.kinds(replace(plants["USA_ALPHA"], capital_musd=0.0))
