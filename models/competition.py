"""Room for new supply (C20), and the band on the members' subsidy equivalents (C16, C21b)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .bankability import Tests
from .baseline import dump_exposed
from .clusters import free_candidates
from .columns import CONTRACT, strike_bounds
from .contracts import three_digit_grid
from .lending import main_share
from .levies import Border
from .outlooks import Setting
from .projects import start_years
from .subsidies import CreditLevel
from .welfare import full_sales, increments_over_law, project_cost

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from .desk import Desk
    from .projects import Plant

    Array = NDArray[np.float64]
    Aid = Mapping[tuple[str, str], Sequence[tuple[float, float]]]
    """Supported and sales, PV musd, of every aided project by (country, product)."""

TOLERANCE = 1e-9


def contested(desk: Desk) -> dict[str, NDArray[np.bool_]]:
    """Return by product the years ``base..end`` that are contested, ``(T,)`` (C20).

    A candidate counts over its life from its earliest start, at full ramp, if at the baseline's path it fails C12 unaided
    at law and passes with the highest strike or, without a contract, under the top rungs on its own product. Of an
    exclusive group the largest counts. A year is contested where these tonnes exceed ``max(0, need)`` of the baseline.
    """
    years = desk.market.years
    inside = years <= _settings(desk)["years.end"]
    largest: dict[tuple[str, str], Array] = {}
    for plant in free_candidates(desk.balance, desk.baseline):
        start = start_years(desk.instance, plant)[0]
        if not passes_only_with_aid(desk, plant, start):
            continue
        cal, tonnes = desk.outlooks.calendar(plant, start), np.zeros(years.size)
        tonnes[cal.operate] = cal.output.max() * (1.0 if plant.refined else plant.payability)
        key = (plant.product, plant.group or plant.id)
        largest[key] = np.maximum(largest.get(key, 0.0), tonnes)
    total = {m: np.zeros(years.size) for m in desk.market.products}
    for (product, _), tonnes in largest.items():
        total[product] = total[product] + tonnes
    return {m: inside & (total[m] > np.maximum(desk.baseline.needs[m], 0.0)) for m in desk.market.products}


def _settings(desk: Desk) -> Mapping[str, Any]:
    return desk.instance.settings


def passes_only_with_aid(desk: Desk, plant: Plant, start: int) -> bool:
    """Say whether a plant fails C12 unaided at law and the baseline's path, and passes there with protection or a contract."""
    law, rates = desk.law_settings(), desk.law[plant.country, plant.product]
    top = max(map(float, _settings(desk)["ladders.tariffs"]))
    guarded = law | {plant.product: Setting(Border(top, top), law[plant.product].path)}
    exposed, long_run = dump_exposed(desk.market, plant.product), desk.market.long_run
    site = desk.outlooks.site(plant, start, law)
    if Tests(site, rates, desk.rules, long_run, exposed).passes()[0]:
        return False
    protected = desk.outlooks.site(plant, start, guarded)
    if Tests(protected, rates, desk.rules, long_run, exposed).passes()[0]:
        return True
    strikes = three_digit_grid(*strike_bounds(site, desk.offer))[-1:]
    if not strikes.size or main_share(plant, long_run) < desk.rules.main_share_min:
        return False
    held = Tests(site, rates, desk.rules, long_run, exposed, desk.offer.contract, strikes)
    return bool(held.passes()[0])


def equivalent(entries: Sequence[tuple[float, float]]) -> float:
    """Return the subsidy equivalent of a country and product, ``sum supported / sum sales``, a fraction (C16)."""
    return sum(supported for supported, _ in entries) / sum(sales for _, sales in entries)


def band_holds(aid: Aid, products: Collection[str], band: float) -> bool:
    """Say whether the members' subsidy equivalents of each of the products differ by at most the band (C21b).

    Members without an aided project of a product are not compared.
    """
    for product in products:
        values = [equivalent(entries) for (_, m), entries in aid.items() if m == product and entries]
        if values and max(values) - min(values) > band + TOLERANCE:
            return False
    return True


def cheapest_in_band(costs: Sequence[Array], aids: Sequence[Array], band: float) -> tuple[int, ...] | None:
    """Return the level of each member that together cost least while they keep the band; None if no levels do (C21b).

    The lowest equivalent of a choice is some member's, so the cheapest choice lies in a window from such a value to ``band``
    above it: in each window every member takes its cheapest level. Without an aided project a member is in every window.

    Args:
        costs: weighted cost of each member's levels, infinite where not allowed, ``(L,)`` each.
        aids: subsidy equivalent at each level, nan where nothing is aided, ``(L,)`` each.
        band: the greatest difference, a fraction.
    """
    open_ = [np.flatnonzero(np.isfinite(cost)) for cost in costs]
    if not all(levels.size for levels in open_):
        return None
    best = [int(cost.argmin()) for cost in costs]
    values = [aid[k] for aid, k in zip(aids, best, strict=True) if np.isfinite(aid[k])]
    if not values or max(values) - min(values) <= band + TOLERANCE:
        return tuple(best)
    lowest = np.unique(np.concatenate([aid[levels] for aid, levels in zip(aids, open_, strict=True)]))
    lowest = lowest[np.isfinite(lowest), None]
    total, chosen = np.zeros(lowest.size), []
    for cost, aid, levels in zip(costs, aids, open_, strict=True):
        inside = np.isnan(aid[levels]) | ((aid[levels] >= lowest) & (aid[levels] <= lowest + band + TOLERANCE))
        limited = np.where(inside, cost[levels], np.inf)
        total = total + limited.min(axis=1)
        chosen.append(levels[limited.argmin(axis=1)])
    window = int(total.argmin())
    return tuple(int(picks[window]) for picks in chosen) if np.isfinite(total[window]) else None


