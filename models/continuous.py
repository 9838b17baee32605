"""Bounds without ladders: boxes of tariffs and credits in place of rungs (C19).

A *box* of tariffs stands for every pair of rates in it, a *cell* of credits for every pair of credit rates in it. What a
plan costs in a box is bounded from below, part by part:

* prices rise with the rates (C7), so a plant is tested at the top of its own product's box and the bottom of its feed's,
  and runs for sure only where it runs at the opposite ends: the envelope of ``Outlooks.envelope``, one path at a time;
* tests take credits at the top of the cell where these help (value, tail, loan) and at the bottom where they hurt (the
  tax shield lost in the lender's decks, the cap on credits and grants); public cost takes them at the bottom;
* the strike is not rounded: the value of the three-digit grid below the first that passes the relaxed tests;
* users' burden and loss are those of the bottom of the box, border revenue is at most that of the dearest open node at
  the top. The band (C21b) is left out.

Start years stay discrete. With every rate in some box, the least cost over boxes is at most that of any design.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .bankability import TOLERANCE, Tests, stack_share
from .baseline import dump_exposed
from .border import Revenue
from .boxes import Box, BoxOutlooks, BoxRevenue, Cell, CellTests
from .columns import CONTRACT, INFEASIBLE, UNAIDED, Family, strike_bounds, surely_running
from .competition import Competition
from .contracts import three_digit_grid
from .desk import Desk
from .lending import main_share
from .levies import Border
from .outlooks import Setting
from .regimes import decode
from .subsidies import NO_CREDIT, CreditLevel, credits_at
from .welfare import Cost, LevelCosts, project_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from .boxes import Rates
    from .cashflow import Site
    from .contracts import ContractTerms
    from .projects import Plant
    from .subsidies import LawCredits

    Array = NDArray[np.float64]
    Sites = Callable[[], tuple[Site, Site]]


class BoxDesk(Desk):
    """A desk whose border options are boxes and whose credit levels are cells."""

    joins_options = False

    def __init__(self, desk: Desk) -> None:
        """Start with one box per product, one cell per country and product, and no credit as the first level."""
        if desk.fixes:
            raise ValueError("bounds without ladders take no pinned decisions")
        self.__dict__.update(vars(desk))
        s = desk.instance.settings
        self.outlooks = BoxOutlooks(desk.market, desk.baseline.paths)
        most = max(float(r) for r in (0.0, *s["ladders.tariffs"]))
        self.boxes = {m: [Box(market_top=most, china_top=most)] for m in desk.market.products}
        highest = CreditLevel(*(max(map(float, (0.0, *s[f"ladders.{kind}"]))) for kind in ("itc", "ptc")))
        self.cells = [Cell(NO_CREDIT, NO_CREDIT), Cell(NO_CREDIT, highest)]
        pairs = {(p.country, p.product) for p in desk.plants.values()}
        self.cells_of = {pair: {0, 1} for pair in pairs}
        self.competition = _NoBand(desk)
        self._effective: dict[tuple[str, Border | None, Border | None], tuple[Border | None, Border | None]] = {}
        self._families_of: dict[tuple[object, ...], Family] = {}
        self._parts: dict[tuple[object, ...], dict[int, tuple[int, float, Cost]]] = {}
        self._revenue, self._guard, self._closed = {}, {}, {}
        self._renew()

    def _renew(self) -> None:
        self.offer = replace(self.offer, levels=tuple(cell.bottom for cell in self.cells))
        self._extra, self._families_of = {}, {}

    def split_box(self, product: str, box: Border, width: float) -> bool:
        """Replace a box by its halves, unless it is narrower than ``width`` or gone; say whether it was."""
        if not isinstance(box, Box) or box not in self.boxes[product]:
            return False
        if max(box.market_top - box.market, box.china_top - box.china) < width:
            return False
        at = self.boxes[product].index(box)
        self.boxes[product][at : at + 1] = box.halves()
        return True

    def split_cell(self, country: str, product: str, level: int, width: float) -> bool:
        """Replace a country and product's cell by its halves, unless it is narrow or gone; other pairs keep it."""
        cell, mine = self.cells[level], self.cells_of[country, product]
        if level not in mine or max(cell.top.itc - cell.bottom.itc, cell.top.ptc - cell.bottom.ptc) < width:
            return False
        self.cells_of[country, product] = mine - {level} | {len(self.cells), len(self.cells) + 1}
        self.cells.extend(cell.halves(*self._worth(country, product)))
        self._renew()
        return True

    def _worth(self, country: str, product: str) -> tuple[float, float]:
        """Return a scale of what a unit of each credit is worth to a country and product's plants, musd."""
        plants = [p for p in self.plants.values() if (p.country, p.product) == (country, product)]
        capital = sum(p.itc_share * p.capital_musd for p in plants)
        years = 1.0 / (self.public_rate + 1.0 / self.market.years.size)
        yearly = sum(p.ptc_share * p.capacity * p.opex / 1e6 for p in plants)
        return capital, yearly * years

    # --- what a desk answers --------------------------------------------------------------------------------------

    def borders(self, product: str) -> tuple[Border, ...]:
        """Return a product's boxes."""
        return tuple(self.boxes[product])

    def offered(self, country: str, product: str) -> NDArray[np.bool_]:
        """Say which cells belong to a country and product, ``(L,)``."""
        mine = self.cells_of.get((country, product), {0})
        return np.array([level in mine for level in range(len(self.cells))])

    def canonical(self, plant_id: str, borders: Mapping[str, Border]) -> tuple[Border | None, Border | None]:
        """Return the effective boxes on which a plant's money depends (kept once computed)."""
        plant = self.plants[plant_id]
        key = (plant_id, borders.get(plant.product), borders.get(plant.feed_product))
        if key not in self._effective:
            ends = ({m: end(b) for m, b in borders.items()} for end in (_bottom, _top))
            low, high = (super(BoxDesk, self).canonical(plant_id, end) for end in ends)
            self._effective[key] = (_between(low[0], high[0]), _between(low[1], high[1]))
        return self._effective[key]

    def known(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> bool:
        """Say whether a plant's bounds at its path have been computed for all its cells."""
        plant = self.plants[plant_id]
        parts = self._parts.get(("path", plant_id, start, *self.key(plant_id, settings)), {})
        return self.cells_of[plant.country, plant.product] <= parts.keys()

    def family(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> Family:
        """Return a lower bound on a plant's columns over the boxes at their paths and each cell."""
        key = ("path", plant_id, start, *self.key(plant_id, settings))
        return self._assemble(key, self.plants[plant_id], lambda: self._sites(plant_id, start, settings))

    def bound(
        self, plant_id: str, start: int, borders: Mapping[str, tuple[Border, ...]], visited: Mapping[str, NDArray[np.bool_]]
    ) -> Family:
        """Return a lower bound on a plant's columns over the boxes, any path and each cell."""
        plant = self.plants[plant_id]
        key = ("any", plant_id, start, *self.canonical(plant_id, {m: border for m, (border,) in borders.items()}))
        return self._assemble(key, plant, lambda: self.outlooks.envelope(plant, start, borders, visited))

    def guard(self, plant_id: str, settings: Mapping[str, Setting]) -> bool:
        """Say whether a baseline project may stay bankable unaided somewhere in the boxes (C21c)."""
        key = (plant_id, *self.key(plant_id, settings))
        if key not in self._guard:
            plant = self.plants[plant_id]
            best, worst = self._sites(plant_id, self.baseline.builds[plant_id], settings)
            law = self.law[plant.country, plant.product]
            tests = Tests(best, self.rules, self.market.long_run, dump_exposed(self.market, plant.product), worst=worst)
            self._guard[key] = bool(tests.passes(law.itc, law.ptc)[0])
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

    # --- bounds ----------------------------------------------------------------------------------------------------

    def _sites(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> tuple[Site, Site]:
        """Return a plant at the best and at the worst prices of the boxes along the settings' own paths."""
        names = self._names(plant_id)
        visited = {m: decode(settings[m].path)[:, None] == np.arange(4) for m in names}
        return self.outlooks.envelope(self.plants[plant_id], start, {m: (settings[m].border,) for m in names}, visited)

    def _names(self, plant_id: str) -> set[str]:
        """Return the products whose settings matter to a plant."""
        plant = self.plants[plant_id]
        return {plant.product if plant.refined else "", plant.feed_product} - {""}

    def _assemble(self, key: tuple[object, ...], plant: Plant, sites: Sites) -> Family:
        """Return the family of a key over all cells, evaluating those that are new; others' cells are infeasible."""
        offered = self.cells_of[plant.country, plant.product]
        parts = self._parts.setdefault(key, {})
        missing = sorted(offered - parts.keys())
        if missing:
            best, worst = sites()
            bounds = CellBounds(self, best, worst, self.law[plant.country, plant.product])
            parts |= dict(zip(missing, bounds.of([self.cells[level] for level in missing]), strict=True))
        if key not in self._families_of:
            self._families_of[key] = _stack(parts, offered, len(self.cells))
        return self._families_of[key]


def _stack(parts: Mapping[int, tuple[int, float, Cost]], offered: set[int], count: int) -> Family:
    """Put the offered cells' columns into one family of ``count`` levels."""
    where = sorted(offered)
    rows = [parts[level] for level in where]
    kind, strike, of = np.full(count, INFEASIBLE), np.full(count, np.nan), np.full(count, -1)
    kind[where], strike[where], of[where] = [row[0] for row in rows], [row[1] for row in rows], range(len(rows))
    costs = Cost(*(np.stack([getattr(row[2], name) for row in rows]) for name in Cost.__dataclass_fields__))
    return Family(kind=kind, strike=strike, cost=LevelCosts(costs, of), supported=np.zeros(count), sales=0.0)


class CellBounds:
    """Lower bounds on one plant's column between two sites, cell by cell."""

    def __init__(self, desk: Desk, best: Site, worst: Site, law: LawCredits) -> None:
        """Prepare the tests over the grid of strikes, both ends of C13 included."""
        self.desk, self.best, self.worst, self.law = desk, best, worst, law
        self.offer, self.rules = desk.offer, desk.rules
        self.terms: ContractTerms = desk.offer.contract
        self.exposed = dump_exposed(desk.market, best.plant.product)
        self.bare = self._tests(None)
        low, high = strike_bounds(best, desk.offer)
        self.grid = np.unique(np.concatenate([[low], three_digit_grid(low, high), [high]])) if high >= low else np.empty(0)
        self.held = self._tests(self.grid) if self.grid.size else None
        self.running = surely_running(worst, desk.offer)

    def _tests(self, strikes: Array | None) -> CellTests:
        terms = None if strikes is None else self.terms
        return CellTests(self.best, self.rules, self.desk.market.long_run, self.exposed, terms, strikes, self.worst)

    def of(self, cells: Sequence[Cell]) -> list[tuple[int, float, Cost]]:
        """Return kind, strike and cost of each cell."""
        bottoms, tops = ([credits_at(self.law, end) for end in ends] for ends in zip(*((c.bottom, c.top) for c in cells), strict=True))
        unaided = self.bare.first(bottoms, tops)
        strikes = self._strikes(bottoms, tops) if min(unaided) < 0 else np.full(len(cells), np.nan)
        found = []
        for cell, bottom, alone, strike in zip(cells, bottoms, unaided, strikes, strict=True):
            kind = UNAIDED if alone >= 0 else INFEASIBLE if np.isnan(strike) else CONTRACT
            if self.rules.stack and cell.bottom != NO_CREDIT:
                share = stack_share(self.best, *bottom, self.desk.public_rate)
                kind = INFEASIBLE if share > self.rules.stack_cap + TOLERANCE else kind
            found.append((kind, strike if kind == CONTRACT else np.nan, self._cost(kind, cell, float(strike))))
        return found

    def _cost(self, kind: int, cell: Cell, strike: float) -> Cost:
        """Return a lower bound on public cost: the cell's lowest credits, the least strike."""
        rate = self.desk.public_rate
        if kind == UNAIDED:
            return project_cost(self.best, self.law, cell.bottom, rate, worst=self.worst, running=self.running).pick(0)
        if kind == CONTRACT:
            return project_cost(self.best, self.law, cell.bottom, rate, self.terms, np.array([strike]), self.worst).pick(0)
        return Cost.none(*self.best.outlook.price.shape)

    def _strikes(self, bottoms: Sequence[Rates], tops: Sequence[Rates]) -> Array:
        """Return for each cell a value at most the least strike that passes in it, USD/t; nan where none passes.

        The tests are monotone in the strike, so a strike between two values of the grid is at least the lower one.
        """
        found = np.full(len(tops), np.nan)
        if self.held is None or main_share(self.best.plant, self.desk.market.long_run) < self.rules.main_share_min:
            return found
        for k, index in enumerate(self.held.first(bottoms, tops)):
            if index >= 0:
                found[k] = self.grid[max(index - 1, 0)]
        return found


class _NoBand(Competition):
    """No product is compared: a relaxation of C21b."""

    products: tuple[str, ...] = ()


def _bottom(border: Border) -> Border:
    return border.bottom if isinstance(border, Box) else border


def _top(border: Border) -> Border:
    return border.top if isinstance(border, Box) else border


def _between(low: Border | None, high: Border | None) -> Border | None:
    return None if low is None or high is None else Box(low.market, low.china, market_top=high.market, china_top=high.china)
