"""All credit levels of a column at once: the same as one at a time, and the first strike that passes (C12 to C16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minclub.instances.synthetic import synthetic
from minclub.models import cashflow
from minclub.models.bankability import Tests, stack_share
from minclub.models.baseline import dump_exposed
from minclub.models.cashflow import Site
from minclub.models.clusters import free_candidates
from minclub.models.columns import CONTRACT, INFEASIBLE, UNAIDED, Family, family, first_passing, least_strikes, strike_bounds
from minclub.models.contracts import three_digit_grid
from minclub.models.decks import TOLERANCE
from minclub.models.desk import Desk
from minclub.models.projects import start_years
from minclub.models.subsidies import CreditLevel, LawCredits, credits_at
from minclub.models.welfare import Cost


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(synthetic(projects=14, products=4, scenarios=12, seed=7, years=25, small_ladders=True))


def ends(desk: Desk) -> list[tuple[Site, Site | None]]:
    """Return every candidate's site at the baseline's path, and between the best and the worst prices of all states.

    Every second candidate is made too costly for any strike.
    """
    found: list[tuple[Site, Site | None]] = []
    visited = {m: np.ones((desk.market.years.size, 4), dtype=bool) for m in desk.market.products}
    borders = {m: s.border for m, s in desk.law_settings().items()}
    for k, plant in enumerate(free_candidates(desk.balance, desk.baseline)):
        start = start_years(desk.instance, plant)[0]
        plant = replace(plant, opex=(1 + k % 2 * 3) * plant.opex)
        alone = {m: (border,) for m, border in borders.items()}
        found += [(desk.outlooks.site(plant, start, desk.law_settings()), None), desk.outlooks.envelope(plant, start, alone, visited)]
    return found


def law_of(desk: Desk, site: Site) -> LawCredits:
    return desk.law[site.plant.country, site.plant.product]


def made(desk: Desk, site: Site, worst: Site | None, *levels: int) -> Family:
    offer = replace(desk.offer, levels=tuple(desk.offer.levels[level] for level in levels))
    return family(site, law_of(desk, site), offer, dump_exposed(desk.market, site.plant.product), None, worst)


def assert_same_cost(alone: Family, together: Family, level: int) -> None:
    """Check what one level costs; one that is not feasible has no entry."""
    if alone.kind[0] == INFEASIBLE:
        assert (alone.cost.of[0], together.cost.of[level]) == (-1, -1)
        return
    for part in Cost.__dataclass_fields__:
        assert_allclose(getattr(alone.cost.at(0), part), getattr(together.cost.at(level), part), rtol=1e-9, atol=1e-9, err_msg=part)


def test_each_level_of_a_family_is_what_it_is_alone(desk: Desk) -> None:
    kinds = set()
    every = range(len(desk.offer.levels))
    for site, worst in ends(desk):
        together = made(desk, site, worst, *every)
        for level in every:
            alone = made(desk, site, worst, level)
            assert alone.kind[0] == together.kind[level]
            assert_array_equal(alone.strike[0], together.strike[level])
            assert_allclose(alone.supported[0], together.supported[level], rtol=1e-9, atol=1e-9)
            assert alone.sales == together.sales
            assert_same_cost(alone, together, level)
            kinds.add((int(alone.kind[0]), worst is None))
    assert kinds == {(kind, exact) for kind in (INFEASIBLE, UNAIDED, CONTRACT) for exact in (True, False)}


def test_tests_of_paired_cases_are_those_of_each_case(desk: Desk) -> None:
    for site, worst in ends(desk):
        grid = three_digit_grid(*strike_bounds(site, desk.offer))[::40]
        if not grid.size:
            continue
        tests = Tests(site, law_of(desk, site), desk.rules, desk.market.long_run, True, desk.offer.contract, grid, worst)
        pairs = [(level.itc, level.ptc) for level in desk.offer.levels]
        itc, ptc = np.array(pairs).T
        index = np.arange(len(pairs)) % grid.size
        for test in (tests.value, tests.decks.bank_cover, tests.decks.downside_cover, tests.decks.dump_cover, tests.tail):
            assert_allclose(test(itc, ptc, index), [test(*pair)[at] for pair, at in zip(pairs, index, strict=True)], rtol=1e-9, atol=1e-9)


def measures(tests: Tests) -> list[Callable[..., np.ndarray]]:
    return [tests.value, tests.decks.bank_cover, tests.decks.downside_cover, tests.decks.dump_cover, tests.tail, tests.passes]


def test_totals_over_the_grid_pass_where_each_deck_does(desk: Desk) -> None:
    """The bank deck's and the dump deck's covers of every pair of rates and every strike, and the downside deck's."""
    itc, ptc = (np.array([getattr(level, kind) for level in desk.offer.levels]) for kind in ("itc", "ptc"))
    seen: set[tuple[bool, bool]] = set()
    for site, worst in ends(desk):
        grid = three_digit_grid(*strike_bounds(site, desk.offer))
        if not grid.size:
            continue
        strikes, terms = np.tile(grid, 2), replace(desk.offer.contract, upside_share=np.repeat([0.25, 1.0], grid.size))
        for dump in (False, True):
            decks = Tests(site, law_of(desk, site), desk.rules, desk.market.long_run, dump, terms, strikes, worst).decks
            for places in (slice(0, grid.size), slice(grid.size, 2 * grid.size)):
                found = decks.totals_pass(itc, ptc, places)
                for row, *pair in zip(found, itc, ptc, strict=True):
                    bank = decks.bank_cover(*pair)[places] >= decks.bank_required()[places] - TOLERANCE
                    least = decks.dump_cover(*pair)[places] >= desk.rules.dump_cover - TOLERANCE
                    assert_array_equal(row, bank & least if dump else bank)
                    downside = decks.downside_passes(*pair)[places]
                    assert_array_equal(decks.passes(*pair)[places], row & downside)
                    seen |= set(zip(row.tolist(), downside.tolist(), strict=True))
    assert len(seen) == 4


