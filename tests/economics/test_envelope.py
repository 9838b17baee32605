"""The envelope of an option costs no more, part by part, than any path of it: what every lower bound rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product as cartesian
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minclub.instances.synthetic import synthetic
from minclub.models.cashflow import Outlook, Site
from minclub.models.clusters import free_candidates
from minclub.models.columns import INFEASIBLE, Family, Offer, family
from minclub.models.contracts import ContractTerms
from minclub.models.desk import Desk
from minclub.models.lending import Rules
from minclub.models.levies import Border
from minclub.models.outlooks import Setting
from minclub.models.projects import Byproduct, Plant, Terms, calendar, start_years
from minclub.models.regimes import encode
from minclub.models.subsidies import CreditLevel, LawCredits
from minclub.tests.solvers.instrument_sets import CHOICES, random

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = ("booked", "payments", "credits", "joint_payments", "outlay", "scenario", "scenario_outlay")
YEARS = np.arange(2027, 2043)


def excess(bound: Family, exact: Family) -> list[tuple[int, str, float]]:
    """Return every level and part in which the bound costs more than the exact column, musd."""
    found = []
    for level in np.flatnonzero(exact.kind != INFEASIBLE):
        if bound.kind[level] == INFEASIBLE:
            found.append((int(level), "feasible", np.inf))
            continue
        low, cost = bound.cost.at(int(level)), exact.cost.at(int(level))
        for part in PARTS:
            ours, theirs = np.asarray(getattr(low, part)), np.asarray(getattr(cost, part))
            more = float((ours - theirs).max())
            if more > 1e-9 * (1.0 + np.abs(theirs).max()):
                found.append((int(level), part, more))
    return found


# --- on synthetic instances -----------------------------------------------------------------------------------------


def random_paths(desk: Desk, rng: np.random.Generator, *, near: bool) -> dict[str, list[np.ndarray]]:
    """Return two paths per product: near the baseline's, or anything."""
    years = desk.market.years.size
    table = {}
    for m in desk.market.products:
        steps = [rng.integers(-1, 2, years) * (rng.random(years) < 0.5) for _ in range(2)]
        near_paths = [np.clip(desk.baseline.paths[m] + step, 0, 3) for step in steps]
        table[m] = near_paths if near else [rng.integers(0, 4, years) for _ in range(2)]
    return table


def violations(seed: int) -> tuple[list[Any], int]:
    desk = Desk(synthetic(projects=8, products=4, scenarios=8, seed=seed, years=20, small_ladders=True))
    rng, compared = np.random.default_rng(seed), 0
    found: list[Any] = []
    for plant in free_candidates(desk.balance, desk.baseline):
        for near in (True, False):
            paths = random_paths(desk, rng, near=near)
            visited = {m: (np.stack(p)[:, :, None] == np.arange(4)).any(axis=0) for m, p in paths.items()}
            ladder = {m: desk.borders(m) for m in desk.market.products}
            borders = {m: options[rng.integers(len(options))] for m, options in ladder.items()}
            start = start_years(desk.instance, plant)[0]
            desk._envelopes.clear()
            bound = desk.bound(plant.id, start, {m: (border,) for m, border in borders.items()}, visited)
            for k in range(2):
                exact = desk.family(plant.id, start, {m: Setting(borders[m], encode(p[k])) for m, p in paths.items()})
                compared += int((exact.kind != INFEASIBLE).sum())
                found += [(plant.id, near, k, *row) for row in excess(bound, exact)]
    return found, compared


@pytest.mark.parametrize("seed", [1, 2, 6])
def test_envelope_bounds_every_path_of_a_synthetic_instance(seed: int) -> None:
    found, compared = violations(seed)
    assert compared > 20
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(7, 31))
def test_envelope_bounds_every_path_of_many_synthetic_instances(seed: int) -> None:
    assert violations(seed)[0] == []


# --- over several options at once -----------------------------------------------------------------------------------

SEVERAL = (*CHOICES["procurement"], *CHOICES["reference_price"], "ladders.itc=[0,0.1]", "ladders.tariffs=[0,0.05,0.2]")


