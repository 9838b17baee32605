"""Labour, safety and environment standards: what they cost plants in the club (C18); imports pay at the border (levies)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..instances import Instance
    from .projects import Plant

TIERS = ("none", "usmca", "high")


def standard_factor(instance: Instance) -> float:
    """Return the share of the high standard that the club's tier asks for, 0 to 1."""
    return {"none": 0.0, "usmca": float(instance.settings["standards.usmca_factor"]), "high": 1.0}[instance.settings["standards.tier"]]


def at_standard(instance: Instance, plants: Mapping[str, Plant]) -> dict[str, Plant]:
    """Return the plants with the operating cost of the club's tier: ``opex + factor x gap``, USD per tonne of main product."""
    factor = standard_factor(instance)
    gaps = instance.projects["standards_gap_usd_per_t"]
    return {key: replace(p, opex=p.opex + factor * float(gaps[key])) if factor else p for key, p in plants.items()}
