"""What a plant sees under a border option and a path: selling price, feed price and deck prices (C6, C7, C12c)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import Outlook, Site
from .levies import LAW, Border
from .projects import Calendar, Plant, calendar
from .regimes import Path, decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .market import Market

    Array = NDArray[np.float64]
    Options = tuple[Border, ...]
    Series = tuple[Array, Array, Array]
    """A price ``(T, S)`` with its deck and dumped price ``(T,)``."""


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
        self.byproduct_prices = {m: market.producer_prices_along(m, LAW, baseline_paths[m]) for m in sorted(streams)}
        self._series: dict[tuple[str, Setting], tuple[Array, Array, Array]] = {}
        self._bounds: dict[tuple[str, str | None, Border, bytes], tuple[Series, Series]] = {}
        self._hulls: dict[tuple[str, str | None, Options, bytes], tuple[Series, Series]] = {}
        self._calendars: dict[tuple[str, int], Calendar] = {}

    def series(self, product: str, setting: Setting) -> tuple[Array, Array, Array]:
        """Return a producer's price ``(T, S)``, deck price and dumped price ``(T,)`` of a refined-form product."""
        key = (product, setting)
        if key not in self._series:
            path = decode(setting.path)
            price = self.market.producer_prices_along(product, setting.border, path)
            law = price if setting.border == LAW else self.series(product, Setting(LAW, setting.path))[0]
            deck = self._deck(price, law)
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
        counted = self.lender_share * self.before_review * self.market.force_share
        dumped: Array = law + counted * (protected - law) + self.market.premium[product]
        return dumped

    def world(self, product: str) -> tuple[Array, Array, Array]:
        """Return the world price of a concentrate of a refined product, its mean and its dumped level (C4)."""
        price = self.market.market[product]
        row = self.market.facts[product]
        level = self.market.long_run[product] * (1.0 - float(row["dump_follow"]) * float(row["dump_depth"]))
        return price, price.mean(axis=1), np.full(price.shape[0], level)

    def feed(self, plant: Plant, setting: Setting) -> tuple[Array, Array]:
        """Return the feed's domestic price in the plant's country ``(T, S)`` and its deck price ``(T,)`` (C4)."""
        path = decode(setting.path)
        price, law = (self.market.prices_along(plant.feed_product, border, plant.country, path) for border in (setting.border, LAW))
        return price, self._deck(price, law)

    def calendar(self, plant: Plant, start: int) -> Calendar:
        """Return a plant's calendar from a start year (kept once computed)."""
        key = (plant.id, start)
        if key not in self._calendars:
            self._calendars[key] = calendar(plant, start, self.market.years)
        return self._calendars[key]

    def site(self, plant: Plant, start: int, settings: Mapping[str, Setting]) -> Site:
        """Put a plant from a start year under the settings of its product and its feed."""
        if plant.refined:
            price, deck, dumped = self.series(plant.product, settings[plant.product])
        else:
            price, deck, dumped = self.world(plant.product)
        feed = deck_feed = None
        if plant.feed_product:
            feed, deck_feed = self.feed(plant, settings[plant.feed_product])
        return self._put(plant, start, Outlook(price, deck, dumped, feed, deck_feed))

    def _put(self, plant: Plant, start: int, outlook: Outlook) -> Site:
        return Site(plant, self.calendar(plant, start), outlook, self.byproduct_prices, self.care_share)

    def envelope(
        self, plant: Plant, start: int, borders: Mapping[str, Options], visited: Mapping[str, NDArray[np.bool_]]
    ) -> tuple[Site, Site]:
        """Return sites under the best and the worst prices over all paths of any of some options of each product.

        ``visited`` is ``(T, 4)`` per product: the states that some path takes in a year. Every path's selling price lies
        between the two sites' and every feed price too, with the signs turned. The best site takes royalties at the
        lowest prices, since under a strike a higher price only raises the royalty.
        """
        if plant.refined:
            high, low = self._hull(plant.product, None, borders[plant.product], visited[plant.product])
        else:
            high = low = self.world(plant.product)
        feeds: list[tuple[Array, Array] | tuple[None, None]] = [(None, None), (None, None)]
        if plant.feed_product:
            name = plant.feed_product
            dear, cheap = self._hull(name, plant.country, borders[name], visited[name])
            feeds = [(cheap[0], cheap[1]), (dear[0], dear[1])]
        floor = Outlook(*low, *feeds[1])
        best = replace(Outlook(*high, *feeds[0]), floor=floor)
        return self._put(plant, start, best), self._put(plant, start, floor)

    def strength(self, product: str, border: Border, visited: NDArray[np.bool_]) -> float:
        """Return how much an option protects producers: the mean of the highest prices over the visited states, USD/t."""
        return float(self._extremes(product, None, border, visited)[0][0].mean())

    def _hull(self, product: str, country: str | None, borders: Options, visited: NDArray[np.bool_]) -> tuple[Series, Series]:
        """Return the highest and the lowest of the options' ``_extremes``.

        Every price rises with each measure (C6, C7), so options that another one exceeds in all measures need no look.
        """
        if len(borders) == 1:
            return self._extremes(product, country, borders[0], visited)
        key = (product, country, borders, visited.tobytes())
        if key not in self._hulls:
            highs = [self._extremes(product, country, border, visited)[0] for border in borders if not any(border.within(other) for other in borders)]
            lows = [self._extremes(product, country, border, visited)[1] for border in borders if not any(other.within(border) for other in borders)]
            self._hulls[key] = _each(np.maximum, highs), _each(np.minimum, lows)
        return self._hulls[key]

    def _extremes(
        self, product: str, country: str | None, border: Border, visited: NDArray[np.bool_]
    ) -> tuple[Series, Series]:
        """Return the highest and the lowest price, deck price and dumped price over the visited states."""
        key = (product, country, border, visited.tobytes())
        if key not in self._bounds:
            market = self.market
            if country is None:
                table, law = market.producer_prices(product, border), market.producer_prices(product, LAW)
            else:
                table, law = market.prices(product, border, country), market.prices(product, LAW, country)
            share = (self.lender_share * self.before_review)[:, None]
            mean, law_mean = table.mean(axis=2), law.mean(axis=2)
            deck = law_mean + share * (mean - law_mean)
            level, law_level = market.dumped_price(product, border), market.dumped_price(product, LAW)
            dumped = law_level + share * market.force_share[:, None] * (level - law_level)
            if country is None:
                dumped = dumped + market.premium[product][:, None]
            wide = visited[:, :, None]
            self._bounds[key] = (
                (
                    np.where(wide, table, -np.inf).max(axis=1),
                    np.where(visited, deck, -np.inf).max(axis=1),
                    np.where(visited, dumped, -np.inf).max(axis=1),
                ),
                (
                    np.where(wide, table, np.inf).min(axis=1),
                    np.where(visited, deck, np.inf).min(axis=1),
                    np.where(visited, dumped, np.inf).min(axis=1),
                ),
            )
        return self._bounds[key]


def _each(pick: np.ufunc, series: Sequence[Series]) -> Series:
    """Return the greatest or least of several series, point by point."""
    price, deck, dumped = (reduce(pick, parts) for parts in zip(*series, strict=True))
    return price, deck, dumped