@dataclass
class Block:
    """A candidate with some options of each product and two paths of each."""

    plant: Plant
    start: int
    borders: dict[str, tuple[Border, ...]]
    paths: dict[str, list[np.ndarray]]
    desk: Desk

    @property
    def visited(self) -> dict[str, np.ndarray]:
        """Return the states that a path visits by product and year, ``(T, 4)``."""
        return {m: (np.stack(p)[:, :, None] == np.arange(4)).any(axis=0) for m, p in self.paths.items()}

    def every(self) -> Iterator[dict[str, Setting]]:
        """Yield every combination of options and paths of the plant's own product and its feed."""
        names = [m for m in (self.plant.product, self.plant.feed_product) if m]
        pairs = [[Setting(border, encode(path)) for border in self.borders[m] for path in self.paths[m]] for m in names]
        for chosen in cartesian(*pairs):
            yield self.desk.law_settings() | dict(zip(names, chosen, strict=True))


def draw_blocks(folder: Path, seed: int) -> Iterator[Block]:
    """Draw two to all options of each product for each candidate, and paths near the baseline's or any."""
    desk, rng = Desk(random(folder, seed, 2, *SEVERAL)), np.random.default_rng(seed)
    for plant in free_candidates(desk.balance, desk.baseline):
        for near in (True, False):
            ladder = {m: desk.borders(m) for m in desk.market.products}
            counts = {m: rng.integers(2, len(options) + 1) for m, options in ladder.items()}
            borders = {m: tuple(options[k] for k in sorted(rng.permutation(len(options))[: counts[m]])) for m, options in ladder.items()}
            yield Block(plant, start_years(desk.instance, plant)[0], borders, random_paths(desk, rng, near=near), desk)


@pytest.mark.parametrize("seed", [10, 16])
def test_a_bound_over_several_options_is_below_each_of_them(tmp_path: Path, seed: int) -> None:
    """What is infeasible for the bound is so under every option and path; what is not costs at least as much, part by part."""
    compared = fed = 0
    for block in draw_blocks(tmp_path, seed):
        bound = block.desk.bound(block.plant.id, block.start, block.borders, block.visited)
        for chosen in block.every():
            exact = block.desk.family(block.plant.id, block.start, chosen)
            assert excess(bound, exact) == []
            compared += int((exact.kind != INFEASIBLE).sum())
            fed += bool(block.plant.feed_product)
    assert compared > 100
    assert fed > 50


@pytest.mark.parametrize("seed", [10, 16])
def test_the_ends_of_an_envelope_enclose_every_option_and_path(tmp_path: Path, seed: int) -> None:
    """In prices and decks; royalties at the best end are those of the worst prices."""
    for block in draw_blocks(tmp_path, seed):
        best, worst = block.desk.outlooks.envelope(block.plant, block.start, block.borders, block.visited)
        assert best.outlook.floor is worst.outlook
        assert worst.outlook.floor is None
        assert np.array_equal(best.royalty_price, worst.price)
        sites = [block.desk.outlooks.site(block.plant, block.start, chosen).outlook for chosen in block.every()]
        for name, sign in (("price", 1.0), ("deck", 1.0), ("dumped", 1.0), ("feed", -1.0), ("deck_feed", -1.0)):
            if getattr(best.outlook, name) is None:
                continue
            high, low = sign * getattr(best.outlook, name), sign * getattr(worst.outlook, name)
            values = np.stack([sign * getattr(outlook, name) for outlook in sites])
            assert (values <= high + 1e-9).all()
            assert (values >= low - 1e-9).all()


def test_a_bound_is_kept_for_its_own_options_and_states_only(tmp_path: Path) -> None:
    """Whatever was asked before: the product at law alone, feed at its dearest or fewer states give another bound."""

    def booked(desk: Desk, block: Block, chosen: tuple[str, bool]) -> np.ndarray:
        narrow, few = chosen
        one = slice(0, 1) if narrow == block.plant.product else slice(-1, None)
        borders = {m: desk.borders(m)[one] if m == narrow else desk.borders(m) for m in desk.market.products}
        visited = {m: np.full((desk.market.years.size, 4), [not few, True, not few, not few]) for m in desk.market.products}
        return desk.bound(block.plant.id, block.start, borders, visited).cost.entries.booked

    block = next(b for b in draw_blocks(tmp_path, 16) if b.plant.feed_product)
    asked = [("", False), ("", True), (block.plant.product, True), (block.plant.feed_product, True)]
    kept = [booked(block.desk, block, chosen) for chosen in asked]
    for chosen, bound in zip(asked, kept, strict=True):
        block.desk._envelopes.clear()
        assert np.array_equal(booked(block.desk, block, chosen), bound)
    assert len({bound.tobytes() for bound in kept}) == len(asked)


