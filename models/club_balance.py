"""Tonnes of the compact formulation: what builds add to each product, and the exact minima of converters (C8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.core as pyo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .club import Club
    from .club_sets import ClubSets
    from .desk import Desk

    Array = NDArray[np.float64]
    Row = Any
    """A Pyomo expression or relation; Pyomo has no types."""


@dataclass(frozen=True)
class Flow:
    """Tonnes by year as a linear expression of builds: ``fixed[t] + sum_js tonnes[j,s][t] x[j,s]``, t/y."""

    fixed: Array
    tonnes: dict[tuple[str, int], Array]

    def at(self, club: Club, t: int) -> Row:
        """Return the expression of one year."""
        terms = [float(v[t]) * club.model.x[key] for key, v in self.tonnes.items() if v[t] != 0.0]
        return float(self.fixed[t]) + pyo.quicksum(terms)

    def high(self, t: int) -> float:
        """Return the greatest value of a year: every project at its best start (exclusive groups not counted)."""
        best: dict[str, float] = {}
        for (plant, _), v in self.tonnes.items():
            best[plant] = max(best.get(plant, 0.0), float(v[t]))
        return float(self.fixed[t]) + sum(best.values())


@dataclass(frozen=True)
class Flows:
    """What builds add to one product (C8, C22)."""

    refined: Flow
    concentrate: Flow
    feed: Flow
    safe_refined: Flow
    safe_concentrate: Flow
    byproducts: Flow


def flows(desk: Desk, sets: ClubSets) -> dict[str, Flows]:
    """Return the flows of every product; the baseline's projects are in the fixed part."""
    made = {key: desk.balance.tonnes(*key) for key in [*desk.baseline.builds.items(), *sets.starts]}
    horizon = desk.market.years.size

    def flow(part: str, product: str, *, safe: bool) -> Flow:
        fixed, free = np.zeros(horizon), {}
        for key, tonnes in made.items():
            plant = desk.plants[key[0]]
            sold = plant.feed_product if part == "feed" else plant.product
            if part == "byproducts":
                value = np.sum([v for m, v in tonnes.byproducts if m == product] or [np.zeros(horizon)], axis=0)
            else:
                value = getattr(tonnes, part) if sold == product else np.zeros(horizon)
            if (safe and plant.china_linked) or not value.any():
                continue
            if key[0] in desk.baseline.builds:
                fixed = fixed + value
            else:
                free[key] = value
        return Flow(fixed, free)

    return {
        m: Flows(
            refined=flow("refined", m, safe=False),
            concentrate=flow("concentrate", m, safe=False),
            feed=flow("feed", m, safe=False),
            safe_refined=flow("refined", m, safe=True),
            safe_concentrate=flow("concentrate", m, safe=True),
            byproducts=flow("byproducts", m, safe=False),
        )
        for m in sets.products
    }


@dataclass(frozen=True)
class Least:
    """One ``min(capacity, supply)`` with the supply's bounds, t/y, and the tonnes made per tonne taken in."""

    supply: Flow
    cap: float
    low: float
    high: float
    per_tonne: float

    @property
    def two_sided(self) -> bool:
        """Say whether builds decide which of the two is the least; only then is a binary variable needed."""
        return self.low < self.cap < self.high


def least_of(club: Club) -> dict[tuple[str, str, int, int], Least]:
    """Return every converter's minimum by (product made, product taken in, number of the converter, year); number 0 smelts."""
    balance, found = club.desk.balance, {}
    for m in club.sets.products:
        links = [(m, balance.spare[m], balance.spare[m], club.flows[m].concentrate)]
        for source, capacity, output in balance.links[m]:
            own = club.flows[source].refined
            links.append((source, capacity, output, Flow(own.fixed + balance.existing[source], own.tonnes)))
        for number, (source, capacity, output, supply) in enumerate(links):
            for t in np.flatnonzero(capacity > 0.0):
                cap = float(capacity[t])
                found[m, source, number, int(t)] = Least(supply, cap, float(supply.fixed[t]), supply.high(int(t)), float(output[t]) / cap)
    return found


def taken(club: Club, key: tuple[str, str, int, int], least: Least) -> Row:
    """Return a converter's intake: the capacity or the supply where one is always the least, else the variable, t."""
    if least.two_sided:
        return club.model.least[key]
    return least.cap if least.low >= least.cap else least.supply.at(club, key[3])


def made(club: Club, product: str, t: int) -> Row:
    """Return what smelters and converters make of a product, t: each ``min(capacity, supply) x yield`` (C8)."""
    total: Row = 0.0
    for key, least in club.least.items():
        if key[0] != product or key[3] != t:
            continue
        total += least.per_tonne * taken(club, key, least)
    return total
