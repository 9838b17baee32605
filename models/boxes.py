"""Boxes of tariffs and cells of credits, and the prices, revenue and tests that hold all over them (C7, C12, C24)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .bankability import TOLERANCE, Tests
from .border import Revenue
from .columns import tail_index
from .levies import Border
from .market import COUNTRIES, Market
from .outlooks import Outlooks
from .subsidies import CreditLevel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .lending import Loan, Rules

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


@dataclass(frozen=True)
class Cell:
    """Credit increments between a bottom and a top."""

    bottom: CreditLevel
    top: CreditLevel

    def halves(self, per_itc: float, per_ptc: float) -> tuple[Cell, Cell]:
        """Return the two halves along the side that is worth more money, given musd per unit of each credit."""
        low, high = self.bottom, self.top
        if (high.itc - low.itc) * per_itc >= (high.ptc - low.ptc) * per_ptc:
            middle = (low.itc + high.itc) / 2.0
            return Cell(low, replace(high, itc=middle)), Cell(replace(low, itc=middle), high)
        middle = (low.ptc + high.ptc) / 2.0
        return Cell(low, replace(high, ptc=middle)), Cell(replace(low, ptc=middle), high)


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


class CellTests(Tests):
    """Tests that no credit rates of a cell pass more easily: the loan is the smallest, at the top of the cell.

    The lender's flows are given the bottom's investment credit, which takes the least tax shield, and the top's
    production credit. Covers are ratios with the loan below, so with positive cash a smaller loan helps.
    """

    top: Array

    def loan(self, itc: Array) -> Loan:
        """Return the loan at the top of the cell, whatever rates are given."""
        return super().loan(self.top)

    def first(self, bottoms: Sequence[Rates], tops: Sequence[Rates]) -> list[int]:
        """Return for each cell the first strike of the grid at which all switched-on tests hold, -1 if none does."""
        values = self.value_at(tops)
        return [self._first(value, *ends) for value, *ends in zip(values, bottoms, tops, strict=True)]

    def _first(self, value: Array, bottom: Rates, top: Rates) -> int:
        self.top = top[0]
        passed = value >= -TOLERANCE if self.rules.value else np.full(self.grid, True)
        if self.rules.lender and passed.any() and _covers_count(self.rules):
            passed &= self.lender(bottom[0], top[1])
        index = int(np.argmax(passed)) if passed.any() else -1
        if index < 0 or not self.rules.tail:
            return index
        need = -self.rules.loss_tolerance * self.capital_at_debt_cost() - TOLERANCE
        return tail_index(self, *top, index, need)


def _covers_count(rules: Rules) -> bool:
    """Say whether negative cash fails every cover, so that a smaller loan never hurts; else the lender's tests are left out."""
    least = rules.cover_merchant - rules.cover_reduction
    return rules.cover_down >= rules.reserve_years and least > 0.0 and rules.dump_cover > 0.0
