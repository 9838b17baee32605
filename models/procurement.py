"""Joint procurement: offtake of defence products at a tendered price (C17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .market import COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from ..instances import Instance
    from .market import Market
    from .projects import Plant

    Array = NDArray[np.float64]


def procured_products(instance: Instance) -> tuple[str, ...]:
    """Return the products that the club buys: those listed, else those used in defence."""
    listed = tuple(instance.settings["procurement.products"])
    return listed or tuple(m for m, flag in instance.products["is_defence"].items() if flag)


def quotas(instance: Instance) -> Array:
    """Return the members' shares in the cost of procurement and reserve, ``(3,)``; nobody's where none are stated."""
    return np.array([float(instance.settings.get(f"procurement.quotas.{c}") or 0.0) for c in COUNTRIES])


def nameplates(suppliers: Iterable[Plant]) -> dict[str, float]:
    """Return payable tonnes at full output by product, of an exclusive group only the largest, t/y."""
    largest: dict[tuple[str, str], float] = {}
    for plant in suppliers:
        streams = [(b.product, b.tonnes * b.payability) for b in plant.byproducts if b.listed]
        main = [(plant.product, plant.capacity * plant.payability)] if plant.refined else []
        for product, tonnes in main + streams:
            key = (product, plant.group or plant.id)
            largest[key] = max(largest.get(key, 0.0), tonnes)
    total: dict[str, float] = {}
    for (product, _), tonnes in largest.items():
        total[product] = total.get(product, 0.0) + tonnes
    return total


def tendered_shares(market: Market, suppliers: Iterable[Plant]) -> dict[str, Array]:
    """Return by product the share of each supplier's output that is bought, ``f = min(1, defence demand / nameplate)``, ``(T,)``.

    Args:
        market: demand on the stated basis.
        suppliers: candidates outside the baseline that are available and not China-linked.
    """
    table, plates = market.instance.products, nameplates(suppliers)
    wanted = {m: float(table.loc[m, "defence_share"]) * market.demand[m] for m in procured_products(market.instance)}
    return {m: np.minimum(1.0, wanted[m] / plates[m]) for m in wanted if plates.get(m, 0.0) > 0.0 and wanted[m].max() > 0.0}


def offered_streams(plant: Plant, shares: Mapping[str, Array]) -> tuple[str, ...]:
    """Return the products that a plant sells and the club buys: its main product in refined form, and by-products."""
    if plant.china_linked:
        return ()
    own = (plant.product,) if plant.refined else ()
    return tuple(dict.fromkeys(m for m in (*own, *(b.product for b in plant.byproducts if b.listed)) if m in shares))
