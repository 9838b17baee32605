"""Outside supply and the price inside the club (C5 to C7, C9).

Arrays are year-first: ``(T, S)`` for years x scenarios, ``(T, 4, S)`` with the four states of C7 in between.
"""

from __future__ import annotations

from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from ..instances.scenarios import Scenarios, generate
from .levies import Border, Schedule, lapsing
from .subsidies import schedule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..instances import Instance

    Array = NDArray[np.float64]

EXPORT, SCARCE, OPEN, BEYOND = STATES = range(4)
COUNTRIES = ("USA", "CAN", "MEX")


def state_price(
    state: int, market: Array, landed_market: Array, landed_china: Array, restricted: NDArray[np.bool_], export_cost: float, spike: float
) -> Array:
    """Return the domestic price in one state, USD/t, shaped as the arrays given, ``(..., S)`` (C7).

    The dearest node used sets the price, ``market`` comes first at equal price, and need beyond all availability is
    rationed at ``spike`` times the landed market price.
    """
    if state == EXPORT:
        return market * (1.0 - export_cost)
    free = landed_china if state == BEYOND else np.minimum(landed_market, landed_china)
    return np.where(restricted, landed_market if state == SCARCE else spike * landed_market, free)


def domestic_price(
    market: Array, landed_market: Array, landed_china: Array, restricted: NDArray[np.bool_], export_cost: float, spike: float
) -> Array:
    """Return the domestic price in each state, USD/t, shape ``(T, 4, S)`` (C7)."""
    return np.stack([state_price(state, market, landed_market, landed_china, restricted, export_cost, spike) for state in STATES], axis=1)


