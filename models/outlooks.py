"""What a plant sees under a border option and a path: selling price, feed price and deck prices (C6, C7, C12c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import Outlook, Site
from .market import LAW, Border, along
from .projects import Calendar, Plant, calendar
from .regimes import Path, decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .market import Market

    Array = NDArray[np.float64]


@dataclass(frozen=True, order=True)
class Setting:
    """One product's border option and path."""

    border: Border
    path: Path


class Outlooks:
    """Builds sites: plants under settings, with the baseline's by-product prices."""

    def __init__(self, market: Market, baseline_paths: Mapping[str, NDArray[np.int_]]) -> None:
        """Fix the prices of listed by-products at the baseline's path and law (C8)."""
        self.market = market
        instance = market.instance
        self.lender_share = instance.param("lender_share_of_protection")
        self.before_review = (market.years < instance.param("review_year")).astype(float)
        self.care_share = instance.param("care_share")
        streams = set(instance.byproducts["product_code"]) & set(market.products)
        self.byproduct_prices = {
            m: along(market.producer_prices(m, LAW), baseline_paths[m]) for m in sorted(streams)
        }
        self._series: dict[tuple[str, Setting], tuple[Array, Array, Array]] = {}
        self._calendars: dict[tuple[str, int], Calendar] = {}

    def series(self, product: str, setting: Setting) -> tuple[Array, Array, Array]:
        """Return a producer's price ``(T, S)``, deck price and dumped price ``(T,)`` of a refined-form product."""
        key = (product, setting)
        if key not in self._series:
            path = decode(setting.path)
            price = along(self.market.producer_prices(product, setting.border), path)
            deck = self._deck(price, along(self.market.producer_prices(product, LAW), path))
            dumped = self._dumped(product, setting.border, path)
            self._series[key] = (price, deck, dumped)
        return self._series[key]

    def _deck(self, price: Array, law_price: Array) -> Array:
        law = law_price.mean(axis=1)
        deck: Array = law + self.lender_share * self.before_review * (price.mean(axis=1) - law)
        return deck

    def _dumped(self, product: str, border: Border, path: NDArray[np.int_]) -> Array:
        law = self.market.dumped_price(product, LAW)[path]
        protected = self.market.dumped_price(product, border)[path]
        dumped: Array = law + self.lender_share * self.before_review * (protected - law)
        return dumped

    def world(self, product: str) -> tuple[Array, Array, Array]:
        """Return the world price of a concentrate of a refined product, its mean and its dumped level (C4)."""
        price = self.market.market[product]
        row = self.market.instance.products.loc[product]
        level = self.market.long_run[product] * (1.0 - float(row["dump_follow"]) * float(row["dump_depth"]))
        return price, price.mean(axis=1), np.full(price.shape[0], level)

    def feed(self, plant: Plant, setting: Setting) -> tuple[Array, Array]:
        """Return the feed's domestic price in the plant's country ``(T, S)`` and its deck price ``(T,)`` (C4)."""
        path = decode(setting.path)
        price = along(self.market.prices(plant.feed_product, setting.border, plant.country), path)
        law = along(self.market.prices(plant.feed_product, LAW, plant.country), path)
        return price, self._deck(price, law)

    def site(self, plant: Plant, start: int, settings: Mapping[str, Setting]) -> Site:
        """Put a plant from a start year under the settings of its product and its feed."""
        if plant.refined:
            price, deck, dumped = self.series(plant.product, settings[plant.product])
        else:
            price, deck, dumped = self.world(plant.product)
        feed = deck_feed = None
        if plant.feed_product:
            feed, deck_feed = self.feed(plant, settings[plant.feed_product])
        key = (plant.id, start)
        if key not in self._calendars:
            self._calendars[key] = calendar(plant, start, self.market.years)
        return Site(
            plant=plant,
            calendar=self._calendars[key],
            outlook=Outlook(price=price, deck=deck, dumped=dumped, feed=feed, deck_feed=deck_feed),
            byproduct_prices=self.byproduct_prices,
            care_share=self.care_share,
        )

    def forget(self, product: str) -> None:
        """Drop the price series of one product."""
        for key in [k for k in self._series if k[0] == product]:
            del self._series[key]
        self.market.clear(product)
