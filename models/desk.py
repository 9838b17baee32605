"""The desk: everything that is computed once per instance before any choice is made.

It holds the market, the plants, the baseline and the caches of what a plant costs under a setting.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .aid import Supports
from .bankability import Tests
from .baseline import Baseline, baseline, credits_of_law, dump_exposed
from .border import Revenue
from .clusters import free_candidates
from .columns import Family, Offer, family
from .contracts import ContractTerms, contracted_share
from .decisions import Contract
from .lending import Rules
from .levies import LAW, Border
from .market import Market
from .options import border_options
from .outlooks import Setting
from .projects import plants
from .regimes import Balance
from .remembered import Remembered
from .reserve import Reserve
from .standards import at_standard, standard_factor
from .store import current
from .subsidies import NO_CREDIT, CreditLevel, ladder, offered
from .users import Users
from .welfare import Cost, LevelCosts, project_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..instances import Instance
    from .aid import Aid
    from .cashflow import Site
    from .competition import Competition
    from .projects import Plant

    Array = NDArray[np.float64]

FamilyKey = tuple[str, int, Setting | None, Setting | None]


class Desk:
    """Market, plants, baseline, offer and cost caches of one instance."""

    joins_options = True
    """Whether ``bound`` may cover several border options at once."""

    def __init__(self, instance: Instance, fixes: Mapping[str, float] | None = None) -> None:
        """Compute the baseline; ``fixes`` pins decisions by dotted names (``strike.X``, ``built.X``, ...).

        Within ``caching`` what a plant costs is kept on disk.
        """
        self.instance = instance
        self.fixes = dict(fixes or {})
        self.market = Market(instance)
        self.unbound = plants(instance)
        self.plants = at_standard(instance, self.unbound)
        self.balance = Balance(self.market, self.unbound)
        self.rules = Rules.read(instance)
        self.public_rate = instance.param("public_rate")
        self.baseline: Baseline = baseline(self.market, self.balance, self.unbound, self.rules)
        self.outlooks = self.baseline.outlooks
        self.law = credits_of_law(self.market, self.plants)
        self.users = Users(self.market, self.baseline.paths, self.public_rate)
        s = instance.settings
        self.offer = Offer(
            contract=ContractTerms(
                tenor_years=int(s["contract.tenor_years"]),
                share=contracted_share(s),
                upside_share=float(s["contract.upside_share"]),
                collar=float(s["contract.collar"]),
                indexed_share=float(s["contract.indexed_share"]),
                inflation=float(s["contract.inflation"]),
                first=int(s["contract.start_delay"]),
            ),
            levels=ladder(instance, self.fixes),
            rules=self.rules,
            public_rate=self.public_rate,
            long_run=self.market.long_run,
            contracts=bool(s["instruments.contracts"]),
        )
        store = current()
        self._compute = family if store is None else Remembered(store).family
        self._families: dict[FamilyKey, Family] = {}
        self._guard: dict[tuple[str, Setting | None, Setting | None], bool] = {}
        self._revenue: dict[tuple[str, Border], Revenue] = {}
        self._envelopes: dict[tuple[object, ...], Family] = {}
        self._closed: dict[tuple[object, ...], Cost] = {}
        self._extra: dict[tuple[object, ...], LevelCosts] = {}
        self._borders: dict[str, tuple[Border, ...]] = {}
        self._offered: dict[tuple[str, str], NDArray[np.bool_]] = {}

    def repinned(self, fixes: Mapping[str, float]) -> Desk:
        """Return a desk with other values of the strikes pinned here; what they do not touch is shared.

        Raises:
            ValueError: ``fixes`` pins other decisions than this desk.
        """
        if fixes.keys() != self.fixes.keys():
            raise ValueError("only the values of pinned strikes can change")
        moved = {name for name, value in fixes.items() if value != self.fixes[name]}
        if not all(name.startswith("strike.") for name in moved):
            raise ValueError(f"not strikes: {', '.join(sorted(moved))}")
        plants = {name.removeprefix("strike.") for name in moved}
        desk = copy(self)
        desk.fixes = dict(fixes)
        desk._families = {key: found for key, found in self._families.items() if key[0] not in plants}
        desk._envelopes = {key: found for key, found in self._envelopes.items() if key[0] not in plants}
        desk.competition = copy(self.competition)
        desk.competition.desk = desk
        return desk

    def canonical(self, plant_id: str, borders: Mapping[str, Border]) -> tuple[Border | None, Border | None]:
        """Return the effective rates on which a plant's money depends: its own product's and its feed's."""
        plant, market = self.plants[plant_id], self.market
        own = market.effective(plant.product, borders[plant.product]) if plant.refined else None
        name = plant.feed_product
        return own, market.effective(name, borders[name], plant.country) if name else None

    def key(self, plant_id: str, settings: Mapping[str, Setting]) -> tuple[Setting | None, Setting | None]:
        """Return the settings on which a plant's money depends, with effective rates."""
        plant = self.plants[plant_id]
        own, feed = self.canonical(plant_id, {m: s.border for m, s in settings.items()})
        return (
            Setting(own, settings[plant.product].path) if own is not None else None,
            Setting(feed, settings[plant.feed_product].path) if feed is not None else None,
        )

    def known(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> bool:
        """Say whether a plant's columns under the settings have been computed."""
        return (plant_id, start, *self.key(plant_id, settings)) in self._families

    def family(self, plant_id: str, start: int, settings: Mapping[str, Setting]) -> Family:
        """Return a plant's ladder columns under the settings of its product and feed (cached)."""
        key = (plant_id, start, *self.key(plant_id, settings))
        if key not in self._families:
            site = self.outlooks.site(self.plants[plant_id], start, settings)
            self._families[key] = self._evaluate(plant_id, site, None)
        return self._families[key]

    def bound(
        self, plant_id: str, start: int, borders: Mapping[str, tuple[Border, ...]], visited: Mapping[str, NDArray[np.bool_]]
    ) -> Family:
        """Return a lower bound, part by part, on a plant's columns under some options and any path through visited states (cached)."""
        plant = self.plants[plant_id]
        seen = (visited[m].tobytes() for m in (plant.product if plant.refined else "", plant.feed_product) if m)
        key = (plant_id, start, *self.effective(plant_id, borders), *seen)
        if key not in self._envelopes:
            best, worst = self.outlooks.envelope(plant, start, borders, visited)
            self._envelopes[key] = self._evaluate(plant_id, best, worst)
        return self._envelopes[key]

    def effective(self, plant_id: str, borders: Mapping[str, tuple[Border, ...]]) -> tuple[frozenset[Border | None], frozenset[Border | None]]:
        """Return the effective rates, of options of the plant's own product and of its feed, on which its money depends."""
        plant, market = self.plants[plant_id], self.market
        own = {market.effective(plant.product, border) for border in borders[plant.product]} if plant.refined else set()
        name = plant.feed_product
        return frozenset(own), frozenset(market.effective(name, border, plant.country) for border in borders[name]) if name else frozenset()

    def _evaluate(self, plant_id: str, site: Site, worst: Site | None) -> Family:
        plant = self.plants[plant_id]
        return self._compute(
            site,
            self.law[plant.country, plant.product],
            self.offer,
            dump_exposed(self.market, plant.product),
            self.fixes.get(f"strike.{plant_id}"),
            worst,
            np.flatnonzero(self.offered(plant.country, plant.product)),
            self.supports,
        )

    def guard(self, plant_id: str, settings: Mapping[str, Setting]) -> bool:
        """Say whether a baseline project stays bankable unaided under the settings (C21c)."""
        key = (plant_id, *self.key(plant_id, settings))
        if key not in self._guard:
            plant = self.plants[plant_id]
            site = self.outlooks.site(plant, self.baseline.builds[plant_id], settings)
            law = self.law[plant.country, plant.product]
            tests = Tests(site, law, self.rules, self.market.long_run, dump_exposed(self.market, plant.product))
            self._guard[key] = bool(tests.passes()[0])
        return self._guard[key]

    def baseline_credits(self, country: str, product: str, settings: Mapping[str, Setting]) -> LevelCosts:
        """Return what the baseline's projects draw from the club's increments at each level.

        The cost is linear in the increments, so two evaluations serve all levels.
        """
        own = [p for p in map(self.plants.__getitem__, self.baseline.builds) if (p.country, p.product) == (country, product)]
        key = (country, product, *(self.key(p.id, settings) for p in own))
        if key not in self._extra:
            pairs: dict[tuple[float, float], int] = {}
            drawn = [(level.itc, level.ptc) if own else (0.0, 0.0) for level in self.offer.levels]
            of = np.array([pairs.setdefault(pair, len(pairs)) for pair in drawn])
            total = Cost.none(*self.market.market[product].shape).repeated(len(pairs))
            for plant in own:
                none = self.baseline_cost(plant.id, settings, NO_CREDIT)
                for rate, unit in zip(np.array(list(pairs)).T, (CreditLevel(itc=1.0), CreditLevel(ptc=1.0)), strict=True):
                    total = total + (self.baseline_cost(plant.id, settings, unit) - none).outer(rate)
            self._extra[key] = LevelCosts(total, of)
        return self._extra[key]

    def baseline_cost(self, plant_id: str, settings: Mapping[str, Setting], level: CreditLevel, plant: Plant | None = None) -> Cost:
        """Return what a baseline project costs under settings: a closed contract with its law credits, and increments."""
        plant = plant or self.plants[plant_id]
        site = self.outlooks.site(plant, self.baseline.builds[plant_id], settings)
        law, held = self.law[plant.country, plant.product], self.closed_contracts.get(plant_id)
        if held is None:
            return project_cost(site, law, level, self.public_rate).pick(0)
        return project_cost(site, law, level, self.public_rate, held.terms, np.array([held.strike])).pick(0)

    def baseline_change(self, plant_id: str, settings: Mapping[str, Setting], level: CreditLevel) -> Cost:
        """Return what a baseline project costs more under settings and a credit level than in the baseline (C24)."""
        return self.baseline_cost(plant_id, settings, level) - self.baseline_cost(
            plant_id, self.law_settings(), NO_CREDIT, self.unbound[plant_id]
        )

    def closed_change(self, plant_id: str, settings: Mapping[str, Setting]) -> Cost:
        """Return what a closed contract costs more under settings than in the baseline (C24)."""
        key = (plant_id, *self.key(plant_id, settings))
        if key not in self._closed:
            self._closed[key] = self.baseline_change(plant_id, settings, NO_CREDIT)
        return self._closed[key]

    @cached_property
    def guarded(self) -> dict[str, tuple[str, ...]]:
        """Return the baseline's guarded projects by product (C21c)."""
        if not self.instance.settings["switches.displacement"]:
            return dict.fromkeys(self.market.products, ())
        return {m: tuple(k for k in self.baseline.guarded if self.plants[k].product == m) for m in self.market.products}

    def borders(self, product: str) -> tuple[Border, ...]:
        """Return a product's ladder of border options, law first (C6, C19)."""
        if product not in self._borders:
            self._borders[product] = border_options(self.market, product, self.fixes)
        return self._borders[product]

    def pinned_credit(self, country: str, product: str) -> bool:
        """Say whether a credit is pinned: it then stands even where nothing beyond the baseline is built."""
        return any(f"credit.{kind}.{country}.{product}" in self.fixes for kind in ("itc", "ptc"))

    def offered(self, country: str, product: str) -> NDArray[np.bool_]:
        """Say which credit levels a country and product may take, ``(L,)`` (kept once computed)."""
        if (country, product) not in self._offered:
            mine = [p for p in self.candidates if (p.country, p.product) == (country, product)]
            kinds = {"itc", "ptc"}.union(*(self.supports.kinds(p) for p in mine))
            self._offered[country, product] = offered(self.instance, self.offer.levels, country, product, self.fixes, kinds)
        return self._offered[country, product]

    @cached_property
    def candidates(self) -> tuple[Plant, ...]:
        """Return the plants outside the baseline that may be built."""
        return free_candidates(self.balance, self.baseline, self.fixes)

    @cached_property
    def reserve(self) -> Reserve:
        """Return the rules of the joint reserve (C17)."""
        return Reserve(self.market, self.public_rate)

    @cached_property
    def supports(self) -> Supports:
        """Return who may draw grants, concessional loans and offtake (C15, C17)."""
        return Supports(self.market, self.rules, self.public_rate, self.candidates, self.baseline.builds)

    def aid(self, site: Site, level: CreditLevel) -> Aid:
        """Return what a plant gets at a level besides credits and a contract."""
        return self.supports.aid(site.plant, site.calendar.operate.size, level)

    def revenue(self, product: str, border: Border) -> Revenue:
        """Return a product's border revenue under an option (cached)."""
        if (product, border) not in self._revenue:
            self._revenue[product, border] = Revenue(self.market, product, border)
        return self._revenue[product, border]

    def baseline_revenue(self, product: str) -> Array:
        """Return the baseline's border revenue of a product by member and year, musd, ``(3, T)``."""
        share = self.balance.member_shares(product, self.balance.feed_by_member(product, self.baseline.builds))
        return self.revenue(product, LAW).of(self.baseline.needs[product], share)

    def revenue_gain(self, product: str, border: Border, need: Array, share: Array) -> Array:
        """Return the increase of border revenue over the baseline, PV musd of all members, over the leading axes."""
        gain = self.revenue(product, border).of(need, share).sum(axis=0) - self.baseline_revenue(product).sum(axis=0)
        result: Array = gain @ self.users.factor
        return result

    @cached_property
    def competition(self) -> Competition:
        """Return the contested products and the band on them (C20, C21b)."""
        from .competition import Competition

        return Competition(self)

    @cached_property
    def closed_contracts(self) -> dict[str, Contract]:
        """Return the closed contracts with a known strike of baseline plants (C27); the tenor runs by the calendar."""
        found = {}
        for row in self.instance.contracts.itertuples():
            key = row.project_id
            if not row.in_b0 or key not in self.baseline.builds or not np.isfinite(row.strike_usd_per_t):
                continue
            left = int(row.start_year + row.tenor_years) - self.baseline.builds[key]
            if left > 0:
                terms = ContractTerms(left, float(row.share), float(row.upside_share), by_calendar=True)
                found[key] = Contract(float(row.strike_usd_per_t), terms)
        return found

    def law_settings(self) -> dict[str, Setting]:
        """Return law and the baseline's path for every product."""
        return self.baseline.settings()

    @cached_property
    def unprotected(self) -> Border:
        """Return the border of a design that changes no rate: law with the club's standard (C18)."""
        return Border(standard=standard_factor(self.instance))
