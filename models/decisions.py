"""What a design decides: tariffs, builds, contracts, credits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .columns import CONTRACT
from .levies import LAW, Border
from .outlooks import Setting
from .subsidies import NO_CREDIT, CreditLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .contracts import ContractTerms
    from .desk import Desk
    from .plan import Plan


@dataclass(frozen=True)
class Contract:
    """A contract for difference: its strike (USD per payable tonne) and its other terms (C14)."""

    strike: float
    terms: ContractTerms


@dataclass(frozen=True)
class Decisions:
    """A design's choices; ``builds`` are the plants beyond the baseline with their start years."""

    borders: Mapping[str, Border] = field(default_factory=dict)
    builds: Mapping[str, int] = field(default_factory=dict)
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    credits: Mapping[tuple[str, str], CreditLevel] = field(default_factory=dict)

    def border(self, product: str) -> Border:
        """Return a product's border measures; law where nothing is decided."""
        return self.borders.get(product, LAW)

    def credit(self, country: str, product: str) -> CreditLevel:
        """Return the club's increments for a country and product."""
        return self.credits.get((country, product), NO_CREDIT)


def from_plans(desk: Desk, plans: Iterable[Plan], clusters: tuple[tuple[str, ...], ...]) -> Decisions:
    """Read the decisions off the chosen plans, one per cluster; ``clusters`` are the products of each."""
    borders: dict[str, Border] = {}
    builds: dict[str, int] = {}
    contracts: dict[str, Contract] = {}
    credits: dict[tuple[str, str], CreditLevel] = {}
    for plan in plans:
        products = clusters[plan.cluster]
        settings: dict[str, Setting] = {
            m: Setting(b, p) for m, b, p in zip(products, plan.borders, plan.paths, strict=True)
        }
        borders.update(zip(products, plan.borders, strict=True))
        builds.update(plan.builds)
        levels = {(c, m): level for c, m, level in plan.levels}
        for (c, m), level in levels.items():
            if desk.offer.levels[level] != NO_CREDIT:
                credits[c, m] = desk.offer.levels[level]
        for key, start in plan.builds:
            plant = desk.plants[key]
            level = levels[plant.country, plant.product]
            made = desk.family(key, start, settings)
            if made.kind[level] == CONTRACT:
                terms = desk.offer.under(desk.offer.levels[level]).contract
                contracts[key] = Contract(float(made.strike[level]), terms)
    return Decisions(borders, builds, contracts, credits)
