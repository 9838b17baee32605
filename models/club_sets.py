"""Index sets and ladder columns of the compact formulation: what can be chosen, and what each choice costs.

A *setting* of a product is a border option and a path; a *ladder column* is a project with a start year under one
setting of its own product and one of its feed, at one credit level. Only what some build set can imply is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product as cartesian
from typing import TYPE_CHECKING

import numpy as np

from .clusters import BuildSets, Cluster, Demands, build_sets, chunk_tonnes, find_clusters
from .columns import CONTRACT, INFEASIBLE
from .levies import Border
from .market import COUNTRIES
from .outlooks import Setting
from .regimes import decode
from .welfare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from .desk import Desk

    Array = NDArray[np.float64]
    Settings = tuple[Setting | None, Setting | None]
    Choice = tuple[str, int, int]
    """Product, index of the border option, index of the path."""
    Key = tuple[str, int, int, int, int]
    """Plant, start year, index of its own setting, index of its feed's setting, credit level."""


@dataclass(frozen=True)
class Column:
    """A ladder column: public cost (musd), contract and strike, and C16's numerator and denominator (musd)."""

    cost: Cost
    contract: bool
    strike: float
    supported: float
    sales: float

    @property
    def aided(self) -> bool:
        """Say whether the project has a contract, an offtake or a club credit (C16): without any it has exactly no support."""
        return self.contract or self.supported != 0.0


@dataclass(frozen=True)
class Menu:
    """One plant's columns: its distinct settings, which choices lead to them, and the feasible columns.

    ``own`` and ``feed`` list settings with effective rates; ``own_of`` and ``feed_of`` give, for each of them, the choices
    of the product and of the feed that come to it. Where a price does not matter to the plant there is one setting, None.
    """

    plant: str
    own: tuple[Setting | None, ...]
    feed: tuple[Setting | None, ...]
    own_of: tuple[tuple[Choice, ...], ...]
    feed_of: tuple[tuple[Choice, ...], ...]
    columns: Mapping[Key, Column]


