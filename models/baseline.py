"""The baseline B0: the world without the club (C27)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .bankability import Tests
from .lending import Rules
from .levies import LAW
from .market import Market
from .outlooks import Outlooks, Setting
from .projects import Plant, start_years
from .regimes import Balance, encode
from .subsidies import LawCredits, law_credits

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """B0's builds with their start years, paths and needs by product, and who entered unaided."""

    builds: dict[str, int]
    unaided: tuple[str, ...]
    guarded: tuple[str, ...]
    paths: dict[str, NDArray[np.int_]]
    needs: dict[str, Array]
    outlooks: Outlooks

    def settings(self) -> dict[str, Setting]:
        """Return law and the baseline's path for every product."""
        return dict(self._settings)

    @cached_property
    def _settings(self) -> dict[str, Setting]:
        return {m: Setting(LAW, encode(path)) for m, path in self.paths.items()}


def credits_of_law(market: Market, plants: Mapping[str, Plant]) -> dict[tuple[str, str], LawCredits]:
    """Return the law's credit rates by (country, product) of all plants."""
    keys = {(p.country, p.product) for p in plants.values()}
    return {k: law_credits(market.instance, *k, market.years) for k in sorted(keys)}


def dump_exposed(market: Market, product: str) -> bool:
    """Say whether China controls more than half of supply, so that lenders run a dump deck (C12c)."""
    return float(market.facts[product]["china_controlled_share"]) > 0.5


def baseline(market: Market, balance: Balance, plants: Mapping[str, Plant], rules: Rules) -> Baseline:
    """Build B0: closed projects, then unaided ones by NPV per unit of capital, each at the path of those before it."""
    law = credits_of_law(market, plants)
    builds = {p.id: max(p.earliest, market.base_year) for p in plants.values() if p.in_b0}
    groups = {plants[k].group for k in builds} - {""}

    def tests(plant: Plant, start: int, outlooks: Outlooks, settings: Mapping[str, Setting]) -> Tests:
        site = outlooks.site(plant, start, settings)
        return Tests(site, law[plant.country, plant.product], rules, market.long_run, dump_exposed(market, plant.product))

    def surroundings() -> tuple[Outlooks, dict[str, Setting]]:
        paths = balance.paths(builds)
        return Outlooks(market, paths), {m: Setting(LAW, encode(p)) for m, p in paths.items()}

    outlooks, settings = surroundings()
    ranked: list[tuple[float, str]] = []
    for plant in plants.values():
        starts = start_years(market.instance, plant)
        if plant.in_b0 or not plant.available or not starts:
            continue
        test = tests(plant, starts[0], outlooks, settings)
        capital = test.site.calendar.capital.sum()
        npv = float(test.value()[0])
        ranked.append((-npv / capital if capital > 0.0 else -npv, plant.id))
    unaided: list[str] = []
    for _, key in sorted(ranked):
        plant = plants[key]
        if plant.group and plant.group in groups:
            continue
        start = start_years(market.instance, plant)[0]
        if tests(plant, start, outlooks, settings).passes()[0]:
            builds[key] = start
            groups.add(plant.group)
            unaided.append(key)
            outlooks, settings = surroundings()
    guarded = tuple(k for k in unaided if tests(plants[k], builds[k], outlooks, settings).passes()[0])
    needs = balance.needs(builds)
    paths = {m: balance.states(m, n) for m, n in needs.items()}
    return Baseline(builds, tuple(unaided), guarded, paths, needs, outlooks)
