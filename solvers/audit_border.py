"""Recompute border measures: rates, reference prices, adjustments and their expiry (C6, C18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .audit_world import CHINA, MARKET, NODES, BoolArray, FloatArray, World

Rates = Mapping[tuple[str, str], float]
"""By (product, node)."""


@dataclass(frozen=True)
class Measures:
    """Hold the border measures on one product.

    ``rates`` are the higher of law and the club's rate by node and country (2, 3); ``reference`` (0 where a node is not covered) and ``adjustment``
    are by node (2,), USD per tonne.
    """

    rates: FloatArray
    reference: FloatArray
    adjustment: FloatArray

    def landed(self, node: int, price: FloatArray) -> FloatArray:
        """Return the landed price in each country, USD per tonne, shape (3, S, Y), of a node price (S, Y) (C6)."""
        taxed = price * (1.0 + self.rates[node])[:, None, None]
        return np.maximum(taxed, self.reference[node]) + self.adjustment[node]


Border = Mapping[str, Measures]
"""By product."""


def law_measures(world: World) -> dict[str, Measures]:
    """Return the members' law per product."""
    return {m: Measures(p.law, np.zeros(2), np.zeros(2)) for m, p in world.products.items()}


def adjustments(world: World, product: str) -> FloatArray:
    """Return a_N, the adjustment at the border by node, USD per tonne, shape (2,) (C18)."""
    p = world.products[product]
    return world.standards * p.standard_cost * (1.0 - np.array(p.compliance))


def club_measures(world: World, rates: Rates, references: Rates | None = None, *, standards: bool = False) -> dict[str, Measures]:
    """Return the club's measures on top of law per product (C6).

    Args:
        world: the instance.
        rates: harmonised rates.
        references: reference prices, USD per tonne.
        standards: whether imports pay the adjustment of the standards.
    """
    found = {}
    for m, p in world.products.items():
        floor = np.array([rates.get((m, node), 0.0) for node in NODES])
        reference = np.array([(references or {}).get((m, node), 0.0) for node in NODES])
        found[m] = Measures(np.maximum(p.law, floor[:, None]), reference, adjustments(world, m) if standards else np.zeros(2))
    return found


def in_force(world: World) -> BoolArray:
    """Tell in which scenarios and years the club's measures are in force, shape (S, H), or (1, H) if they never lapse (C6)."""
    years = np.arange(world.base, world.base + world.horizon)
    if world.lapse is None:
        return np.ones((1, world.horizon), dtype=bool)
    return years < world.lapse[:, None]


def landed_prices(world: World, product: str, measures: Measures, market: FloatArray, china: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the landed prices of ``market`` and ``china_linked``, USD per tonne, each (3, S, H); from the lapse on those of law (C6).

    Args:
        world: the instance.
        product: product code.
        measures: the measures in force until the lapse.
        market: M, USD per tonne, shape (S, H) or (1, H).
        china: C, the same.
    """
    force, law = in_force(world), Measures(world.products[product].law, np.zeros(2), np.zeros(2))

    def landed(node: int, price: FloatArray) -> FloatArray:
        club = measures.landed(node, price)
        return club if force.all() else np.where(force, club, law.landed(node, price))

    return landed(MARKET, market), landed(CHINA, china)


def rounded(value: float) -> float:
    """Return the nearest number of three significant digits."""
    return float(f"{value:.2e}")


def reference_of(world: World, product: str, multiple: float) -> float:
    """Return the reference price at a multiple of the long-run price, USD per tonne (C19)."""
    return rounded(multiple * world.products[product].long_run)


def covered_nodes(world: World) -> tuple[str, ...]:
    """Return the nodes that reference prices cover (C6)."""
    return NODES if world.setting("levy.covers", "both") == "both" else (NODES[CHINA],)
