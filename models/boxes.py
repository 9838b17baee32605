"""Boxes of tariffs, and the prices and revenue that hold all over them (C7, C24)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .border import Revenue
from .levies import Border
from .market import COUNTRIES, Market
from .outlooks import Outlooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


    Array = NDArray[np.float64]
    Series = tuple[Array, Array, Array]
    Rates = tuple[Array, Array]
    """Calendar-year investment and production credit rates."""


@dataclass(frozen=True, order=True)
class Box(Border):
    """Ad valorem rates between a bottom (``market``, ``china``) and a top; as a border it is its bottom."""

    market_top: float = 0.0
    china_top: float = 0.0

    @property
    def bottom(self) -> Border:
        """Return the lowest rates."""
        return Border(self.market, self.china)

    @property
    def top(self) -> Border:
        """Return the highest rates."""
        return Border(self.market_top, self.china_top)

    def halves(self) -> Iterator[Box]:
        """Yield the two halves along the wider side, without what has ``market`` above ``china_linked``."""
        if self.market_top - self.market > self.china_top - self.china:
            middle = (self.market + self.market_top) / 2.0
            parts = (replace(self, market_top=middle), replace(self, market=middle))
        else:
            middle = (self.china + self.china_top) / 2.0
            parts = (replace(self, china_top=middle), replace(self, china=middle))
        yield from (part for part in parts if part.market <= part.china_top)


class BoxOutlooks(Outlooks):
    """Price envelopes over a box: highest at its top, lowest at its bottom."""

    def _extremes(self, product: str, country: str | None, border: Border, visited: NDArray[np.bool_]) -> tuple[Series, Series]:
        if not isinstance(border, Box):
            return super()._extremes(product, country, border, visited)
        high, _ = super()._extremes(product, country, border.top, visited)
        _, low = super()._extremes(product, country, border.bottom, visited)
        return high, low


class BoxRevenue(Revenue):
    """An upper bound on border revenue over a box: each open node's duty at the top, the dearer one where both can be open."""

    def __init__(self, market: Market, product: str, box: Box) -> None:
        """Average the scenarios once."""
        super().__init__(market, product, box.top)
        world, china, closed = market.market[product], market.china[product], market.restricted[product]
        for k, c in enumerate(COUNTRIES):
            law = market.law(product, c)
            (low_m, low_c), (top_m, top_c) = (market.landed(product, end, law) for end in (box.bottom, box.top))
            from_market = np.where(low_m <= top_c, top_m - world, 0.0)
            from_china = np.where(top_m > low_c, top_c - china, 0.0)
            self.open[k] = np.where(closed, 0.0, np.maximum(from_market, from_china)).mean(axis=1)
            self.beyond[k] = np.where(closed, 0.0, top_c - china).mean(axis=1)
        self.china[:] = 0.0
        for table in (self.open, self.beyond):
            table[:, market.simulated :] = 0.0
