"""What a plant draws of a level: grants folded into credits, levels that come to the same kept once (C15)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import minclub as mc
from minclub.models.aid import Aid
from minclub.models.baseline import dump_exposed
from minclub.models.cashflow import Site
from minclub.models.columns import CONTRACT, INFEASIBLE, UNAIDED, Family, family
from minclub.models.desk import Desk
from minclub.models.levies import Border
from minclub.models.subsidies import CreditLevel, LawCredits
from minclub.models.welfare import Cost

GIVEN: dict[str, object] = {
    "instruments.grants": True,
    "instruments.loans": True,
    "ladders.grant": [0, 0.2, 0.6],
    "ladders.loan": [0, 1],
    "ladders.itc": [0, 0.1],
    "projects.USA_ALPHA.dev_status": "study",
    "switches.tail": True,
    "switches.lender": True,
    "finance.loss_tolerance": 0.9,
}
RATES = (0.0, 0.02)
"""Tariffs on both nodes at which the site is looked at."""


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Return the tutorial with grants, loans and all tests; of the candidates of alpha USA_ALPHA alone is early-stage."""
    return Desk(mc.load("tutorial", GIVEN))


def sites(desk: Desk, plant_id: str, share: float, start: int = 2029) -> list[tuple[Site, Site | None]]:
    """Return a plant of which a share of capital is eligible, at two tariffs, and the ends of an envelope over both."""
    plant, law = replace(desk.plants[plant_id], itc_share=share), desk.law_settings()
    alone = [law | {"alpha": replace(law["alpha"], border=Border(rate, rate))} for rate in RATES]
    every = {m: np.full((desk.market.years.size, 4), True) for m in law}
    both = desk.outlooks.envelope(plant, start, {"alpha": tuple(Border(rate, rate) for rate in RATES)}, every)
    return [*((desk.outlooks.site(plant, start, settings), None) for settings in alone), both]


def made(desk: Desk, site: Site, worst: Site | None, levels: tuple[CreditLevel, ...], *, plain: bool) -> Family:
    """Evaluate levels as a desk does, or as they stand for a site that already has its aid."""
    offer = replace(desk.offer, levels=levels)
    law = desk.law[site.plant.country, site.plant.product]
    return family(site, law, offer, dump_exposed(desk.market, site.plant.product), None, worst, None, None if plain else desk.supports)


def with_aid(desk: Desk, site: Site, level: CreditLevel, *, early: bool) -> Site:
    """Give a site the grant and the loan of a level by hand."""
    loan = desk.aid(site, CreditLevel(loan=1.0)).loan
    return replace(site, aid=Aid(grant=level.grant if early else 0.0, loan=loan if level.loan else None))


def assert_same(ours: Family, level: int, alone: Family) -> None:
    """Check one level of a family against a family of that level alone."""
    assert ours.kind[level] == alone.kind[0]
    assert_array_equal(ours.strike[level], alone.strike[0])
    assert_allclose(ours.supported[level], alone.supported[0], rtol=1e-9, atol=1e-9)
    if alone.kind[0] != INFEASIBLE:
        for part in Cost.__dataclass_fields__:
            assert_allclose(getattr(ours.cost.at(level), part), getattr(alone.cost.at(0), part), rtol=1e-9, atol=1e-9, err_msg=part)


@pytest.mark.parametrize("share", [1.0, 0.4, 0.0])
@pytest.mark.parametrize(("plant_id", "early"), [("USA_ALPHA", True), ("MEX_ALPHA", False)])
def test_a_grant_is_the_same_as_a_site_that_has_it(desk: Desk, plant_id: str, early: bool, share: float) -> None:
    """Folded into the credit or not, for the exact sites and the bound between them."""
    levels, kinds = desk.offer.levels, set()
    for site, worst in sites(desk, plant_id, share):
        together = made(desk, site, worst, levels, plain=False)
        for k, level in enumerate(levels):
            given = [None if s is None else with_aid(desk, s, level, early=early) for s in (site, worst)]
            assert given[0] is not None
            assert_same(together, k, made(desk, given[0], given[1], (level,), plain=True))
        kinds |= set(together.kind.tolist())
    assert kinds == ({INFEASIBLE, UNAIDED, CONTRACT} if early else {CONTRACT})


