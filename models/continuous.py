"""Bounds without ladders: boxes of tariffs and cells of credits in place of rungs (C19).

A *box* of tariffs stands for every pair of rates in it, a *cell* of credits for every pair of credit rates in it. What a
plan costs in a box is bounded from below, part by part:

* prices rise with the rates (C7), so a plant is tested at the top of its own product's box and the bottom of its feed's,
  and runs for sure only where it runs at the opposite ends: the envelope of ``Outlooks.envelope``, one path at a time;
* between these prices each plant takes the best point of a cell and an unrounded strike (``cells.py``);
* users' burden and loss are those of the bottom of the box, border revenue is at most that of the dearest open node at
  the top. The band (C21b) is left out.

Start years stay discrete. With every rate in some box, the least cost over boxes is at most that of any design.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .bankability import Tests
from .baseline import dump_exposed
from .border import Revenue
from .boxes import Box, BoxOutlooks, BoxRevenue
from .credits import CreditDesk
from .desk import Desk
from .levies import Border
from .welfare import Cost, project_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .columns import Family
    from .outlooks import Setting
    from .projects import Plant
    from .subsidies import CreditLevel


class BoxDesk(CreditDesk):
    """A desk whose border options are boxes and whose credit levels are cells."""

    joins_options = False

    def __init__(self, desk: Desk) -> None:
        """Start with one box per product, one cell per country and product, and no credit as the first level."""
        if desk.fixes:
            raise ValueError("bounds without ladders take no pinned decisions")
        super().__init__(desk)
        self.outlooks = BoxOutlooks(desk.market, desk.baseline.paths)
        most = max(float(r) for r in (0.0, *desk.instance.settings["ladders.tariffs"]))
        self.boxes = {m: [Box(market_top=most, china_top=most)] for m in desk.market.products}
        self._effective: dict[tuple[str, Border | None, Border | None], tuple[Border | None, Border | None]] = {}
        self._revenue, self._guard, self._closed = {}, {}, {}

    def split_box(self, product: str, box: Border, width: float) -> bool:
        """Replace a box by its halves, unless it is narrower than ``width`` or gone; say whether it was."""
        if not isinstance(box, Box) or box not in self.boxes[product]:
            return False
        if max(box.market_top - box.market, box.china_top - box.china) < width:
            return False
        at = self.boxes[product].index(box)
        self.boxes[product][at : at + 1] = box.halves()
        return True

    # --- what a desk answers --------------------------------------------------------------------------------------

    def borders(self, product: str) -> tuple[Border, ...]:
        """Return a product's boxes."""
        return tuple(self.boxes[product])

    def canonical(self, plant_id: str, borders: Mapping[str, Border]) -> tuple[Border | None, Border | None]:
        """Return the effective boxes on which a plant's money depends (kept once computed)."""
        plant = self.plants[plant_id]
        key = (plant_id, borders.get(plant.product), borders.get(plant.feed_product))
        if key not in self._effective:
            ends = ({m: end(b) for m, b in borders.items()} for end in (_bottom, _top))
            low, high = (super(BoxDesk, self).canonical(plant_id, end) for end in ends)
            self._effective[key] = (_between(low[0], high[0]), _between(low[1], high[1]))
        return self._effective[key]

    def effective(self, plant_id: str, borders: Mapping[str, tuple[Border, ...]]) -> tuple[frozenset[Border | None], frozenset[Border | None]]:
        """Return the effective boxes, one of the plant's own product and one of its feed, on which its money depends."""
        own, feed = self.canonical(plant_id, {m: border for m, (border,) in borders.items()})
        return frozenset({own} - {None}), frozenset({feed} - {None})

    def family(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> Family:
        """Return a lower bound on a plant's columns over the boxes at their paths and each cell."""
        key = ("path", plant_id, start, *self.key(plant_id, settings))
        return self._assemble(key, self.plants[plant_id], lambda: self._sites(plant_id, start, settings), None)

    def guard(self, plant_id: str, settings: Mapping[str, Setting]) -> bool:
        """Say whether a baseline project may stay bankable unaided somewhere in the boxes (C21c)."""
        key = (plant_id, *self.key(plant_id, settings))
        if key not in self._guard:
            plant = self.plants[plant_id]
            best, worst = self._sites(plant_id, self.baseline.builds[plant_id], settings)
            law = self.law[plant.country, plant.product]
            tests = Tests(best, law, self.rules, self.market.long_run, dump_exposed(self.market, plant.product), worst=worst)
            self._guard[key] = bool(tests.passes()[0])
        return self._guard[key]

    def revenue(self, product: str, border: Border) -> Revenue:
        """Return a bound on border revenue in a box, or the revenue of plain rates."""
        if not isinstance(border, Box):
            return super().revenue(product, border)
        if (product, border) not in self._revenue:
            self._revenue[product, border] = BoxRevenue(self.market, product, border)
        return self._revenue[product, border]

    def baseline_cost(self, plant_id: str, settings: Mapping[str, Setting], level: CreditLevel, plant: Plant | None = None) -> Cost:
        """Return a lower bound on what a baseline project costs in the boxes; the exact cost under plain rates.

        Differences between two levels are bounds too: net contract payments are the same in both and cancel.
        """
        if not any(isinstance(settings[m].border, Box) for m in self._names(plant_id)):
            return super().baseline_cost(plant_id, settings, level, plant)
        plant, held = plant or self.plants[plant_id], self.closed_contracts.get(plant_id)
        best, worst = self._sites(plant_id, self.baseline.builds[plant_id], settings)
        law = self.law[plant.country, plant.product]
        if held is None:
            return project_cost(best, law, level, self.public_rate, worst=worst).pick(0)
        return project_cost(best, law, level, self.public_rate, held.terms, np.array([held.strike]), worst).pick(0)


def _bottom(border: Border) -> Border:
    return border.bottom if isinstance(border, Box) else border


def _top(border: Border) -> Border:
    return border.top if isinstance(border, Box) else border


def _between(low: Border | None, high: Border | None) -> Border | None:
    return None if low is None or high is None else Box(low.market, low.china, market_top=high.market, china_top=high.china)