class Market:
    """World prices, demand and availability of every product of an instance."""

    kept_bytes = 24 << 20
    """What the tables of prices by state that are kept may take: they are the largest arrays, and soon made again."""

    def __init__(self, instance: Instance, scenarios: Scenarios | None = None) -> None:
        """Draw the scenarios (unless given) and lay out demand and availability."""
        self.instance = instance
        self.scenarios = scenarios if scenarios is not None else generate(instance)
        drawn = np.asarray(self.scenarios.years, dtype=int)
        self.base_year, self.simulated = int(drawn[0]), drawn.size
        self.years = np.arange(drawn[0], max(int(drawn[-1]), last_operating_year(instance)) + 1)
        self.facts: dict[str, dict[str, Any]] = instance.products.to_dict(orient="index")
        self.products: tuple[str, ...] = tuple(self.facts)
        self.market: dict[str, Array] = {}
        self.china: dict[str, Array] = {}
        self.restricted: dict[str, NDArray[np.bool_]] = {}
        for m in self.products:
            self._lay(m)
        self.long_run = {m: float(self.scenarios.long_run[m]) for m in self.products}
        self.export_cost = instance.param("export_cost")
        self.fill = instance.param("supply_fill_restricted")
        self.direct = {m: {c: self._direct(m, c) for c in COUNTRIES} for m in self.products}
        self.stated = {m: {c: self._stated(m, c) for c in COUNTRIES} for m in self.products}
        self.demand = {m: np.sum([self.stated[m][c] for c in COUNTRIES], axis=0) for m in self.products}
        self.availability = {m: self._availability(m) for m in self.products}
        self._laws = self._read_laws()
        self.in_force = self._force()
        self.premium = {m: demand_premium(instance, m, self.years) for m in self.products}
        self.schedules = {m: Schedule.read(instance, m) for m in self.products}
        self._effective: dict[tuple[str, Border, str | None], Border] = {}
        self._prices: dict[tuple[str, Border, Border], Array] = {}
        self._means: dict[tuple[str, Border, Border], Array] = {}

    def _lay(self, product: str) -> None:
        """Lay out a product's prices, flat at the mean of the last simulated year after it (C2)."""
        world = np.asarray(self.scenarios.market[product], dtype=float).T
        tail = self.years.size - self.simulated
        flat = np.full((tail, world.shape[1]), world[-1].mean())
        self.market[product] = np.ascontiguousarray(np.concatenate([world, flat]))
        china = np.asarray(self.scenarios.china[product], dtype=float).T
        self.china[product] = np.ascontiguousarray(np.concatenate([china, flat]))
        closed = np.asarray(self.scenarios.restricted[product], dtype=bool).T
        self.restricted[product] = np.concatenate([closed, np.full(flat.shape, False)])

    def _growth(self, product: str) -> Array:
        row = self.facts[product]
        until = float(self.instance.settings["data.growth_until"])
        years = self.years.astype(float)
        early = np.minimum(np.minimum(years, 2030.0), until) - 2025.0
        late = np.maximum(np.minimum(years, until), 2030.0) - 2030.0
        return (1.0 + float(row["growth_to_2030"])) ** early * (1.0 + float(row["growth_after_2030"])) ** late

    def _direct(self, product: str, country: str) -> Array:
        tonnes = float(self.facts[product][f"demand_direct_2025_t_{country.lower()}"])
        return tonnes * self._growth(product)

    def _embodied(self, product: str, country: str) -> Array:
        tonnes = float(self.facts[product][f"demand_embodied_2025_t_{country.lower()}"])
        if np.isnan(tonnes):
            return self.direct[product][country]
        return tonnes * self._growth(product)

    def _stated(self, product: str, country: str) -> Array:
        """Return a member's demand on the stated basis, t/y (C8)."""
        setting = self.instance.settings
        basis = setting["data.demand_basis"]
        direct, embodied = self.direct[product][country], self._embodied(product, country)
        if basis == "direct":
            return direct
        if basis == "embodied":
            return embodied
        start, stop = float(setting["data.localised_from"]), float(setting["data.localised_until"])
        share = float(setting["data.localised_share"]) * np.clip((self.years - start) / (stop - start), 0.0, 1.0)
        result: Array = direct + share * (embodied - direct)
        return result

    def _availability(self, product: str) -> Array:
        row = self.facts[product]
        own = sum(float(row[f"existing_refined_t_{c.lower()}"]) for c in COUNTRIES)
        supply = float(row["non_china_supply_t"])
        if self.instance.settings["data.china_equity"] == "market":
            elsewhere = max(0.0, float(row["china_controlled_share"]) - float(row["china_made_share"]))
            supply += elsewhere * float(row["world_supply_t"])
        outside = max(0.0, supply - own)
        reach = float(row["market_reach_share"]) * outside
        return max(reach, float(row["other_imports_t"])) * self._growth(product)

    def law(self, product: str, country: str) -> Border:
        """Return a member's own law on both nodes (C6)."""
        return self._laws[product, country]

    def _read_laws(self) -> dict[tuple[str, str], Border]:
        table, settings = self.instance.products, self.instance.settings

        def rate(m: str, c: str, node: str) -> float:
            own = settings.get(f"national.{c}.{'china_linked' if node == 'china' else node}.{m}")
            return max(float(table.loc[m, f"law_tariff_{node}_{c.lower()}"]), float(own or 0.0))

        return {(m, c): Border(market=rate(m, c, "market"), china=rate(m, c, "china")) for m in self.products for c in COUNTRIES}

    def _force(self) -> NDArray[np.bool_] | None:
        """Say in which years and scenarios the club's border measures are in force, ``(T, S)``; None is always (C6)."""
        first_out = self.scenarios.lapse_year
        if (first_out > self.years[self.simulated - 1]).all():
            return None
        result: NDArray[np.bool_] = self.years[:, None] < first_out[None, :]
        return result

    @cached_property
    def force_share(self) -> Array:
        """Return the share of scenarios in which the club's border measures are in force, by year ``(T,)`` (C6)."""
        return np.ones(self.years.size) if self.in_force is None else self.in_force.mean(axis=1)

    def landed(self, product: str, border: Border, law: Border) -> tuple[Array, Array]:
        """Return the landed prices of ``market`` and ``china_linked`` in a member with a given law, USD/t, ``(T, S)`` (C6)."""
        schedule, effective = self.schedules[product], border.raised_to(law)
        found = []
        for node, price in (("market", self.market[product]), ("china", self.china[product])):
            held = schedule.landed(node, price, effective)
            found.append(held if effective == law else lapsing(held, schedule.landed(node, price, law), self.in_force))
        return found[0], found[1]

    def prices(self, product: str, border: Border, country: str) -> Array:
        """Return a member's domestic price by state, USD/t, ``(T, 4, S)`` (C7); those used last are kept."""
        law = self.law(product, country)
        key = (product, border.raised_to(law), law)
        if key not in self._prices:
            table = domestic_price(*self._supply(product, border, law))
            table[self.simulated :] = self.market[product][self.simulated :, None]
            while self._prices and (len(self._prices) + 1) * table.nbytes > self.kept_bytes:
                del self._prices[next(iter(self._prices))]
            self._prices[key] = table
        self._prices[key] = table = self._prices.pop(key)
        return table

    def mean_prices(self, product: str, border: Border, country: str) -> Array:
        """Return the mean over scenarios of a member's domestic price by state, USD/t, ``(T, 4)`` (kept once computed)."""
        law = self.law(product, country)
        key = (product, border.raised_to(law), law)
        if key not in self._means:
            self._means[key] = self.prices(product, border, country).mean(axis=2)
        return self._means[key]

    def _supply(self, product: str, border: Border, law: Border) -> tuple[Array, Array, Array, NDArray[np.bool_], float, float]:
        """Return what ``state_price`` takes besides the state, of all years."""
        spike = float(self.facts[product]["spike_factor"])
        return self.market[product], *self.landed(product, border, law), self.restricted[product], self.export_cost, spike

    def prices_along(self, product: str, border: Border, country: str, path: NDArray[np.int_]) -> Array:
        """Return a member's domestic price in each year's state, USD/t, ``(T, S)`` (C7)."""
        few = 4 * len(STATES) * self.market[product].nbytes < self.kept_bytes
        return along(self.prices(product, border, country), path) if few else self._along(product, border, self.law(product, country), path)

    def _along(self, product: str, border: Border, law: Border, path: NDArray[np.int_]) -> Array:
        market, low, high, restricted, export_cost, spike = self._supply(product, border, law)
        price = market.copy()
        for state in np.unique(path[: self.simulated]):
            rows = np.flatnonzero(path[: self.simulated] == state)
            price[rows] = state_price(state, market[rows], low[rows], high[rows], restricted[rows], export_cost, spike)
        return price

    def producer_prices(self, product: str, border: Border) -> Array:
        """Return what a refined-form producer of the club receives, by state, ``(T, 4, S)`` (C9).

        Landed prices rise with the rates, so the best-protected member is the one with the highest rate on both
        nodes; with mixed laws the highest price of each year and scenario is taken.
        """
        best = reduce(np.maximum, [self.prices(product, border, c) for c in self._differing(product, border)])
        return best + self.premium[product][:, None, None]

    def producer_prices_along(self, product: str, border: Border, path: NDArray[np.int_]) -> Array:
        """Return ``producer_prices`` in each year's state, USD/t, ``(T, S)``."""
        best = reduce(np.maximum, [self.prices_along(product, border, c, path) for c in self._differing(product, border)])
        return best + self.premium[product][:, None]

    def _differing(self, product: str, border: Border) -> list[str]:
        """Return members that use a product, one for each domestic price."""
        laws = {c: self.law(product, c) for c in self._users(product)}
        return list({(border.raised_to(law), law): c for c, law in laws.items()}.values())

    def dumped_price(self, product: str, border: Border) -> Array:
        """Return the dump deck's price by state, USD/t, ``(4,)`` (C12c), at the best-protected member."""
        row, level = self.facts[product], self.long_run[product]
        depth, follow = float(row["dump_depth"]), float(row["dump_follow"])
        users = self._users(product)
        schedule, spike = self.schedules[product], float(row["spike_factor"])
        market, china = np.array([[level * (1.0 - follow * depth)]]), np.array([[level * (1.0 - depth)]])
        free, tables = np.array([[False]]), []
        for c in users:
            held = border.raised_to(self.law(product, c))
            landed = (schedule.landed("market", market, held), schedule.landed("china", china, held))
            tables.append(domestic_price(market, *landed, free, self.export_cost, spike)[0, :, 0])
        return np.max(tables, axis=0)

    def effective(self, product: str, border: Border, country: str | None = None) -> Border:
        """Return the rates that bind in a member, or for producers (the best-protected member) when none is named.

        Options with the same effective rates give the same prices, so their columns are shared.
        """
        key = (product, border, country)
        if key not in self._effective:
            laws = [self.law(product, c) for c in ([country] if country else self._users(product))]
            top = Border(market=max(x.market for x in laws), china=max(x.china for x in laws))
            self._effective[key] = border.raised_to(top) if top in laws else border
        return self._effective[key]

    def _users(self, product: str) -> list[str]:
        return [c for c in COUNTRIES if self.direct[product][c].max() > 0.0] or list(COUNTRIES)


def last_operating_year(instance: Instance) -> int:
    """Return the last year in which any project could operate (C2)."""
    end, cap = int(instance.settings["years.end"]), instance.param("life_cap_years")
    last = [
        max(end, int(row.earliest_start_year)) + min(round(float(row.life_years)), round(cap)) - 1
        for row in instance.projects.itertuples()
    ]
    return max(last, default=end)


def demand_premium(instance: Instance, product: str, years: NDArray[np.int_]) -> Array:
    """Return what buyers' incentives add to a producer's price by year, USD/t, ``(T,)`` (C9)."""
    total = np.zeros(years.size)
    for row in instance.policy.itertuples():
        if row.kind == "demand_premium" and {product, "all"} & set(row.products):
            total += schedule(float(row.rate), float(row.start_year), float(row.end_year), row.phase_schedule, years)
    return total


def along(prices: Array, path: NDArray[np.int_]) -> Array:
    """Pick the price of each year's state: ``(T, 4, S)`` and ``(T,)`` states give ``(T, S)``, means ``(T, 4)`` give ``(T,)``."""
    picked: Array = prices[np.arange(prices.shape[0]), path]
    return picked
