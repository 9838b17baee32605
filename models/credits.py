"""A desk whose credit levels are cells: points, whose columns are exact, and wide ones, which bound those inside (C14, C15, C19)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .baseline import dump_exposed
from .cells import NONE, Cell, CellCosts, Corners, SiteBounds
from .columns import CONTRACT, INFEASIBLE, UNAIDED, Family
from .competition import Competition
from .desk import Desk
from .exact import exact_family
from .market import COUNTRIES
from .regimes import decode
from .subsidies import NO_CREDIT, CreditLevel, rates
from .welfare import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from .cashflow import Site
    from .levies import Border
    from .outlooks import Setting
    from .plan import Weights
    from .projects import Plant

    Array = NDArray[np.float64]
    Sites = Callable[[], tuple[Site, Site]]

BLUNT = 8
"""Most intervals of strikes where prices are bounds too."""
FINEST, FINER = 64, 4
"""Most intervals into which the range of strikes is cut, and how many times as many a finer cut has."""
EDGE = 0.1
"""Least share of a cell's side that is cut off."""
NARROW = 1e-4
"""Width of a cell, in rates, below which it is not divided."""


class CreditDesk(Desk):
    """A desk that offers each country and product cells of credit rates, with strikes off the three-digit grid.

    The first level is the point of no credit. Wide cells come with bounds, and the band (C21b) is then left out.
    """

    def __init__(self, desk: Desk) -> None:
        """Start with one wide cell up to the highest rungs for each country and product."""
        self.__dict__.update(vars(desk))
        self._compared = desk.competition
        self.highest = CreditLevel(*(max(rates(desk.instance, kind)) for kind in ("itc", "ptc")))
        self.cells = [Cell(NO_CREDIT, NO_CREDIT)]
        self.pairs = {(p.country, p.product) for p in desk.plants.values()}
        self.cells_of: dict[tuple[str, str], set[int]] = {pair: {0} for pair in self.pairs}
        self._parts: dict[tuple[object, ...], dict[Cell, Part]] = {}
        self._bounds: dict[tuple[object, ...], SiteBounds] = {}
        self._stacked: dict[tuple[object, ...], Family] = {}
        self._revenue, self._guard, self._closed = {}, {}, {}
        for pair in sorted(self.pairs):
            self.offer_cells(pair, [Cell(NO_CREDIT, self.highest)])

    def offer_cells(self, pair: tuple[str, str], cells: list[Cell]) -> None:
        """Offer a country and product further cells."""
        known = {cell: k for k, cell in enumerate(self.cells)}
        for cell in cells:
            if cell not in known:
                known[cell] = len(self.cells)
                self.cells.append(cell)
            self.cells_of[pair].add(known[cell])
        self._renew()

    def _renew(self) -> None:
        self.offer = replace(self.offer, levels=tuple(cell.bottom for cell in self.cells))
        self._extra, self._stacked = {}, {}
        if any(not cell.point for cell in self.cells):
            self.competition = NoBand(self)
        else:
            self.competition = copy(self._compared)
            self.competition.desk = self

    def replace_cell(self, pair: tuple[str, str], level: int, cells: list[Cell]) -> None:
        """Put others in the place of a country and product's cell; other pairs keep it."""
        self.cells_of[pair].discard(level)
        self.offer_cells(pair, cells)

    def pointed(self, points: Mapping[tuple[str, str], set[CreditLevel]]) -> CreditDesk:
        """Return a desk that offers given points beside no credit; what is known of points is shared."""
        desk = CreditDesk.__new__(CreditDesk)
        desk.__dict__.update(vars(self))
        desk.cells, desk.cells_of = [Cell(NO_CREDIT, NO_CREDIT)], {pair: {0} for pair in self.pairs}
        for pair, levels in sorted(points.items()):
            desk.offer_cells(pair, [Cell(level, level) for level in sorted(levels, key=lambda x: (x.itc, x.ptc))])
        desk._renew()
        return desk

    def worth(self, pair: tuple[str, str]) -> tuple[float, float]:
        """Return a scale of what a unit of each credit is worth to a country and product's plants, musd."""
        plants = [p for p in self.plants.values() if (p.country, p.product) == pair]
        capital = sum(p.itc_share * p.capital_musd for p in plants)
        years = 1.0 / (self.public_rate + 1.0 / self.market.years.size)
        yearly = sum(p.ptc_share * p.capacity * p.opex / 1e6 for p in plants)
        return capital, yearly * years

    def cheapest_rates(
        self, plant_id: str, start: int, settings: Mapping[str, Setting], level: int, weigh: Callable[[Cost], Array]
    ) -> tuple[float, float]:
        """Return the increments at which a plant's bound in a cell is reached."""
        cost = self.family(plant_id, start, settings).cost
        assert isinstance(cost, CellCosts)
        return cost.cheapest(level, weigh)

    def divided(self, pair: tuple[str, str], cell: Cell, found: Sequence[tuple[float, float]]) -> list[Cell]:
        """Return what takes the place of a cell in which plants would take some rates; nothing where it is narrow.

        It is cut between the rates, which are those of the bottom for plants of the baseline. Where all agree its strikes are cut more
        finely; then it is halved, with ranges of strikes of its own.
        """
        base = [self.plants[k] for k in self.baseline.builds]
        drawn = any((p.country, p.product) == pair and (p.itc_share or p.ptc_share) for p in base)
        taken = np.array([*found, *([(cell.bottom.itc, cell.bottom.ptc)] if drawn else [])])
        spread, worth = np.ptp(taken, axis=0), np.array(self.worth(pair))
        if spread.max() < NARROW:
            if cell.strikes < FINEST:
                return [replace(cell, strikes=FINER * cell.strikes)]
            wide = max(cell.top.itc - cell.bottom.itc, cell.top.ptc - cell.bottom.ptc) >= NARROW
            return [replace(part, own=True) for part in cell.halves(*worth)] if wide else []
        side = int((spread * worth if (spread * worth).any() else spread).argmax())
        kind = ("itc", "ptc")[side]
        low, high = getattr(cell.bottom, kind), getattr(cell.top, kind)
        edge = EDGE * (high - low)
        return list(cell.cut(kind, float(np.clip((taken[:, side].min() + taken[:, side].max()) / 2.0, low + edge, high - edge))))

    # --- what a desk answers --------------------------------------------------------------------------------------

    def offered(self, country: str, product: str) -> NDArray[np.bool_]:
        """Say which cells belong to a country and product, ``(L,)``."""
        mine = self.cells_of.get((country, product), {0})
        return np.array([level in mine for level in range(len(self.cells))])

    def known(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> bool:
        """Say whether a plant's columns at its path have been computed for all its cells."""
        plant = self.plants[plant_id]
        parts = self._parts.get(("path", plant_id, start, *self.key(plant_id, settings)), {})
        return {self.cells[k] for k in self.cells_of[plant.country, plant.product]} <= parts.keys()

    def family(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> Family:
        """Return a plant's columns under the settings: exact at points, bounds in wide cells."""
        key = ("path", plant_id, start, *self.key(plant_id, settings))
        plant = self.plants[plant_id]
        exact = lambda: self.outlooks.site(plant, start, settings)  # noqa: E731
        return self._assemble(key, plant, lambda: self._sites(plant_id, start, settings), exact)

    def bound(self, plant_id: str, start: int, borders: Mapping[str, tuple[Border, ...]], visited: Mapping[str, NDArray[np.bool_]]) -> Family:
        """Return a lower bound on a plant's columns under some options, any path and each cell."""
        plant = self.plants[plant_id]
        seen = (visited[m].tobytes() for m in (plant.product if plant.refined else "", plant.feed_product) if m)
        key = ("any", plant_id, start, *self.effective(plant_id, borders), *seen)
        return self._assemble(key, plant, lambda: self.outlooks.envelope(plant, start, borders, visited), None)

    # --- columns ---------------------------------------------------------------------------------------------------

    def _sites(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> tuple[Site, Site]:
        """Return a plant at the best and at the worst prices along the settings' own paths."""
        names = self._names(plant_id)
        visited = {m: decode(settings[m].path)[:, None] == np.arange(4) for m in names}
        return self.outlooks.envelope(self.plants[plant_id], start, {m: (settings[m].border,) for m in names}, visited)

    def _names(self, plant_id: str) -> set[str]:
        """Return the products whose settings matter to a plant."""
        plant = self.plants[plant_id]
        return {plant.product if plant.refined else "", plant.feed_product} - {""}

    def _assemble(self, key: tuple[object, ...], plant: Plant, sites: Sites, exact: Callable[[], Site] | None) -> Family:
        """Return the family of a key over all cells, evaluating those that are new; others' cells are infeasible.

        Points are exact where there is an ``exact`` site.
        """
        mine = tuple(sorted(self.cells_of[plant.country, plant.product]))
        stacked = (*key, mine, len(self.cells))
        if stacked not in self._stacked:
            parts = self._parts.setdefault(key, {})
            missing = [cell for cell in map(self.cells.__getitem__, mine) if cell not in parts]
            points = [cell for cell in missing if cell.point and exact is not None]
            if points and exact is not None:
                parts |= dict(zip(points, self._exact(plant, exact(), points), strict=True))
            for within in dict.fromkeys(self._within(cell, key) for cell in missing if cell not in parts):
                bounds = self._site_bounds((*key, within), plant, sites, within, exact)
                cells = [cell for cell in missing if cell not in parts and self._within(cell, key) == within]
                parts |= {cell: Part(bounds.costs, corners) for cell, corners in zip(cells, bounds.of(cells), strict=True)}
            self._stacked[stacked] = self._stack(plant, {k: parts[self.cells[k]] for k in mine})
        return self._stacked[stacked]

    def _exact(self, plant: Plant, site: Site, points: Sequence[Cell]) -> list[Part]:
        exposed = dump_exposed(self.market, plant.product)
        made = exact_family(site, self.law[plant.country, plant.product], self.offer, exposed, [cell.bottom for cell in points])
        share = np.array([[1.0, 0.0, 0.0, 0.0]])
        found = []
        for k, cell in enumerate(points):
            corner = Corners(np.zeros((1, 4), dtype=int), share, np.array([[cell.bottom.itc, cell.bottom.ptc]]), made.strike[k : k + 1])
            passes = made.kind[k] != INFEASIBLE
            cost = made.cost.at(k) if passes else Cost.none(*site.outlook.price.shape)
            found.append(Part(cost.repeated(1), corner if passes else NONE, float(made.supported[k]), made.sales))
        return found

    def _within(self, cell: Cell, key: tuple[object, ...]) -> Cell:
        """Return the rates whose strikes count in the bounds of a cell; where prices are bounds too a few intervals do."""
        if key[0] == "any":
            return Cell(NO_CREDIT, self.highest, min(cell.strikes, BLUNT))
        return cell if cell.own else Cell(NO_CREDIT, self.highest, cell.strikes)

    def _site_bounds(self, key: tuple[object, ...], plant: Plant, sites: Sites, within: Cell, exact: Callable[[], Site] | None) -> SiteBounds:
        if key not in self._bounds:
            best, worst = sites()
            exposed, law = dump_exposed(self.market, plant.product), self.law[plant.country, plant.product]
            self._bounds[key] = SiteBounds(best, worst, law, self.offer, self.highest, exposed, within, exact and exact())
        return self._bounds[key]

    def _stack(self, plant: Plant, parts: Mapping[int, Part]) -> Family:
        """Put the columns of some levels into one family over all levels."""
        batches: dict[int, tuple[int, Cost]] = {}
        count = 0
        for part in parts.values():
            if id(part.cost) not in batches:
                batches[id(part.cost)] = (count, part.cost)
                count += part.cost.booked.shape[0]
        entries = Cost.together([cost for _, cost in batches.values()])
        corners = Corners.joined([part.corners.moved(batches[id(part.cost)][0]) for part in parts.values()])
        level = np.repeat(list(parts), [part.corners.strike.size for part in parts.values()])
        value = ((entries.booked + self.tail_weight * entries.scenario.mean(axis=-1))[corners.entry] * corners.share).sum(axis=1)
        size = len(self.cells)
        of, kind, strike, supported = np.full(size, -1), np.full(size, INFEASIBLE), np.full(size, np.nan), np.zeros(size)
        for k, part in parts.items():
            where = np.flatnonzero(level == k)
            if where.size:
                of[k] = where[value[where].argmin()]
                strike[k], supported[k] = corners.strike[of[k]], part.supported
                kind[k] = UNAIDED if np.isnan(strike[k]) else CONTRACT
        sales = max(part.sales for part in parts.values())
        return Family(kind, strike, CellCosts(entries, of, corners, level), supported, sales)

    @property
    def tail_weight(self) -> float:
        """Return the weight of the worst scenarios' cost in the objective (C26)."""
        return float(self.instance.settings["objective.cvar_weight"])


@dataclass(frozen=True)
class Part:
    """One project's columns in one cell: cost entries, what it may choose, and C16's numerator and denominator, musd."""

    cost: Cost
    corners: Corners
    supported: float = 0.0
    sales: float = 0.0


class NoBand(Competition):
    """No product is compared: a relaxation of C21b."""

    products: tuple[str, ...] = ()


def weigher(weights: Weights, country: str) -> Callable[[Cost], Array]:
    """Return what weighs cost entries in a member."""
    return lambda cost: weights.of(cost, COUNTRIES.index(country))