def test_increments_come_to_the_same_as_a_law_of_higher_rates(desk: Desk) -> None:
    top = CreditLevel(*(max(getattr(level, kind) for level in desk.offer.levels) for kind in ("itc", "ptc")))
    for site, worst in ends(desk):
        law = law_of(desk, site)
        grid = three_digit_grid(*strike_bounds(site, desk.offer))[::40]
        raised_law = LawCredits(*credits_at(law, top))
        for strikes in (None, grid) if grid.size else (None,):
            over, raised = (Tests(site, rates, desk.rules, desk.market.long_run, True, desk.offer.contract, strikes, worst) for rates in (law, raised_law))
            for ours, theirs in zip(measures(over), measures(raised), strict=True):
                assert_allclose(ours(top.itc, top.ptc), theirs(), rtol=1e-9, atol=1e-9)
        assert_allclose(stack_share(site, law, [top], desk.public_rate), stack_share(site, raised_law, [CreditLevel()], desk.public_rate), rtol=1e-9)


def test_value_is_what_the_expected_years_are_worth(desk: Desk) -> None:
    """With rates that depend on the strike or not, between bounds or not, and with one strike more where the years are added up."""
    kinds = set()
    for site, worst in ends(desk):
        grid, law = three_digit_grid(*strike_bounds(site, desk.offer))[::40], law_of(desk, site)
        for addon in (0.0, 0.03) if grid.size else ():
            plant = replace(site.plant, ptc_share=0.5, terms=replace(site.plant.terms, specialty_addon=addon))
            tests = Tests(replace(site, plant=plant), law, desk.rules, desk.market.long_run, False, desk.offer.contract, grid, worst)
            (build, operate), losses, cal = tests.discount, tests.discount_of_losses, site.calendar
            margin, active = tests.expected
            credit = plant.itc_share * (law.itc[cal.build] + 0.1) * cal.capital
            flow = site.after_tax_share * margin + site.fixed[:, None]
            drawn = (0.5 * (law.ptc[cal.operate] + 0.05))[:, None] * active
            worth = np.where(flow > 0.0, operate, losses) * flow + operate * drawn
            capital = (cal.capital - credit) @ build + credit.sum() * (site.shield_lost @ losses)
            assert_allclose(tests.value(0.1, 0.05), worth.sum(axis=0) - capital, rtol=1e-9, atol=1e-6)
            kinds.add((operate.shape[1] == grid.size, losses is operate))
    assert kinds == {(False, True), (True, True), (True, False)}


def test_upside_shares_side_by_side_are_what_each_is_alone(desk: Desk) -> None:
    shares = np.array([0.0, 0.5, 1.0])
    for site, worst in ends(desk):
        grid = three_digit_grid(*strike_bounds(site, desk.offer))[::60]
        if not grid.size:
            continue
        given = site, law_of(desk, site), desk.rules, desk.market.long_run, True
        together = Tests(*given, replace(desk.offer.contract, upside_share=np.repeat(shares, grid.size)), np.tile(grid, shares.size), worst)
        alone = [Tests(*given, replace(desk.offer.contract, upside_share=float(share)), grid, worst) for share in shares]
        for ours, *theirs in zip(measures(together), *map(measures, alone), strict=True):
            assert_allclose(ours(0.1, 0.05), np.concatenate([test(0.1, 0.05) for test in theirs]), rtol=1e-9, atol=1e-9)
        for ours, *theirs in zip(together.expected, *(tests.expected for tests in alone), strict=True):
            assert_allclose(ours, np.concatenate(theirs, axis=1), rtol=1e-9, atol=1e-9)


