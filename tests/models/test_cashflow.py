"""Operating years as slices, which copy nothing."""

from __future__ import annotations

import numpy as np
import pytest

import minclub as mc
from minclub.models.cashflow import span
from minclub.models.desk import Desk
from minclub.tests.models.tutorial_sites import alpha_of


@pytest.mark.parametrize(("rows", "expected"), [([0, 1, 2], slice(0, 3)), ([3, 4], slice(3, 5)), ([2], slice(2, 3)), ([0], slice(0, 1))])
def test_rows_that_follow_on_each_other_are_a_slice(rows: list[int], expected: slice) -> None:
    assert span(np.array(rows)) == expected


@pytest.mark.parametrize("rows", [[], [0, 2], [1, 2, 4], [0, 1, 3, 4]])
def test_other_rows_are_left_as_they_are(rows: list[int]) -> None:
    given = np.array(rows, dtype=int)
    assert span(given) is given


@pytest.mark.parametrize("rows", [[], [0], [1, 2, 3], [0, 2], [0, 1, 3, 4]])
def test_any_operating_years_run_as_they_do_among_all(rows: list[int]) -> None:
    """Running years alone changes nothing of them, with a contract and without."""
    desk = Desk(mc.load("tutorial"))
    site, terms, strikes = alpha_of(desk), desk.offer.contract, np.array([6_000.0, 9_500.0])
    years, some = np.arange(site.calendar.operate.size), np.array(rows, dtype=int)
    for held, grid in ((None, None), (terms, strikes)):
        every, part = (site.operate(chosen, grid, held) for chosen in (years, some))
        for name in ("margin", "active"):
            assert np.array_equal(getattr(part, name), getattr(every, name)[:, some])
    assert np.array_equal(site.runs(some, strikes, terms), site.runs(years, strikes, terms)[:, some])
    assert np.array_equal(site.receipts(some, strikes, terms), site.receipts(years, strikes, terms)[:, some])
