"""What users pay: price rises, the demand basket, and the loss with its triangle (C8, C23, C25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .levies import LAW
from .market import COUNTRIES, Market, along
from .regimes import decode
from .welfare import discount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .levies import Border
    from .outlooks import Setting

    Array = NDArray[np.float64]


class Users:
    """Users' prices under any setting against the baseline, by product and member."""

    def __init__(self, market: Market, baseline_paths: Mapping[str, NDArray[np.int_]], public_rate: float) -> None:
        """Lay out the baseline's prices and the window ``base_year..end_year`` (C23)."""
        self.market, self.paths = market, baseline_paths
        self.factor = discount(market.years.size, public_rate)
        self.window = (market.years <= int(market.instance.settings["years.end"])).astype(float)
        self._losses: dict[tuple[str, Setting], Array] = {}
        self._baseline: dict[tuple[str, Border], Array] = {}
        self._burdens: dict[tuple[str, Setting], Array] = {}
        self.baseline_cost = {
            m: np.array([self._pv(m, c, along(market.mean_prices(m, LAW, c), baseline_paths[m])) for c in COUNTRIES]) for m in market.products
        }
        self.basket = np.sum([self.baseline_cost[m] for m in market.products], axis=0)
        self.basket_cap = _limit(market, "users_basket", "caps.basket")
        self.product_cap = _limit(market, "users_product", "caps.product_price")

    def _pv(self, product: str, country: str, price: Array) -> float:
        weight = self.factor * self.window * self.market.direct[product][country]
        return float((weight * price).sum()) / 1e6

    def burden(self, product: str, setting: Setting) -> Array:
        """Return the rise of the cost of direct demand by member, PV musd over the window, ``(3,)`` (C23)."""
        key = (product, setting)
        if key not in self._burdens:
            path = decode(setting.path)
            self._burdens[key] = (
                np.array([self._pv(product, c, along(self.market.mean_prices(product, setting.border, c), path)) for c in COUNTRIES])
                - self.baseline_cost[product]
            )
        return self._burdens[key]

    def rise(self, product: str, setting: Setting) -> float | None:
        """Return the club's demand-weighted relative price rise of a product; None where nobody uses it (C23)."""
        total = self.baseline_cost[product].sum()
        return float(self.burden(product, setting).sum() / total) if total > 0.0 else None

    def within_product_cap(self, product: str, setting: Setting) -> bool:
        """Say whether the product's own cap holds (C23)."""
        rise = self.rise(product, setting)
        return rise is None or rise <= self.product_cap + 1e-9

    def loss(self, product: str, setting: Setting) -> Array:
        """Return users' loss by member, PV musd over all simulated years, ``(3,)`` (C25, C26).

        ``E[(p - p0) (D + D') / 2]`` on stated demand, with ``D' = D clip((p / p0)^elasticity, 0.5, 1.5)``.
        """
        key = (product, setting)
        if key not in self._losses:
            self._losses[key] = self._loss(product, setting)
        return self._losses[key]

    def _before(self, product: str, country: str) -> Array:
        """Return a member's price in the baseline, USD/t, ``(T, S)`` (kept once computed)."""
        key = product, self.market.law(product, country)
        if key not in self._baseline:
            self._baseline[key] = self.market.prices_along(product, LAW, country, self.paths[product])
        return self._baseline[key]

    def _loss(self, product: str, setting: Setting) -> Array:
        path = decode(setting.path)
        elasticity = float(self.market.facts[product]["demand_elasticity"])
        per_tonne: dict[Border, Array] = {}
        result = np.zeros(3)
        for k, c in enumerate(COUNTRIES):
            law = self.market.law(product, c)
            if law not in per_tonne:
                before, after = self._before(product, c), self.market.prices_along(product, setting.border, c, path)
                response = np.clip((after / before) ** elasticity, 0.5, 1.5)
                per_tonne[law] = ((after - before) * (1.0 + response)).mean(axis=1) / 2.0
            result[k] = float((self.factor * per_tonne[law] * self.market.stated[product][c]).sum()) / 1e6
        return result


def _limit(market: Market, switch: str, name: str) -> float:
    value = market.instance.settings.get(name)
    on = bool(market.instance.settings[f"switches.{switch}"])
    return float(value) if on and value is not None else float("inf")
