"""The worlds in which claims are examined, and what a claim and a finding are.

A world is an instance with some settings changed. It keeps each desk and each optimum that is asked of it, so that claims share them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..instances.loader import load
from ..models.desk import Desk
from ..models.projects import start_years
from .explain import Infeasible
from .solve import NoDesign, solve

if TYPE_CHECKING:
    from ..instances import Instance
    from ..models.cashflow import Site
    from ..models.outlooks import Setting
    from ..models.projects import Plant
    from .design import Design

SECONDS = 60.0
"""Time limit of one solve: what is not settled by then is said to be open."""

CONFIRMED, REFUTED, DEPENDS = "confirmed", "not confirmed", "depends"
VERDICTS = (CONFIRMED, REFUTED, DEPENDS)

Cell = float | int | str | None
Figure = float | None | Mapping[str, Cell] | Mapping[str, Mapping[str, Cell]]
"""A number, numbers by name, or rows of numbers by name: keys are products, projects, tools or settings."""


@dataclass(frozen=True)
class Finding:
    """What an experiment gave in one world: verdict, figure, and in short strings what the verdict rests on."""

    verdict: str
    figure: Figure
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A claim of the chapter, the experiment that examines it, and the rule of its verdict in words."""

    id: int
    claim: str
    experiment: str
    unit: str
    rule: str
    examine: Callable[[World], Finding]


@dataclass(frozen=True)
class Optimum:
    """The design of least public cost, or why there is none."""

    design: Design | None
    reason: str = ""

    @property
    def objective(self) -> float | None:
        """Return the objective, musd; None where no design exists."""
        return None if self.design is None else float(self.design.certificate["objective_musd"])

    @property
    def proven(self) -> bool:
        """Say whether the design was proven within the gap."""
        return self.design is not None and self.design.proven

    def total(self, item: str) -> float | None:
        """Return a PV total of all members together, musd."""
        if self.design is None:
            return None
        rows = self.design.totals
        return float(rows.loc[(rows["country"] == "ALL") & (rows["item"] == item), "pv_musd"].iloc[0])


@dataclass
class World:
    """An instance under some overrides, with its desks and optima.

    Attributes:
        base: the instance as given.
        name: how results call this world.
        overrides: settings of this world.
        headline: whether the figures of the table come from here; experiments that need many solves do less elsewhere.
        say: called with what is being done.
    """

    base: Instance
    name: str
    overrides: Mapping[str, Any]
    headline: bool = True
    say: Callable[[str], None] = lambda _: None
    _desks: dict[tuple[tuple[str, str], ...], Desk] = field(default_factory=dict)
    _optima: dict[tuple[tuple[str, str], ...], Optimum] = field(default_factory=dict)

    def instance(self, more: Mapping[str, Any] | None = None) -> Instance:
        """Return the instance of this world, with more overrides.

        Raises:
            ValueError: the instance was not loaded from a folder.
        """
        if self.base.path is None:
            raise ValueError("claims need an instance that was loaded from a folder")
        before = dict(text.split("=", 1) for text in self.base.overrides)
        return load(self.base.path, before | dict(self.overrides) | dict(more or {}))

    def desk(self, more: Mapping[str, Any] | None = None) -> Desk:
        """Return the desk of this world under more overrides (kept)."""
        key = _key(more)
        if key not in self._desks:
            self._desks[key] = Desk(self.instance(more))
        return self._desks[key]

    def solve(self, more: Mapping[str, Any] | None = None) -> Optimum:
        """Return the optimum of this world under more overrides (kept)."""
        key = _key(more)
        if key not in self._optima:
            self.say(", ".join(f"{k}={v}" for k, v in key) or "as given")
            try:
                design = solve(self.instance(more), check=False, command="claims", time_limit=SECONDS)
                if design.certificate["status"] == "interrupted":
                    raise KeyboardInterrupt
                self._optima[key] = Optimum(design)
            except Infeasible as error:
                self._optima[key] = Optimum(None, (error.repairs or error.conflicts or ("no design",))[0])
            except NoDesign as error:
                if error.interrupted:
                    raise KeyboardInterrupt from error
                self._optima[key] = Optimum(None, f"open after {SECONDS:.0f} s")
        return self._optima[key]


def _key(more: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, str(v).lower()) for k, v in (more or {}).items()))


def site_of(desk: Desk, plant: Plant, settings: Mapping[str, Setting]) -> Site:
    """Return a plant from its start in the baseline, else its earliest start, under settings."""
    start = desk.baseline.builds.get(plant.id) or start_years(desk.instance, plant)[0]
    return desk.outlooks.site(plant, start, settings)


def graded(holds: int, total: int) -> str:
    """Return the verdict of a rule that must hold in each of several places: all, none or some."""
    return CONFIRMED if holds == total else REFUTED if holds == 0 else DEPENDS


def rounded(value: float | None) -> float | None:
    """Return a number with five significant digits, as the table states it."""
    return None if value is None else float(f"{value:.5g}")
