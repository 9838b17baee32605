"""Recompute border measures: rates, reference prices, adjustments and their expiry (C6, C18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .audit_world import CHINA, MARKET, NODES, BoolArray, FloatArray, World

Rates = Mapping[tuple[str, str], float]
"""By (product, node)."""

ALL_MEMBERS = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Measures:
    """Hold the border measures on one product.

    ``rates`` are the higher of law and the club's rate by node and country (2, 3); ``reference`` (0 where a node is not covered) and ``adjustment``
    are by node (2,), USD per tonne.
    """

    rates: FloatArray
    reference: FloatArray
    adjustment: FloatArray

    def landed(self, node: int, price: FloatArray, members: Sequence[int] = ALL_MEMBERS) -> FloatArray:
        """Return the landed price in each country, USD per tonne, shape (C, S, Y), of a node price (S, Y) (C6)."""
        landed: FloatArray = price * (1.0 + self.rates[node, list(members)])[:, None, None]
        if self.reference[node] > 0.0:
            np.maximum(landed, self.reference[node], out=landed)
        if self.adjustment[node] != 0.0:
            landed += self.adjustment[node]
        return landed

    @property
    def free(self) -> bool:
        """Tell whether imports pay nothing."""
        return not (self.rates.any() or self.reference.any() or self.adjustment.any())

    @cached_property
    def key(self) -> bytes:
        """Return what tells these measures from others."""
        return np.concatenate([self.rates.ravel(), self.reference, self.adjustment]).tobytes()


Border = Mapping[str, Measures]
"""By product."""


def law_measures(world: World) -> dict[str, Measures]:
    """Return the members' law per product."""
    return world.once("law measures", lambda: {m: Measures(p.law, np.zeros(2), np.zeros(2)) for m, p in world.products.items()})


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


def guarded(world: World, border: Border, product: str, rate: float) -> dict[str, Measures]:
    """Return measures with one rate of the club at both nodes on one product instead (C20)."""
    return {**border, product: Measures(np.maximum(world.products[product].law, rate), np.zeros(2), np.zeros(2))}


def in_force(world: World) -> BoolArray:
    """Tell in which scenarios and years the club's measures are in force, shape (S, H), or (1, H) if they never lapse (C6)."""
    years = np.arange(world.base, world.base + world.horizon)
    lapse = world.lapse
    if lapse is None:
        return np.ones((1, world.horizon), dtype=bool)
    return world.once("in force", lambda: years < lapse[:, None])


def share_in_force(world: World) -> FloatArray:
    """Return the share of scenarios in which the club's measures are in force, shape (H,) (C6)."""
    return world.once("share in force", lambda: in_force(world).mean(axis=0))


def landed_prices(
    world: World, product: str, measures: Measures, market: FloatArray, china: FloatArray, members: Sequence[int] = ALL_MEMBERS
) -> tuple[FloatArray, FloatArray]:
    """Return the landed prices of ``market`` and ``china_linked``, USD per tonne, each (C, S, H); from the lapse on those of law (C6).

    Args:
        world: the instance.
        product: product code.
        measures: the measures in force until the lapse.
        market: M, USD per tonne, shape (S, H) or (1, H).
        china: C, the same.
        members: the countries asked for.
    """
    law = law_measures(world)[product]
    lapses = measures.key != law.key and bool((share_in_force(world) < 1.0).any())

    def landed(node: int, price: FloatArray) -> FloatArray:
        club = measures.landed(node, price, members)
        return np.where(in_force(world), club, law.landed(node, price, members)) if lapses else club

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
