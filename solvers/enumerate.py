"""Brute force: every design on the ladders of a small instance, one by one.

A third witness next to the plan formulation and the compact one. It shares the money of a single project with them
(``Desk.family``) and nothing of how choices are combined, bounded or constrained.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import product as cartesian
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.columns import CONTRACT, INFEASIBLE
from ..models.competition import TOLERANCE
from ..models.market import COUNTRIES
from ..models.outlooks import Setting
from ..models.projects import start_years
from ..models.regimes import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ..models.desk import Desk
    from ..models.market import Border

    Array = NDArray[np.float64]
    Builds = dict[str, int]

DEFAULT_LIMIT = 20_000_000
SLACK = 1e-9


class TooManyDesigns(ValueError):
    """The instance has more designs than brute force may try."""


@dataclass(frozen=True)
class Enumeration:
    """The cheapest design of all: objective (musd), choices, and how many designs were tried and were feasible.

    ``levels`` are indices into the credit levels by (country, product). Without a feasible design the objective is infinite.
    """

    objective: float
    borders: Mapping[str, Border]
    builds: Mapping[str, int]
    levels: Mapping[tuple[str, str], int]
    tried: int
    feasible: int


@dataclass(frozen=True)
class _Part:
    """One (country, product) at every credit level: ``(L,)``, ``(L, T)`` twice, ``(L, S)`` twice, and C16 per level."""

    country: str
    product: str
    booked: Array
    outlay: Array
    joint: Array
    scenario: Array
    scenario_outlay: Array
    supported: Array
    sales: Array


def enumerate_designs(desk: Desk, limit: int = DEFAULT_LIMIT) -> Enumeration:
    """Try every option pair per product, build set with start years, and credit level per country and product.

    Raises:
        TooManyDesigns: more than ``limit`` designs.
    """
    return _Enumerator(desk, limit).run()


class _Enumerator:
    def __init__(self, desk: Desk, limit: int) -> None:
        self.desk = desk
        self.settings: Mapping[str, Any] = desk.instance.settings
        self.competition = desk.competition
        self.products = desk.market.products
        self.options = list(self._options())
        self.build_sets = list(self._build_sets())
        present = [desk.plants[j] for builds in self.build_sets for j in builds]
        self.pairs = sorted({(p.country, p.product) for p in present})
        self.count = len(desk.offer.levels)
        size = len(self.options) * len(self.build_sets) * self.count ** len(self.pairs)
        if size > limit:
            raise TooManyDesigns(
                f"{len(self.options)} option pairs x {len(self.build_sets)} build sets x {self.count}^{len(self.pairs)} credit levels "
                f"= {size:.1e} designs; brute force takes {limit:.0e}: shorten the ladders or drop projects"
            )
        self.years = desk.market.years
        self.factor = (1.0 + desk.public_rate) ** -np.arange(self.years.size, dtype=float)

    def run(self) -> Enumeration:
        best: tuple[float, tuple[Border, ...], Builds, tuple[int, ...]] = (np.inf, (), {}, ())
        tried = feasible = 0
        for builds in self.build_sets:
            tried += len(self.options) * self.count ** len(self.pairs)
            if not self._physical(builds):
                continue
            for option in self.options:
                value = self._values(builds, option)
                if value is None:
                    continue
                feasible += int(np.isfinite(value).sum())
                index = np.unravel_index(int(value.argmin()), value.shape)
                if value[index] < best[0]:
                    best = (float(value[index]), option, builds, tuple(int(k) for k in index))
        objective, option, builds, levels = best
        added = {j: s for j, s in builds.items() if j not in self.desk.baseline.builds}
        return Enumeration(objective, dict(zip(self.products, option, strict=False)), added, dict(zip(self.pairs, levels, strict=False)), tried, feasible)

    def _options(self) -> Iterator[tuple[Border, ...]]:
        """Yield every combination of border options in which the products of a line take the same rung (C6)."""
        lists = [self.desk.borders(m) for m in self.products]
        lines = [line for name, line in self.settings.items() if name.startswith("lines.")]
        for rungs in cartesian(*(range(len(options)) for options in lists)):
            taken = dict(zip(self.products, rungs, strict=True))
            if all(len({taken[m] for m in line}) == 1 for line in lines):
                yield tuple(options[k] for options, k in zip(lists, rungs, strict=True))

    # --- builds -----------------------------------------------------------------------------------------------------

    def _build_sets(self) -> Iterator[Builds]:
        """Yield every set of built projects with start years: the baseline plus any candidates, one of a group."""
        desk, base = self.desk, self.desk.baseline.builds
        taken = {desk.plants[j].group for j in base} - {""}
        free = [p for p in desk.plants.values() if p.id not in base and p.available and p.group not in taken]
        for starts in cartesian(*([None, *start_years(desk.instance, p)] for p in free)):
            added = {p.id: s for p, s in zip(free, starts, strict=True) if s is not None}
            groups = [desk.plants[j].group for j in added if desk.plants[j].group]
            if len(groups) == len(set(groups)):
                yield dict(base) | added

    def _physical(self, builds: Builds) -> bool:
        """Check export limits, targets and China caps of a build set (C8, C22)."""
        desk, s = self.desk, self.settings
        need, secured = desk.balance.needs(builds), desk.balance.secured_all(builds)
        window = (self.years >= s["years.target"]) & (self.years <= s["years.end"])
        for m in self.products:
            row: Any = desk.instance.products.loc[m]
            allowed = np.maximum(desk.instance.param("export_cap") * float(row["world_supply_t"]), -desk.baseline.needs[m])
            if s["switches.export_cap"] and (-need[m] > allowed * (1 + SLACK) + 1e-6).any():
                return False
            if not s["switches.security"]:
                continue
            target, cap = s.get(f"targets.{m}"), s.get(f"china_caps.{m}")
            demand, reach = desk.market.demand[m], desk.market.availability[m]
            if target is not None and (secured[m] < float(target) * demand * (1 - SLACK))[window].any():
                return False
            if cap is not None and (need[m] - reach > float(cap) * (1 + SLACK) + 1e-6)[window].any():
                return False
        return True

    # --- one build set under one option -----------------------------------------------------------------------------

    def _values(self, builds: Builds, option: tuple[Border, ...]) -> Array | None:
        """Return the objective of every combination of credit levels, infinite where infeasible; None if all are."""
        desk = self.desk
        need = desk.balance.needs(builds)
        paths = {m: encode(desk.balance.states(m, need[m])) for m in self.products}
        setting = {m: Setting(b, paths[m]) for m, b in zip(self.products, option, strict=True)}
        if not self._users_agree(setting) or not self._none_displaced(setting):
            return None
        parts = [self._part(pair, builds, setting) for pair in self.pairs]
        if any(np.isinf(p.booked).all() for p in parts):
            return None
        carry = self._carry(need)
        held = float(carry @ self.factor)
        value = _spread([p.booked for p in parts]) + held
        value = value + float(self.settings["objective.cvar_weight"]) * _worst(_spread([p.scenario for p in parts]) + held, desk.instance.param("cvar_alpha"))
        value = value + float(self.settings["objective.user_weight"]) * self._net_loss(setting, need, builds)
        return np.where(self._within_caps(parts, carry) & self._within_band(parts), value, np.inf)

    def _carry(self, need: Mapping[str, Array]) -> Array:
        """Return the yearly carry of the least reserve that covers the shortages, musd (C17)."""
        desk, s, total = self.desk, self.settings, np.zeros(self.years.size)
        window = (self.years >= s["years.target"]) & (self.years <= s["years.end"])
        for m in self.products:
            cover, demand = s.get(f"reserve.cover.{m}"), desk.market.demand[m]
            if not cover:
                continue
            short = np.maximum(0.0, need[m] - desk.instance.param("supply_fill_restricted") * desk.market.availability[m])
            enough = [k for k in sorted({0.0, *s["ladders.reserve_months"]}) if (k / 12 * demand * (1 + SLACK) + 1e-9 >= cover * short)[window].all()]
            if not enough:
                return np.full(self.years.size, np.inf)
            price = desk.market.long_run[m] * (1 + s["reserve.price_impact"] * enough[0] / 12)
            total += (s["reserve.holding_cost"] + desk.public_rate) * enough[0] / 12 * demand * window * price / 1e6
        return total

    def _users_agree(self, setting: Mapping[str, Setting]) -> bool:
        """Check the price cap of each product and the basket of each member (C23)."""
        users, s = self.desk.users, self.settings
        burden = {m: users.burden(m, setting[m]) for m in self.products}
        if s["switches.users_product"] and s.get("caps.product_price") is not None:
            for m in self.products:
                before = float(users.baseline_cost[m].sum())
                if before > 0.0 and float(burden[m].sum()) / before > float(s["caps.product_price"]) + SLACK:
                    return False
        if s["switches.users_basket"] and s.get("caps.basket") is not None:
            total = np.sum(list(burden.values()), axis=0)
            return bool((total <= float(s["caps.basket"]) * users.basket * (1 + SLACK)).all())
        return True

    def _none_displaced(self, setting: Mapping[str, Setting]) -> bool:
        """Check that the baseline's unaided projects stay bankable (C21c)."""
        if not self.settings["switches.displacement"]:
            return True
        return all(self.desk.guard(j, setting) for j in self.desk.baseline.guarded)

    def _part(self, pair: tuple[str, str], builds: Builds, setting: Mapping[str, Setting]) -> _Part:
        """Add up one country and product's projects at every credit level (C24, C16)."""
        desk, (country, product) = self.desk, pair
        horizon, scenarios = self.years.size, desk.market.scenarios.count
        booked, supported, sales = np.zeros(self.count), np.zeros(self.count), np.zeros(self.count)
        outlay, joint = np.zeros((self.count, horizon)), np.zeros((self.count, horizon))
        scenario, gross = np.zeros((self.count, scenarios)), np.zeros((self.count, scenarios))
        for j, start in builds.items():
            plant = desk.plants[j]
            if (plant.country, plant.product) != pair:
                continue
            for level, rates in enumerate(desk.offer.levels):
                if j in desk.baseline.builds:
                    cost = desk.baseline_change(j, setting, rates)
                    per_itc, per_ptc, sold = self.competition.drawn(j, setting)
                    given, held = rates.itc * per_itc + rates.ptc * per_ptc, False
                else:
                    made = desk.family(j, start, setting)
                    if made.kind[level] == INFEASIBLE:
                        booked[level] = np.inf
                        continue
                    cost, held = made.cost.at(level), made.kind[level] == CONTRACT
                    given, sold = float(made.supported[level]), made.sales
                booked[level] += float(cost.booked)
                outlay[level] += cost.payments + cost.credits
                joint[level] += cost.joint_payments
                scenario[level] += cost.scenario
                gross[level] += cost.scenario_outlay
                if held or given != 0.0:
                    supported[level] += given
                    sales[level] += sold
        return _Part(country, product, booked, outlay, joint, scenario, gross, supported, sales)

    def _net_loss(self, setting: Mapping[str, Setting], need: Mapping[str, Array], builds: Builds) -> float:
        """Return users' loss less the gain in border revenue, musd PV (C25, C26)."""
        desk, total = self.desk, 0.0
        for m in self.products:
            share = desk.balance.member_shares(m, desk.balance.feed_by_member(m, builds))
            after, before = desk.revenue(m, setting[m].border).of(need[m], share), desk.baseline_revenue(m)
            total += float(desk.users.loss(m, setting[m]).sum()) - float(((after - before) @ self.factor).sum())
        return total

    def _within_caps(self, parts: list[_Part], carry: Array) -> NDArray[np.bool_]:
        """Check every member's outlay of every year and the worst scenarios' outlay, over all level combinations (C26)."""
        s = self.settings
        good = np.full((self.count,) * len(parts), True)
        by_host = {c: _spread([p.outlay * (p.country == c) for p in parts]) for c in COUNTRIES}
        together = _spread([p.joint for p in parts]) + carry
        if s["switches.country_caps"]:
            for c in COUNTRIES:
                borne = by_host[c]
                if s["funding.mode"] == "pooled":
                    borne = float(s[f"funding.shares.{c}"]) * reduce(np.add, by_host.values())
                borne = borne + float(s.get(f"procurement.quotas.{c}") or 0.0) * together
                for t, year in enumerate(self.years):
                    cap = s.get(f"caps.{c}.{year}", s.get(f"caps.{c}.each_year"))
                    if cap is not None:
                        good &= borne[..., t] <= float(cap) * (1 + SLACK)
        if s["switches.worst5"] and s.get("caps.worst5_outlay") is not None:
            good &= _worst(_spread([p.scenario_outlay for p in parts]) + float(carry @ self.factor), 0.05) <= float(s["caps.worst5_outlay"]) * (1 + SLACK)
        return good

    def _within_band(self, parts: list[_Part]) -> NDArray[np.bool_]:
        """Check the members' subsidy equivalents of contested products, over all level combinations (C16, C21b)."""
        good = np.full((self.count,) * len(parts), True)
        if not self.settings["switches.band"]:
            return good
        most = self.desk.instance.param("subsidy_band") + TOLERANCE
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = [np.where(p.sales > 0.0, p.supported / p.sales, np.nan) for p in parts]
        for m, years in self.competition.contested.items():
            mine = [k for k, p in enumerate(parts) if p.product == m and years.any()]
            for a in mine:
                for b in mine:
                    difference = _spread([rates[a] if k == a else -rates[b] if k == b else np.zeros(self.count) for k in range(len(parts))])
                    good &= ~(difference > most) if a != b else True
        return good


def _spread(tables: list[Array]) -> Array:
    """Add tables ``(L, ...)`` over all combinations of levels, ``(L, L, ..., ...)``."""
    count = len(tables)

    def placed(k: int, table: Array) -> Array:
        shape = [1] * count + list(table.shape[1:])
        shape[k] = table.shape[0]
        return table.reshape(shape)

    return reduce(np.add, [placed(k, t) for k, t in enumerate(tables)], np.zeros((1,) * count))[()]


def _worst(values: Array, share: float) -> Array:
    """Return the mean of the greatest share of scenarios along the last axis, the last one counted in part."""
    ordered = -np.sort(-values, axis=-1)
    mass = share * values.shape[-1]
    weights = np.minimum(1.0, np.maximum(0.0, mass - np.arange(values.shape[-1])))
    result: Array = (ordered * weights).sum(axis=-1) / mass
    return result
