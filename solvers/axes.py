"""Families of instances that differ in one limit: what a value of the limit sets, and how tight a limit a design meets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..instances.errors import InstanceError, Problem
from ..models.clusters import CHUNK, chunk_tonnes, read_demands
from ..models.domains import Domain
from ..models.market import COUNTRIES
from ..models.master import Limits, funding_shares, outlay_of, read_limits
from ..models.pricing import Pricing
from .branching import Node
from .kept import KeptSpace
from .solve import plan_spaces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..instances import Instance
    from ..models.desk import Desk
    from .duals import Dual
    from .warm import Found

    Array = NDArray[np.float64]

LIMITS = {
    "basket": "the cap on the rise of each member's basket, a share (caps.basket, C23)",
    "country_caps": "a multiple of the caps on each member's outlay of a year (caps.<country>.*, C26)",
    "worst5_outlay": "a multiple of the cap on the outlay of the worst 5% of scenarios (caps.worst5_outlay, C26)",
    "targets": "a multiple of all security targets (targets.*, C22)",
}
"""What a value is, by the name of the family."""

SWITCHES = {"basket": "users_basket", "country_caps": "country_caps", "worst5_outlay": "worst5", "targets": "security"}
TOLERANCE = 1e-9
SAVED = 1e-6
"""Least saving of a cluster, musd, for which its targets count as binding."""


class Axis(ABC):
    """One limit that takes several values; by default a greater value is looser."""

    name = ""
    rising = True

    def __init__(self, desk: Desk) -> None:
        """Read the limits; no plan space is laid out."""
        self.desk, self.base = desk, read_limits(desk)
        self.demands = read_demands(desk.balance, desk.baseline)
        self.whole: list[KeptSpace] = []

    def lay_out(self, loosest: float) -> None:
        """Lay out the plan spaces at the loosest value that will be asked for.

        Raises:
            Infeasible: a cluster has no build set that meets the demands there.
            ClusterTooLarge: tighter targets ask for all build sets of a cluster that has too many.
        """
        self.whole = plan_spaces(self.desk, self.demands, KeptSpace)

    @abstractmethod
    def overrides(self, value: float) -> dict[str, float]:
        """Return the settings that a value stands for."""

    @abstractmethod
    def reach(self, design: Found) -> float:
        """Return the tightest value that a design meets."""

    def limits(self, value: float) -> Limits:
        """Return the right-hand sides of the crossing rows at a value."""
        return self.base

    def root(self, value: float) -> Node | None:
        """Return the part of all designs that a value allows, None if a cluster has no build set left."""
        return Node()

    def binding(self, dual: Dual) -> tuple[str, ...]:
        """Name the demands on build sets that cost something at the prices of a dual."""
        return ()

    def looser(self, a: float, b: float) -> bool:
        """Say whether one value is looser than another."""
        return a > b if self.rising else a < b

    def meets(self, reach: float, value: float) -> bool:
        """Say whether a design with a reach meets the limit at a value."""
        room = TOLERANCE * (1.0 + abs(value))
        return reach <= value + room if self.rising else reach >= value - room


class BasketAxis(Axis):
    """The cap on each member's basket (C23)."""

    name = "basket"

    def overrides(self, value: float) -> dict[str, float]:
        """Return ``caps.basket``."""
        return {"caps.basket": value}

    def limits(self, value: float) -> Limits:
        """Return the limits with this cap."""
        return replace(self.base, basket=value * self.desk.users.basket)

    def reach(self, design: Found) -> float:
        """Return the greatest rise of a member's basket, a share."""
        burden, basket = np.sum([plan.burden for plan in design.plans], axis=0), self.desk.users.basket
        return float((burden / basket)[basket > 0.0].max(initial=0.0))


class CountryAxis(Axis):
    """The caps on outlay by member and year, all times one factor (C26)."""

    name = "country_caps"

    def overrides(self, value: float) -> dict[str, float]:
        """Return every cap of the instance times the factor."""
        settings = self.desk.instance.settings
        caps = {key: settings[key] for c in COUNTRIES for key in settings if key.startswith(f"caps.{c}.")}
        return {key: value * float(cap) for key, cap in caps.items() if cap is not None}

    def limits(self, value: float) -> Limits:
        """Return the limits with these caps."""
        return replace(self.base, outlay=scaled(self.base.outlay, value))

    def reach(self, design: Found) -> float:
        """Return the greatest ratio of outlay to cap over members and years."""
        shares, quotas = funding_shares(self.desk), self.desk.reserve.shares
        outlay = np.sum([outlay_of(plan, shares, quotas) for plan in design.plans], axis=0)
        return worst_ratio(outlay, self.base.outlay)


class TailAxis(Axis):
    """The cap on the mean outlay of the worst 5% of scenarios, times a factor (C26)."""

    name = "worst5_outlay"

    def overrides(self, value: float) -> dict[str, float]:
        """Return the cap times the factor."""
        return {"caps.worst5_outlay": value * self.base.worst}

    def limits(self, value: float) -> Limits:
        """Return the limits with this cap."""
        return replace(self.base, worst=value * self.base.worst)

    def reach(self, design: Found) -> float:
        """Return the ratio of the design's outlay to the cap."""
        return worst_ratio(np.array([design.worst]), np.array([self.base.worst]))