def test_products_with_the_same_options_have_ends_of_their_own(tutorial: Desk) -> None:
    """The highest and lowest price of alpha, then of beta, over two tariffs and all states."""
    borders, visited = (Border(), Border(0.02, 0.05)), np.full((tutorial.market.years.size, 4), True)
    for plant in (tutorial.plants["USA_ALPHA"], tutorial.plants["USA_BETA"]):
        best, worst = tutorial.outlooks.envelope(plant, 2029, {plant.product: borders}, {plant.product: visited})
        prices = np.concatenate([tutorial.market.producer_prices(plant.product, border) for border in borders], axis=1)
        assert np.array_equal(best.outlook.price, prices.max(axis=1))
        assert np.array_equal(worst.outlook.price, prices.min(axis=1))


# --- on drawn plants and prices -------------------------------------------------------------------------------------

RULES = Rules(
    price_down=0.8, cost_down=1.1, capital_down=1.15, delay=1, reserve_years=0.5, cover_merchant=1.45, cover_reduction=0.15,
    cover_down=1.0, dump_cover=1.0, dump_years=3, tail_alpha=0.4, loss_tolerance=0.6, idc_drawn=0.5, public_base_rate=0.02,
    strike_max=2.5, main_share_min=0.3, stack_cap=0.5, value=True, tail=True, lender=True, stack=True,
)  # fmt: skip
LEVELS = tuple(CreditLevel(itc, ptc) for itc in (0.0, 0.2) for ptc in (0.0, 0.1))


@dataclass(frozen=True)
class Drawn:
    """One plant with a low, a middle and a high outlook, and what it is offered."""

    plant: Plant
    low: Outlook
    middle: Outlook
    high: Outlook
    byproduct: np.ndarray
    offer: Offer
    law: LawCredits
    dump_deck: bool

    def site(self, outlook: Outlook) -> Site:
        """Put the plant under an outlook."""
        return Site(self.plant, calendar(self.plant, 2029, YEARS), outlook, {"by": self.byproduct}, 0.1)


def draw_case(seed: int) -> Drawn:
    """Draw a plant whose break-even lies around the price, with or without feed, royalty and by-product."""
    rng = np.random.default_rng(seed)

    def one(*options: float) -> float:
        return options[rng.integers(len(options))]

    shape, level, spread = (YEARS.size, 4), one(500.0, 800.0, 1000.0), one(0.02, 0.2, 0.6)
    wide = np.exp(one(0.05, 0.1, 0.4) * rng.standard_normal(shape))
    prices = np.sort(level * wide * (1.0 + spread * rng.random((3, *shape))), axis=0)
    feeds = np.sort(200.0 * np.exp(one(0.3, 1.0) * rng.standard_normal(shape)) * (1.0 + spread * rng.random((3, *shape))), axis=0)
    decks = np.sort(prices.mean(axis=2), axis=0)
    dumped = np.sort(decks * rng.uniform(0.4, 0.9, YEARS.size), axis=0)
    feed, by = rng.random() < 0.5, rng.random() < 0.5
    low, middle, high = (Outlook(prices[k], decks[k], dumped[k], feeds[2 - k] if feed else None, feeds[2 - k].mean(axis=1) if feed else None) for k in range(3))
    terms = Terms(
        income_tax=0.25, duty=one(0.0, 0.1), depreciation_years=7, hurdle=0.10, specialty_addon=one(0.0, 0.1), debt_share=0.6, debt_tenor=6, debt_rate=0.06
    )
    plant = Plant(
        id="P", country="USA", product="own", stage="mine", refined=True, china_linked=False, available=True, in_b0=False, group="", earliest=2029,
        build_years=2, capacity=1000.0, ramp=(0.6, 1.0), life=int(one(5, 9, 14)), capital_musd=one(0.1, 0.5, 2.0), grant_musd=0.0,
        sustaining_musd=one(0.0, 0.05), opex=one(300.0, 600.0, 900.0), payability=0.95, royalty=one(0.0, 0.03, 0.15), expansion_musd=0.0,
        expansion_index=-1, expansion_capacity=0.0, loan_musd=0.0, loan_tenor=0, loan_spread=0.0, feed_product="feed" if feed else "",
        feed_tonnes=1.5 if feed else 0.0, feed_factor=1.0 if feed else 0.0, itc_share=1.0, ptc_share=1.0,
        byproducts=(Byproduct("by", 300.0, 1.0, 0.0, listed=True),) if by else (), terms=terms,
    )  # fmt: skip
    contract = ContractTerms(int(one(3, 12)), one(0.5, 1.0), one(0.0, 0.5, 1.0))
    only = one(0, 1, 2, 3)
    rules = replace(RULES, value=only in (0, 1), tail=only in (0, 2), lender=only in (0, 3))
    offer = Offer(contract, LEVELS, rules, 0.04, {"own": 1000.0, "feed": 200.0, "by": 300.0})
    law = LawCredits(np.full(YEARS.size, 0.05), np.where(YEARS < 2034, 0.05, 0.0))
    return Drawn(plant, low, middle, high, 300.0 * np.exp(0.5 * rng.standard_normal(shape)), offer, law, rng.random() < 0.5)


