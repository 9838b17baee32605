"""What a node of the search still allows in one cluster: options, build choices and credit levels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .plans import PlanSpace

    Bools = NDArray[np.bool_]

Trait = tuple[str, int]
"""``("border", product)``, ``("choice", candidate)`` or ``("level", group)``, each by its position in the cluster."""


@dataclass(frozen=True)
class Domain:
    """Values that each trait of a plan may take; a trait without an entry is free.

    The values are the index of the option among a product's, 0 for not built or 1 + index of the start year, and the index
    of the credit level (0 for a group that builds nothing). ``options`` are the options of all products that can matter, where
    the others have been ruled out by their cost. ``kept`` ``(N,)`` says which build sets meet demands that are tighter than
    those of the space.
    """

    limits: Mapping[Trait, frozenset[int]] = field(default_factory=dict)
    options: frozenset[tuple[int, ...]] | None = None
    kept: Bools | None = None

    def narrowed(self, trait: Trait, values: frozenset[int]) -> Domain:
        """Return the domain with one trait limited further."""
        known = self.limits.get(trait)
        return replace(self, limits={**self.limits, trait: values if known is None else values & known})

    def borders(self, space: PlanSpace, position: int) -> list[int]:
        """Return the options that a product may take."""
        allowed = self.limits.get(("border", position))
        count = range(len(space.borders[position]))
        return list(count) if allowed is None else [k for k in count if k in allowed]

    def sets(self, space: PlanSpace) -> Bools | None:
        """Say which build sets are allowed, ``(N,)``; None if all are."""
        good = self.kept
        for (kind, position), allowed in self.limits.items():
            if kind == "choice":
                fits = np.isin(space.sets.choice[:, position], sorted(allowed))
                good = fits if good is None else good & fits
        return good

    def levels(self, space: PlanSpace, group: int) -> Bools:
        """Say which credit levels a group may take, ``(L,)``."""
        count = len(space.desk.offer.levels)
        allowed = self.limits.get(("level", group))
        return np.full(count, True) if allowed is None else np.isin(np.arange(count), sorted(allowed))

    def holds(self, index: int, traits: Mapping[Trait, int]) -> bool:
        """Say whether a plan with this build set and these traits is allowed."""
        return (self.kept is None or bool(self.kept[index])) and all(traits[trait] in allowed for trait, allowed in self.limits.items())


EVERYTHING = Domain()