def test_each_upside_share_of_a_family_is_what_it_is_in_an_offer_of_its_own(desk: Desk) -> None:
    levels = tuple(CreditLevel(itc, ptc, upside=share) for itc in (0.0, 0.3) for ptc in (0.0, 0.1) for share in (None, 0.0, 1.0))
    seen = set()
    for site, worst in ends(desk):
        law, exposed = law_of(desk, site), dump_exposed(desk.market, site.plant.product)
        plants = [None if s is None else replace(s, plant=replace(s.plant, ptc_share=1.0)) for s in (site, worst)]
        assert plants[0] is not None
        for rules in (desk.rules, replace(desk.rules, value=False, tail=False, lender=False)):
            offer = replace(desk.offer, rules=rules, levels=levels)
            together = family(plants[0], law, offer, exposed, None, plants[1])
            for k, level in enumerate(levels):
                own = replace(offer.under(level), levels=(replace(level, upside=None),))
                alone = family(plants[0], law, own, exposed, None, plants[1])
                assert alone.kind[0] == together.kind[k]
                assert_array_equal(alone.strike[0], together.strike[k])
                assert_allclose(alone.supported[0], together.supported[k], rtol=1e-9, atol=1e-9)
                assert_same_cost(alone, together, k)
                seen.add((int(alone.kind[0]), worst is None))
    assert seen == {(kind, exact) for kind in (INFEASIBLE, UNAIDED, CONTRACT) for exact in (True, False)}


def test_scenarios_in_blocks_have_the_tails_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    many = Desk(synthetic(projects=14, products=4, scenarios=150, seed=7, years=25, small_ladders=True))
    compared = 0
    for site, worst in ends(many)[::3]:
        grid = three_digit_grid(*strike_bounds(site, many.offer))[::90]
        for share in (0.0, 0.5) if grid.size else ():
            eligible, parts = replace(site, plant=replace(site.plant, ptc_share=share)), []
            for size, count in ((1 << 30, 1), (1, 3)):
                monkeypatch.setattr(cashflow, "BLOCK", size)
                assert len(cashflow.blocks(150, 1_000)) == count
                tests = Tests(eligible, law_of(many, site), many.rules, many.market.long_run, False, many.offer.contract, grid, worst)
                parts.append((*tests.tail_parts(), tests.tail(0.1, 0.05)))
            for whole, blocked in zip(*parts, strict=True):
                assert_allclose(blocked, whole, rtol=1e-12, atol=1e-12)
            assert bool(parts[0][2].any()) == (share > 0.0)
            compared += 1
    assert compared > 5


def test_expected_margin_is_the_mean_over_scenarios_at_every_strike(desk: Desk) -> None:
    """Whether a plant always runs, never runs or runs in some scenarios from some strike on."""
    seen = set()
    for site, worst in ends(desk):
        grid = three_digit_grid(*strike_bounds(site, desk.offer))[::25]
        for factor in (1.2, 4.0) if grid.size else ():
            costly = replace(site, plant=replace(site.plant, opex=factor * site.plant.opex, royalty=0.05))
            tests = Tests(costly, law_of(desk, site), desk.rules, desk.market.long_run, False, desk.offer.contract, grid, worst)
            margin, active = tests.expected
            rows = tests.rows
            run = costly.operate(rows, grid, desk.offer.contract)
            assert_allclose(margin[rows], run.margin.mean(axis=2).T, rtol=1e-9, atol=1e-9)
            assert_allclose(active[rows], (run.active * costly.cost[rows]).mean(axis=2).T, rtol=1e-9, atol=1e-9)
            assert_array_equal(costly.runs(rows, grid, desk.offer.contract), run.active)
            seen |= set(zip(run.active[0].ravel().tolist(), run.active[-1].ravel().tolist(), strict=True))
    assert seen == {(True, True), (False, True), (False, False)}


def test_least_strike_of_an_envelope_is_the_first_that_passes(desk: Desk) -> None:
    held = 0
    for site, worst in ends(desk):
        exposed = dump_exposed(desk.market, site.plant.product)
        grid = three_digit_grid(*strike_bounds(site, desk.offer))
        law = law_of(desk, site)
        found = least_strikes(site, law, desk.offer, exposed, grid, desk.offer.levels, worst)
        for level, strike in zip(desk.offer.levels, found, strict=True):
            tests = Tests(site, law, desk.rules, desk.market.long_run, exposed, desk.offer.contract, grid, worst)
            passed = tests.passes(level.itc, level.ptc) if grid.size else grid > 0.0
            assert_array_equal(strike, grid[np.argmax(passed)] if passed.any() else np.nan)
            held += bool(passed.any())
    assert held > 10


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8), st.integers(1, 60), st.integers(1, 9))
def test_search_finds_the_first_index_that_passes(cases: list[tuple[int, int]], count: int, fan: int) -> None:
    first, edge = (np.array(x) for x in zip(*cases, strict=True))
    first = np.minimum(first, count)

    def passes(index: np.ndarray, case: np.ndarray) -> np.ndarray:
        assert ((index >= first[case]) & (index < count)).all()
        return index >= edge[case]

    assert_array_equal(first_passing(passes, first, count, fan), np.minimum(np.maximum(first, edge), count))
