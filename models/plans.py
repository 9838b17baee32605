"""Plan columns: what a cluster does as a whole (performance by decomposition; the compact form defines the problem).

A plan fixes a border option per product, a build set with start years and a credit level per country and product.
Given option and path, cost is additive over (country, product) groups, so each group's best level is independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product as cartesian
from typing import TYPE_CHECKING

import numpy as np

from .clusters import BuildSets, Cluster, chunk_tonnes
from .columns import CONTRACT
from .market import COUNTRIES, Border
from .outlooks import Setting
from .regimes import decode
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
    """One plan with its rows in the master.

    ``costs`` per member, burden, users' loss and that loss net of border revenue (``loss``) in musd; ``in_band`` says
    whether C21b holds.
    """

    cluster: int
    borders: tuple[Border, ...]
    paths: tuple[bytes, ...]
    builds: tuple[tuple[str, int], ...]
    levels: tuple[tuple[str, str, int], ...]
    costs: tuple[Cost, Cost, Cost]
    burden: Array
    loss: float
    users_loss: float
    contracts: int
    in_band: bool

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
    """One member's candidates of one product in a cluster: unique choices and where they occur in the build sets.

    ``baseline`` are the baseline's plants of the same member and product: they draw its credits too.
    """

    country: str
    product: str
    baseline: tuple[str, ...]
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
        self._losses: dict[tuple[int, Border], Array] = {}
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
                members = tuple(j for j, key in enumerate(cluster.candidates) if plants[key].product == m and plants[key].country == country)
                if not members and not self.desk.pinned_credit(country, m):
                    continue
                baseline = tuple(k for k in self.desk.baseline.builds if (plants[k].country, plants[k].product) == (country, m))
                feeds = {plants[k].feed_product for k in (*baseline, *(cluster.candidates[j] for j in members))}
                names = {m} | feeds - {""}
                involved = tuple(p for p, name in enumerate(cluster.products) if name in names)
                table = np.concatenate([self.sets.choice[:, members].astype(np.int64), self.sets.path[:, involved].astype(np.int64)], axis=1)
                rows, inverse = np.unique(table, axis=0, return_inverse=True)
                yield Group(country, m, baseline, members, involved, rows, np.asarray(inverse).reshape(-1))

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
                fits = [self.desk.users.within_product_cap(m, self.setting(p, borders[p], k)) for k in range(len(self.sets.paths[p]))]
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
            settings = base | {self.cluster.products[p]: self.setting(p, borders[p], k) for p, k in zip(involved, row, strict=True)}
            passed.append(self.desk.guard(key, settings))
        return np.array(passed)[np.asarray(inverse).reshape(-1)]

    # --- money ------------------------------------------------------------------------------------------------------

    @cached_property
    def visited(self) -> dict[str, NDArray[np.bool_]]:
        """Return the states that some build set takes in each year, by product, ``(T, 4)``."""
        table = {}
        for m, paths in zip(self.cluster.products, self.sets.paths, strict=True):
            states = np.stack([decode(path) for path in paths])
            table[m] = (states[:, :, None] == np.arange(4)).any(axis=0)
        return table

    def group_settings(self, group: Group, row: NDArray[np.int64], borders: tuple[Border, ...]) -> dict[str, Setting]:
        """Return the settings of the products that a group's choice involves."""
        paths = row[len(group.members) :]
        return {
            self.cluster.products[p]: self.setting(p, borders[p], int(k))
            for p, k in zip(group.involved, paths, strict=True)
        }

    def built(self, group: Group, row: NDArray[np.int64]) -> list[tuple[str, int]]:
        """Return the plants and start years of a group's choice."""
        return [
            (self.cluster.candidates[j], self.cluster.starts[j][int(choice) - 1])
            for j, choice in zip(group.members, row, strict=False)
            if choice
        ]

    def group_cost(self, group: Group, row: NDArray[np.int64], borders: tuple[Border, ...]) -> Cost:
        """Return a group's cost at each credit level, batched ``(L, ...)``."""
        settings = self.group_settings(group, row, borders)
        total = self.desk.baseline_credits(group.country, group.product, settings)
        for key, start in self.built(group, row):
            total = total + self.desk.family(key, start, settings).cost
        return total

    @cached_property
    def needs(self) -> dict[str, Array]:
        """Return each product's need for each build set, t/y, ``(N, T)``."""
        needs, _ = chunk_tonnes(self.desk.balance, self.desk.baseline, self.cluster, self.sets.choice)
        return needs

    def net_loss(self, borders: tuple[Border, ...]) -> Array:
        """Return users' loss less the gain in border revenue of each build set, PV musd, ``(N,)`` (C26)."""
        return np.sum([self._product_loss(p, border) for p, border in enumerate(borders)], axis=0)

    def _product_loss(self, position: int, border: Border) -> Array:
        """Return one product's part of ``net_loss``, ``(N,)`` (kept once computed)."""
        key = (position, border)
        if key not in self._losses:
            m = self.cluster.products[position]
            count = len(self.sets.paths[position])
            loss = np.array([self.desk.users.loss(m, self.setting(position, border, k)).sum() for k in range(count)])
            gain = self.desk.revenue_gain(m, border, self.needs[m], self._shares(m))
            self._losses[key] = loss[self.sets.path[:, position]] - gain
        return self._losses[key]

    def _shares(self, product: str) -> Array:
        """Return how members share a product's imports under each build set, ``(3, T)`` or ``(3, N, T)`` (C7)."""
        balance, base = self.desk.balance, self.desk.baseline
        feed = balance.feed_by_member(product, base.builds)
        buyers = [j for j, key in enumerate(self.cluster.candidates) if balance.plants[key].feed_product == product]
        if not buyers:
            return balance.member_shares(product, feed)
        table = np.repeat(feed[:, None], self.size, axis=1)
        for j in buyers:
            key = self.cluster.candidates[j]
            made = [np.zeros(feed.shape[1])] + [balance.tonnes(key, year).feed for year in self.cluster.starts[j]]
            table[COUNTRIES.index(balance.plants[key].country)] += np.stack(made)[self.sets.choice[:, j]]
        return balance.member_shares(product, table)

    @cached_property
    def closed(self) -> tuple[str, ...]:
        """Return the baseline's projects with closed contracts in these products."""
        return tuple(k for k in self.desk.closed_contracts if self.desk.plants[k].product in self.cluster.products)

    def settings_at(self, borders: tuple[Border, ...], index: int) -> dict[str, Setting]:
        """Return the settings of all products of the cluster under an option and a build set."""
        paths = self.sets.path[index]
        return {m: self.setting(p, borders[p], int(paths[p])) for p, m in enumerate(self.cluster.products)}

    def plan(self, borders: tuple[Border, ...], index: int, levels: tuple[int, ...]) -> Plan:
        """Spell out one plan from an option, a build set and the groups' credit levels."""
        desk, cluster = self.desk, self.cluster
        horizon, scenarios = desk.market.market[cluster.products[0]].shape
        costs = [Cost.none(horizon, scenarios) for _ in COUNTRIES]
        builds, chosen, contracts = [], [], 0
        for group, level in zip(self.groups, levels, strict=True):
            row = group.rows[group.inverse[index]]
            built = self.built(group, row)
            if not built and not desk.pinned_credit(group.country, group.product):
                continue
            costs[COUNTRIES.index(group.country)] += self.group_cost(group, row, borders).pick(level)
            chosen.append((group.country, group.product, level))
            settings = self.group_settings(group, row, borders)
            builds.extend(built)
            contracts += sum(int(desk.family(k, start, settings).kind[level] == CONTRACT) for k, start in built)
        by_product = self.settings_at(borders, index)
        settings_now = list(by_product.values())
        for key in self.closed:
            costs[COUNTRIES.index(desk.plants[key].country)] += desk.closed_change(key, by_product)
        burden = np.sum([desk.users.burden(m, s) for m, s in zip(cluster.products, settings_now, strict=True)], axis=0)
        users_loss = float(
            sum(desk.users.loss(m, s).sum() for m, s in zip(cluster.products, settings_now, strict=True))
        )
        in_band = desk.competition.holds(builds, {(c, m): level for c, m, level in chosen}, by_product)
        return Plan(
            cluster=self.index,
            borders=borders,
            paths=tuple(s.path for s in settings_now),
            builds=tuple(builds),
            levels=tuple(chosen),
            costs=(costs[0], costs[1], costs[2]),
            burden=burden,
            loss=float(self.net_loss(borders)[index]),
            users_loss=users_loss,
            contracts=contracts,
            in_band=in_band,
        )
