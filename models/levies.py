"""Border measures: tariffs, the reference price, the adjustment for standards, and what they make a tonne cost (C6, C18)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from ..instances import Instance

    Array = NDArray[np.float64]

NODES = ("market", "china")


@dataclass(frozen=True, order=True)
class Border:
    """Harmonised measures on one product (C6); all zero is every member at its own law.

    ``market`` and ``china`` are ad valorem rates, ``reference`` is a price in USD/t (0 is none), and ``standard`` is the
    share of the high standard that imports must meet or pay for (C18).
    """

    market: float = 0.0
    china: float = 0.0
    reference: float = 0.0
    standard: float = 0.0

    @property
    def rates(self) -> float:
        """Return the sum of the harmonised rates (a tie key of C26)."""
        return self.market + self.china

    def within(self, other: Border) -> bool:
        """Say whether another border is at least as high in every measure, and higher in one."""
        mine, theirs = ((b.market, b.china, b.reference, b.standard) for b in (self, other))
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))

    def raised_to(self, law: Border) -> Border:
        """Return the measures with rates not below a member's law."""
        return Border(max(self.market, law.market), max(self.china, law.china), self.reference, self.standard)


LAW = Border()


@dataclass(frozen=True)
class Schedule:
    """What a product's border measures stand on: nodes that a reference price covers, and USD/t to meet the high standard."""

    covers: tuple[str, ...]
    to_standard: Mapping[str, float]

    @staticmethod
    def read(instance: Instance, product: str) -> Schedule:
        """Read the coverage of levies and what imports of each node lack to the high standard (C6, C18)."""
        row = instance.products.loc[product]
        covers = ("china",) if instance.settings["levy.covers"] == "china_linked" else NODES
        missing = {node: 1.0 - float(row[f"standard_compliance_{node}"]) for node in NODES}
        return Schedule(covers, {node: share * float(row["standard_cost_usd_per_t"]) for node, share in missing.items()})

    def landed(self, node: str, price: Array, border: Border) -> Array:
        """Return the landed price of a node, USD/t: ``max(price (1 + rate), reference) + standard x lacking`` (C6, C18)."""
        value = price * (1.0 + getattr(border, node))
        if border.reference and node in self.covers:
            value = np.maximum(value, border.reference)
        return value + border.standard * self.to_standard[node]


def lapsing(held: Array, law: Array, in_force: NDArray[np.bool_] | None) -> Array:
    """Return a price with the club's measures while they are in force and at law after their lapse (C6)."""
    return held if in_force is None else np.where(in_force, held, law)


def three_digits(value: ArrayLike) -> Array:
    """Round to three significant digits."""
    value = np.asarray(value, dtype=float)
    scale = 10.0 ** (np.floor(np.log10(value)) - 2)
    rounded: Array = np.round(np.round(value / scale) * scale, 12)
    return rounded


def line_of(settings: Mapping[str, Any], product: str) -> tuple[str, ...]:
    """Return the products that share a tariff line with a product, itself included (C6)."""
    for name, members in settings.items():
        if name.startswith("lines.") and product in members:
            return tuple(members)
    return (product,)


def tariff_pairs(rates: Sequence[float], fixed: Mapping[str, float | None]) -> list[Border]:
    """Return all pairs with ``market <= china``, or every pair with what is pinned (C19)."""
    pinned = any(value is not None for value in fixed.values())
    sides = {node: rates if (value := fixed[node]) is None else [value] for node in NODES}
    return [Border(m, c) for m in sides["market"] for c in sides["china"] if m <= c or pinned]


def distinct(pairs: Iterable[Border], laws: Sequence[Border]) -> list[Border]:
    """Return the pairs, lowest first, without those whose rates equal those of an earlier one for every member."""
    seen: set[tuple[Border, ...]] = set()
    kept = []
    for pair in sorted(pairs):
        effective = tuple(pair.raised_to(law) for law in laws)
        if effective not in seen:
            seen.add(effective)
            kept.append(pair)
    return kept
