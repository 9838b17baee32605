"""A joint reserve against restrictions: how much stock a build set needs and what it costs to hold (C17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .procurement import quotas
from .welfare import Cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .market import Market

    Array = NDArray[np.float64]


class Reserve:
    """The reserve rules of an instance: cover asked by product, rungs of months, and the carry of each rung."""

    def __init__(self, market: Market, public_rate: float) -> None:
        """Read the cover, the rungs and the cost of holding."""
        s = market.instance.settings
        self.market = market
        self.cover = {m: float(value) for m in market.products if (value := s.get(f"reserve.cover.{m}"))}
        self.rungs = np.array(sorted({0.0, *map(float, s["ladders.reserve_months"])}))
        self.carry_rate = float(s["reserve.holding_cost"]) + public_rate
        self.impact = float(s["reserve.price_impact"])
        years = market.years
        self.window = (years >= int(s["years.target"])) & (years <= int(s["years.end"]))
        self.shares = quotas(market.instance)

    def rung(self, product: str, need: Array) -> NDArray[np.int_]:
        """Return the least rung that covers the shortage of each need ``(..., T)``; one past the last where none does.

        ``months / 12 x demand >= cover x max(0, need - fill x A)`` in every year of the window.
        """
        market, inside = self.market, self.window
        short = np.maximum(0.0, need - market.fill * market.availability[product])[..., inside]
        demand = market.demand[product][inside]
        months = np.where(short > 0.0, 12.0 * self.cover[product] * short / np.maximum(demand, 1e-300), 0.0).max(axis=-1)
        return np.searchsorted(self.rungs * (1.0 + 1e-9) + 1e-9, months)

    def stock(self, product: str, rung: int) -> Array:
        """Return the stock held, t by year, ``(T,)``."""
        held: Array = self.rungs[rung] / 12.0 * self.market.demand[product] * self.window
        return held

    def purchase_price(self, product: str, rung: int) -> float:
        """Return what a tonne of stock costs, USD/t: the long-run price with the impact of buying."""
        return self.market.long_run[product] * (1.0 + self.impact * float(self.rungs[rung]) / 12.0)

    def carry(self, product: str, rung: int) -> Array:
        """Return holding cost and interest by year, musd, ``(T,)``."""
        return self.carry_rate * self.stock(product, rung) * self.purchase_price(product, rung) / 1e6

    def cost(self, product: str, rung: int, factor: Array) -> Cost:
        """Return the carry as public cost, alike in every scenario (C24)."""
        yearly, count = self.carry(product, rung), self.market.scenarios.count
        none, value = np.zeros_like(yearly), float(yearly @ factor)
        flat = np.full(count, value)
        total = np.asarray(value)
        return Cost(none, none, none, yearly, none, total, total, flat, flat)
