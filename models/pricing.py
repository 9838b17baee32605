"""Pricing plans under weights, lazily: bounds first, exact columns only where a plan could matter.

The least cost over plans with lower bounds in place of unknown columns (``Ledger``) and untested projects (``Guard``) is a
valid lower bound, and becomes exact once what the cheapest plans rest on is known.
"""

from __future__ import annotations

import heapq
from itertools import product as cartesian
from typing import TYPE_CHECKING

import numpy as np

from .competition import cheapest_in_band
from .domains import EVERYTHING, Domain
from .filters import BROKEN, UNKNOWN
from .market import COUNTRIES
from .unlisted import MOST_STEPS, ROUNDING, Unlisted, after, never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from .plan import Weights
    from .plans import PlanSpace

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]
    Bools = NDArray[np.bool_]
    Option = tuple[int, ...]
    Found = tuple[float, Option | None, int]
    """A weighted cost with the option and build set that it belongs to."""


KEPT_SIZE = 4_000_000
AT_ONCE = 5
AT_A_TIME = 1000
"""Build sets that a large cluster lists before it is priced again."""
MOST_AT_ONCE = 20_000
"""Most build sets that a large cluster lists in order to name all below a cost."""
MOST_LISTED = 200_000
"""Most build sets that a large cluster lists in all."""