class TargetAxis(Axis):
    """All security targets times one factor (C22): the loosest factor has the most build sets."""

    name = "targets"
    rising = False

    def __init__(self, desk: Desk) -> None:
        """Read the targets."""
        super().__init__(desk)
        self.targets = self.demands.targets
        self.ceilings: list[Array] = []
        self._binding: dict[int, tuple[str, ...]] = {}

    def lay_out(self, loosest: float) -> None:
        """Lay out the spaces and find the greatest factor that each build set reaches."""
        self.demands = replace(self.demands, targets={m: loosest * target for m, target in self.targets.items()})
        super().lay_out(loosest)
        for space in self.whole:
            space.require_whole()
        self.ceilings = [self._ceiling(space) for space in self.whole]

    def overrides(self, value: float) -> dict[str, float]:
        """Return every target of the instance times the factor."""
        return {f"targets.{m}": value * target for m, target in self.targets.items()}

    def _ceiling(self, space: KeptSpace) -> Array:
        """Return the greatest factor at which each build set meets the targets of its cluster, ``(N,)``."""
        mine: Mapping[str, float] = {m: t for m, t in self.targets.items() if m in space.cluster.products and t > 0.0}
        found = np.full(space.size, np.inf)
        window, desk = self.demands.window, self.desk
        for first in range(0, space.size if mine else 0, CHUNK):
            rows = slice(first, first + CHUNK)
            _, secured = chunk_tonnes(desk.balance, desk.baseline, space.cluster, space.sets.choice[rows])
            for m, target in mine.items():
                wanted = target * desk.market.demand[m][window]
                ratio = np.divide(secured[m][:, window], wanted, out=np.full((secured[m].shape[0], window.size), np.inf), where=wanted > 0.0)
                found[rows] = np.minimum(found[rows], ratio.min(axis=1))
        return found

    def binding(self, dual: Dual) -> tuple[str, ...]:
        """Name the targets of clusters that would be cheaper at these prices with the loosest targets asked for (kept)."""
        if id(dual) not in self._binding:
            names: list[str] = []
            for whole, now in zip(self.whole, dual.least.tolist(), strict=True):
                mine = [m for m in whole.cluster.products if m in self.targets]
                if mine and now > Pricing(whole, dual.weights).least(lambda: False, now - SAVED)[0] + SAVED:
                    names += [f"security {m}" for m in mine]
            self._binding[id(dual)] = tuple(names)
        return self._binding[id(dual)]

    def root(self, value: float) -> Node | None:
        """Return the designs whose build sets meet the targets at a factor."""
        kept = [ceiling >= value * (1.0 - TOLERANCE) for ceiling in self.ceilings]
        if not all(sets.any() for sets in kept):
            return None
        return Node({k: Domain(kept=sets) for k, sets in enumerate(kept) if not sets.all()})

    def reach(self, design: Found) -> float:
        """Return the greatest factor at which the design's build sets meet the targets."""
        return float(min(self.ceilings[cluster][index] for cluster, _, index, _ in design.keys))


def scaled(caps: Array, factor: float) -> Array:
    """Return finite caps times a factor; the others stay infinite."""
    result = caps.copy()
    finite = np.isfinite(caps)
    result[finite] *= factor
    return result


def worst_ratio(used: Array, caps: Array) -> float:
    """Return the greatest ratio of what is used to its cap; infinite where a cap of 0 is exceeded."""
    ratio = np.divide(used, caps, out=np.where(used > TOLERANCE, np.inf, 0.0), where=caps > 0.0)
    return float(ratio[np.isfinite(caps)].max(initial=0.0))


AXES: dict[str, type[Axis]] = {axis.name: axis for axis in (BasketAxis, CountryAxis, TailAxis, TargetAxis)}


def check(instance: Instance, over: str) -> None:
    """Refuse a family that the instance does not limit.

    Raises:
        InstanceError: unknown family, limit switched off or absent, or one strike per class (C14).
    """
    settings = instance.settings
    if over not in AXES:
        raise InstanceError([Problem("frontier", None, "over", over, ", ".join(AXES), "choose one of them")])
    problems = []
    if not settings[f"switches.{SWITCHES[over]}"]:
        problems.append(Problem("club.toml", None, f"switches.{SWITCHES[over]}", "false", "true", f"--set switches.{SWITCHES[over]}=true"))
    present = {
        "basket": True,
        "country_caps": any(value is not None for c in COUNTRIES for key, value in settings.items() if key.startswith(f"caps.{c}.")),
        "worst5_outlay": settings.get("caps.worst5_outlay") is not None,
        "targets": any(value is not None for key, value in settings.items() if key.startswith("targets.")),
    }
    if not present[over]:
        problems.append(Problem("club.toml", None, LIMITS[over].partition("(")[2].partition(",")[0], "absent", "a value to multiply", "set it"))
    problems += per_project(instance)
    if problems:
        raise InstanceError(problems, f"instance {instance.name}")


def per_project(instance: Instance) -> list[Problem]:
    """Return the problem of an instance with one strike per class, whose designs a search alone does not prove (C14)."""
    if instance.settings["contract.strike_by"] == "project":
        return []
    return [Problem("club.toml", None, "contract.strike_by", "class", "project", "--set contract.strike_by=project")]