class Competition:
    """The contested products of an instance and what aid a design gives there."""

    def __init__(self, desk: Desk) -> None:
        """Keep the desk; C20 is computed once, when asked."""
        self.desk = desk
        self.band: float = desk.instance.param("subsidy_band")
        self._drawn: dict[tuple[object, ...], tuple[float, float, float]] = {}

    @cached_property
    def contested(self) -> dict[str, NDArray[np.bool_]]:
        """Return by product the contested years, ``(T,)`` (C20)."""
        return contested(self.desk)

    @cached_property
    def products(self) -> tuple[str, ...]:
        """Return the products on which the band binds: contested in some year; none where the band is off."""
        if not self.desk.instance.settings["switches.band"]:
            return ()
        return tuple(m for m, years in self.contested.items() if years.any())

    def drawn(self, plant_id: str, settings: Mapping[str, Setting]) -> tuple[float, float, float]:
        """Return what a baseline plant draws per unit of the club's investment and production credit, and its sales, PV musd."""
        desk, plant = self.desk, self.desk.plants[plant_id]
        key = (plant_id, *desk.key(plant_id, settings))
        if key not in self._drawn:
            site = desk.outlooks.site(plant, desk.baseline.builds[plant_id], settings)
            law, long_run = desk.law[plant.country, plant.product], desk.market.long_run[plant.product]
            units = [CreditLevel(itc=1.0), CreditLevel(ptc=1.0)]
            per_itc, per_ptc = increments_over_law(site, law, units, project_cost(site, law, units, desk.public_rate), desk.public_rate, held=False)
            self._drawn[key] = float(per_itc), float(per_ptc), full_sales(site, desk.public_rate, long_run)
        return self._drawn[key]

    def aid(
        self,
        builds: Iterable[tuple[str, int]],
        levels: Mapping[tuple[str, str], int],
        settings: Mapping[str, Setting],
        products: Collection[str] | None = None,
    ) -> dict[tuple[str, str], list[tuple[float, float]]]:
        """Return (supported, sales) of every project with a contract, an offtake or a club credit, by (country, product) (C16).

        What the state earns from an offtake counts as negative support; a project without any of them has exactly none.

        Args:
            builds: plants beyond the baseline with their start years.
            levels: index of the credit level by (country, product); absent is no credit.
            settings: option and path of every product involved.
            products: which products to look at; those of the band if not given.
        """
        plants, wanted = self.desk.plants, self.products if products is None else products
        started = list(builds)
        keys = (*(key for key, _ in started), *self.desk.baseline.builds)
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for pair in dict.fromkeys((plants[key].country, plants[key].product) for key in keys if plants[key].product in wanted):
            level = levels.get(pair, 0)
            entries = [(float(given[level]), sales) for given, counts, sales in self._supported(pair, started, settings) if counts[level]]
            found |= {pair: entries} if entries else {}
        return found

    def equivalents(self, pair: tuple[str, str], builds: Iterable[tuple[str, int]], settings: Mapping[str, Setting]) -> Array:
        """Return the subsidy equivalent of a country and product at every credit level, nan where nothing is aided, ``(L,)`` (C16)."""
        supported, sales = (np.zeros(len(self.desk.offer.levels)) for _ in range(2))
        for given, counts, sold in self._supported(pair, builds, settings):
            supported, sales = supported + np.where(counts, given, 0.0), sales + counts * sold
        return np.divide(supported, sales, out=np.full(supported.size, np.nan), where=sales > 0.0)

    def _supported(
        self, pair: tuple[str, str], builds: Iterable[tuple[str, int]], settings: Mapping[str, Setting]
    ) -> Iterator[tuple[Array, NDArray[np.bool_], float]]:
        """Yield each project's support at every credit level, musd, where it counts as aided, both ``(L,)``, and its sales (C16)."""
        desk, rates = self.desk, self.desk.offer.rates
        for key, start in builds:
            if (desk.plants[key].country, desk.plants[key].product) == pair:
                made = desk.family(key, start, settings)
                yield made.supported, (made.kind == CONTRACT) | (made.supported != 0.0), made.sales
        for key in desk.baseline.builds if rates.any() else ():
            if (desk.plants[key].country, desk.plants[key].product) == pair:
                per_itc, per_ptc, sales = self.drawn(key, settings)
                drawn = rates @ (per_itc, per_ptc)
                yield drawn, rates.any(axis=1) & (drawn > 0.0), sales

    def holds(self, builds: Iterable[tuple[str, int]], levels: Mapping[tuple[str, str], int], settings: Mapping[str, Setting]) -> bool:
        """Say whether a design, or the part of it in one cluster, keeps the band (C21b)."""
        products = [m for m in self.products if m in settings]
        return not products or band_holds(self.aid(builds, levels, settings, products), products, self.band)
