"""Room for new supply, subsidy equivalents and the band."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from minclub.instances.loader import load
from minclub.instances.synthetic import synthetic
from minclub.models.columns import CONTRACT
from minclub.models.competition import band_holds, contested, equivalent
from minclub.models.desk import Desk
from minclub.models.projects import start_years
from minclub.models.subsidies import CreditLevel
from minclub.models.welfare import project_cost
from minclub.solvers import audit_baseline
from minclub.solvers.audit_read import read_world
from minclub.tests.models.tutorial_sites import support

TIGHT_ALPHA = ["products.alpha.existing_refined_t_usa=6500", "targets.alpha=0.7"]


@cache
def tight() -> Desk:
    """Return the tutorial with a baseline need of 2,500 t of alpha against 4,000 t of candidates that need aid."""
    return Desk(load("tutorial", TIGHT_ALPHA))


def test_a_product_is_contested_where_aided_candidates_exceed_need() -> None:
    found = contested(tight())
    years = tight().market.years
    assert list(years[found["alpha"]]) == [2029, 2030, 2031]
    assert not found["beta"].any()
    assert not contested(Desk(load("tutorial")))["alpha"].any()


def test_of_an_exclusive_group_the_largest_counts() -> None:
    group = ["projects.USA_ALPHA.exclusive_group=ONE", "projects.MEX_ALPHA.exclusive_group=ONE"]
    assert not contested(Desk(load("tutorial", TIGHT_ALPHA + group)))["alpha"].any()


@pytest.mark.parametrize("seed", [3, 14, 16, 22])
def test_the_audit_finds_the_same_products_contested(seed: int) -> None:
    desk = Desk(synthetic(projects=10, products=2, scenarios=5, years=20, small_ladders=True, seed=seed))
    world = read_world(desk.instance, desk.market.scenarios, int(desk.market.years[-1]))
    found = {m: bool(years.any()) for m, years in desk.competition.contested.items()}
    assert audit_baseline.contested(world, audit_baseline.baseline(world)) == found


def test_the_band_compares_members_with_aid_only() -> None:
    aid = {("USA", "m"): [(1.0, 10.0), (3.0, 10.0)], ("CAN", "m"): [(1.0, 10.0)], ("MEX", "m"): []}
    assert equivalent(aid["USA", "m"]) == pytest.approx(0.2)
    assert band_holds(aid, ["m"], 0.1)
    assert not band_holds(aid, ["m"], 0.09)
    assert band_holds(aid, ["other"], 0.0)
    assert band_holds(aid, [], 0.0)


def test_aid_lists_contracts_and_drawn_credits() -> None:
    desk = tight()
    settings = desk.law_settings()
    start = start_years(desk.instance, desk.plants["USA_ALPHA"])[0]
    made = desk.family("USA_ALPHA", start, settings)
    assert made.kind[0] == CONTRACT
    aid = desk.competition.aid([("USA_ALPHA", start)], {}, settings)
    assert list(aid) == [("USA", "alpha")]
    assert np.array(aid["USA", "alpha"]) == pytest.approx(np.array([(made.supported[0], made.sales)]))
    assert desk.competition.products == ("alpha",)
    assert desk.competition.holds([("USA_ALPHA", start)], {}, settings)


def test_subsidy_equivalents_are_increments_over_law() -> None:
    desk = Desk(synthetic(projects=6, products=2, scenarios=4, years=20, seed=3))
    settings, level = desk.law_settings(), CreditLevel(itc=0.1, ptc=0.05)
    compared = 0
    for plant in desk.plants.values():
        start = start_years(desk.instance, plant)[0]
        site, law = desk.outlooks.site(plant, start, settings), desk.law[plant.country, plant.product]
        strike = np.array([1.2 * desk.market.long_run[plant.product]])
        held = project_cost(site, law, level, desk.public_rate, desk.offer.contract, strike).pick(0)
        supported, sales = support(site, law, level, held, desk.public_rate, desk.market.long_run[plant.product], held=True)
        operate, build = site.calendar.operate, site.calendar.build
        factor = (1 + desk.public_rate) ** -np.arange(desk.market.years.size, dtype=float)
        net = float((held.payments - held.receipts) @ factor)
        club = plant.itc_share * level.itc * float(factor[build] @ site.calendar.capital)
        ran = site.operate(np.arange(min(operate.size, desk.offer.contract.tenor_years)), strike, desk.offer.contract).active[0]
        active = np.vstack([ran, site.merchant.active[0][ran.shape[0] :]])
        club += plant.ptc_share * level.ptc * float(factor[operate] @ (active * site.cost).mean(axis=1))
        assert supported == pytest.approx(net + club, rel=1e-9, abs=1e-9)
        assert sales > 0.0
        compared += bool(law.itc[build].any() or law.ptc[operate].any())
    assert compared


def test_refineries_pay_no_mining_duty() -> None:
    plants = Desk(synthetic(projects=20, products=3, scenarios=2, years=20, seed=2)).plants.values()
    duty = {p.stage: p.terms.duty for p in plants}
    assert duty["refinery"] == 0.0
    assert duty["mine"] > 0.0
