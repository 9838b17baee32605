"""One case of the benchmarks: plain data from which a process of its own can make the instance again."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cut import keep_core, keep_products, make_dear, untie
from minclub import load
from minclub.instances.synthetic import Recipe, write

if TYPE_CHECKING:
    from minclub.instances.instance import Instance

METHODS = ("command", "warm", "plans", "compact", "direct", "brute", "coefficients", "copy", "master", "strikes", "frontier", "clusters", "bound", "yardstick")

CORE = (
    "switches.tail=false",
    "switches.lender=false",
    "switches.band=false",
    "switches.stack=false",
    "switches.country_caps=false",
    "switches.worst5=false",
    "finance.care_share=1",
    "finance.specialty_addon=0",
    "ladders.start_delays=0",
)
"""What brings an instance into the part of the rules that the direct model states."""

ALL_INSTRUMENTS = (
    "instruments.reference_price=true",
    "instruments.grants=true",
    "instruments.loans=true",
    "instruments.procurement=true",
    "contract.upside_shares=[0,0.25,0.5]",
    "standards.tier=usmca",
    "reserve.cover.gallium=0.5",
)
"""What switches on every instrument of ``usmca``: those of ``instruments.*``, the choice of g, standards and a reserve."""


@dataclass(frozen=True)
class Case:
    """One piece of work, run by one method.

    Attributes:
        name: what the case is called in the results and by ``--only``.
        method: one of ``METHODS``.
        instance: a shipped name, or empty for a random instance.
        recipe: fields of ``Recipe`` for a random instance.
        products: the products kept of a shipped instance; all if none are named.
        cut: what is left out: nothing, ``byproducts`` (those that are listed products of their own, which tie products
            together), or ``core`` (all that the direct model does not state); or ``dear``, projects that cost more.
        overrides: settings changed, as ``key=value``.
        arguments: what the command line is given besides the instance; the whole of it where there is no instance.
        note: what sets this case apart, for the page.
        time_limit: seconds of wall time.
        kill_after: seconds of wall time after which the process is ended from outside.
        gap: relative gap to prove.
        repeats: how often the case is run; the page shows the run of median wall time.
        count: how many re-solves or points.
    """

    name: str
    method: str
    instance: str = ""
    recipe: dict[str, Any] | None = None
    products: tuple[str, ...] = ()
    cut: str = ""
    overrides: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    note: str = ""
    time_limit: float = 60.0
    kill_after: float = 0.0
    gap: float = 1e-3
    repeats: int = 1
    count: int = 0

    @property
    def label(self) -> str:
        """Return a short name of the instance."""
        if self.recipe is not None:
            size = Recipe(**self.recipe)
            return f"{size.projects} x {size.products} x {size.scenarios}"
        return f"{self.instance}: {', '.join(self.products)}" if self.products else self.instance

    @property
    def deadline(self) -> float:
        """Return the seconds after which the process is ended from outside."""
        return self.kill_after or 3.0 * self.time_limit + 60.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    def place(self, folder: Path) -> tuple[str, list[str]]:
        """Write the instance below a folder unless it is shipped as it is; return what to load and the settings to change."""
        settings = [*(CORE if self.cut == "core" else ()), *self.overrides]
        if self.recipe is None and not self.products:
            return self.instance, settings
        made = folder / "instance"
        if self.recipe is not None:
            write(made, Recipe(**self.recipe))
        else:
            keep_products(load(self.instance).path, made, self.products)
        if self.cut:
            {"byproducts": untie, "core": keep_core, "dear": make_dear}[self.cut](made)
        return str(made), settings

    def load(self) -> Instance:
        """Make the instance."""
        with tempfile.TemporaryDirectory() as folder:
            name, settings = self.place(Path(folder))
            return load(name, settings)
