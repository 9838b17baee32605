"""All plans of a cluster that cost at most a threshold, without those that another one beats in every respect.

Under two pairs of an option and a build set whose groups draw on the same entries of the ledgers, credit levels cost the same in
every year and scenario, bring the same contracts and keep or break the band alike. The pairs differ in what users bear and in
rates alone. A design that uses the pair which is better in none of these can use the other one at the same levels: no crossing
row, no cost and no tie key (C26) gets worse. Most border options move no plant's money, so few pairs are left.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from .clusters import ClusterTooLarge
from .unlisted import never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from .pricing import Pricing

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]
    Option = tuple[int, ...]
    Chosen = tuple[Option, int, tuple[int, ...]]
    """A plan: option, build set, credit levels."""


class Listing:
    """The plans that a pricing has at its weights, by what they cost at most."""

    def __init__(self, pricing: Pricing) -> None:
        """List the plans that the pricing's domain allows."""
        self.pricing, self.space = pricing, pricing.space
        self._closed: dict[int, int] = {}

    def count(self, threshold: float, limit: int, stop: Callable[[], bool] = never) -> int:
        """Return how many pairs of option and build set may cost at most a threshold, by bounds that cover one option each.

        Counting ends soon after ``limit``; a large cluster has more where not all that matter can be listed.
        """
        pricing = self.pricing
        if not pricing.complete(threshold, stop):
            return limit + 1
        count = 0
        for option in pricing.may_cost(threshold):
            near = np.flatnonzero(pricing.costs(option) <= threshold)
            while near.size and pricing.sharpen(option, near):
                near = np.flatnonzero(pricing.costs(option) <= threshold)
            count += near.size
            if count > limit:
                break
        return count

    def below(self, threshold: float, stop: Callable[[], bool] = never) -> Iterator[Chosen]:
        """Iterate over the plans whose weighted cost is at most a threshold and which no other plan beats: option, build set, credit levels.

        Where ``stop`` says so it ends early, with some of them or none.

        Raises:
            ClusterTooLarge: a large cluster has too many build sets that may cost at most that.
        """
        pricing = self.pricing
        if not pricing.complete(threshold):
            raise ClusterTooLarge(f"{', '.join(self.space.cluster.products)}: too many build sets may cost at most {threshold:g} musd")
        alike: dict[bytes, list[tuple[Option, int]]] = defaultdict(list)
        borne: dict[bytes, list[Array]] = defaultdict(list)
        for option in pricing.may_cost(threshold):
            if stop():
                return
            near = self._near(option, threshold)
            for index, money, share in zip(near.tolist(), self._money(option, near), self._borne(option, near), strict=True):
                alike[money.tobytes()].append((option, index))
                borne[money.tobytes()].append(share)
        for money, pairs in alike.items():
            for option, index in self._undominated(pairs, np.array(borne[money]), threshold):
                if stop():
                    return
                yield from self._all_levels(option, index, threshold)

    def _near(self, option: Option, threshold: float) -> Ints:
        """Return the build sets that cost at most a threshold by exact columns, whether or not they displace a project."""
        pricing = self.pricing
        while True:
            cost = pricing.costs(option)
            near = np.flatnonzero((cost <= threshold) & np.isfinite(cost))
            rough = near[~pricing.has_columns(option, near)]
            if not rough.size:
                return near
            pricing.settle_columns(option, rough)

    def _money(self, option: Option, sets: Ints) -> Ints:
        """Return what decides the public cost of build sets at every level, ``(n, K)``: entries, closed contracts and rungs of the reserve."""
        space = self.space
        drawn = [ledger.drawn(ledger.sheet(option), group.inverse[sets]) for ledger, group in zip(space.ledgers, space.groups, strict=True)]
        closed = [np.array([self._closed.setdefault(id(cost), len(self._closed)) for cost in c.costs(option)])[c.inverse[sets]] for c in space.closed]
        return np.column_stack([np.zeros(sets.size, dtype=int), *drawn, *closed, *(rungs[sets] for rungs in space.reserves.values())])

    def _borne(self, option: Option, sets: Ints) -> Array:
        """Return burden by member, users' loss net of border revenue (where it counts) and as it is, and the sum of rates, ``(n, 6)``."""
        space, borne = self.space, np.zeros((sets.size, 6))
        for p, border in enumerate(space.at(option)):
            paths, which = np.unique(space.sets.path[sets, p], return_inverse=True)
            borne[:, :3] += space.users_of(p, option[p])[0][paths][which]
            if space.users_count:
                borne[:, 3] += [space.loss_at(p, border, index) for index in sets.tolist()]
            borne[:, 4] += np.array([space.users_loss(p, border, path) for path in paths.tolist()])[which]
            borne[:, 5] += border.rates
        return borne

    def _undominated(self, pairs: list[tuple[Option, int]], borne: Array, threshold: float) -> Iterator[tuple[Option, int]]:
        """Iterate over the pairs with the same money, the first of equals, that no pair which displaces no project beats."""
        left = np.lexsort(borne.T[::-1])
        while left.size:
            first, left = left[0], left[1:]
            option, index = pairs[first]
            self.pricing.settle(option, np.array([index]))
            if self.pricing.keep_band(option, index)[0] <= threshold:
                left = left[~(borne[first] <= borne[left]).all(axis=1)]
                yield option, index

    def _all_levels(self, option: Option, index: int, threshold: float) -> Iterator[Chosen]:
        rows = self._distinct(option, index)
        rest = np.cumsum([row.min() for row in reversed(rows)])[::-1] if rows else np.zeros(0)

        def extend(g: int, spent: float, levels: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if g == len(rows):
                yield levels
                return
            later = float(rest[g + 1]) if g + 1 < len(rows) else 0.0
            for level in np.flatnonzero((rows[g] <= threshold - spent - later + 1e-9) & np.isfinite(rows[g])):
                yield from extend(g + 1, spent + float(rows[g][level]), (*levels, int(level)))

        for levels in extend(0, self.pricing.apart(option, index), ()):
            yield option, index, levels

    def _distinct(self, option: Option, index: int) -> list[Array]:
        """Return ``Pricing.rows``, infinite but for the first of levels of which a group draws the same."""
        rows = self.pricing.rows(option, index)
        for ledger, group, row in zip(self.space.ledgers, self.space.groups, rows, strict=True):
            drawn = ledger.drawn(ledger.sheet(option), group.inverse[index : index + 1])[0]
            levels = np.flatnonzero(np.isfinite(row))
            places = np.array([ledger.entries[entry - 1][0].of[levels] for entry in drawn if entry]).reshape(-1, levels.size)
            again = np.delete(levels, np.unique(places, axis=1, return_index=True)[1]) if levels.size else levels
            row[again] = np.inf
        return rows
