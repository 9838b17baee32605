"""Pricing plans under weights, lazily: bounds first, exact columns only where a plan could matter.

A bound is the envelope column of ``Desk.bound``: no path of the option costs less, part by part. So the least cost
over plans with bounds in place of unknown columns is a valid lower bound, and becomes exact once the columns of the
cheapest plans are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .columns import INFEASIBLE
from .competition import equivalent
from .market import COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from .columns import Family
    from .market import Border
    from .outlooks import Setting
    from .plans import Group, PlanSpace, Weights

    Array = NDArray[np.float64]
    Option = tuple[Border, ...]


BAND_TOLERANCE = 1e-9


class Pricing:
    """All plans of one space under one set of weights."""

    def __init__(self, space: PlanSpace, weights: Weights) -> None:
        """Keep the weights; tables are made per option on demand."""
        self.space, self.weights = space, weights
        self._tables: dict[tuple[int, tuple[object, ...]], tuple[Array, NDArray[np.bool_]]] = {}
        self._values: dict[tuple[object, ...], Array] = {}
        self._fixed: dict[Option, Array] = {}
        self._banded: dict[Option, dict[int, tuple[float, tuple[int, ...]]]] = {}

    def _weighed(self, key: tuple[object, ...], country: int, made: Callable[[], Family]) -> Array:
        if key not in self._values:
            family = made()
            self._values[key] = np.where(family.kind == INFEASIBLE, np.inf, self.weights.of(family.cost, country))
        return self._values[key]

    def _plant(self, key: str, start: int, settings: dict[str, Setting], country: int) -> tuple[Array, bool]:
        """Return a plant's weighted cost per credit level, and whether it is exact rather than a bound."""
        desk = self.space.desk
        if desk.known(key, start, settings):
            exact = ("exact", key, start, *desk.key(key, settings))
            return self._weighed(exact, country, lambda: desk.family(key, start, settings)), True
        borders = {m: s.border for m, s in settings.items()}
        bound = ("bound", key, start, *desk.canonical(key, borders))
        return self._weighed(bound, country, lambda: desk.bound(key, start, borders, self.space.visited)), False

    def _table(self, index: int, option: Option) -> tuple[Array, NDArray[np.bool_]]:
        """Return a group's weighted cost for each unique choice and credit level ``(U, L)`` and which rows are exact."""
        group = self.space.groups[index]
        key = (index, self._effective(group, option))
        if key not in self._tables:
            self._tables[key] = self._make_table(group, option)
        return self._tables[key]

    def _effective(self, group: Group, option: Option) -> tuple[object, ...]:
        borders = {self.space.cluster.products[p]: option[p] for p in group.involved}
        plants = (*group.baseline, *(self.space.cluster.candidates[j] for j in group.members))
        return tuple(self.space.desk.canonical(plant, borders) for plant in plants)

    def _make_table(self, group: Group, option: Option) -> tuple[Array, NDArray[np.bool_]]:
        space, count = self.space, len(group.members)
        country = COUNTRIES.index(group.country)
        values = np.zeros((group.rows.shape[0], len(space.desk.offer.levels)))
        exact = np.full(group.rows.shape[0], True)
        paths, where = np.unique(group.rows[:, count:], axis=0, return_inverse=True)
        where = np.asarray(where).reshape(-1)
        for k in range(paths.shape[0]):
            rows = np.flatnonzero(where == k)
            settings = space.group_settings(group, group.rows[rows[0]], option)
            values[rows] += self._baseline(group, settings, country)
            for column, j in enumerate(group.members):
                choices = group.rows[rows, column]
                for choice in np.unique(choices[choices > 0]):
                    start = space.cluster.starts[j][int(choice) - 1]
                    cost, sure = self._plant(space.cluster.candidates[j], start, settings, country)
                    hit = rows[choices == choice]
                    values[hit] += cost
                    exact[hit] &= sure
        values[:, ~space.desk.offered(group.country, group.product)] = np.inf
        if not space.desk.pinned_credit(group.country, group.product):
            idle = ~group.rows[:, :count].any(axis=1)
            values[idle] = np.inf
            values[idle, 0] = 0.0
        return values, exact

    def _baseline(self, group: Group, settings: dict[str, Setting], country: int) -> Array:
        key = ("baseline", group.country, group.product, *(self.space.desk.key(k, settings) for k in group.baseline))
        if key not in self._values:
            cost = self.space.desk.baseline_credits(group.country, group.product, settings)
            self._values[key] = self.weights.of(cost, country)
        return self._values[key]

    def _constant(self, option: Option) -> Array:
        """Return what does not depend on columns: filters, baskets and users' net loss, ``(N,)``."""
        if option not in self._fixed:
            space, users = self.space, self.space.desk.users
            total = np.where(space.allowed(option), 0.0, np.inf)
            for p, m in enumerate(space.cluster.products):
                if self.weights.basket.any():
                    burden = [
                        float(users.burden(m, space.setting(p, option[p], k)) @ self.weights.basket)
                        for k in range(len(space.sets.paths[p]))
                    ]
                    total = total + np.array(burden)[space.sets.path[:, p]]
            for key in space.closed:
                total = total + self._closed(key, option)
            if self.weights.user:
                total = total + self.weights.user * space.net_loss(option)
            self._fixed[option] = total
        return self._fixed[option]

    def _closed(self, key: str, option: Option) -> Array:
        """Return the weighted change of a closed contract's cost for each build set, ``(N,)`` (C24)."""
        space, desk = self.space, self.space.desk
        plant = desk.plants[key]
        involved = [p for p, m in enumerate(space.cluster.products) if m in (plant.product, plant.feed_product)]
        rows, inverse = np.unique(space.sets.path[:, involved], axis=0, return_inverse=True)
        values = []
        for row in rows:
            chosen = {space.cluster.products[p]: space.setting(p, option[p], int(k)) for p, k in zip(involved, row, strict=True)}
            change = desk.closed_change(key, desk.law_settings() | chosen)
            values.append(float(self.weights.of(change, COUNTRIES.index(plant.country))))
        return np.array(values)[np.asarray(inverse).reshape(-1)]

    def costs(self, option: Option) -> tuple[Array, NDArray[np.bool_]]:
        """Return each build set's least weighted cost, or a bound on it, and which are exact, each ``(N,)``."""
        total = self._constant(option)
        sure = np.full(total.size, True)
        for index, group in enumerate(self.space.groups):
            values, exact = self._table(index, option)
            total = total + values.min(axis=1)[group.inverse]
            sure &= exact[group.inverse]
        return total, sure

    def settle(self, option: Option, sets: NDArray[np.int_]) -> None:
        """Compute the exact columns of some build sets under an option."""
        space = self.space
        for index, group in enumerate(space.groups):
            _, exact = self._table(index, option)
            rows = np.unique(group.inverse[sets])
            rows = rows[~exact[rows]]
            for row in rows:
                settings = space.group_settings(group, group.rows[row], option)
                for key, start in space.built(group, group.rows[row]):
                    space.desk.family(key, start, settings)
            if rows.size:
                del self._tables[index, self._effective(group, option)]

    def least(self, stop: Callable[[], bool]) -> tuple[float, Option | None, int]:
        """Return the least weighted cost over all plans with its option and build set; a bound only if stopped."""
        bounds = {option: float(self.costs(option)[0].min()) for option in self.space.options() if not stop()}
        best: tuple[float, Option | None, int] = (np.inf, None, -1)
        for option in sorted(bounds, key=bounds.__getitem__):
            while not stop():
                cost, sure = self._with_band(option)
                index = int(cost.argmin())
                if cost[index] >= best[0]:
                    break
                if not sure[index]:
                    self.settle(option, np.append(np.argpartition(cost, min(4, cost.size - 1))[:5], index))
                elif index in self._banded.get(option, {}):
                    best = (float(cost[index]), option, index)
                else:
                    self._keep_band(option, index)
        return best if not stop() else (-np.inf, None, -1)

    def _with_band(self, option: Option) -> tuple[Array, NDArray[np.bool_]]:
        """Return ``costs`` with the band's effect where it is known, each ``(N,)``."""
        cost, sure = self.costs(option)
        for index, (value, _) in self._banded.get(option, {}).items():
            cost[index] = value
        return cost, sure

    def _keep_band(self, option: Option, index: int) -> tuple[float, tuple[int, ...]]:
        known = self._banded.setdefault(option, {})
        if index not in known:
            known[index] = self._in_band(option, index)
        return known[index]

    def _in_band(self, option: Option, index: int) -> tuple[float, tuple[int, ...]]:
        """Return the least cost of a build set over the credit levels that keep the band, and those levels (C21b)."""
        space, rows = self.space, self._rows(option, index)
        levels = [int(row.argmin()) for row in rows]
        for product in space.desk.competition.products:
            mine = [g for g, group in enumerate(space.groups) if group.product == product]
            if len(mine) < 2 or product not in space.cluster.products:
                continue
            total = np.zeros(())
            low, high = np.full((), np.inf), np.full((), -np.inf)
            for g in mine:
                aid = self._equivalents(g, option, index)
                total = np.add.outer(total, rows[g])
                low, high = np.fmin.outer(low, aid), np.fmax.outer(high, aid)
            spread = np.where(np.isfinite(low) & np.isfinite(high), high - low, 0.0)
            total = np.where(spread <= space.desk.competition.band + BAND_TOLERANCE, total, np.inf)
            chosen = np.unravel_index(int(total.argmin()), total.shape)
            if not np.isfinite(total[chosen]):
                return np.inf, tuple(levels)
            for g, level in zip(mine, chosen, strict=True):
                levels[g] = int(level)
        value = float(self._constant(option)[index]) + sum(float(row[k]) for row, k in zip(rows, levels, strict=True))
        return value, tuple(levels)

    def _rows(self, option: Option, index: int) -> list[Array]:
        return [self._table(g, option)[0][group.inverse[index]] for g, group in enumerate(self.space.groups)]

    def _equivalents(self, index: int, option: Option, number: int) -> Array:
        """Return a group's subsidy equivalent at each credit level, nan where nothing is aided, ``(L,)`` (C16)."""
        space, group = self.space, self.space.groups[index]
        row = group.rows[group.inverse[number]]
        built, settings = space.built(group, row), space.group_settings(group, row, option)
        key = (group.country, group.product)
        found = np.full(len(space.desk.offer.levels), np.nan)
        for level in range(found.size if built else 0):
            aid = space.desk.competition.aid(built, {key: level}, settings, (group.product,))
            if aid.get(key):
                found[level] = equivalent(aid[key])
        return found

    def below(self, threshold: float) -> Iterator[tuple[Option, int, tuple[int, ...]]]:
        """Iterate over every plan whose weighted cost is at most a threshold: option, build set, credit levels."""
        for option in self.space.options():
            while True:
                cost, sure = self._with_band(option)
                near = np.flatnonzero((cost <= threshold) & np.isfinite(cost))
                if sure[near].all():
                    break
                self.settle(option, near)
            for index in map(int, near):
                if self._keep_band(option, index)[0] <= threshold:
                    yield from self._levels(option, index, threshold)

    def _levels(self, option: Option, index: int, threshold: float) -> Iterator[tuple[Option, int, tuple[int, ...]]]:
        rows = self._rows(option, index)
        rest = np.cumsum([row.min() for row in reversed(rows)])[::-1] if rows else np.zeros(0)

        def extend(g: int, spent: float, levels: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if g == len(rows):
                yield levels
                return
            later = float(rest[g + 1]) if g + 1 < len(rows) else 0.0
            for level in np.flatnonzero((rows[g] <= threshold - spent - later + 1e-9) & np.isfinite(rows[g])):
                yield from extend(g + 1, spent + float(rows[g][level]), (*levels, int(level)))

        for levels in extend(0, float(self._constant(option)[index]), ()):
            yield option, index, levels

    def cheapest_levels(self, option: Option, index: int) -> tuple[int, ...]:
        """Return the credit levels of a plan that ``least`` returned: the cheapest that keep the band."""
        return self._banded[option][index][1]
