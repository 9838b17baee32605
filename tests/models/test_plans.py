"""Blocks of border options that protect about as much, which a bound covers at once."""

from __future__ import annotations

import numpy as np
import pytest

import minclub as mc
from minclub.models.plans import PlanSpace
from minclub.solvers.solve import prepare


@pytest.fixture(scope="module")
def spaces() -> list[PlanSpace]:
    """Return the plan spaces of the tutorial with two reference prices: twelve options of each product."""
    found = prepare(mc.load("tutorial", {"instruments.reference_price": True, "ladders.reference": [0.65, 0.9]})).search.spaces
    return list(found)


@pytest.mark.parametrize("width", [1, 2, 5, 7, 12, 20])
def test_blocks_of_a_width_partition_the_options(spaces: list[PlanSpace], width: int) -> None:
    for space in spaces:
        count = len(space.borders[0])
        assert count == 12
        blocks = [space.block(0, k, width) for k in range(count)]
        for k, block in enumerate(blocks):
            assert k in block
            assert all(blocks[other] == block for other in block)
        sizes = sorted(map(len, set(blocks)), reverse=True)
        assert sizes == [width] * (count // width) + [count % width] * bool(count % width)


def test_width_nought_is_every_option(spaces: list[PlanSpace]) -> None:
    for space in spaces:
        assert {space.block(0, k, 0) for k in range(12)} == {tuple(range(12))}


def test_a_block_holds_neighbours_by_how_much_they_protect(spaces: list[PlanSpace]) -> None:
    """The mean of the producers' highest prices, law the weakest of tariffs: no option of another block lies between two of one."""
    for space in spaces:
        (product,), outlooks = space.cluster.products, space.desk.outlooks
        strength = np.array([outlooks.strength(product, border, space.visited[product]) for border in space.borders[0]])
        assert sorted(space.ranking[0]) == list(range(12))
        ordered = strength[np.argsort(space.ranking[0])]
        assert (np.diff(ordered) <= 0.0).all()
        assert ordered[0] > ordered[-1]
        blocks = [strength[list(block)] for block in {space.block(0, k, 5) for k in range(12)}]
        for mine in blocks:
            others = [other for other in blocks if other is not mine]
            assert all(other.max() <= mine.min() or other.min() >= mine.max() for other in others)


def test_strength_is_the_mean_of_the_highest_prices(spaces: list[PlanSpace]) -> None:
    for space in spaces:
        (product,) = space.cluster.products
        visited, market = space.visited[product], space.desk.market
        for border in space.borders[0]:
            prices = market.producer_prices(product, border)
            highest = [prices[t, np.flatnonzero(states)].max(axis=0).mean() for t, states in enumerate(visited)]
            assert space.desk.outlooks.strength(product, border, visited) == pytest.approx(np.mean(highest))
