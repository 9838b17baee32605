"""The build sets that a large cluster does not list: which of them may cost less than a threshold.

A walk goes through the candidates one by one and decides whether and when each is built. It leaves a partial build set, with
all that it could become, as soon as a lower bound on its weighted cost reaches the threshold or a demand cannot be met any more.
The bound adds, for one border option:

* the constant costs of the option (``Outline.least_users``, ``Outline.least_closed``);
* what is built so far: per group the least over credit levels of the plants' bounds (``Desk.bound``, which holds for any path),
  since the plants of a group share their level;
* what must still be built: a demand that lacks ``R`` tonnes in a year costs at least the fractional knapsack over the candidates
  left, filled in order of cost per tonne, each at its least cost over starts and levels (the linear relaxation of the choice).

Credits of the baseline's plants and stocks of the reserve cost at least nothing, and a displaced project, the band and a limit on
by-products only rule build sets out; so leaving them aside keeps the bound valid. Options with equal bounds of plants are walked
together at the least of their constant costs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.linalg import block_diag

from .clusters import ClusterTooLarge, admissible_sets, build_sets, joined, set_count
from .domains import EVERYTHING, Domain
from .market import COUNTRIES
from .outline import Outline
from .plan import Weights
from .plans import PlanSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from .clusters import BuildSets, Cluster, Demands
    from .desk import Desk
    from .ledgers import Ledger, Sheet

    Array = NDArray[np.float64]
    Choices = NDArray[np.int8]
    Option = tuple[int, ...]

Space = TypeVar("Space", bound=PlanSpace)

FIRST = 1000
"""Build sets that a large cluster lists at first."""
MOST_STEPS = 10_000
"""Most steps of a walk that looks for the first build sets, or for all below a cost."""
WALKED = 4000
"""Partial build sets that are extended at once."""
ROUNDING = 1e-9
"""Relative difference of costs, and of tonnes, that is rounding."""


@dataclass(frozen=True)
class _Partial:
    """Some partial build sets of the same depth.

    ``choice`` is ``(n, J)``, 0 where nothing is decided yet; ``done`` ``(n,)`` the cost of groups that are decided and ``run``
    ``(n, K)`` that of the group at hand at each credit level, musd; ``adds`` ``(n, F + G)`` what counts for the demands and what converters get, t/y.
    """

    depth: int
    choice: Choices
    done: Array
    run: Array
    adds: Array
    bound: Array

    def take(self, rows: NDArray[np.int_] | NDArray[np.bool_] | slice) -> _Partial:
        """Return some of them."""
        return _Partial(self.depth, self.choice[rows], self.done[rows], self.run[rows], self.adds[rows], self.bound[rows])


@dataclass(frozen=True)
class _Class:
    """Border options at which all plants have the same bounds, and the least of their constant costs, musd."""

    options: tuple[Option, ...]
    constant: float


class Unlisted:
    """All build sets of an outline that a domain allows, under one set of weights."""

    def __init__(self, outline: Outline, weights: Weights, domain: Domain, options: Iterable[Option]) -> None:
        """Find the constant cost of each option, and the order in which a walk decides."""
        self.outline, self.weights, self.domain = outline, weights, domain
        space = outline.space
        self.levels = [domain.levels(space, g)[ledger.levels] for g, ledger in enumerate(space.ledgers)]
        self.values = [np.zeros((1, ledger.levels.size)) for ledger in space.ledgers]
        self.choices = [self._allowed(j) for j in range(len(outline.choices))]
        asked = {r.product for r in outline.requirements}
        groups = sorted((g for g, group in enumerate(space.groups) if group.members), key=lambda g: space.groups[g].product not in asked)
        self.order = tuple((g, k, j) for g in groups for k, j in enumerate(space.groups[g].members))
        self._ask(outline)
        self._constants = [[self._constant(p, b) for b in range(len(borders))] for p, borders in enumerate(space.borders)]
        self.constants = {option: self._of(option) for option in options}

    def _ask(self, outline: Outline) -> None:
        """Lay the demands side by side, ``F`` in all, and after them what candidates add to converters, ``G`` in all."""
        asked, none = outline.requirements, np.zeros(0)
        wanted = np.concatenate([none, *(r.wanted for r in asked)])
        self.wanted = wanted - ROUNDING * (1.0 + np.abs(wanted))
        converters = [c for r in asked for c in r.converters]
        self.limit, self.own = (np.concatenate([none, *(getattr(c, name) for c in converters)]) for name in ("limit", "own"))
        blocks = [np.tile(np.eye(r.wanted.size), (len(r.converters), 1)) for r in asked]
        self.into = block_diag(*blocks) if blocks else np.zeros((0, 0))
        empty = [np.zeros((len(starts) + 1, 0)) for starts in outline.cluster.starts]
        tables = [r.adds for r in asked] + [c.adds for c in converters]
        self.adds = [np.concatenate([nothing, *(adds[j] for adds in tables)], axis=1) for j, nothing in enumerate(empty)]

    def _allowed(self, j: int) -> Choices:
        own, allowed = self.outline.choices[j], self.domain.limits.get(("choice", j))
        return own if allowed is None else own[np.isin(own, sorted(allowed))]

    def _constant(self, position: int, border: int) -> float:
        burden, within, net = self.outline.least_users(position, border)
        return float(burden @ self.weights.basket) + self.weights.user * net if within else np.inf

    def _of(self, option: Option) -> float:
        closed = self.outline.least_closed(option)
        return sum(row[k] for row, k in zip(self._constants, option, strict=True)) + sum(float(self.weights.of(cost, c)) for c, cost in closed)

    # --- classes of options -------------------------------------------------------------------------------------------

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """Return the ledgers in which each candidate stands alone."""
        return self.outline.space.ledgers

    def _classes(self, options: Iterable[Option]) -> list[_Class]:
        """Share out options by the bounds of their plants; the class of least constant cost comes last."""
        found: dict[tuple[bytes, ...], list[Option]] = defaultdict(list)
        for option in options:
            found[tuple(ledger.sheet(option).base.tobytes() for ledger in self.ledgers)].append(option)
        classes = [_Class(tuple(members), min(self.constants[option] for option in members)) for members in found.values()]
        return sorted(classes, key=lambda c: -c.constant)

    def tables(self, options: _Class) -> list[Array]:
        """Return the weighted bound of each candidate at each choice and level, by the order of the walk, ``(starts + 1, K)`` each."""
        for g, ledger in enumerate(self.ledgers):
            self.values[g] = ledger.weigh(self.weights, COUNTRIES.index(ledger.group.country), self.values[g])
        bases = [ledger.sheet(options.options[0]).base for ledger in self.ledgers]
        return [self.values[g][bases[g][k]] for g, k, _ in self.order]

    @cached_property
    def _places(self) -> list[dict[tuple[int, int], int]]:
        """Return by ledger the row in which a member makes a choice alone."""
        return [{(int(row.argmax()), int(row.max())): u for u, row in enumerate(ledger.choices) if row.any()} for ledger in self.ledgers]

    def _sharpen(self, options: _Class, rows: Choices) -> bool:
        """Sharpen the bounds that some build sets rest on by one step; say whether there were any to sharpen."""
        found = False
        for g, k, j in self.order:
            used = np.unique(rows[:, j])
            sheets: dict[int, Sheet] = {id(sheet): sheet for sheet in map(self.ledgers[g].sheet, options.options)}
            for choice in map(int, used[used > 0]):
                for sheet in sheets.values():
                    found |= self.ledgers[g].sharpen(sheet, self._places[g][k, choice])
        return found

    # --- the search ---------------------------------------------------------------------------------------------------

    def below(self, threshold: float, listed: set[bytes], limit: int, stop: Callable[[], bool]) -> tuple[BuildSets | None, float]:
        """Return build sets that meet the demands, are not listed and may cost less than a threshold, ``limit`` of them at most.

        Returns:
            The build sets, None if there are none; and a lower bound on the weighted cost of all that are left, musd: the
            threshold if none is left below it, minus infinity where it was stopped.
        """
        ceiling = threshold - ROUNDING * max(1.0, abs(threshold)) if np.isfinite(threshold) else threshold
        classes = self._classes(option for option, cost in self.constants.items() if cost < ceiling)
        found: list[BuildSets] = []
        known, left = set(listed), threshold
        while classes:
            options = classes.pop()
            walk = _Walk(self, self.tables(options), options.constant)
            sets, rest = walk.below(ceiling, known, limit - sum(s.choice.shape[0] for s in found), stop)
            if stop():
                return None, -np.inf
            if sets is not None and np.isfinite(ceiling) and self._sharpen(options, sets.choice):
                classes.extend(self._classes(options.options))
                continue
            if sets is not None:
                found.append(sets)
                known.update(row.tobytes() for row in sets.choice)
            if rest < ceiling:
                left = min([rest, *(_Walk(self, self.tables(c), c.constant).least for c in classes)])
                break
        total = None
        for sets in found:
            total = sets if total is None else joined(total, sets)
        return total, left


class _Walk:
    """A walk through the build sets of a class of options."""

    def __init__(self, unlisted: Unlisted, tables: list[Array], constant: float) -> None:
        """Bound what each candidate costs at least, and what those still to be decided add at most."""
        self.of, self.tables, self.constant = unlisted, tables, constant
        self.choices = [unlisted.choices[j] for _, _, j in unlisted.order]
        self.adds = [unlisted.adds[j] for _, _, j in unlisted.order]
        floors = [np.where(unlisted.levels[g], table, np.inf).min(axis=1) for (g, _, _), table in zip(unlisted.order, tables, strict=True)]
        self.floors = floors
        saved = [min(0.0, float(floor[choices].min(initial=np.inf))) for floor, choices in zip(floors, self.choices, strict=True)]
        self.saved = np.append(np.cumsum(saved[::-1])[::-1], 0.0)
        most = [adds[choices, : unlisted.wanted.size].max(axis=0, initial=-np.inf) for adds, choices in zip(self.adds, self.choices, strict=True)]
        rising = np.cumsum(np.array(most).reshape(len(most), unlisted.wanted.size)[::-1], axis=0)
        self.most = np.concatenate([rising[::-1], np.zeros((1, unlisted.wanted.size))])
        self._curves: dict[int, list[list[tuple[int, float, Array, Array]]]] = {}

    @cached_property
    def _root(self) -> _Partial:
        of = self.of
        start = _Partial(0, np.zeros((1, len(of.choices)), dtype=np.int8), np.zeros(1), self._start(0, 1), np.zeros((1, of.wanted.size + of.own.size)), np.zeros(1))
        return self._bounded(start)

    @property
    def least(self) -> float:
        """Return a lower bound on every build set, musd."""
        return float(self._root.bound.min(initial=np.inf))

    def below(self, ceiling: float, known: set[bytes], limit: int, stop: Callable[[], bool]) -> tuple[BuildSets | None, float]:
        """Return build sets as ``Unlisted.below`` does, and a lower bound on those that are left."""
        stack, found, count = [self._root], [], 0
        while stack and count < limit and not stop():
            partial = stack.pop()
            partial = partial.take(partial.bound < ceiling)
            if not partial.bound.size:
                continue
            if partial.depth < len(self.of.order):
                stack.extend(self._parts(self._extended(partial, ceiling)))
                continue
            new = partial.take(np.array([row.tobytes() not in known for row in partial.choice], dtype=bool))
            if not new.bound.size:
                continue
            if new.bound.size > limit - count:
                stack.append(new.take(slice(limit - count, None)))
            sets = self._admissible(new.choice[: limit - count])
            if sets.choice.shape[0]:
                found.append(sets)
                count += sets.choice.shape[0]
        rest = min((float(partial.bound.min(initial=np.inf)) for partial in stack), default=ceiling)
        total = None
        for sets in found:
            total = sets if total is None else joined(total, sets)
        return total, min(rest, ceiling)

    def _admissible(self, choice: Choices) -> BuildSets:
        outline = self.of.outline
        return admissible_sets(outline.desk.balance, outline.desk.baseline, outline.cluster, outline.demands, choice)

    def _parts(self, partial: _Partial) -> list[_Partial]:
        """Split partial build sets into batches, the one of the least bounds last."""
        ordered = partial.take(np.argsort(partial.bound, kind="stable"))
        return [ordered.take(slice(k, k + WALKED)) for k in range(0, ordered.bound.size, WALKED)][::-1]

    def _start(self, depth: int, count: int) -> Array:
        """Return the cost of an empty group at each level: nothing, infinite where the level is not allowed."""
        if depth == len(self.of.order):
            return np.zeros((count, 1))
        g, _, _ = self.of.order[depth]
        return np.tile(np.where(self.of.levels[g], 0.0, np.inf), (count, 1))

    def _extended(self, partial: _Partial, ceiling: float) -> _Partial:
        """Decide on the next candidate in every way that may lead below a ceiling."""
        g, k, j = self.of.order[partial.depth]
        choices, table, size = self.choices[partial.depth], self.tables[partial.depth], partial.bound.size
        choice = np.repeat(partial.choice, choices.size, axis=0)
        choice[:, j] = np.tile(choices, size)
        run = (partial.run[:, None] + table[choices]).reshape(choice.shape[0], table.shape[1])
        adds = (partial.adds[:, None] + self.adds[partial.depth][choices]).reshape(choice.shape[0], partial.adds.shape[1])
        made = _Partial(partial.depth + 1, choice, np.repeat(partial.done, choices.size), run, adds, np.zeros(choice.shape[0]))
        made = made.take(self._apart(choice, j))
        if k == len(self.of.outline.space.groups[g].members) - 1:
            made = self._closed(made, g)
        made = self._bounded(made)
        return made.take(made.bound < ceiling)

    def _apart(self, choice: Choices, j: int) -> NDArray[np.bool_]:
        """Say which build sets do not build a candidate with another of its exclusive group."""
        cluster, plants = self.of.outline.cluster, self.of.outline.desk.plants
        group = plants[cluster.candidates[j]].group
        rivals = [i for i, key in enumerate(cluster.candidates) if i != j and group and plants[key].group == group]
        return ~((choice[:, j] > 0) & (choice[:, rivals] > 0).any(axis=1))

    def _closed(self, partial: _Partial, g: int) -> _Partial:
        """Take the best level of a group that is decided; an idle one takes none unless a credit is pinned."""
        ledger, members = self.of.ledgers[g], list(self.of.outline.space.groups[g].members)
        total = partial.run.min(axis=1)
        if not ledger.pinned:
            none = 0.0 if self.of.levels[g][ledger.levels == 0].any() else np.inf
            total = np.where(partial.choice[:, members].any(axis=1), total, none)
        return _Partial(partial.depth, partial.choice, partial.done + total, self._start(partial.depth, total.size), partial.adds, partial.bound)

    # --- the bound ----------------------------------------------------------------------------------------------------

    def _bounded(self, partial: _Partial) -> _Partial:
        """Return partial build sets with their bounds, without those that cannot meet the demands."""
        depth, count = partial.depth, self.of.wanted.size
        more = np.minimum(self.of.limit, self.of.own + partial.adds[:, count:]) - np.minimum(self.of.limit, self.of.own)
        partial = partial.take((partial.adds[:, :count] + self.most[depth] - more @ self.of.into >= self.of.wanted).all(axis=1))
        bound = self.constant + partial.done + partial.run.min(axis=1) + self.saved[depth]
        for columns in self._curves_at(depth):
            costs = [np.interp(self.of.wanted[f] - partial.adds[:, f] - free, tonnes, cost, right=np.inf) for f, free, tonnes, cost in columns]
            bound = bound + np.max(costs, axis=0)
        return _Partial(depth, partial.choice, partial.done, partial.run, partial.adds, bound)

    def _curves_at(self, depth: int) -> list[list[tuple[int, float, Array, Array]]]:
        """Return by product what its demands cost at least from a depth on: per column the tonnes that are free, and cost over tonnes."""
        if depth not in self._curves:
            found: dict[str, list[tuple[int, float, Array, Array]]] = defaultdict(list)
            column = 0
            for requirement in self.of.outline.requirements:
                for f in range(column, column + requirement.wanted.size):
                    found[requirement.product].append(self._curve(depth, f, requirement.product))
                column += requirement.wanted.size
            self._curves[depth] = list(found.values())
        return self._curves[depth]

    def _curve(self, depth: int, column: int, product: str) -> tuple[int, float, Array, Array]:
        """Return the fractional knapsack of a column over the candidates of its product that are left."""
        outline, free, items = self.of.outline, 0.0, list[tuple[float, float, float]]()
        for d in range(depth, len(self.of.order)):
            plant = outline.desk.plants[outline.cluster.candidates[self.of.order[d][2]]]
            added, floor = self.adds[d][self.choices[d], column], self.floors[d][self.choices[d]]
            most, cost = float(added.max(initial=0.0)), float(floor[added > 0.0].min(initial=np.inf))
            if plant.product != product or cost <= 0.0:
                free += most
            elif most > 0.0 and np.isfinite(cost):
                items.append((cost / most, most, cost))
        ordered = np.array(sorted(items)).reshape(-1, 3)
        return column, free, np.append(0.0, np.cumsum(ordered[:, 1])), np.append(0.0, np.cumsum(ordered[:, 2]))


def never() -> bool:
    """Do not stop."""
    return False


def after(steps: int, stop: Callable[[], bool] = never) -> Callable[[], bool]:
    """Return a clock that stops after some steps, or with another one."""
    left = iter(range(steps))
    return lambda: next(left, None) is None or stop()


# --- plan spaces --------------------------------------------------------------------------------------------------------


def plan_space(desk: Desk, index: int, cluster: Cluster, demands: Demands, kind: type[Space]) -> Space | None:
    """Lay out the plan space of a cluster: whole, or with a first few build sets where there are too many; None if none meets the demands.

    Raises:
        ClusterTooLarge: whether one does is not found out in ``MOST_STEPS`` steps.
    """
    if set_count(cluster) <= kind.most_whole:
        sets = build_sets(desk.balance, desk.baseline, cluster, demands, desk.fixes)
        return kind(desk, index, cluster, sets) if sets.choice.shape[0] else None
    outline = Outline(desk, index, cluster, demands)
    none, scenarios = np.zeros(desk.market.years.size), np.zeros(desk.market.scenarios.count)
    weights = Weights(np.zeros((3, none.size)), scenarios, scenarios, np.zeros(3), 0.0, none)
    first, left = Unlisted(outline, weights, EVERYTHING, outline.space.options()).below(np.inf, set(), FIRST, after(MOST_STEPS))
    if first is None and left == -np.inf:
        raise ClusterTooLarge(f"{', '.join(cluster.products)}: no build set that meets the demands was found; relax targets or shorten ladders.start_delays")
    return None if first is None else kind(desk, index, cluster, first, outline)
