"""C24 and C16: public cost by hand and against a plain loop over years and scenarios."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minclub as mc
from minclub.instances.synthetic import synthetic
from minclub.models.cashflow import Site
from minclub.models.clusters import free_candidates
from minclub.models.columns import strike_bounds
from minclub.models.contracts import three_digit_grid
from minclub.models.desk import Desk
from minclub.models.master import tail_measure
from minclub.models.projects import start_years
from minclub.models.subsidies import CreditLevel, LawCredits
from minclub.models.welfare import Cost, LevelCosts, discount, project_cost
from minclub.tests.models.tutorial_sites import support

TEN = 10
"""The tutorial's simulated years, those after the last price included."""


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(mc.load("tutorial"))


@pytest.fixture(scope="module")
def alpha(desk: Desk) -> Site:
    return desk.outlooks.site(desk.plants["USA_ALPHA"], 2029, desk.law_settings())


def no_law() -> LawCredits:
    return LawCredits(np.zeros(TEN), np.zeros(TEN))


FIVE_YEARS = sum(1.05**-k for k in range(2, 7))
"""PV at the public rate of 1 a year over the tenor 2029 to 2033."""


def test_contract_costs_net_payments_but_never_less_than_nothing(desk: Desk, alpha: Site) -> None:
    cost = project_cost(alpha, no_law(), CreditLevel(), 0.05, desk.offer.contract, np.array([8_440.0, 7_000.0]))
    paid = 2_000 * np.array([2_440 / 3, 1_000 / 3]) / 1e6
    back = 2_000 * np.array([0.5 * (560 + 3_560) / 3, 0.5 * (2_000 + 5_000) / 3]) / 1e6
    assert_allclose(cost.payments[:, 2:7], np.repeat(paid[:, None], 5, axis=1))
    assert_allclose(cost.receipts[:, 2:7], np.repeat(back[:, None], 5, axis=1))
    assert cost.payments[:, :2].sum() == cost.payments[:, 7:].sum() == 0.0
    assert_allclose(cost.booked, np.maximum(0.0, paid - back) * FIVE_YEARS)
    assert cost.booked[1] == 0.0
    assert_allclose(cost.scenario[0], FIVE_YEARS * 2_000 * np.array([2_440, 0, 0]) / 1e6)
    assert_allclose(cost.scenario_outlay[0], FIVE_YEARS * 2_000 * np.array([2_440, 0, 0]) / 1e6)


def test_law_credits_are_public_cost_only_with_a_contract(desk: Desk, alpha: Site) -> None:
    law = LawCredits(np.full(TEN, 0.05), np.zeros(TEN))
    merchant = project_cost(alpha, law, CreditLevel(itc=0.10), 0.05).pick(0)
    assert_allclose(merchant.credits, [0, 3.0] + [0] * 8)
    assert float(merchant.booked) == pytest.approx(3.0 / 1.05)
    held = project_cost(alpha, law, CreditLevel(itc=0.10), 0.05, desk.offer.contract, np.array([7_000.0])).pick(0)
    assert_allclose(held.credits, [0, 4.5] + [0] * 8)


def test_cost_parts_add_up() -> None:
    yearly, total = np.ones(3), np.ones(())
    one, two = Cost.none(3, 2), Cost(yearly, yearly, yearly, yearly, yearly, total, total, np.ones(2), np.ones(2))
    assert_allclose((one + two + two).outlay, 6.0)
    assert_allclose((one + two + two).hosted, 4.0)
    assert_allclose((one + two + two).income, 4.0)
    assert float((two + two).booked) == 2.0


def test_levels_that_share_an_entry_are_weighed_once() -> None:
    entries = Cost(*(np.arange(2.0).reshape(2, *(1,) * n) + np.ones((2, *(3,) * n)) for n in (1, 1, 1, 1, 1, 0, 0, 1, 1)))
    costs, weighed = LevelCosts(entries, np.array([1, 0, -1, 1])), []

    def weigh(cost: Cost) -> np.ndarray:
        weighed.append(cost.booked.size)
        return cost.booked + cost.hosted.sum(axis=1)

    assert costs.weighed(weigh).tolist() == [14.0, 7.0, np.inf, 14.0]
    assert weighed == [2]
    assert float(costs.at(3).booked) == float(costs.at(0).booked) == 2.0


@pytest.mark.parametrize(("costs", "share", "mean"), [([1.0, 5.0, 3.0, 2.0], 0.5, 4.0), ([1.0, 5.0, 3.0], 0.1, 5.0), ([1.0, 5.0, 3.0], 0.5, 6.5 / 1.5)])
def test_the_tail_takes_the_highest_costs(costs: list[float], share: float, mean: float) -> None:
    values = np.array(costs)
    assert float(values @ tail_measure(values, share)) == pytest.approx(mean)


def test_discount_starts_at_the_base_year() -> None:
    assert_allclose(discount(3, 0.04), [1, 1 / 1.04, 1 / 1.04**2])


def test_support_is_the_increment_over_law_per_sales(desk: Desk, alpha: Site) -> None:
    law = LawCredits(np.full(TEN, 0.05), np.zeros(TEN))
    level = CreditLevel(itc=0.10)
    cost = project_cost(alpha, law, level, 0.05, desk.offer.contract, np.array([8_440.0])).pick(0)
    given, sales = support(alpha, law, level, cost, 0.05, 9_000.0, held=True)
    net = 2_000 * (2_440 - 0.5 * (560 + 3_560)) / 3 / 1e6 * FIVE_YEARS
    assert given == pytest.approx(net + 0.10 * 30 / 1.05)
    assert sales == pytest.approx(FIVE_YEARS * 2_000 * 9_000 / 1e6)


