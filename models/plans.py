"""The plans of a cluster: all that it can do as a whole (performance by decomposition; the compact form defines the problem).

A plan fixes a border option per product, a build set with start years and a credit level per country and product.
Given option and path, cost is additive over (country, product) groups, so each group's best level is independent.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from itertools import product as cartesian
from typing import TYPE_CHECKING

import numpy as np

from .clusters import BuildSets, Cluster, ClusterTooLarge, chunk_tonnes, joined
from .columns import CONTRACT
from .filters import Closed, Guard
from .ledgers import Ledger
from .levies import Border, line_of
from .losses import Losses
from .market import COUNTRIES
from .outlooks import Setting
from .plan import Plan
from .regimes import decode
from .welfare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from .desk import Desk
    from .domains import Trait
    from .outline import Outline

    Option = tuple[int, ...]
    Array = NDArray[np.float64]


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


@dataclass(frozen=True)
class Part:
    """Groups, unaided projects and closed contracts of a cluster that depend on the options of the same products."""

    groups: tuple[int, ...]
    guards: tuple[Guard, ...]
    closed: tuple[Closed, ...]


class PlanSpace:
    """All plans of one cluster, priced on demand.

    ``sets`` are all its build sets or, in a large cluster, those listed so far; its ``outline`` then bounds the others, and
    pricing lists those that could matter (``models/unlisted.py``). Listed build sets keep their places.
    """

    most_whole = 100_000
    """Most build sets of a cluster that is listed whole."""

    def __init__(self, desk: Desk, index: int, cluster: Cluster, sets: BuildSets, outline: Outline | None = None) -> None:
        """Split the candidates into (country, product) groups and find the admissible options."""
        self.desk, self.index, self.cluster, self.sets, self.outline = desk, index, cluster, sets, outline
        own = tuple(self._useful_borders(p, m) for p, m in enumerate(cluster.products)) if outline is None else outline.space.borders
        self.borders: tuple[tuple[Border, ...], ...] = own
        self.groups = tuple(self._groups())
        self.users_count = float(desk.instance.settings["objective.user_weight"]) > 0.0
        self._users: dict[tuple[int, int], tuple[Array, NDArray[np.bool_]]] = {}

    @property
    def size(self) -> int:
        """Return the number of build sets, those listed so far in a large cluster."""
        return self.sets.choice.shape[0]

    @property
    def listed(self) -> set[bytes]:
        """Return the build sets, as bytes of their choices."""
        return {row.tobytes() for row in self.sets.choice}

    def require_whole(self) -> None:
        """Refuse to go on with some of the build sets where all are needed.

        Raises:
            ClusterTooLarge: the cluster has too many to list.
        """
        if self.outline is not None:
            names = ", ".join(self.cluster.products)
            raise ClusterTooLarge(f"{names}: a family of targets needs every build set; shorten ladders.start_delays or solve each target on its own")

    def grow(self, sets: BuildSets) -> None:
        """List further build sets; what is known of the others stays with the desk."""
        self.sets = joined(self.sets, sets)
        self.groups = tuple(self._groups())
        for name in ("reserves", "ledgers", "guards", "closed", "parts", "losses", "visited", "ranking"):
            self.__dict__.pop(name, None)
        self._users = {}

    def repinned(self, desk: Desk, plant_id: str) -> Self:
        """Return the space on a desk with another strike for one plant: the ledgers of other groups stay."""
        space = copy(self)
        mine = self.cluster.candidates.index(plant_id)
        pairs = zip(self.groups, self.ledgers, strict=True)
        space.desk = desk
        space.ledgers = tuple(Ledger(space, group) if mine in group.members else ledger for group, ledger in pairs)
        space.outline = None if self.outline is None else self.outline.repinned(desk, plant_id)
        return space

    def _useful_borders(self, position: int, product: str) -> tuple[Border, ...]:
        """Return the product's options; in a pure export regime every measure is inert and law stands for all."""
        options = self.desk.borders(product)
        exports = all(not any(path) for path in self.sets.paths[position])
        alone = len(line_of(self.desk.instance.settings, product)) == 1
        return options[:1] if exports and alone else options

    @cached_property
    def losses(self) -> Losses:
        """Return users' losses under the build sets."""
        return Losses(self)

    @cached_property
    def reserves(self) -> dict[int, NDArray[np.int_]]:
        """Return by position of a product that the reserve covers the rung that each build set needs, ``(N,)`` (C17)."""
        reserve = self.desk.reserve
        needs: dict[str, Array] = {}
        if reserve.cover:
            needs, _ = chunk_tonnes(self.desk.balance, self.desk.baseline, self.cluster, self.sets.choice)
        return {p: reserve.rung(m, needs[m]) for p, m in enumerate(self.cluster.products) if m in reserve.cover}

    def reserve_cost(self, position: int, rung: int) -> Cost:
        """Return the carry of a product's stock as public cost (C17)."""
        return self.desk.reserve.cost(self.cluster.products[position], rung, self.desk.users.factor)

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

    def options(self, allowed: Sequence[Sequence[int]] | None = None) -> Iterator[Option]:
        """Iterate over the border options of all products, by index: all, or those in lists by product.

        Products of one tariff line take the same index (C6).
        """
        lists = [range(len(borders)) for borders in self.borders] if allowed is None else allowed
        return (option for option in cartesian(*lists) if all(option[a] == option[b] for a, b in self.lines))

    def block(self, position: int, option: int, width: int) -> tuple[int, ...]:
        """Return an option of a product with those that protect about as much, ``width`` in all; every option if 0."""
        if width == 1:
            return (option,)
        count = len(self.borders[position])
        if not width:
            return tuple(range(count))
        place = int(self.ranking[position][option]) // width * width
        return tuple(int(k) for k in np.argsort(self.ranking[position])[place : place + width])

    @cached_property
    def ranking(self) -> tuple[NDArray[np.int_], ...]:
        """Return each option's place by how much it protects producers, the strongest first, by product."""
        outlooks, found = self.desk.outlooks, []
        for m, borders in zip(self.cluster.products, self.borders, strict=True):
            strength = np.array([outlooks.strength(m, border, self.visited[m]) for border in borders])
            found.append(np.argsort(np.argsort(-strength, kind="stable"), kind="stable"))
        return tuple(found)

    @cached_property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """Return the pairs of products of the cluster, by position, that share a tariff line."""
        products, settings = self.cluster.products, self.desk.instance.settings
        return tuple((a, b) for a, b in combinations(range(len(products)), 2) if products[b] in line_of(settings, products[a]))

    def at(self, option: Option) -> tuple[Border, ...]:
        """Return the border options of an option given by index."""
        return tuple(borders[k] for borders, k in zip(self.borders, option, strict=True))

    # --- what pricing adds up ---------------------------------------------------------------------------------------

    @cached_property
    def ledgers(self) -> tuple[Ledger, ...]:
        """Return the groups' ledgers."""
        return tuple(Ledger(self, group) for group in self.groups)

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Return the unaided projects that must stay bankable (C21c)."""
        return tuple(Guard(self, k) for m in self.cluster.products for k in self.desk.guarded[m])

    @cached_property
    def closed(self) -> tuple[Closed, ...]:
        """Return the baseline's projects with closed contracts in these products."""
        return tuple(Closed(self, k) for k in self.desk.closed_contracts if self.desk.plants[k].product in self.cluster.products)

    @cached_property
    def parts(self) -> dict[tuple[int, ...], Part]:
        """Return what depends on the options of exactly the same products; each single product has a part."""
        keys = {(p,) for p in range(len(self.borders))} | {x.involved for x in self.groups} | {x.involved for x in (*self.guards, *self.closed)}
        return {
            key: Part(
                tuple(g for g, group in enumerate(self.groups) if group.involved == key),
                tuple(guard for guard in self.guards if guard.involved == key),
                tuple(closed for closed in self.closed if closed.involved == key),
            )
            for key in sorted(keys, key=lambda key: (len(key), key))
        }

    def stamp(self, positions: tuple[int, ...], option: Option) -> int:
        """Return a count that rises whenever what a part knows about an option changes."""
        part = self.parts[positions]
        return sum(self.ledgers[g].sheet(option).version for g in part.groups) + sum(guard.known(option) for guard in part.guards)

    def users_of(self, position: int, border: int) -> tuple[Array, NDArray[np.bool_]]:
        """Return users' burden ``(K, 3)`` and whether the product's cap holds ``(K,)`` along each path of a product (C23)."""
        key = (position, border)
        if key not in self._users:
            m, users = self.cluster.products[position], self.desk.users
            settings = [self.setting(position, self.borders[position][border], k) for k in range(len(self.sets.paths[position]))]
            self._users[key] = np.stack([users.burden(m, s) for s in settings]), np.array([users.within_product_cap(m, s) for s in settings])
        return self._users[key]

    def users_loss(self, position: int, border: Border, path: int) -> float:
        """Return users' loss along a path of a product, PV musd of the three members (C25)."""
        return float(self.desk.users.loss(self.cluster.products[position], self.setting(position, border, path)).sum())

    def traits(self, plan: Plan) -> dict[Trait, int]:
        """Return the values of a plan's traits, as a node of the search limits them."""
        found: dict[Trait, int] = {("border", p): self.borders[p].index(border) for p, border in enumerate(plan.borders)}
        built, levels = dict(plan.builds), {(c, m): level for c, m, level in plan.levels}
        for j, (key, starts) in enumerate(zip(self.cluster.candidates, self.cluster.starts, strict=True)):
            found["choice", j] = 1 + starts.index(built[key]) if key in built else 0
        return found | {("level", g): levels.get((group.country, group.product), 0) for g, group in enumerate(self.groups)}

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

    def group_cost(self, group: Group, row: NDArray[np.int64], borders: tuple[Border, ...], level: int) -> Cost:
        """Return a group's cost at a credit level."""
        settings = self.group_settings(group, row, borders)
        total = self.desk.baseline_credits(group.country, group.product, settings).at(level)
        for key, start in self.built(group, row):
            total = total + self.desk.family(key, start, settings).cost.at(level)
        return total

    def product_loss(self, position: int, border: Border) -> Array:
        """Return one product's part of users' loss less the gain in border revenue, PV musd, ``(N,)`` (kept; C26)."""
        return self.losses.of(position, border)

    def loss_at(self, position: int, border: Border, index: int) -> float:
        """Return one entry of ``product_loss``; in a small space all of them are computed with it."""
        return self.losses.at(position, border, index)

    def settings_at(self, borders: tuple[Border, ...], index: int) -> dict[str, Setting]:
        """Return the settings of all products of the cluster under an option and a build set."""
        paths = self.sets.path[index]
        return {m: self.setting(p, borders[p], int(paths[p])) for p, m in enumerate(self.cluster.products)}

    def plan(self, option: Option, index: int, levels: tuple[int, ...]) -> Plan:
        """Spell out one plan from an option, a build set and the groups' credit levels."""
        desk, cluster, borders = self.desk, self.cluster, self.at(option)
        horizon, scenarios = desk.market.market[cluster.products[0]].shape
        costs = [Cost.none(horizon, scenarios) for _ in COUNTRIES]
        builds, chosen, contracts = [], [], 0
        for group, level in zip(self.groups, levels, strict=True):
            row = group.rows[group.inverse[index]]
            built = self.built(group, row)
            if not built and not desk.pinned_credit(group.country, group.product):
                continue
            costs[COUNTRIES.index(group.country)] += self.group_cost(group, row, borders, level)
            chosen.append((group.country, group.product, level))
            settings = self.group_settings(group, row, borders)
            builds.extend(built)
            contracts += sum(int(desk.family(k, start, settings).kind[level] == CONTRACT) for k, start in built)
        by_product = self.settings_at(borders, index)
        settings_now = list(by_product.values())
        for closed in self.closed:
            costs[COUNTRIES.index(closed.country)] += desk.closed_change(closed.plant_id, by_product)
        for p, rungs in self.reserves.items():
            costs[0] += self.reserve_cost(p, int(rungs[index]))
        burden = np.sum([desk.users.burden(m, s) for m, s in zip(cluster.products, settings_now, strict=True)], axis=0)
        users_loss = sum(self.users_loss(p, border, int(self.sets.path[index, p])) for p, border in enumerate(borders))
        in_band = desk.competition.holds(builds, {(c, m): level for c, m, level in chosen}, by_product)
        return Plan(
            cluster=self.index,
            borders=borders,
            paths=tuple(s.path for s in settings_now),
            builds=tuple(builds),
            levels=tuple(chosen),
            costs=(costs[0], costs[1], costs[2]),
            burden=burden,
            loss=sum(self.loss_at(p, border, index) for p, border in enumerate(borders)) if self.users_count else 0.0,
            users_loss=users_loss,
            contracts=contracts,
            in_band=in_band,
        )