def violations_between(case: Drawn) -> list[tuple[int, str, float]]:
    best, worst = case.site(replace(case.high, floor=case.low)), case.site(case.low)
    bound = family(best, case.law, case.offer, case.dump_deck, worst=worst)
    exact = (family(case.site(outlook), case.law, case.offer, case.dump_deck) for outlook in (case.low, case.middle, case.high))
    return [row for column in exact for row in excess(bound, column)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
@example(107)  # under a strike a higher price only raises the royalty
@example(984)  # a plant that just runs earns less than an idle one by the royalty
@example(466)  # the same in a year of the tenor
@example(177)  # a higher price lowers phi
@example(18)  # production credits are drawn where the plant runs at the worst prices
def test_envelope_bounds_everything_between_its_ends(seed: int) -> None:
    assert violations_between(draw_case(seed)) == []


@pytest.mark.parametrize(
    ("seed", "changes"),
    [
        (607, {"royalty": 0.0, "opex": 300.0}),  # idle at the bound's strike, running and repaying at the higher true one
        (3846, {"royalty": 0.0, "opex": 100.0, "feed_tonnes": 1.0, "capital_musd": 0.5}),  # unaided at the bound, idle under the true contract
    ],
)
def test_envelope_allows_for_plants_that_repayments_make_idle(seed: int, changes: dict[str, Any]) -> None:
    case = draw_case(seed)
    offer = replace(case.offer, contract=ContractTerms(12, 1.0, 1.0))
    case = replace(case, plant=replace(case.plant, **changes), offer=offer)
    assert violations_between(case) == []
    levels = tuple(replace(level, upside=share) for level in LEVELS for share in (None, 1.0))
    assert violations_between(replace(case, offer=replace(offer, contract=ContractTerms(12, 1.0, 0.0), levels=levels))) == []


def test_envelope_allows_for_a_lower_rate_that_weighs_late_losses_more() -> None:
    def flat(level: float) -> Outlook:
        price = np.full((YEARS.size, 1), level)
        return Outlook(price, price[:, 0], price[:, 0])

    drawn = draw_case(0)
    terms = replace(drawn.plant.terms, specialty_addon=0.4, duty=0.0)
    plant = replace(
        drawn.plant, life=14, royalty=0.0, opex=600.0, sustaining_musd=0.0, feed_product="", feed_tonnes=0.0, byproducts=(), capital_musd=0.001, terms=terms
    )
    offer = replace(
        drawn.offer,
        contract=ContractTerms(3, 1.0, 0.0),
        rules=replace(RULES, value=True, tail=False, lender=False),
        levels=LEVELS[:1],
        long_run={"own": 1000.0},
    )
    none = LawCredits(np.zeros(YEARS.size), np.zeros(YEARS.size))
    case = replace(drawn, plant=plant, offer=offer, law=none, low=flat(400.0), middle=flat(540.0), high=flat(540.0), dump_deck=False)
    assert family(case.site(case.middle), none, offer, False).strike[0] == 670.0
    assert violations_between(case) == []