def test_support_takes_out_the_law_share_of_production_credits() -> None:
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.ptc_eligible_share": 1}))
    site = desk.outlooks.site(desk.plants["USA_ALPHA"], 2029, desk.law_settings())
    law, level = LawCredits(np.zeros(TEN), np.full(TEN, 0.06)), CreditLevel(ptc=0.04)
    cost = project_cost(site, law, level, 0.05, desk.offer.contract, np.array([8_250.0])).pick(0)
    given, _ = support(site, law, level, cost, 0.05, 9_000.0, held=True)
    assert float(cost.booked) == pytest.approx(0.10 * 10 * FIVE_YEARS)
    assert given == pytest.approx(0.04 * 10 * FIVE_YEARS)


def test_strikes_with_upside_shares_and_credits_of_their_own_cost_what_each_costs_alone() -> None:
    """Pairs that occur twice, alone or with other credits, included."""
    desk = Desk(mc.load("tutorial", {"projects.USA_ALPHA.ptc_eligible_share": 0.5, "contract.tenor_years": 3}))
    site = desk.outlooks.site(desk.plants["USA_ALPHA"], 2029, desk.law_settings())
    law = LawCredits(np.full(TEN, 0.05), np.linspace(0.0, 0.09, TEN))
    strikes, shares = np.array([8_000.0, 6_000.0, 8_000.0, 8_000.0, 6_000.0]), np.array([0.5, 1.0, 0.0, 0.5, 1.0])
    levels = [CreditLevel(0.1, 0.02), CreditLevel(), CreditLevel(ptc=0.1), CreditLevel(0.1, 0.02), CreditLevel(ptc=0.05)]
    costly = replace(site, plant=replace(site.plant, opex=8_000.0))
    together = project_cost(costly, law, levels, 0.05, replace(desk.offer.contract, upside_share=shares), strikes)
    for k, level in enumerate(levels):
        terms = replace(desk.offer.contract, upside_share=float(shares[k]))
        alone = project_cost(costly, law, level, 0.05, terms, strikes[[k]]).pick(0)
        for part in Cost.__dataclass_fields__:
            assert_allclose(getattr(together.pick(k), part), getattr(alone, part), rtol=1e-12, atol=1e-12, err_msg=part)
    assert len(set(together.booked.round(9))) == 4


# --- against a loop --------------------------------------------------------------------------------------------------


def cost_by_loop(desk: Desk, site: Site, level: CreditLevel, strike: float | None) -> tuple[float, np.ndarray, float]:
    """Return booked cost, each scenario's cost and the PV of expected outlay, year by year (C24, C26)."""
    plant, cal, law = site.plant, site.calendar, desk.law[site.plant.country, site.plant.product]
    contract, scenarios = desk.offer.contract, site.price.shape[1]
    held = strike is not None
    net, gross, credits = (np.zeros(scenarios) for _ in range(3))
    for b, capital in zip(cal.build, cal.capital, strict=True):
        credits += plant.itc_share * (level.itc + (law.itc[b] if held else 0.0)) * capital * 1.04 ** -int(b)
    for n, year in enumerate(cal.operate):
        for s in range(scenarios):
            payable, price = site.payable[n] / 1e6, float(site.price[n, s])
            cost = float(np.broadcast_to(site.cost, site.price.shape)[n, s])
            gross_income = payable * price + float(np.broadcast_to(site.byproduct_revenue, site.price.shape)[n, s])
            paid = 0.0
            if strike is not None and n < contract.tenor_years:
                paid = contract.share * payable * (max(strike - price, 0.0) - contract.upside_share * max(price - strike, 0.0))
            if gross_income + paid < 0.9 * cost:
                continue
            factor = 1.04 ** -int(year)
            net[s] += factor * paid
            gross[s] += factor * max(paid, 0.0)
            credits[s] += factor * plant.ptc_share * (level.ptc + (law.ptc[year] if held else 0.0)) * cost
    return max(0.0, net.mean()) + credits.mean(), np.maximum(net, 0.0) + credits, float((gross + credits).mean())


@pytest.mark.parametrize("seed", [1, 3])
def test_cost_is_the_plain_sum_over_years_and_scenarios(seed: int) -> None:
    desk = Desk(synthetic(projects=10, products=4, scenarios=9, seed=seed, years=20, small_ladders=True))
    factor = discount(desk.market.years.size, 0.04)
    level = CreditLevel(0.1, 0.05)
    for plant in free_candidates(desk.balance, desk.baseline):
        site = desk.outlooks.site(plant, start_years(desk.instance, plant)[0], desk.law_settings())
        law = desk.law[plant.country, plant.product]
        grid = three_digit_grid(*strike_bounds(site, desk.offer))
        for strike in (None, *grid[:: max(1, grid.size // 3)]):
            terms = (desk.offer.contract, np.array([strike])) if strike is not None else (None, None)
            cost = project_cost(site, law, level, 0.04, *terms).pick(0)
            booked, scenario, outlay = cost_by_loop(desk, site, level, strike)
            assert float(cost.booked) == pytest.approx(booked, rel=1e-9, abs=1e-9)
            assert_allclose(cost.scenario, scenario, rtol=1e-9, atol=1e-9)
            assert float(cost.outlay @ factor) == pytest.approx(outlay, rel=1e-9, abs=1e-9)
            assert float(cost.scenario_outlay.mean()) == pytest.approx(outlay, rel=1e-9, abs=1e-9)
