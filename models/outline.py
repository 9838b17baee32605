"""What bounds the build sets of a large cluster without listing them: states, tonnes that count, and constant costs.

A cluster with more build sets than are listed whole (``PlanSpace.most_whole``) has a plan space that lists some of them. The outline holds
what is known of all of them together: the states that a path may visit, what each candidate adds to the demands, and the least
that users, border revenue and closed contracts cost under a border option whatever is built.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .clusters import BuildSets, allowed_choices
from .levies import LAW
from .market import COUNTRIES, along
from .plans import PlanSpace
from .regimes import encode
from .subsidies import NO_CREDIT
from .welfare import project_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .clusters import Cluster, Demands
    from .desk import Desk
    from .levies import Border
    from .welfare import Cost

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]
    Option = tuple[int, ...]

YEARS = 6
"""Years of a demand that are looked at before a build set is whole."""


@dataclass(frozen=True)
class Converter:
    """Capacity that makes ``min(limit, own + sum_j adds[j][choice_j])`` t/y; ``adds`` is ``(starts + 1, Y)`` per candidate."""

    adds: tuple[Array, ...]
    limit: Array
    own: Array

    def at(self, years: Ints) -> Converter:
        """Return the converter in some of its years."""
        return Converter(tuple(table[:, years] for table in self.adds), self.limit[years], self.own[years])

    def most(self, choices: tuple[NDArray[np.int8], ...]) -> Array:
        """Return the most that the candidates make it make more, t/y, ``(Y,)``."""
        added = sum((table[k].max(axis=0) for table, k in zip(self.adds, choices, strict=True)), np.zeros_like(self.own))
        more: Array = np.minimum(self.limit, self.own + added) - np.minimum(self.limit, self.own)
        return more


@dataclass(frozen=True)
class Requirement:
    """A demand that every build set meets in some years, t/y: ``sum_j adds[j][choice_j] - converted >= wanted``.

    ``adds`` is ``(starts + 1, Y)`` per candidate and at least what a choice adds; ``wanted`` is ``(Y,)``. ``converted`` is what the
    candidates make ``converters`` make more, which a limit on exports has against them.
    """

    product: str
    adds: tuple[Array, ...]
    wanted: Array
    converters: tuple[Converter, ...] = ()

    def at(self, years: Ints) -> Requirement:
        """Return the demand in some of its years."""
        adds = tuple(table[:, years] for table in self.adds)
        return Requirement(self.product, adds, self.wanted[years], tuple(c.at(years) for c in self.converters))


@dataclass(frozen=True)
class Additions:
    """What a candidate adds at each choice, t/y, each ``(starts + 1, T)``; ``byproducts`` are those that count as secured (C8, C22)."""

    refined: Array
    concentrate: Array
    feed: Array
    byproducts: Mapping[str, Array]


class Outline:
    """All build sets of a cluster, seen from outside."""

    def __init__(self, desk: Desk, index: int, cluster: Cluster, demands: Demands) -> None:
        """Find the states, the requirements and the candidates' bounds; no build set is listed."""
        self.desk, self.cluster, self.demands = desk, cluster, demands
        self.choices = tuple(
            allowed_choices(key, starts, desk.fixes) for key, starts in zip(cluster.candidates, cluster.starts, strict=True)
        )
        self._total = desk.balance.totals(desk.baseline.builds)
        self._additions = tuple(self._added(j) for j in range(len(cluster.candidates)))
        self.needs = {m: self._need_range(m) for m in cluster.products}
        self.space = PlanSpace(desk, index, cluster, self._alone())
        self.requirements = self._requirements()
        self._least_users: dict[tuple[int, int], tuple[Array, bool, float]] = {}
        self._least_closed: dict[tuple[str, Option], Cost] = {}

    def repinned(self, desk: Desk, plant_id: str) -> Outline:
        """Return the outline on a desk with another strike for one plant."""
        outline = copy(self)
        outline.desk, outline.space = desk, self.space.repinned(desk, plant_id)
        return outline

    # --- tonnes -----------------------------------------------------------------------------------------------------

    def _added(self, j: int) -> Additions:
        key, balance = self.cluster.candidates[j], self.desk.balance
        plant, none = balance.plants[key], np.zeros(balance.market.years.size)
        made = [balance.tonnes(key, year) for year in self.cluster.starts[j]]
        streams = {m for tonnes in made for m, _ in tonnes.byproducts} if not plant.china_linked else set()
        refined, concentrate, feed = (np.stack([none, *(getattr(tonnes, name) for tonnes in made)]) for name in ("refined", "concentrate", "feed"))
        byproducts = {m: np.stack([none, *(sum((t for product, t in tonnes.byproducts if product == m), none) for tonnes in made)]) for m in streams}
        return Additions(refined, concentrate, feed, byproducts)

    def _sum(self, name: str, product: str, attribute: str = "product") -> Array:
        """Return the most that candidates of a product can add together, ``(T,)``."""
        plants, none = self.desk.plants, np.zeros(self.desk.market.years.size)
        mine = [j for j, key in enumerate(self.cluster.candidates) if getattr(plants[key], attribute) == product]
        return sum((getattr(self._additions[j], name)[self.choices[j]].max(axis=0) for j in mine), none)

    def _need_range(self, product: str) -> tuple[Array, Array]:
        """Return the least and the greatest need that a build set can have, t/y, ``(T,)`` each (C8).

        Need falls with what is made of the product and of what is converted into it, and rises with feed that is bought.
        """
        total, balance = self._total, self.desk.balance
        sources = {source for source, _, _ in balance.links[product]}
        most = {m: total.refined[m] + self._sum("refined", m) for m in {product} | sources}
        concentrate = total.concentrate[product] + self._sum("concentrate", product)
        feed = total.feed[product] + self._sum("feed", product, "feed_product")
        low = balance.need(product, most[product], concentrate, total.feed[product], most)
        return low, balance.need(product, total.refined[product], total.concentrate[product], feed, total.refined)

    def _alone(self) -> BuildSets:
        """Return each choice of each candidate on its own, with paths that visit all states between those of the least and greatest need.

        Bounds on columns that hold for any path through these states (``Desk.bound``) then hold for every build set.
        """
        rows = [np.zeros(len(self.cluster.candidates), dtype=np.int8)]
        for j, choices in enumerate(self.choices):
            for choice in choices[choices > 0]:
                rows.append(np.zeros_like(rows[0]))
                rows[-1][j] = choice
        paths = []
        for m, (low, high) in self.needs.items():
            first, last = (self.desk.balance.states(m, need) for need in (low, high))
            paths.append(tuple(encode(np.minimum(first + k, last)) for k in range(int((last - first).max()) + 1)))
        choice = np.stack(rows)
        return BuildSets(choice=choice, path=np.zeros((len(rows), len(paths)), dtype=np.int32), paths=tuple(paths))

    def _requirements(self) -> tuple[Requirement, ...]:
        """Return what targets, China caps and export limits ask of every build set; those that always hold are left out."""
        found = []
        for m in self.cluster.products:
            found.append(self._export(m))
            if m in self.demands.targets:
                found.append(self._target(m))
            if m in self.demands.china_caps:
                found.append(self._china(m))
        return tuple(tight for asked in found if (tight := self._tightest(asked)) is not None)

    def _target(self, product: str) -> Requirement:
        """Return ``secured >= target x demand`` without the limit on by-products (C22).

        ``min(spare, a + b) <= min(spare, a) + min(spare, b)``, so each candidate's concentrate counts at most at that.
        """
        balance, total, window = self.desk.balance, self._total, self.demands.window
        spare = balance.spare[product]
        adds = []
        for key, added in zip(self.cluster.candidates, self._additions, strict=True):
            plant, secured = balance.plants[key], np.zeros_like(added.refined)
            if plant.product == product and not plant.china_linked:
                secured = added.refined + np.minimum(spare, added.concentrate)
            adds.append(secured + added.byproducts.get(product, 0.0))
        own = balance.existing[product] + balance.converter_output[product] + total.safe_refined[product]
        own = own + np.minimum(spare, total.safe_concentrate[product]) + total.byproducts[product]
        wanted = self.demands.targets[product] * self.desk.market.demand[product] * (1 - 1e-9) - own
        return Requirement(product, tuple(table[:, window] for table in adds), wanted[window])

    def _china(self, product: str) -> Requirement:
        """Return ``need - A <= cap`` with every converter at its capacity (C8, C22)."""
        balance, total, window = self.desk.balance, self._total, self.demands.window
        spare, plants = balance.spare[product], balance.plants
        adds = []
        for key, added in zip(self.cluster.candidates, self._additions, strict=True):
            made = added.refined + np.minimum(spare, added.concentrate) if plants[key].product == product else np.zeros_like(added.refined)
            adds.append(made - (added.feed if plants[key].feed_product == product else 0.0))
        need = balance.need(product, total.refined[product], total.concentrate[product], total.feed[product], dict.fromkeys(balance.market.products, np.asarray(np.inf)))
        wanted = need - balance.market.availability[product] - self.demands.china_caps[product] * (1 + 1e-9) - 1e-6
        return Requirement(product, tuple(table[:, window] for table in adds), wanted[window])

    def _export(self, product: str) -> Requirement:
        """Return ``-need <= limit`` (C8, C21a)."""
        balance, total, candidates = self.desk.balance, self._total, list(zip(self.cluster.candidates, self._additions, strict=True))
        none = np.zeros_like(total.refined[product])

        def table(name: str, key: str, added: Additions, sort: str = "product", of: str = product) -> Array:
            made: Array = getattr(added, name)
            return made if getattr(self.desk.plants[key], sort) == of else np.zeros_like(made)

        adds = tuple(table("feed", key, added, "feed_product") - table("refined", key, added) for key, added in candidates)
        smelter = Converter(tuple(table("concentrate", *pair) for pair in candidates), balance.spare[product], total.concentrate[product])
        converters = [smelter]
        for source, capacity, output in balance.links[product]:
            share = np.divide(output, capacity, out=np.zeros_like(output), where=capacity > 0.0)
            own = share * (balance.existing[source] + total.refined[source])
            converters.append(Converter(tuple(share * table("refined", *pair, of=source) for pair in candidates), np.where(capacity > 0.0, output, none), own))
        need = balance.need(product, total.refined[product], total.concentrate[product], total.feed[product], total.refined)
        return Requirement(product, adds, -need - self.demands.export_limit[product] * (1 + 1e-9) - 1e-6, tuple(converters))

    def _tightest(self, asked: Requirement) -> Requirement | None:
        """Return a demand in the year in which it takes most of what can be added, and in some others in which it may fail; None if it never does."""
        tables = [table[choices] for table, choices in zip(asked.adds, self.choices, strict=True)]
        least, most = (sum((pick(table, axis=0) for table in tables), np.zeros_like(asked.wanted)) for pick in (np.min, np.max))
        converted = sum((c.most(self.choices) for c in asked.converters), np.zeros_like(asked.wanted))
        lacking = asked.wanted - least + converted
        failing = np.flatnonzero(lacking > 0.0)
        if not failing.size:
            return None
        share = lacking[failing] / np.maximum(most - least + converted, 1e-12)[failing]
        spread = failing[np.linspace(0, failing.size - 1, YEARS).round().astype(int)]
        return asked.at(np.unique([*spread, failing[share.argmax()]]))

    # --- constant costs ---------------------------------------------------------------------------------------------

    def least_users(self, position: int, border: int) -> tuple[Array, bool, float]:
        """Return the least burden ``(3,)``, whether the product's cap may hold, and the least net loss, PV musd (C23, C26).

        Burden and loss are sums over years, and a year's part depends on its state alone; so the least over the states
        that may be visited, year by year, is at most that of any path. The loss is 0 where users have no weight.
        """
        key = (position, border)
        if key not in self._least_users:
            m, users = self.cluster.products[position], self.desk.users
            option, seen = self.space.borders[position][border], self.space.visited[m]
            burden = np.array([self._burden(m, c, option, seen) for c in COUNTRIES]) - users.baseline_cost[m]
            total = users.baseline_cost[m].sum()
            within = bool(total <= 0.0 or burden.sum() / total <= users.product_cap + 1e-9)
            net = self._loss(m, option, seen) - self._gain(m, option) if self.space.users_count else 0.0
            self._least_users[key] = burden, within, net
        return self._least_users[key]

    def _burden(self, product: str, country: str, option: Border, seen: NDArray[np.bool_]) -> float:
        users, market = self.desk.users, self.desk.market
        price = np.where(seen, market.mean_prices(product, option, country), np.inf).min(axis=1)
        return float((users.factor * users.window * market.direct[product][country] * price).sum()) / 1e6

    def _loss(self, product: str, option: Border, seen: NDArray[np.bool_]) -> float:
        """Return the sum over years of the least ``E[(p - p0)(D + D') / 2]`` of each, PV musd (C25)."""
        users, market = self.desk.users, self.desk.market
        elasticity = float(market.facts[product]["demand_elasticity"])
        yearly = np.zeros(seen.shape)
        for c in COUNTRIES:
            before, after = along(market.prices(product, LAW, c), users.paths[product])[:, None], market.prices(product, option, c)
            tonnes = market.stated[product][c][:, None, None] * (1.0 + np.clip((after / before) ** elasticity, 0.5, 1.5)) / 2.0
            yearly += ((after - before) * tonnes).mean(axis=2)
        return float((users.factor * np.where(seen, yearly, np.inf).min(axis=1)).sum()) / 1e6

    def _gain(self, product: str, option: Border) -> float:
        """Return the most that border revenue can rise over the baseline, PV musd (C24).

        Revenue rises with need and is linear in the members' shares, which are fixed where the product has stated demand.
        """
        desk, (_, high) = self.desk, self.needs[product]
        alone = desk.revenue(product, option).of(high, np.ones((3, high.size)))
        stated = np.stack([desk.market.stated[product][c] for c in COUNTRIES])
        shares = np.divide(stated, stated.sum(axis=0), out=np.zeros_like(stated), where=stated.sum(axis=0) > 0.0)
        most = np.where(stated.sum(axis=0) > 0.0, (shares * alone).sum(axis=0), alone.max(axis=0))
        return float((most - desk.baseline_revenue(product).sum(axis=0)) @ desk.users.factor)

    def least_closed(self, option: Option) -> list[tuple[int, Cost]]:
        """Return, per closed contract, the member and a lower bound, part by part, on what it costs more than in the baseline (C24)."""
        found = []
        for closed in self.space.closed:
            key = (closed.plant_id, closed.short(option))
            if key not in self._least_closed:
                self._least_closed[key] = self._closed(closed.plant_id, option)
            found.append((COUNTRIES.index(closed.country), self._least_closed[key]))
        return found

    def _closed(self, plant_id: str, option: Option) -> Cost:
        desk, plant = self.desk, self.desk.plants[plant_id]
        borders = {m: (border,) for m, border in zip(self.cluster.products, self.space.at(option), strict=True)}
        best, worst = desk.outlooks.envelope(plant, desk.baseline.builds[plant_id], borders, self.space.visited)
        held, law = desk.closed_contracts[plant_id], desk.law[plant.country, plant.product]
        cost = project_cost(best, law, NO_CREDIT, desk.public_rate, held.terms, np.array([held.strike]), worst).pick(0)
        return cost - desk.baseline_cost(plant_id, desk.law_settings(), NO_CREDIT, desk.unbound[plant_id])