class Pricing:
    """All plans of one space that a domain allows, under one set of weights."""

    def __init__(self, space: PlanSpace, weights: Weights, domain: Domain = EVERYTHING) -> None:
        """Keep the weights; costs are weighed as they are needed.

        Raises:
            ClusterTooLarge: the domain keeps some of the build sets of a cluster that does not list them all.
        """
        self.space, self.weights, self.domain = space, weights, domain
        if domain.kept is not None:
            space.require_whole()
        self._levels = [domain.levels(space, g) for g in range(len(space.groups))]
        self._unlisted = None if space.outline is None else Unlisted(space.outline, weights, domain, self.options())
        self._complete_to = -np.inf
        self._begin()

    def _begin(self) -> None:
        """Start on the build sets that the space lists now."""
        space = self.space
        self._size, self._mask = space.size, self.domain.sets(space)
        self._values = [np.zeros((1, ledger.levels.size)) for ledger in space.ledgers]
        self._vectors: dict[tuple[tuple[int, ...], Option], tuple[int, Array]] = {}
        self._lows: dict[Option, tuple[int, float, int]] = {}
        self._changes = 0
        self._banded: dict[Option, dict[int, tuple[float, tuple[int, ...]]]] = {}
        self._keep = space.size * len(list(space.options())) <= KEPT_SIZE

    def options(self) -> Iterator[Option]:
        """Iterate over the options that the domain allows."""
        allowed, kept = [self.domain.borders(self.space, p) for p in range(len(self.space.borders))], self.domain.options
        if kept is None:
            return self.space.options(allowed)
        return (option for option in sorted(kept) if all(k in ks for k, ks in zip(option, allowed, strict=True)))

    # --- weighted costs of all build sets -----------------------------------------------------------------------------

    def costs(self, option: Option) -> Array:
        """Return each build set's least weighted cost or a lower bound on it, infinite where ruled out, ``(N,)``."""
        total = np.zeros(self.space.size)
        for positions in self.space.parts:
            if self._matters(positions, option):
                total = total + self._vector(positions, option)
        if self._mask is not None:
            total[~self._mask] = np.inf
        for index, (value, _) in self._banded.get(option, {}).items():
            total[index] = value
        return total

    def _matters(self, positions: tuple[int, ...], option: Option) -> bool:
        """Say whether a part adds anything: guards alone do not while none is broken."""
        part = self.space.parts[positions]
        return bool(len(positions) == 1 or part.groups or part.closed or any((guard.status(option) == BROKEN).any() for guard in part.guards))

    def _vector(self, positions: tuple[int, ...], option: Option) -> Array:
        """Return what depends on the options of exactly these products, ``(N,)``."""
        key, stamp = (positions, tuple(option[p] for p in positions)), self.space.stamp(positions, option)
        known = self._vectors.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        space, part = self.space, self.space.parts[positions]
        total = self._constant(positions[0], option[positions[0]]) if len(positions) == 1 else np.zeros(space.size)
        for g in part.groups:
            total = total + self._least(g, option)[space.groups[g].inverse]
        for guard in part.guards:
            total = np.where(guard.status(option)[guard.inverse] == BROKEN, np.inf, total)
        for closed in part.closed:
            country = COUNTRIES.index(closed.country)
            total = total + np.array([float(self.weights.of(cost, country)) for cost in closed.costs(option)])[closed.inverse]
        if self._keep or len(positions) == 1:
            self._vectors[key] = (self.space.stamp(positions, option), total)
        return total

    def _constant(self, position: int, border: int) -> Array:
        """Return what depends on neither columns nor other products: caps, baskets and users' net loss, ``(N,)``."""
        space = self.space
        burden, capped = space.users_of(position, border)
        total: Array = np.where(capped, burden @ self.weights.basket, np.inf)[space.sets.path[:, position]]
        if self.weights.user:
            total = total + self.weights.user * space.product_loss(position, space.borders[position][border])
        if position in space.reserves:
            total = total + self._stocks(position)[space.reserves[position]]
        return total

    def _stocks(self, position: int) -> Array:
        """Return the weighted carry of a product's stock at each rung of the reserve (C17)."""
        costs = [self.space.reserve_cost(position, rung) for rung in range(self.space.desk.reserve.rungs.size)]
        return np.array([float(self.weights.of(cost, 0)) for cost in costs])

    def _weighed(self, g: int) -> Array:
        group = self.space.groups[g]
        self._values[g] = self.space.ledgers[g].weigh(self.weights, COUNTRIES.index(group.country), self._values[g])
        return self._values[g]

    def _least(self, g: int, option: Option) -> Array:
        sheet = self.space.ledgers[g].sheet(option)
        return self.space.ledgers[g].least(sheet, self._weighed(g), self._levels[g])

    def low(self, option: Option) -> tuple[float, int]:
        """Return the least entry of ``costs`` and its build set, by what is known now."""
        known = self._lows.get(option)
        if known is None or known[0] != self._changes:
            cost = self.costs(option)
            index = int(cost.argmin())
            known = self._lows[option] = (self._changes, float(cost[index]), index)
        return known[1], known[2]

    def lows(self) -> dict[Option, tuple[int, float, int]]:
        """Return for every option when it was looked at, a least entry of ``costs`` and its build set.

        An entry that is not of now is still a lower bound: what becomes known only raises costs.
        """
        allowed = set() if self._lows else set(self.options())
        if allowed:
            last, *rest = reversed([sorted({option[p] for option in allowed}) for p in range(len(self.space.borders))])
            position = len(rest)
            alone = np.stack([self._vector((position,), (0,) * position + (k,)) for k in last])
            if self._mask is not None:
                alone[:, ~self._mask] = np.inf
            before = [q for q in self.space.parts if position not in q]
            joint = [q for q in self.space.parts if position in q and len(q) > 1]
            for head in cartesian(*reversed(rest)):
                shared = sum((self._vector(q, (*head, 0)) for q in before if self._matters(q, (*head, 0))), np.zeros(self.space.size))
                cost = alone + shared
                for row, k in enumerate(last):
                    for q in joint:
                        if self._matters(q, (*head, k)):
                            cost[row] += self._vector(q, (*head, k))
                where = cost.argmin(axis=1)
                for k, index, low in zip(last, where.tolist(), cost[np.arange(len(last)), where].tolist(), strict=True):
                    if (*head, k) in allowed:
                        self._lows[*head, k] = (self._changes, low, index)
        return self._lows

    # --- from bounds to exact costs -----------------------------------------------------------------------------------

    def sure(self, option: Option, sets: Ints) -> Bools:
        """Say which build sets rest on exact columns and tested projects alone."""
        good = self.has_columns(option, sets)
        for guard in self.space.guards:
            good &= guard.status(option)[guard.inverse[sets]] != UNKNOWN
        return good

    def has_columns(self, option: Option, sets: Ints) -> Bools:
        """Say which build sets rest on exact columns, whether or not projects are tested."""
        good = np.full(sets.size, True)
        for g, group in enumerate(self.space.groups):
            good &= self.space.ledgers[g].sheet(option).exact[group.inverse[sets]]
        return good

    def settle(self, option: Option, sets: Ints) -> None:
        """Sharpen what some build sets rest on under an option by one step."""
        for guard in self.space.guards:
            for row in np.unique(guard.inverse[sets]):
                guard.settle(option, int(row))
        self.settle_columns(option, sets)

    def settle_columns(self, option: Option, sets: Ints) -> None:
        """Sharpen the columns of some build sets under an option by one step."""
        self._changes += 1
        for g, group in enumerate(self.space.groups):
            ledger = self.space.ledgers[g]
            sheet = ledger.sheet(option)
            for row in np.unique(group.inverse[sets]):
                ledger.settle(sheet, int(row))

    def least(self, stop: Callable[[], bool], above: float = np.inf) -> Found:
        """Return the least weighted cost over all plans with its option and build set; a bound only if stopped.

        No plan is returned where none costs less than ``above``; the cost is then a lower bound that is at least ``above``.
        In a cluster that lists ``MOST_LISTED`` build sets and could do with more, the cost is a lower bound on all plans and
        the plan the best of those listed.
        """
        while True:
            cost, option, index = self._cheapest(stop, above)
            if self._unlisted is None or stop():
                return cost, option, index
            grown, floor = self._list(min(cost, above), AT_A_TIME, stop)
            if not grown:
                return min(cost, floor), option, index

    def _list(self, threshold: float, limit: int, stop: Callable[[], bool]) -> tuple[bool, float]:
        """List further build sets that may cost less than a threshold; say whether there are any, and what the others cost at least."""
        assert self._unlisted is not None
        if self.space.size != self._size:
            self._begin()
        sets, floor = self._unlisted.below(threshold, self.space.listed, min(limit, MOST_LISTED - self._size), stop)
        if sets is not None:
            self.space.grow(sets)
            self._begin()
        return sets is not None, floor

    def complete(self, threshold: float, stop: Callable[[], bool] = never) -> bool:
        """List every build set that may cost at most a threshold; say whether that is possible, with ``MOST_AT_ONCE`` more at most."""
        if self._unlisted is None or threshold <= self._complete_to:
            return True
        above, most = threshold + 2.0 * ROUNDING * (1.0 + abs(threshold)), min(self.space.size + MOST_AT_ONCE, MOST_LISTED)
        grown = True
        while grown and self.space.size < most:
            grown, floor = self._list(above, most - self.space.size, after(MOST_STEPS, stop))
            if floor >= above:
                self._complete_to = threshold
                return True
        return False

    def _cheapest(self, stop: Callable[[], bool], above: float) -> Found:
        """Return what ``least`` does over the build sets that are listed."""
        if stop():
            return -np.inf, None, -1
        heap = [(low, option) for option, (_, low, _) in self.lows().items()]
        heapq.heapify(heap)
        while heap and not stop():
            bound, option = heapq.heappop(heap)
            if bound >= above or not np.isfinite(bound):
                return bound, None, -1
            cost, index = self.low(option)
            if cost <= bound and self._exact(option, index):
                return cost, option, index
            heapq.heappush(heap, (self.low(option)[0], option))
        return (-np.inf if heap else np.inf), None, -1

    def _exact(self, option: Option, index: int) -> bool:
        """Say whether a build set's cost is exact with the band kept; if not, make it so by one step."""
        if not self.sure(option, np.array([index]))[0]:
            near = np.argpartition(self.costs(option), min(AT_ONCE - 1, self.space.size - 1))[:AT_ONCE]
            self.settle(option, np.append(near[np.isfinite(self.costs(option)[near])], index))
            return False
        if index in self._banded.get(option, {}):
            return True
        self.keep_band(option, index)
        return False

    def others(self, below: float, count: int) -> Iterator[tuple[Option, int]]:
        """Iterate over the best build sets of other options that are known to cost less than a value."""
        lows = heapq.nsmallest(count, ((low, option, index) for option, (_, low, index) in self._lows.items() if low < below))
        for low, option, index in lows:
            if self.sure(option, np.array([index]))[0] and self.keep_band(option, index)[0] <= low + 1e-9 * (1.0 + abs(low)):
                yield option, index

    # --- the band (C21b) ----------------------------------------------------------------------------------------------

    def keep_band(self, option: Option, index: int) -> tuple[float, tuple[int, ...]]:
        """Return the least cost of a build set over the credit levels that keep the band, and those levels (kept; C21b)."""
        known = self._banded.setdefault(option, {})
        if index not in known:
            known[index] = self._in_band(option, index)
            self._changes += 1
        return known[index]

    def _in_band(self, option: Option, index: int) -> tuple[float, tuple[int, ...]]:
        """Return the least cost of a build set over the credit levels that keep the band, and those levels (C21b)."""
        space, rows = self.space, self.rows(option, index)
        levels = [int(row.argmin()) for row in rows]
        for product in space.desk.competition.products:
            mine = [g for g, group in enumerate(space.groups) if group.product == product]
            if len(mine) < 2 or product not in space.cluster.products:
                continue
            aids = [self._equivalents(g, option, index) for g in mine]
            chosen = cheapest_in_band([rows[g] for g in mine], aids, space.desk.competition.band)
            if chosen is None:
                return np.inf, tuple(levels)
            for g, level in zip(mine, chosen, strict=True):
                levels[g] = level
        value = self.apart(option, index) + sum(float(row[k]) for row, k in zip(rows, levels, strict=True))
        return value, tuple(levels)

    def apart(self, option: Option, index: int) -> float:
        """Return what a build set costs apart from its groups' columns; infinite if a project is displaced."""
        space, total = self.space, 0.0
        for p, border in enumerate(option):
            path = int(space.sets.path[index, p])
            burden, capped = space.users_of(p, border)
            total += float(burden[path] @ self.weights.basket) if capped[path] else np.inf
            if self.weights.user:
                total += self.weights.user * space.loss_at(p, space.borders[p][border], index)
            if p in space.reserves:
                total += float(self._stocks(p)[space.reserves[p][index]])
        for guard in space.guards:
            total += np.inf if guard.status(option)[guard.inverse[index]] == BROKEN else 0.0
        for closed in space.closed:
            total += float(self.weights.of(closed.costs(option)[closed.inverse[index]], COUNTRIES.index(closed.country)))
        return total

    def rows(self, option: Option, index: int) -> list[Array]:
        """Return each group's weighted cost at each level under a build set, ``(L,)`` each."""
        found = []
        for g, group in enumerate(self.space.groups):
            ledger, row = self.space.ledgers[g], group.inverse[index : index + 1]
            found.append(ledger.table(ledger.sheet(option), self._weighed(g), self._levels[g], row)[0])
        return found

    def _equivalents(self, index: int, option: Option, number: int) -> Array:
        """Return a group's subsidy equivalent at each credit level, nan where nothing is aided, ``(L,)`` (C16)."""
        return self.space.ledgers[index].equivalents(option, int(self.space.groups[index].inverse[number]))

    def can_cost(self, threshold: float, stop: Callable[[], bool] = never) -> frozenset[Option]:
        """Return the options that may have a plan which costs at most a threshold, by bounds that cover one option each."""
        if not self.complete(threshold, stop):
            return frozenset(self.options())
        return frozenset(option for option in self.may_cost(threshold) if self._lowest(option, threshold) <= threshold)

    def may_cost(self, threshold: float) -> list[Option]:
        """Return the options that may have a plan which costs at most a threshold, by what is known now."""
        return [option for option, (_, low, _) in self.lows().items() if low <= threshold]

    def _lowest(self, option: Option, threshold: float) -> float:
        """Return ``low`` once its bound covers this option alone, or is above a threshold."""
        while True:
            cost, index = self.low(option)
            if cost > threshold or not self.sharpen(option, np.array([index])):
                return cost

    def sharpen(self, option: Option, sets: Ints) -> bool:
        """Sharpen the bounds of some build sets that cover other options too by one step; say whether there were any."""
        found = False
        for g, group in enumerate(self.space.groups):
            ledger = self.space.ledgers[g]
            sheet = ledger.sheet(option)
            for row in np.unique(group.inverse[sets]):
                found |= ledger.sharpen(sheet, int(row))
        self._changes += found
        return found

    def cheapest_levels(self, option: Option, index: int) -> tuple[int, ...]:
        """Return the credit levels of a plan that ``least`` returned: the cheapest that keep the band."""
        return self.keep_band(option, index)[1]