@pytest.mark.parametrize(("plant_id", "share", "entries"), [("USA_ALPHA", 1.0, 8), ("USA_ALPHA", 0.0, 4), ("MEX_ALPHA", 1.0, 4), ("MEX_ALPHA", 0.0, 2)])
def test_levels_of_which_a_plant_draws_the_same_share_an_entry(desk: Desk, plant_id: str, share: float, entries: int) -> None:
    """Of 2 x 2 x 3 levels a plant that gets no grants tells 2 x 2 apart, and one without eligible capital no investment credits.

    The highest grant is above the cap on support: levels that are not feasible have no entry.
    """
    levels = desk.offer.levels
    for site, worst in sites(desk, plant_id, share):
        together = made(desk, site, worst, levels, plain=False)
        assert len(levels) == 12
        assert together.cost.entries.booked.size == entries
        assert_array_equal(together.cost.of < 0, together.kind == INFEASIBLE)
        for k, level in enumerate(levels):
            assert_same(together, k, made(desk, site, worst, (level,), plain=False))


def test_the_cap_on_support_binds_where_the_club_adds_something(desk: Desk) -> None:
    """60% of capital by law is above the cap of 50%: no level that adds to it is allowed, and the law alone is (C13)."""
    site, _ = sites(desk, "USA_ALPHA", 1.0)[0]
    years = desk.market.years.size
    law, levels = LawCredits(np.full(years, 0.6), np.zeros(years)), (CreditLevel(), CreditLevel(itc=0.1), CreditLevel(grant=0.2), CreditLevel(loan=1.0))
    offer = replace(desk.offer, levels=levels)
    kinds = family(site, law, offer, False, supports=desk.supports).kind
    assert kinds[0] != INFEASIBLE
    assert (kinds[1:] == INFEASIBLE).all()


def test_the_cap_on_support_leaves_a_plant_alone_that_draws_nothing(desk: Desk) -> None:
    """Its law credits are above the cap; what its group offers to others is no increment of its own (C13)."""
    site, _ = sites(desk, "MEX_ALPHA", 1.0)[0]
    years = desk.market.years.size
    law, levels = LawCredits(np.full(years, 0.6), np.zeros(years)), (CreditLevel(), CreditLevel(grant=0.2), CreditLevel(itc=0.1))
    kinds = family(site, law, replace(desk.offer, levels=levels), False, supports=desk.supports).kind
    assert kinds[0] == kinds[1] != INFEASIBLE
    assert kinds[2] == INFEASIBLE


def test_what_a_plant_draws_is_worked_out_once_for_the_same_levels(desk: Desk) -> None:
    supports, levels, plant = desk.supports, desk.offer.levels, desk.plants["MEX_ALPHA"]
    every, some = np.arange(len(levels)), np.array([0, 3])
    found = supports.distinct(plant, levels, every)
    assert supports.distinct(plant, levels, every.copy()) is found
    assert [found[1][k] for k in found[0]] == supports.drawn(plant, levels)
    few = supports.distinct(plant, levels, some)
    assert [few[1][k] for k in few[0]] == supports.drawn(plant, [levels[0], levels[3]])
    other = supports.distinct(desk.plants["USA_ALPHA"], levels, every)
    assert len(other[1]) > len(found[1])


def test_levels_that_are_not_on_offer_are_left_out(desk: Desk) -> None:
    site, _ = sites(desk, "USA_ALPHA", 1.0)[0]
    law, wanted = desk.law["USA", "alpha"], np.array([0, 3])
    some = family(site, law, desk.offer, True, None, None, wanted, desk.supports)
    whole = family(site, law, desk.offer, True, None, None, None, desk.supports)
    weighed = some.cost.weighed(lambda cost: cost.booked + cost.hosted.sum(axis=-1))
    assert np.flatnonzero(np.isfinite(weighed)).tolist() == wanted.tolist()
    assert np.flatnonzero(some.kind != INFEASIBLE).tolist() == wanted.tolist()
    assert_allclose(weighed[wanted], [float(whole.cost.at(k).booked + whole.cost.at(k).hosted.sum()) for k in wanted], rtol=1e-12)
    assert np.isnan(np.delete(some.strike, wanted)).all()
    assert not np.delete(some.supported, wanted).any()
