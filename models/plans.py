"""Plan columns: what a cluster does as a whole (performance by decomposition; the compact form defines the problem).

A plan fixes a border option per product, a build set with start years and a credit level per country and product.
Given option and path, cost is additive over (country, product) groups, so each group's best level is independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as cartesian
from typing import TYPE_CHECKING

import numpy as np

from .clusters import BuildSets, Cluster
from .columns import CONTRACT, INFEASIBLE
from .market import COUNTRIES, Border
from .outlooks import Setting
from .welfare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .desk import Desk

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Prices of a master problem: what one unit of each part of a plan costs.

    ``outlay`` is ``(3, T)`` per musd of a member's yearly outlay; ``scenario`` and ``scenario_outlay`` ``(S,)``;
    ``basket`` ``(3,)`` per musd of burden; ``user`` per musd of users' loss net of border revenue; ``booked`` is 1 in
    the objective and 0 when only feasibility is sought.
    """

    outlay: Array
    scenario: Array
    scenario_outlay: Array
    basket: Array
    user: float
    booked: float = 1.0

    def of(self, cost: Cost, country: int) -> Array:
        """Return the weighted cost of a project or group in one member, over the leading axes of ``cost``."""
        result: Array = self.booked * cost.booked + (cost.payments + cost.credits) @ self.outlay[country]
        if self.scenario.any():
            result = result + cost.scenario @ self.scenario
        if self.scenario_outlay.any():
            result = result + cost.scenario_outlay @ self.scenario_outlay
        return result


@dataclass(frozen=True)
class Plan:
    """One plan with its rows in the master; ``cost`` per member, burden and loss in musd."""

    cluster: int
    borders: tuple[Border, ...]
    paths: tuple[bytes, ...]
    builds: tuple[tuple[str, int], ...]
    levels: tuple[tuple[str, str, int], ...]
    costs: tuple[Cost, Cost, Cost]
    burden: Array
    loss: float
    contracts: int

    @property
    def booked(self) -> float:
        """Return expected booked cost of the three members, musd."""
        return float(sum(float(c.booked) for c in self.costs))

    @property
    def rates(self) -> float:
        """Return the sum of harmonised rates (a tie key of C26)."""
        return sum(b.market + b.china for b in self.borders)


@dataclass(frozen=True)
class Group:
    """One member's candidates of one product in a cluster: unique choices and where they occur in the build sets."""

    country: str
    product: str
    members: tuple[int, ...]
    involved: tuple[int, ...]
    rows: NDArray[np.int64]
    inverse: NDArray[np.int64]


