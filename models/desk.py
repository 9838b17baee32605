"""The desk: everything that is computed once per instance before any choice is made.

It holds the market, the plants, the baseline and the caches of what a plant costs under a setting.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .bankability import Rules, Tests
from .baseline import Baseline, baseline, credits_of_law, dump_exposed
from .cashflow import ContractTerms
from .columns import Family, Offer, family
from .market import COUNTRIES, LAW, Border, Market
from .outlooks import Setting
from .projects import plants
from .regimes import Balance
from .subsidies import ladder
from .users import Users
from .welfare import Cost, project_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..instances import Instance

FamilyKey = tuple[str, int, Setting | None, Setting | None]


class Desk:
    """Market, plants, baseline, offer and cost caches of one instance."""

    def __init__(self, instance: Instance, fixes: Mapping[str, float] | None = None) -> None:
        """Compute the baseline; ``fixes`` pins decisions by dotted names (``strike.X``, ``built.X``, ...)."""
        self.instance = instance
        self.fixes = dict(fixes or {})
        self.market = Market(instance)
        self.plants = plants(instance)
        self.balance = Balance(self.market, self.plants)
        self.rules = Rules.read(instance)
        self.public_rate = instance.param("public_rate")
        self.baseline: Baseline = baseline(self.market, self.balance, self.plants, self.rules)
        self.outlooks = self.baseline.outlooks
        self.law = credits_of_law(self.market, self.plants)
        self.users = Users(self.market, self.baseline.paths, self.public_rate)
        s = instance.settings
        self.offer = Offer(
            contract=ContractTerms(
                tenor_years=int(s["contract.tenor_years"]),
                share=float(s["contract.share"]),
                upside_share=float(s["contract.upside_share"]),
            ),
            levels=ladder(instance),
            rules=self.rules,
            public_rate=self.public_rate,
            long_run=self.market.long_run,
        )
        self._families: dict[FamilyKey, Family] = {}
        self._guard: dict[tuple[str, Setting | None, Setting | None], bool] = {}
        self._extra: dict[tuple[str, str, Setting], Cost] = {}

    def key(self, plant_id: str, settings: Mapping[str, Setting]) -> tuple[Setting | None, Setting | None]:
        """Return the settings on which a plant's money depends: its own product's and its feed's."""
        plant = self.plants[plant_id]
        own = settings[plant.product] if plant.refined else None
        return own, settings[plant.feed_product] if plant.feed_product else None

    def family(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> Family:
        """Return a plant's ladder columns under the settings of its product and feed (cached)."""
        key = (plant_id, start, *self.key(plant_id, settings))
        if key not in self._families:
            plant = self.plants[plant_id]
            self._families[key] = family(
                self.outlooks.site(plant, start, settings),
                self.law[plant.country, plant.product],
                self.offer,
                dump_exposed(self.market, plant.product),
                self.fixes.get(f"strike.{plant_id}"),
            )
        return self._families[key]

    def guard(self, plant_id: str, settings: Mapping[str, Setting]) -> bool:
        """Say whether a baseline project stays bankable unaided under the settings (C21c)."""
        key = (plant_id, *self.key(plant_id, settings))
        if key not in self._guard:
            plant = self.plants[plant_id]
            site = self.outlooks.site(plant, self.baseline.builds[plant_id], settings)
            law = self.law[plant.country, plant.product]
            tests = Tests(site, self.rules, self.market.long_run, dump_exposed(self.market, plant.product))
            self._guard[key] = bool(tests.passes(law.itc, law.ptc)[0])
        return self._guard[key]

    def baseline_credits(self, country: str, product: str, settings: Mapping[str, Setting]) -> Cost:
        """Return what the baseline's projects draw from the club's increments at each level, batched ``(L, ...)``."""
        own = [k for k in self.baseline.builds if self.plants[k].product == product and self.plants[k].country == country]
        key = (country, product, settings[product])
        if key not in self._extra:
            horizon, scenarios = self.market.market[product].shape
            batch = len(self.offer.levels)
            zero = Cost.none(horizon, scenarios)
            total = Cost(*(np.zeros((batch, *np.shape(getattr(zero, n)))) for n in Cost.__dataclass_fields__))
            law = self.law.get((country, product))
            for plant_id in own:
                site = self.outlooks.site(self.plants[plant_id], self.baseline.builds[plant_id], settings)
                parts = [project_cost(site, law, level, self.public_rate).pick(0) for level in self.offer.levels]  # type: ignore[arg-type]
                total = total + Cost(*(np.stack([getattr(p, n) for p in parts]) for n in Cost.__dataclass_fields__))
            self._extra[key] = total
        return self._extra[key]

    @cached_property
    def guarded(self) -> dict[str, tuple[str, ...]]:
        """Return the baseline's guarded projects by product (C21c)."""
        if not self.instance.settings["switches.displacement"]:
            return {m: () for m in self.market.products}
        return {
            m: tuple(k for k in self.baseline.guarded if self.plants[k].product == m) for m in self.market.products
        }

    def borders(self, product: str) -> tuple[Border, ...]:
        """Return a product's ladder of tariff pairs, law first, without pairs that change no member's rate (C19)."""
        s = self.instance.settings
        rates = sorted({0.0, *(float(r) for r in s["ladders.tariffs"])})
        fixed = {n: self.fixes.get(f"tariff.{n}.{product}") for n in ("market", "china_linked")}
        pairs = [
            Border(market=m, china=c)
            for m in ([fixed["market"]] if fixed["market"] is not None else rates)
            for c in ([fixed["china_linked"]] if fixed["china_linked"] is not None else rates)
            if m <= c or fixed["market"] is not None or fixed["china_linked"] is not None
        ]
        if None in fixed.values():
            pairs = self._distinct(product, pairs)[: int(s["ladders.max_pairs"])]
        return tuple(pairs)

    def _distinct(self, product: str, pairs: list[Border]) -> list[Border]:
        """Drop pairs whose effective rates equal those of an earlier (lower) pair for every member."""
        laws = [self.market.law(product, c) for c in COUNTRIES]
        seen: set[tuple[tuple[float, float], ...]] = set()
        kept = []
        for pair in sorted(pairs):
            effective = tuple((max(pair.market, law.market), max(pair.china, law.china)) for law in laws)
            if effective not in seen:
                seen.add(effective)
                kept.append(pair)
        return kept

    def law_settings(self) -> dict[str, Setting]:
        """Return law and the baseline's path for every product."""
        return self.baseline.settings()


__all__ = ["LAW", "Desk"]
