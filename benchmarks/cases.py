"""The instances of the benchmarks, each named by plain data so that a process of its own can make it again."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from minclub import load
from minclub.instances.synthetic import Recipe, write

if TYPE_CHECKING:
    from minclub.instances.instance import Instance

CORE = (
    "switches.tail=false",
    "switches.lender=false",
    "switches.band=false",
    "switches.stack=false",
    "finance.care_share=1",
    "finance.specialty_addon=0",
    "ladders.start_delays=0",
)
"""What brings an instance into the part of the rules that the direct model states."""


OTHER_PRICE = 20_000.0
"""USD per tonne of the by-product that is no listed product."""


@dataclass(frozen=True)
class Case:
    """One run of one method on one instance.

    Attributes:
        method: ``plans``, ``compact`` or ``direct``.
        instance: a shipped name, or empty for a random instance.
        recipe: fields of ``Recipe`` for a random instance.
        cut: what is left out of a random instance: nothing, ``byproducts`` (those that are listed products of their own,
            which tie products together), or ``core`` (all that the direct model does not state).
        overrides: settings changed, as ``key=value``.
        note: what sets this case apart, for the page.
        time_limit: seconds.
        gap: relative gap to prove.
    """

    method: str
    instance: str = ""
    recipe: dict[str, Any] | None = None
    cut: str = ""
    overrides: tuple[str, ...] = ()
    note: str = ""
    time_limit: float = 60.0
    gap: float = 1e-3

    @property
    def label(self) -> str:
        """Return a short name of the instance."""
        if self.recipe is None:
            return self.instance
        size = Recipe(**self.recipe)
        return f"{size.projects} x {size.products} x {size.scenarios}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    def load(self) -> Instance:
        """Make the instance."""
        if self.recipe is None:
            return load(self.instance, list(self.overrides))
        with tempfile.TemporaryDirectory() as folder:
            made = write(Path(folder) / "synthetic", Recipe(**self.recipe))
            if self.cut:
                {"byproducts": _untie, "core": _cut}[self.cut](made)
            return load(made, [*(CORE if self.cut == "core" else ()), *self.overrides])


def _untie(folder: Path) -> None:
    """Sell by-products that are listed products as an unlisted one of the same value."""
    path = folder / "byproducts.csv"
    if not path.is_file():
        return
    rows, products = pd.read_csv(path), pd.read_csv(folder / "products.csv", index_col=0)
    price = rows["product_code"].map(products["long_run_mean_usd_per_t"])
    listed = price.notna()
    rows.loc[listed, "t_per_year"] = rows.loc[listed, "t_per_year"] * price[listed] / OTHER_PRICE
    rows.loc[listed, "price_usd_per_t"] = OTHER_PRICE
    rows.loc[listed, "product_code"] = "other"
    rows.to_csv(path, index=False)


def _cut(folder: Path) -> None:
    """Leave refined-form projects without feed, no converters and no closed contracts."""
    projects, products = pd.read_csv(folder / "projects.csv"), pd.read_csv(folder / "products.csv", index_col=0)
    projects["form_sold"] = projects["product_code"].map(products["form"])
    kept = projects.drop(columns=["feed_product_code", "feed_t_per_t", "feed_price_factor"], errors="ignore")
    kept.to_csv(folder / "projects.csv", index=False)
    for name in ("converters.csv", "contracts.csv"):
        (folder / name).unlink(missing_ok=True)


# --- the suites ---------------------------------------------------------------------------------------------------------

SIZES = ((60, 15, 1), (120, 30, 1), (240, 80, 3))
"""Projects, products and seed of the scaling instances: at most about five candidates per country and product."""

TINY = ((3, 1, 3, 2), (6, 2, 3, 12), (6, 2, 30, 12), (10, 3, 3, 8))
"""Projects, products, scenarios and seed of the instances for the direct model, 20 years each and coarse ladders."""

SMALL = ((6, 2, 1), (20, 7, 1))
"""Projects, products and seed of the instances for the compact formulation under all rules, 50 scenarios."""

SLACK = ("caps.basket=0.2",)
"""A cap on the basket that never binds."""


def suite(quick: bool = False) -> list[Case]:
    """Return the cases of a run: ``usmca``, size, what makes an instance hard, and the peers on what they can state."""
    return [*([] if quick else [Case("plans", instance="usmca", time_limit=300.0)]), *_scaling(quick), *_peers(quick)]


def _scaling(quick: bool) -> list[Case]:
    """Return random instances of growing size, and the harder variants of the smallest and of the largest."""
    cases = []
    for projects, products, seed in SIZES[:1] if quick else SIZES:
        for scenarios in (100,) if quick else (100, 1000):
            recipe = _recipe(projects, products, scenarios, seed, small_ladders=True)
            cases.append(Case("plans", recipe=recipe, cut="byproducts", overrides=SLACK, note="coarse ladders", time_limit=20.0 if quick else 120.0))
    if quick:
        return cases
    (projects, products, seed), (most, kinds, last) = SIZES[0], SIZES[-1]
    fine = _recipe(projects, products, 100, seed)
    hard = [
        (_recipe(most, kinds, 100, last, small_ladders=True), (), "coarse ladders, basket cap binds"),
        (fine, SLACK, "default ladders"),
        (fine, (), "default ladders, basket cap binds"),
    ]
    return [*cases, *(Case("plans", recipe=recipe, cut="byproducts", overrides=given, note=note, time_limit=120.0) for recipe, given, note in hard)]


def _peers(quick: bool) -> list[Case]:
    """Return the instances that the direct model and the compact formulation can state."""
    limit = 15.0 if quick else 60.0
    cases = []
    for projects, products, scenarios, seed in TINY[:2] if quick else TINY:
        recipe = {"projects": projects, "products": products, "scenarios": scenarios, "seed": seed, "years": 20, "small_ladders": True}
        cases += [Case(method, recipe=recipe, cut="core", time_limit=limit * (2 if method == "direct" else 1)) for method in ("plans", "compact", "direct")]
    for projects, products, seed in SMALL[:1] if quick else SMALL:
        recipe = _recipe(projects, products, 50, seed)
        cases += [Case(method, recipe=recipe, cut="byproducts", time_limit=limit) for method in ("plans", "compact")]
    return cases


def _recipe(projects: int, products: int, scenarios: int, seed: int, **more: Any) -> dict[str, Any]:
    return {"projects": projects, "products": products, "scenarios": scenarios, "seed": seed, "target": 0.4, **more}
