"""Recompute procurement and the reserve (C17)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .audit_baseline import Baseline, candidates
from .audit_market import Balance, availability, stated_demand
from .audit_option import USD_PER_MUSD
from .audit_world import FloatArray, Project, World


def suppliers(world: World, b0: Baseline) -> list[Project]:
    """Return the projects that may take an offtake: candidates that are not China-linked and sell a defence product."""
    return [p for p in candidates(world, b0) if not p.china_linked and nameplates(world, p)]


def nameplates(world: World, project: Project) -> dict[str, float]:
    """Return payable nameplate tonnes per year by defence product: a refined-form main product and by-products."""
    sold = [] if project.concentrate else [(project.product, project.capacity * project.payability)]
    sold += [(s.product, s.tonnes * s.payability) for s in project.streams]
    found: dict[str, float] = {}
    for product, tonnes in sold:
        if product in world.products and world.products[product].defence and tonnes > 0.0:
            found[product] = found.get(product, 0.0) + tonnes
    return found


def bought_shares(world: World, b0: Baseline) -> dict[str, FloatArray]:
    """Return f, the share of each supplier's tonnes that is bought, by defence product, shape (H,); of an exclusive group only the largest counts."""
    largest: dict[tuple[str, str], float] = {}
    for p in suppliers(world, b0):
        for product, tonnes in nameplates(world, p).items():
            key = (product, p.group or p.code)
            largest[key] = max(largest.get(key, 0.0), tonnes)
    total: dict[str, float] = {}
    for (product, _), tonnes in largest.items():
        total[product] = total.get(product, 0.0) + tonnes
    return {m: np.minimum(1.0, tendered(world, m) / tonnes) for m, tonnes in total.items()}


def tendered(world: World, product: str) -> FloatArray:
    """Return Q, the tonnes that the club tenders, shape (H,)."""
    return world.products[product].defence_share * stated_demand(world, product).sum(axis=0)


@dataclass(frozen=True)
class Reserve:
    """Hold the reserve of one product: months, stock in t (H,), purchase price in USD/t, yearly carry in musd (H,), whether the top rung is enough."""

    months: float
    stock: FloatArray
    price: float
    carry: FloatArray
    enough: bool


def reserves(world: World, balance: Mapping[str, Balance]) -> dict[str, Reserve]:
    """Return the reserve of every product with a cover; the top rung where no rung is enough."""
    covers = {m: world.setting(f"reserve.cover.{m}") for m in world.products}
    return {m: _reserve(world, m, float(cover), balance[m]) for m, cover in covers.items() if cover is not None}


def _reserve(world: World, product: str, cover: float, balance: Balance) -> Reserve:
    years = np.arange(world.base, world.base + world.horizon)
    held = (years >= int(world.setting("years.target", 2035))) & (years <= world.end)
    short = np.maximum(0.0, balance.need - world.param("supply_fill_restricted") * availability(world, product))
    ladder = sorted(float(w) for w in world.setting("ladders.reserve_months", (0.0, 3.0, 6.0, 9.0, 12.0)))
    fitting = [w for w in ladder if (w / 12.0 * balance.demand >= cover * short - 1e-9)[held].all()]
    months = fitting[0] if fitting else ladder[-1]
    stock = np.where(held, months / 12.0 * balance.demand, 0.0)
    price = world.products[product].long_run * (1.0 + float(world.setting("reserve.price_impact", 0.1)) * months / 12.0)
    rate = float(world.setting("reserve.holding_cost", 0.02)) + world.param("public_rate")
    return Reserve(months, stock, price, rate * stock * price / USD_PER_MUSD, bool(fitting))
