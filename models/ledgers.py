"""What the plants of a cluster cost under every option, kept while the prices of the master change.

A *ledger* belongs to one group (member and product). Its entries are cost columns over all credit levels: exact ones of a
plant under an option and path, and lower bounds in their place. Which entries make up a choice of the group does not
depend on prices, so a round of pricing weighs each entry once and adds up.

Bounds become sharper on demand. A plant starts from one bound for all options, at the best prices over options and paths
(``Desk.bound``); then come bounds over fewer options, down to one; then the exact columns of one path. Each is at most the
next, part by part, so a least cost over entries is a lower bound until it rests on exact ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .columns import INFEASIBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .columns import Family
    from .levies import Border
    from .outlooks import Setting
    from .plan import Weights
    from .plans import Group, PlanSpace
    from .welfare import LevelCosts

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]
    Bools = NDArray[np.bool_]
    Option = tuple[int, ...]
    """The index of each product's border option among ``PlanSpace.borders``."""

ONE, SOME, ALL = 1, 5, 0
"""How many options of a product a bound covers: one, neighbours by how much they protect, or all."""
OWN, FEED = (ALL, SOME, ONE, ONE), (ALL, ALL, ALL, ONE)
"""By rank, what a bound covers of a plant's own product and of its feed."""
ENVELOPE, EXACT = 3, 4


@dataclass
class Sheet:
    """Which entries make up a group's choices under one effective option.

    ``base`` and ``rank`` are per member and choice, ``(members, starts + 1)``: entry, and how sharp it is. ``own`` is
    ``(U, members + 1)``: the exact entry of a row's path, the baseline's credits last, -1 where unknown. ``exact`` ``(U,)``
    says which rows are settled, ``touched`` which have an exact entry; ``version`` counts changes.
    """

    option: Option
    base: Ints
    rank: Ints
    own: Ints
    touched: Bools
    exact: Bools
    version: int = 0


