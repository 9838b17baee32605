"""From which strike a plant runs, and what it earns on average, against running every scenario at every strike (C10, C14)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import minclub as mc
from minclub.models import cashflow
from minclub.models.cashflow import Site
from minclub.models.contracts import ContractTerms, payment
from minclub.models.desk import Desk
from minclub.models.running import expected_under, runs_from
from minclub.tests.models.tutorial_sites import alpha_of

GRID = np.linspace(500.0, 30_000.0, 150)
TERMS = ContractTerms(3, 0.7, 0.5, indexed_share=0.4, inflation=0.03, first=1)
KINDS = [
    pytest.param(replace(TERMS, upside_share=share, collar=collar), id=f"upside share {share:g}, collar {collar:g}")
    for share in (0.0, 0.5, 1.0)
    for collar in (0.0, 0.15)
]
ALL = [*KINDS, pytest.param(replace(TERMS, share=0.0), id="on no output")]


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(mc.load("tutorial"))


def site_of(desk: Desk, opex: float, *, bound: bool = False) -> Site:
    """Return USA_ALPHA with a royalty and a feed at 40 drawn prices; if ``bound`` as the best end of an envelope."""
    site, rng = alpha_of(desk), np.random.default_rng(5)
    shape = site.outlook.price.shape[0], 40
    price, feed = 9_000.0 * np.exp(0.5 * rng.standard_normal(shape)), 2_000.0 * np.exp(0.4 * rng.standard_normal(shape))
    plant = replace(site.plant, opex=opex, royalty=0.08, feed_product="beta", feed_tonnes=1.0, feed_factor=0.5)
    outlook = replace(site.outlook, price=price, feed=feed)
    floor = replace(outlook, price=0.8 * price, feed=1.1 * feed) if bound else None
    return replace(site, plant=plant, outlook=replace(outlook, floor=floor))


def rows_of(site: Site, terms: ContractTerms) -> np.ndarray:
    rows = terms.covered(site.calendar.operate.size)
    assert rows.tolist() == [1, 2, 3]
    return rows


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("terms", ALL)
def test_margin_and_cost_are_the_means_over_scenarios(desk: Desk, terms: ContractTerms, bound: bool) -> None:
    for opex in (1_000.0, 9_000.0, 40_000.0):
        site = site_of(desk, opex, bound=bound)
        rows = rows_of(site, terms)
        run = site.operate(rows, GRID, terms)
        margin, cost = expected_under(site, rows, GRID, terms)
        assert_allclose(margin, run.margin.mean(axis=2).T, rtol=1e-9, atol=1e-9)
        assert_allclose(cost, (run.active * site.cost[rows]).mean(axis=2).T, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("block", [1, 600])
def test_scenarios_in_blocks_give_the_same_means(desk: Desk, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    site = replace(site_of(desk, 9_000.0))
    rows = rows_of(site, TERMS)
    whole = expected_under(site, rows, GRID, TERMS)
    monkeypatch.setattr(cashflow, "BLOCK", block)
    monkeypatch.setattr(cashflow, "LEAST", 7)
    assert len(cashflow.blocks(40, rows.size)) == (6 if block == 1 else 1)
    for part, same in zip(expected_under(site, rows, GRID, TERMS), whole, strict=True):
        assert_allclose(part, same, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("terms", KINDS)
def test_a_plant_runs_from_the_least_strike_that_pays_what_it_needs(desk: Desk, terms: ContractTerms) -> None:
    site = site_of(desk, 9_000.0)
    rows = rows_of(site, terms)
    tonnes, index = (x[:, None] for x in (site.contracted(rows, terms), terms.index(rows)))
    need = np.random.default_rng(3).uniform(-8.0, 8.0, site.price[rows].shape)

    def spare(strike: np.ndarray) -> np.ndarray:
        return np.asarray(tonnes * payment(site.price[rows], strike * index, terms.upside_share, terms.collar) - need)

    least = runs_from(site, rows, terms, need)
    bound = least > 0.0
    assert (bound[need > 0.0]).all()
    assert (bound & (need < 0.0)).any() == (float(terms.upside_share) > 0.0)
    assert_allclose(spare(least)[bound], 0.0, atol=1e-9)
    assert (spare(0.999 * least)[bound] < 0.0).all()
    assert (spare(np.zeros(least.shape))[~bound] >= 0.0).all()


def test_no_strike_pays_anything_on_no_output(desk: Desk) -> None:
    site = site_of(desk, 9_000.0)
    terms = replace(TERMS, share=0.0)
    need = np.tile([[-1.0, 0.0, 1.0]], (3, 14))[:, :40]
    assert_array_equal(runs_from(site, rows_of(site, terms), terms, need), np.where(need > 0.0, np.inf, -np.inf))