class ClubSets:
    """All index sets of one instance, in the order of its tables."""

    def __init__(self, desk: Desk) -> None:
        """Enumerate build sets for the paths they imply; demands are rows of the model, not filters."""
        self.desk = desk
        self.products = desk.market.products
        self.clusters = find_clusters(desk.balance, desk.baseline, desk.fixes)
        free = Demands({}, {}, dict.fromkeys(self.products, np.array(np.inf)), np.zeros(0, dtype=int))
        self.build_sets = tuple(build_sets(desk.balance, desk.baseline, c, free, desk.fixes) for c in self.clusters)
        self.place = {m: (k, c.products.index(m)) for k, c in enumerate(self.clusters) for m in c.products}
        self.paths = {m: self.build_sets[k].paths[p] for m, (k, p) in self.place.items()}
        self.borders = {m: desk.borders(m) for m in self.products}

    def sets_of(self, product: str) -> tuple[Cluster, BuildSets]:
        """Return the cluster of a product and its build sets."""
        k, _ = self.place[product]
        return self.clusters[k], self.build_sets[k]

    def setting(self, choice: Choice) -> Setting:
        """Return the border option and path of a choice."""
        m, option, path = choice
        return Setting(self.borders[m][option], self.paths[m][path])

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Return every border option with every implied path that keeps the product's own price cap (C23)."""
        every = ((m, o, p) for m in self.products for o, p in cartesian(range(len(self.borders[m])), range(len(self.paths[m]))))
        return tuple(c for c in every if self.desk.users.within_product_cap(c[0], self.setting(c)))

    @cached_property
    def starts(self) -> tuple[tuple[str, int], ...]:
        """Return every candidate with every start year of its ladder (C19)."""
        return tuple((j, s) for c in self.clusters for j, starts in zip(c.candidates, c.starts, strict=True) for s in starts)

    @cached_property
    def levels(self) -> tuple[tuple[str, str, int], ...]:
        """Return the credit levels of every country and product that has a candidate or a baseline project (C15)."""
        plants = [self.desk.plants[j] for j in dict.fromkeys([*self.desk.baseline.builds, *(j for j, _ in self.starts)])]
        pairs = sorted({(p.country, p.product) for p in plants}, key=lambda cm: (COUNTRIES.index(cm[0]), self.products.index(cm[1])))
        return tuple((c, m, int(level)) for c, m in pairs for level in np.flatnonzero(self.desk.offered(c, m)))

    @cached_property
    def menus(self) -> tuple[Menu, ...]:
        """Return the columns of the baseline's projects and of the candidates."""
        built = [(j, None) for j in self.desk.baseline.builds]
        free = [(j, index) for c in self.clusters for index, j in enumerate(c.candidates)]
        return tuple(self._menu(j, index) for j, index in [*built, *free])

    def _menu(self, plant_id: str, index: int | None) -> Menu:
        plant = self.desk.plants[plant_id]
        own, own_of = self._settings(plant_id, plant.product if plant.refined else "", 0)
        feed, feed_of = self._settings(plant_id, plant.feed_product, 1)
        columns: dict[Key, Column] = {}
        for start, pairs in self._implied(plant_id, index):
            for a, b in cartesian(range(len(own)), range(len(feed))):
                paths = tuple(s.path if s else b"" for s in (own[a], feed[b]))
                if paths in pairs:
                    made = self._baseline(plant_id, own[a], feed[b]) if index is None else self._candidate(plant_id, start, own[a], feed[b])
                    columns |= {(plant_id, start, a, b, level): column for level, column in made}
        return Menu(plant_id, own, feed, own_of, feed_of, columns)

    def _settings(self, plant_id: str, product: str, role: int) -> tuple[tuple[Setting | None, ...], tuple[tuple[Choice, ...], ...]]:
        """Return a plant's distinct settings of one product with the choices behind each; one None without a product."""
        if not product:
            return (None,), ((),)
        found: dict[Setting, list[Choice]] = {}
        names = {self.desk.plants[plant_id].product, self.desk.plants[plant_id].feed_product} - {""}
        for choice in self.choices:
            if choice[0] == product:
                border = self.desk.canonical(plant_id, dict.fromkeys(names, self.setting(choice).border))[role]
                found.setdefault(Setting(border or Border(), self.setting(choice).path), []).append(choice)
        return tuple(found), tuple(tuple(c) for c in found.values())

    def _implied(self, plant_id: str, index: int | None) -> Iterator[tuple[int, set[tuple[bytes, bytes]]]]:
        """Yield each start year with the pairs of own and feed path that some build set with that start implies."""
        plant = self.desk.plants[plant_id]
        cluster, sets = self.sets_of(plant.product)
        own = [self.paths[plant.product][k] for k in sets.path[:, cluster.products.index(plant.product)]] if plant.refined else None
        feed = None
        if plant.feed_product and plant.feed_product in cluster.products:
            feed = [self.paths[plant.feed_product][k] for k in sets.path[:, cluster.products.index(plant.feed_product)]]
        elif plant.feed_product:
            raise ValueError(f"{plant_id} buys {plant.feed_product} outside its cluster")
        starts = (self.desk.baseline.builds[plant_id],) if index is None else cluster.starts[index]
        for k, start in enumerate(starts, start=1):
            rows = range(sets.choice.shape[0]) if index is None else np.flatnonzero(sets.choice[:, index] == k)
            yield start, {(own[n] if own else b"", feed[n] if feed else b"") for n in rows}

    def _mapping(self, plant_id: str, own: Setting | None, feed: Setting | None) -> dict[str, Setting]:
        plant = self.desk.plants[plant_id]
        pairs = ((plant.product, own), (plant.feed_product, feed))
        return {m: s for m, s in pairs if s is not None}

    def _candidate(self, plant_id: str, start: int, own: Setting | None, feed: Setting | None) -> Iterator[tuple[int, Column]]:
        """Yield the credit levels at which a candidate is bankable, with its column (C12, C13)."""
        made = self.desk.family(plant_id, start, self._mapping(plant_id, own, feed))
        plant = self.desk.plants[plant_id]
        for level in map(int, np.flatnonzero((made.kind != INFEASIBLE) & self.desk.offered(plant.country, plant.product))):
            held = bool(made.kind[level] == CONTRACT)
            yield level, Column(made.cost.at(level), held, float(made.strike[level]), float(made.supported[level]), made.sales)

    def _baseline(self, plant_id: str, own: Setting | None, feed: Setting | None) -> Iterator[tuple[int, Column]]:
        """Yield a baseline project's column at every level, none where it would be displaced (C21c, C24)."""
        desk, plant = self.desk, self.desk.plants[plant_id]
        settings = self._mapping(plant_id, own, feed)
        if plant_id in desk.guarded[plant.product] and not desk.guard(plant_id, settings):
            return
        per_itc, per_ptc, sales = desk.competition.drawn(plant_id, settings)
        for level in map(int, np.flatnonzero(desk.offered(plant.country, plant.product))):
            rates = desk.offer.levels[level]
            cost = desk.baseline_change(plant_id, settings, rates)
            yield level, Column(cost, False, float("nan"), rates.itc * per_itc + rates.ptc * per_ptc, sales)

    @cached_property
    def needs(self) -> dict[str, Array]:
        """Return the needs that build sets attain by product, t/y, ``(N, T)``."""
        table: dict[str, Array] = {}
        for cluster, sets in zip(self.clusters, self.build_sets, strict=True):
            table |= chunk_tonnes(self.desk.balance, self.desk.baseline, cluster, sets.choice)[0]
        return table

    @cached_property
    def states(self) -> dict[str, NDArray[np.int_]]:
        """Return the states of each product's paths, ``(P, T)``."""
        return {m: np.stack([decode(path) for path in self.paths[m]]) for m in self.products}

    @cached_property
    def intervals(self) -> dict[str, tuple[Array, Array]]:
        """Return by product the closed interval of need in each year and state, t/y, each ``(T, 4)``; nan where never attained (C8).

        C8's intervals are half open. Needs take finitely many values, so a threshold may lie anywhere between the highest
        value at most equal to it and the lowest one above it; halfway, both sides keep the greatest distance.
        """
        return {m: self._intervals(m) for m in self.products}

    def _intervals(self, product: str) -> tuple[Array, Array]:
        market, need = self.desk.market, self.needs[product]
        horizon = market.years.size
        low, high = np.full((horizon, 4), np.nan), np.full((horizon, 4), np.nan)
        for t in range(horizon):
            values, reach = np.unique(need[:, t]), market.availability[product][t]
            state = np.searchsorted([0.0, market.fill * reach, reach], values, side="left")
            for k in np.unique(state):
                first, last = np.flatnonzero(state == k)[[0, -1]]
                low[t, k] = (values[first] + values[max(first - 1, 0)]) / 2.0
                high[t, k] = (values[last] + values[min(last + 1, values.size - 1)]) / 2.0
        return low, high