class Ledger:
    """The entries and sheets of one group."""

    def __init__(self, space: PlanSpace, group: Group) -> None:
        """Start with entry 0, which costs nothing."""
        self.space, self.group, self.desk = space, group, space.desk
        self.count = len(group.members)
        self.choices = group.rows[:, : self.count]
        self.paths = group.rows[:, self.count :]
        self.idle: Bools = ~np.asarray(self.choices.any(axis=1), dtype=bool)
        self.combos, where = np.unique(self.choices, axis=0, return_inverse=True)
        self.combo_idle: Bools = ~np.asarray(self.combos.any(axis=1), dtype=bool)
        self.combo_of: Ints = np.asarray(where).reshape(-1)
        self.pinned = self.desk.pinned_credit(group.country, group.product)
        self.offered = self.desk.offered(group.country, group.product)
        self.levels: Ints = np.flatnonzero(self.offered)
        self._ids: dict[tuple[object, ...], int] = {}
        self._blocks: dict[tuple[object, ...], tuple[dict[str, tuple[Border, ...]], tuple[frozenset[Border | None], ...]]] = {}
        self.entries: list[tuple[LevelCosts, Bools]] = []
        self._sheets: dict[tuple[object, ...], Sheet] = {}
        self._by_option: dict[Option, Sheet] = {}
        self._aid: dict[tuple[Option, int], Array] = {}
        self._used = [np.unique(self.choices[:, k])[np.unique(self.choices[:, k]) > 0] for k in range(self.count)]

    # --- entries ----------------------------------------------------------------------------------------------------

    def _entry(self, key: tuple[object, ...], made: Callable[[], Family]) -> int:
        """Return an entry's number, from 1; it is made where it is new."""
        if key not in self._ids:
            family = made()
            self._append(key, family.cost, family.kind != INFEASIBLE)
        return self._ids[key]

    def _append(self, key: tuple[object, ...], cost: LevelCosts, feasible: Bools) -> None:
        self.entries.append((cost, feasible))
        self._ids[key] = len(self.entries)

    def weigh(self, weights: Weights, country: int, known: Array) -> Array:
        """Extend the weighted cost of each entry and level on offer ``(entries + 1, K)`` to the entries that are new."""
        start = known.shape[0] - 1
        if start == len(self.entries):
            return known
        rows = [np.where(ok, cost.weighed(lambda c: weights.of(c, country)), np.inf) for cost, ok in self.entries[start:]]
        return np.concatenate([known, np.stack(rows)[:, self.levels]])

    def _plant(self, member: int) -> str:
        return self.space.cluster.candidates[self.group.members[member]]

    def _start(self, member: int, choice: int) -> int:
        return self.space.cluster.starts[self.group.members[member]][choice - 1]

    def _borders(self, option: Option) -> dict[str, Border]:
        return {self.space.cluster.products[p]: self.space.borders[p][option[p]] for p in self.group.involved}

    def _bound(self, member: int, choice: int, option: Option, rank: int) -> tuple[int, int]:
        """Return the entry of a bound at least as sharp as ``rank``, and how sharp it is."""
        desk, plant, start = self.desk, self._plant(member), self._start(member, choice)
        borders, effective = self._joined(member, option, rank if desk.joins_options else ENVELOPE)
        if max(map(len, effective)) > 1:
            return self._entry((plant, start, effective), lambda: desk.bound(plant, start, borders, self.space.visited)), rank
        if all(len(self.space.sets.paths[p]) == 1 for p in self._relevant(member)):
            settings = {m: self.space.setting(self.space.cluster.products.index(m), border, 0) for m, (border, *_) in borders.items()}
            return self._entry((EXACT, plant, start, *desk.key(plant, settings)), lambda: desk.family(plant, start, settings)), EXACT
        return self._entry((plant, start, effective), lambda: desk.bound(plant, start, borders, self.space.visited)), ENVELOPE

    def _joined(self, member: int, option: Option, rank: int) -> tuple[dict[str, tuple[Border, ...]], tuple[frozenset[Border | None], ...]]:
        """Return the options that a bound of a rank covers, by product, and the effective rates of a plant's own product and feed."""
        space, plant = self.space, self.desk.plants[self._plant(member)]
        width = {plant.product: OWN[rank], plant.feed_product: FEED[rank]}
        blocks = tuple(space.block(p, option[p], width.get(space.cluster.products[p], ONE)) for p in self.group.involved)
        key = (member, blocks)
        if key not in self._blocks:
            borders = {space.cluster.products[p]: tuple(space.borders[p][k] for k in block) for p, block in zip(self.group.involved, blocks, strict=True)}
            self._blocks[key] = borders, self.desk.effective(plant.id, borders)
        return self._blocks[key]

    def _relevant(self, member: int) -> list[int]:
        """Return the positions of the products on whose paths a plant's money depends."""
        plant = self.desk.plants[self._plant(member)]
        names = {plant.product if plant.refined else "", plant.feed_product}
        return [p for p in self.group.involved if self.space.cluster.products[p] in names]

    # --- sheets -----------------------------------------------------------------------------------------------------

    def key(self, option: Option) -> tuple[object, ...]:
        """Return the effective rates on which the group's money depends under an option."""
        borders = self._borders(option)
        plants = (*self.group.baseline, *(self._plant(k) for k in range(self.count)))
        return tuple(self.desk.canonical(plant, borders) for plant in plants)

    def sheet(self, option: Option) -> Sheet:
        """Return the sheet of an option, made of bounds where it is new."""
        short = tuple(option[p] for p in self.group.involved)
        if short not in self._by_option:
            key = self.key(option)
            if key not in self._sheets:
                self._sheets[key] = self._make(option)
            self._by_option[short] = self._sheets[key]
        return self._by_option[short]

    def _make(self, option: Option) -> Sheet:
        width = max((int(used.max()) for used in self._used if used.size), default=0) + 1
        base, rank = np.zeros((self.count, width), dtype=int), np.full((self.count, width), EXACT)
        for k, used in enumerate(self._used):
            for choice in map(int, used):
                base[k, choice], rank[k, choice] = self._bound(k, choice, option, 0)
        size = self.choices.shape[0]
        own = np.full((size, self.count + 1), -1)
        if not self.group.baseline:
            own[:, -1] = 0
        sheet = Sheet(option, base, rank, own, np.full(size, False), np.full(size, False))
        self._mark(sheet, np.arange(size))
        return sheet

    def _mark(self, sheet: Sheet, rows: Ints) -> None:
        """Find which rows rest on exact entries alone."""
        sure = sheet.own[rows, -1] >= 0
        for k in range(self.count):
            sure &= (sheet.own[rows, k] >= 0) | (sheet.rank[k][self.choices[rows, k]] == EXACT)
        sheet.exact[rows] = sure | (self.idle[rows] & (not self.pinned))
        sheet.version += 1

    def sharpen(self, sheet: Sheet, row: int) -> bool:
        """Sharpen a row's bounds that cover several options by one step; say whether there were any."""
        choice = self.choices[row]
        blunt = [k for k in np.flatnonzero(choice) if sheet.rank[k, choice[k]] < ENVELOPE]
        for k in map(int, blunt):
            rank = int(sheet.rank[k, choice[k]]) + 1
            sheet.base[k, choice[k]], sheet.rank[k, choice[k]] = self._bound(k, int(choice[k]), sheet.option, rank)
        if blunt:
            self._mark(sheet, np.flatnonzero((self.choices[:, blunt] == choice[blunt]).any(axis=1)))
        return bool(blunt)

    def settle(self, sheet: Sheet, row: int) -> None:
        """Sharpen a row's bounds by one step, or else compute its exact entries; rows that share them gain too."""
        if sheet.exact[row]:
            return
        if self.sharpen(sheet, row):
            return
        choice, hit = self.choices[row], np.full(self.choices.shape[0], False)
        settings = self.space.group_settings(self.group, self.group.rows[row], self.space.at(sheet.option))
        for member in map(int, np.flatnonzero(choice)):
            if sheet.own[row, member] < 0 and sheet.rank[member, choice[member]] != EXACT:
                hit |= self._set(sheet, member, row, settings)
        if sheet.own[row, -1] < 0:
            hit |= self._credits(sheet, row, settings)
        sheet.touched |= hit
        self._mark(sheet, np.flatnonzero(hit))

    def _set(self, sheet: Sheet, member: int, row: int, settings: dict[str, Setting]) -> Bools:
        plant, start = self._plant(member), self._start(member, int(self.choices[row, member]))
        entry = self._entry((EXACT, plant, start, *self.desk.key(plant, settings)), lambda: self.desk.family(plant, start, settings))
        columns = [self.group.involved.index(p) for p in self._relevant(member)]
        same: Bools = (self.paths[:, columns] == self.paths[row, columns]).all(axis=1) & (self.choices[:, member] == self.choices[row, member])
        sheet.own[same, member] = entry
        return same

    def _credits(self, sheet: Sheet, row: int, settings: dict[str, Setting]) -> Bools:
        group = self.group
        key = ("baseline", *(self.desk.key(k, settings) for k in group.baseline))
        if key not in self._ids:
            cost = self.desk.baseline_credits(group.country, group.product, settings)
            self._append(key, cost, np.full(self.offered.size, True))
        same: Bools = (self.paths == self.paths[row]).all(axis=1)
        sheet.own[same, -1] = self._ids[key]
        return same

    def drawn(self, sheet: Sheet, rows: Ints) -> Ints:
        """Return the exact entries of settled rows, those of members first and the baseline's last, ``(n, members + 1)``: 0 where there is none."""
        base = np.append(sheet.base, np.zeros((1, sheet.base.shape[1]), dtype=int), axis=0)
        choices = np.append(self.choices[rows], np.zeros((rows.size, 1), dtype=int), axis=1)
        drawn = np.where(sheet.own[rows] >= 0, sheet.own[rows], base[np.arange(self.count + 1), choices])
        if not self.pinned:
            drawn[self.idle[rows]] = 0
        return np.asarray(drawn)

    def equivalents(self, option: Option, row: int) -> Array:
        """Return the subsidy equivalent of a row at each credit level, nan where nothing is aided, ``(L,)`` (kept; C16)."""
        key = (tuple(option[p] for p in self.group.involved), row)
        if key not in self._aid:
            space, group = self.space, self.group
            built = space.built(group, group.rows[row])
            settings = space.group_settings(group, group.rows[row], space.at(option))
            none = np.full(self.offered.size, np.nan)
            found = self.desk.competition.equivalents((group.country, group.product), built, settings) if built else none
            self._aid[key] = found
        return self._aid[key]

    # --- weighted cost ----------------------------------------------------------------------------------------------

    def least(self, sheet: Sheet, values: Array, levels: Bools) -> Array:
        """Return the least weighted cost of each row over the levels allowed, ``(U,)``."""
        ids = sheet.base[np.arange(self.count), self.combos]
        low: Array = self._limited(values[ids].sum(axis=1), self.combo_idle, levels).min(axis=1)[self.combo_of]
        rows = np.flatnonzero(sheet.touched)
        if rows.size:
            low[rows] = self._table(sheet, values, levels, rows).min(axis=1)
        return low

    def table(self, sheet: Sheet, values: Array, levels: Bools, rows: Ints) -> Array:
        """Return the weighted cost of some rows at each level, infinite where not allowed, ``(rows, L)``."""
        table = np.full((rows.size, self.offered.size), np.inf)
        table[:, self.levels] = self._table(sheet, values, levels, rows)
        return table

    def _table(self, sheet: Sheet, values: Array, levels: Bools, rows: Ints) -> Array:
        ids = sheet.own[rows].copy()
        base = sheet.base[np.arange(self.count), self.choices[rows]]
        ids[:, :-1] = np.where(ids[:, :-1] >= 0, ids[:, :-1], base)
        return self._limited(values[np.maximum(ids, 0)].sum(axis=1), self.idle[rows], levels)

    def _limited(self, table: Array, idle: Bools, levels: Bools) -> Array:
        """Take out levels that are not on offer; an idle group takes no credit unless one is pinned."""
        if not self.pinned:
            table[idle] = np.where(self.levels == 0, 0.0, np.inf)
        table[:, ~levels[self.levels]] = np.inf
        return table
