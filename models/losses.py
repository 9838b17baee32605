"""Users' loss less the gain in border revenue, under every build set of a plan space (C24 to C26)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .clusters import CHUNK, chunk_tonnes
from .market import COUNTRIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .levies import Border
    from .plans import PlanSpace

    Array = NDArray[np.float64]


class Losses:
    """Users' losses of a space, kept by product and border option."""

    def __init__(self, space: PlanSpace) -> None:
        """Start with nothing computed."""
        self.space = space
        self._losses: dict[tuple[int, Border], Array] = {}
        self._all_needs: dict[int, dict[str, Array]] = {}

    def of(self, position: int, border: Border) -> Array:
        """Return one product's part of users' loss less the gain in border revenue, PV musd, ``(N,)`` (kept; C26)."""
        key = (position, border)
        if key not in self._losses:
            parts = [self._loss(position, border, np.arange(first, min(first + CHUNK, self.space.size))) for first in range(0, self.space.size, CHUNK)]
            self._losses[key] = np.concatenate(parts)
        return self._losses[key]

    def at(self, position: int, border: Border, index: int) -> float:
        """Return one entry of ``of``; in a small space all of them are computed with it."""
        known = self.of(position, border) if self.space.size <= CHUNK else self._losses.get((position, border))
        return float(known[index] if known is not None else self._loss(position, border, np.array([index]))[0])

    def _loss(self, position: int, border: Border, sets: NDArray[np.int_]) -> Array:
        m = self.space.cluster.products[position]
        paths = self.space.sets.path[sets, position]
        loss = {k: self.space.desk.users.loss(m, self.space.setting(position, border, int(k))).sum() for k in np.unique(paths)}
        gain = self.space.desk.revenue_gain(m, border, self._needs(m, sets), self._shares(m, sets))
        result: Array = np.array([loss[k] for k in paths]) - gain
        return result

    def _needs(self, product: str, sets: NDArray[np.int_]) -> Array:
        """Return a product's need under some build sets, t/y, ``(n, T)``."""
        if sets.size < min(self.space.size, CHUNK):
            return self._tonnes(sets)[product]
        if sets[0] not in self._all_needs:
            self._all_needs[int(sets[0])] = self._tonnes(sets)
        return self._all_needs[int(sets[0])][product]

    def _tonnes(self, sets: NDArray[np.int_]) -> dict[str, Array]:
        return chunk_tonnes(self.space.desk.balance, self.space.desk.baseline, self.space.cluster, self.space.sets.choice[sets])[0]

    def _shares(self, product: str, sets: NDArray[np.int_]) -> Array:
        """Return how members share a product's imports under some build sets, ``(3, T)`` or ``(3, n, T)`` (C7)."""
        balance, base = self.space.desk.balance, self.space.desk.baseline
        feed = balance.feed_by_member(product, base.builds)
        buyers = [j for j, key in enumerate(self.space.cluster.candidates) if balance.plants[key].feed_product == product]
        stated = np.sum([balance.market.stated[product][c] for c in COUNTRIES], axis=0)
        if not buyers or (stated > 0.0).all():
            return balance.member_shares(product, feed)
        table = np.repeat(feed[:, None], sets.size, axis=1)
        for j in buyers:
            key = self.space.cluster.candidates[j]
            made = [np.zeros(feed.shape[1])] + [balance.tonnes(key, year).feed for year in self.space.cluster.starts[j]]
            table[COUNTRIES.index(balance.plants[key].country)] += np.stack(made)[self.space.sets.choice[sets, j]]
        return balance.member_shares(product, table)