class PlanSpace:
    """All plans of one cluster, priced on demand."""

    def __init__(self, desk: Desk, index: int, cluster: Cluster, sets: BuildSets) -> None:
        """Split the candidates into (country, product) groups and find the admissible options."""
        self.desk, self.index, self.cluster, self.sets = desk, index, cluster, sets
        self.borders = tuple(self._useful_borders(p, m) for p, m in enumerate(cluster.products))
        self.groups = tuple(self._groups())
        self._allowed: dict[tuple[Border, ...], NDArray[np.bool_]] = {}

    @property
    def size(self) -> int:
        """Return the number of build sets."""
        return self.sets.choice.shape[0]

    def _useful_borders(self, position: int, product: str) -> tuple[Border, ...]:
        """Return the product's options; in a pure export regime every measure is inert and law stands for all."""
        options = self.desk.borders(product)
        exports = all(not any(path) for path in self.sets.paths[position])
        return options[:1] if exports else options

    def _groups(self) -> Iterator[Group]:
        plants, cluster = self.desk.plants, self.cluster
        for country in COUNTRIES:
            for m in cluster.products:
                members = tuple(
                    j
                    for j, key in enumerate(cluster.candidates)
                    if plants[key].product == m and plants[key].country == country
                )
                if not members:
                    continue
                names = {m} | {plants[cluster.candidates[j]].feed_product for j in members} - {""}
                involved = tuple(p for p, name in enumerate(cluster.products) if name in names)
                table = np.concatenate(
                    [self.sets.choice[:, members].astype(np.int64), self.sets.path[:, involved].astype(np.int64)], axis=1
                )
                rows, inverse = np.unique(table, axis=0, return_inverse=True)
                yield Group(country, m, members, involved, rows, np.asarray(inverse).reshape(-1))

    def setting(self, position: int, border: Border, path: int) -> Setting:
        """Return one product's setting."""
        return Setting(border, self.sets.paths[position][path])

    def options(self) -> Iterator[tuple[Border, ...]]:
        """Iterate over the border options of all products."""
        return cartesian(*self.borders)

    # --- filters: product caps and displacement (C21c, C23) ---------------------------------------------------------

    def allowed(self, borders: tuple[Border, ...]) -> NDArray[np.bool_]:
        """Say which build sets keep product caps and guarded projects under an option, ``(N,)``."""
        if borders not in self._allowed:
            good = np.full(self.size, True)
            for p, m in enumerate(self.cluster.products):
                fits = [
                    self.desk.users.within_product_cap(m, self.setting(p, borders[p], k))
                    for k in range(len(self.sets.paths[p]))
                ]
                good &= np.array(fits)[self.sets.path[:, p]]
            for key in self._guards():
                good &= self._guard(key, borders)
            self._allowed[borders] = good
        return self._allowed[borders]

    def _guards(self) -> tuple[str, ...]:
        return tuple(k for m in self.cluster.products for k in self.desk.guarded[m])

    def _guard(self, key: str, borders: tuple[Border, ...]) -> NDArray[np.bool_]:
        plant = self.desk.plants[key]
        names = {plant.product, plant.feed_product}
        involved = [p for p, m in enumerate(self.cluster.products) if m in names]
        rows, inverse = np.unique(self.sets.path[:, involved], axis=0, return_inverse=True)
        base = self.desk.law_settings()
        passed = []
        for row in rows:
            settings = base | {
                self.cluster.products[p]: self.setting(p, borders[p], k) for p, k in zip(involved, row, strict=True)
            }
            passed.append(self.desk.guard(key, settings))
        return np.array(passed)[np.asarray(inverse).reshape(-1)]

    # --- prices ------------------------------------------------------------------------------------------------------

    def group_settings(self, group: Group, row: NDArray[np.int64], borders: tuple[Border, ...]) -> dict[str, Setting]:
        """Return the settings of the products that a group's choice involves."""
        paths = row[len(group.members) :]
        return {
            self.cluster.products[p]: self.setting(p, borders[p], int(k))
            for p, k in zip(group.involved, paths, strict=True)
        }

    def group_cost(self, group: Group, row: NDArray[np.int64], borders: tuple[Border, ...]) -> tuple[Cost, Array]:
        """Return a group's cost at each credit level and where it is feasible, ``(L,)``."""
        settings = self.group_settings(group, row, borders)
        total = self.desk.baseline_credits(group.country, group.product, settings)
        feasible = np.full(len(self.desk.offer.levels), True)
        for j, choice in zip(group.members, row, strict=False):
            if choice:
                made = self.desk.family(self.cluster.candidates[j], self.cluster.starts[j][int(choice) - 1], settings)
                total = total + made.cost
                feasible &= made.kind != INFEASIBLE
        return total, feasible

    def group_values(
        self, index: int, borders: tuple[Border, ...], weights: Weights, cache: dict[object, Array]
    ) -> Array:
        """Return a group's weighted cost for each unique choice and credit level, ``(U, L)``; inf where infeasible."""
        group, desk = self.groups[index], self.desk
        country = COUNTRIES.index(group.country)
        values = np.full((group.rows.shape[0], len(desk.offer.levels)), np.inf)
        for u, row in enumerate(group.rows):
            if not row[: len(group.members)].any():
                values[u, 0] = 0.0
                continue
            settings = self.group_settings(group, row, borders)
            key: object = (group.country, group.product, settings[group.product])
            if key not in cache:
                cache[key] = weights.of(desk.baseline_credits(group.country, group.product, settings), country)
            total = cache[key]
            for j, choice in zip(group.members, row, strict=False):
                if choice:
                    total = total + self._family_value(j, int(choice), settings, weights, country, cache)
            values[u] = total
        return values

    def _family_value(
        self, j: int, choice: int, settings: dict[str, Setting], weights: Weights, country: int, cache: dict[object, Array]
    ) -> Array:
        plant_id, start = self.cluster.candidates[j], self.cluster.starts[j][choice - 1]
        key = (plant_id, start, *self.desk.key(plant_id, settings))
        if key not in cache:
            made = self.desk.family(plant_id, start, settings)
            cache[key] = np.where(made.kind == INFEASIBLE, np.inf, weights.of(made.cost, country))
        return cache[key]

    def price(self, borders: tuple[Border, ...], weights: Weights, cache: dict[object, Array]) -> tuple[Array, list[Array]]:
        """Return the least weighted cost of each build set ``(N,)`` and each group's values ``(U, L)`` under an option."""
        total = np.where(self.allowed(borders), 0.0, np.inf)
        tables = []
        for g, group in enumerate(self.groups):
            key = (g, tuple(borders[p] for p in group.involved))
            if key not in cache:
                cache[key] = self.group_values(g, borders, weights, cache)
            tables.append(cache[key])
            total = total + cache[key].min(axis=1)[group.inverse]
        for p, m in enumerate(self.cluster.products):
            extra = np.array(
                [
                    float(self.desk.users.burden(m, self.setting(p, borders[p], k)) @ weights.basket)
                    for k in range(len(self.sets.paths[p]))
                ]
            )
            total = total + extra[self.sets.path[:, p]]
        if weights.user:
            total = total + weights.user * self.net_loss(borders)
        return total, tables

    def net_loss(self, borders: tuple[Border, ...]) -> Array:
        """Return users' loss less border revenue of each build set, PV musd, ``(N,)`` (C26)."""
        return self.desk.net_loss(self, borders)

    def plan(self, borders: tuple[Border, ...], index: int, levels: tuple[int, ...]) -> Plan:
        """Spell out one plan from an option, a build set and the groups' credit levels."""
        desk, cluster = self.desk, self.cluster
        horizon, scenarios = desk.market.market[cluster.products[0]].shape
        costs = [Cost.none(horizon, scenarios) for _ in COUNTRIES]
        builds, chosen, contracts = [], [], 0
        for group, level in zip(self.groups, levels, strict=True):
            row = group.rows[group.inverse[index]]
            if not row[: len(group.members)].any():
                continue
            cost, _ = self.group_cost(group, row, borders)
            costs[COUNTRIES.index(group.country)] += cost.pick(level)
            chosen.append((group.country, group.product, level))
            settings = self.group_settings(group, row, borders)
            for j, choice in zip(group.members, row, strict=False):
                if choice:
                    key, start = cluster.candidates[j], cluster.starts[j][int(choice) - 1]
                    builds.append((key, start))
                    contracts += int(desk.family(key, start, settings).kind[level] == CONTRACT)
        settings_now = [self.setting(p, borders[p], int(self.sets.path[index, p])) for p in range(len(cluster.products))]
        burden = np.sum([desk.users.burden(m, s) for m, s in zip(cluster.products, settings_now, strict=True)], axis=0)
        loss = float(sum(desk.users.loss(m, s).sum() for m, s in zip(cluster.products, settings_now, strict=True)))
        return Plan(
            cluster=self.index,
            borders=borders,
            paths=tuple(s.path for s in settings_now),
            builds=tuple(builds),
            levels=tuple(chosen),
            costs=(costs[0], costs[1], costs[2]),
            burden=burden,
            loss=loss,
            contracts=contracts,
        )
