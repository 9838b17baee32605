"""Nodes of the search, and where to split them.

A node limits traits of plans: the option of a product, whether and when a project is built, a group's credit level. The
two children of a split share out the values of one trait, so together they hold every design of their parent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..models.domains import EVERYTHING, Domain
from .relaxation import Point, relax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..models.domains import Trait
    from ..models.master import Master
    from ..models.plans import PlanSpace

    Array = NDArray[np.float64]
    Ints = NDArray[np.int_]

Key = tuple[int, tuple[int, ...], int, tuple[int, ...]]
"""A plan: cluster, option, build set, credit levels."""

FRACTION = 1e-6
TRIALS = 10
"""Most splits of which both sides are tried."""
MOST = 1e6


@dataclass(frozen=True)
class Split:
    """Two sides of a trait's values in a cluster, and the mass of a fractional point on the first."""

    mass: float
    cluster: int
    trait: Trait
    sides: tuple[frozenset[int], frozenset[int]]


@dataclass(frozen=True)
class Node:
    """A part of all designs: a domain per cluster where one is limited, and a lower bound on its designs, musd."""

    domains: Mapping[int, Domain] = field(default_factory=dict)
    bound: float = -np.inf

    def domain(self, cluster: int) -> Domain:
        """Return what is allowed in a cluster."""
        return self.domains.get(cluster, EVERYTHING)

    def narrowed(self, cluster: int, trait: Trait, values: frozenset[int], bound: float) -> Node:
        """Return a child with one trait of a cluster limited further."""
        return Node({**self.domains, cluster: self.domain(cluster).narrowed(trait, values)}, bound)


class Pool:
    """The plans of a master with the traits that nodes limit."""

    def __init__(self, spaces: Sequence[PlanSpace], master: Master) -> None:
        """Start empty; plans are looked up in the master."""
        self.spaces, self.master = spaces, master
        self.keys: dict[int, Key] = {}
        self._traits: dict[int, dict[Trait, int]] = {}
        self._known: dict[Key, int | None] = {}

    def add(self, cluster: int, option: tuple[int, ...], index: int, levels: tuple[int, ...], *, priced: bool) -> int | None:
        """Add a plan and return its number, None outside the band.

        A ``priced`` plan takes part in relaxations; one that was only listed does so once it is priced too.
        """
        key = (cluster, option, index, levels)
        if key not in self._known:
            plan = self.spaces[cluster].plan(option, index, levels)
            number = self._known[key] = self.master.add(plan) if plan.in_band else None
            if number is not None:
                self.keys[number] = key
        number = self._known[key]
        if priced and number is not None and number not in self._traits:
            self._traits[number] = self.spaces[cluster].traits(self.master.plans[number])
        return number

    def __len__(self) -> int:
        """Return the number of plans that take part in relaxations."""
        return len(self._traits)

    @property
    def priced(self) -> list[Key]:
        """Return the plans that take part in relaxations."""
        return [self.keys[number] for number in self._traits]

    def of(self, node: Node) -> Ints:
        """Return the priced plans that a node allows."""
        found = (p for p, traits in self._traits.items() if node.domain(self.keys[p][0]).holds(self.keys[p][2], traits))
        return np.array(sorted(found), dtype=int)

    def splits(self, node: Node, x: Array) -> list[Split]:
        """Return ways to split a node at a fractional point, the most even first."""
        used: list[int] = np.flatnonzero(x > FRACTION).tolist()
        found = []
        for cluster in sorted({self.master.plans[p].cluster for p in used if x[p] < 1.0 - FRACTION}):
            mine = [p for p in used if self.master.plans[p].cluster == cluster]
            for trait in self._traits[mine[0]]:
                mass: dict[int, float] = {}
                for p in mine:
                    mass[self._traits[p][trait]] = mass.get(self._traits[p][trait], 0.0) + float(x[p])
                cut = _even_cut(self._values(cluster, trait, node), mass)
                if cut is not None:
                    found.append(Split(cut[0], cluster, trait, cut[1]))
        return sorted(found, key=lambda split: abs(split.mass - 0.5))

    def _values(self, cluster: int, trait: Trait, node: Node) -> list[int]:
        """Return the values that a trait may take, in an order in which near values are alike."""
        space, (kind, position) = self.spaces[cluster], trait
        if kind == "border":
            order = sorted(range(len(space.borders[position])), key=lambda k: (space.borders[position][k].china, space.borders[position][k].market, k))
        elif kind == "choice":
            order = list(range(len(space.cluster.starts[position]) + 1))
        else:
            order = list(range(len(space.desk.offer.levels)))
        allowed = node.domain(cluster).limits.get(trait)
        return [k for k in order if allowed is None or k in allowed]

    def split(self, node: Node, point: Point) -> tuple[Node, Node] | None:
        """Split a node where the side of less promise, by the relaxation over the plans at hand, promises most.

        The child whose relaxation is lower comes first. None at a whole point.
        """
        best, chosen = -np.inf, None
        for split in self.splits(node, point.x)[:TRIALS]:
            first, second = (node.narrowed(split.cluster, split.trait, values, node.bound) for values in split.sides)
            gains = self._promise(first, point.value), self._promise(second, point.value)
            score = 10.0 * min(gains) + max(gains)
            if score > best:
                best, chosen = score, (first, second) if gains[0] <= gains[1] else (second, first)
        return chosen

    def _promise(self, child: Node, value: float) -> float:
        """Return how much the relaxation over the plans at hand rises in a child, musd, at most ``MOST``."""
        pool = self.of(child)
        if np.unique(self.master.table.cluster[pool]).size < self.master.clusters:
            return MOST
        return min(MOST, max(0.0, relax(self.master, pool).value - value))


def _even_cut(values: Sequence[int], mass: Mapping[int, float]) -> tuple[float, tuple[frozenset[int], frozenset[int]]] | None:
    """Return the cut of ordered values that shares out the mass most evenly, None if it is all on one value."""
    total, best, chosen = 0.0, np.inf, None
    for k, value in enumerate(values[:-1], start=1):
        total += mass.get(value, 0.0)
        if FRACTION < total < 1.0 - FRACTION and abs(total - 0.5) < best:
            best, chosen = abs(total - 0.5), (total, (frozenset(values[:k]), frozenset(values[k:])))
    return chosen
