"""Need, states and paths: which node is marginal in which year (C8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .market import BEYOND, COUNTRIES, EXPORT, OPEN, SCARCE, Market
from .projects import Plant, calendar, feed_tonnes, refined_tonnes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Path = bytes


@dataclass(frozen=True)
class Tonnes:
    """What one plant adds from one start year, t/y, each ``(T,)``."""

    refined: Array
    concentrate: Array
    feed: Array
    byproducts: tuple[tuple[str, Array], ...]


def states(need: Array, availability: Array, fill: float) -> NDArray[np.int_]:
    """Read the state of each year off the need: export, scarce, open or beyond (C8); any leading axes."""
    return np.select(
        [need <= 0.0, need <= fill * availability, need <= availability], [EXPORT, SCARCE, OPEN], default=BEYOND
    )


def encode(path: NDArray[np.int_]) -> Path:
    """Return a hashable path."""
    return path.astype(np.int8).tobytes()


def decode(path: Path) -> NDArray[np.int_]:
    """Return the states of a hashable path."""
    return np.frombuffer(path, dtype=np.int8).astype(int)


class Balance:
    """Need and security of every product for any set of built plants, as plain linear tables plus two minima.

    ``need = demand + feed - existing - refined - min(spare, concentrate) - min(capacity, club input) x yield``.
    """

    def __init__(self, market: Market, plants: Mapping[str, Plant]) -> None:
        """Lay out existing supply, converters and spare smelting capacity."""
        self.market, self.plants = market, plants
        self._tonnes: dict[tuple[str, int], Tonnes] = {}
        products, years = market.products, market.years
        table = market.instance.products
        self.existing = {
            m: np.full(years.size, sum(float(table.loc[m, f"existing_refined_t_{c.lower()}"]) for c in COUNTRIES))
            for m in products
        }
        zeros = {m: np.zeros(years.size) for m in products}
        smelting, self.converter_feed = dict(zeros), dict(zeros)
        self.converter_feed_by_member = {m: np.zeros((3, years.size)) for m in products}
        self.converter_output = dict(zeros)
        self.links: dict[str, list[tuple[str, Array, Array]]] = {m: [] for m in products}
        for row in market.instance.converters.itertuples():
            if not row.counted or row.china_linked:
                continue
            running = (years >= int(row.start_year)).astype(float)
            capacity = float(row.input_t_per_year) * running
            output = float(row.output_t_per_year) * running
            if row.input_product_code == row.output_product_code:
                smelting[row.output_product_code] = smelting[row.output_product_code] + capacity
                continue
            if row.output_product_code in zeros:
                self.converter_output[row.output_product_code] = self.converter_output[row.output_product_code] + output
            if row.input_product_code in zeros:
                self.converter_feed[row.input_product_code] = self.converter_feed[row.input_product_code] + capacity
                self.converter_feed_by_member[row.input_product_code][COUNTRIES.index(row.country)] += capacity
                self.links[row.output_product_code].append((row.input_product_code, capacity, output))
        self.spare = {m: np.maximum(0.0, smelting[m] - self.existing[m]) for m in products}

    def tonnes(self, plant_id: str, start: int) -> Tonnes:
        """Return what a plant adds from a start year (kept once computed)."""
        key = (plant_id, start)
        if key not in self._tonnes:
            plant = self.plants[plant_id]
            cal = calendar(plant, start, self.market.years)
            horizon = self.market.years.size
            sold, none = refined_tonnes(plant, cal, horizon), np.zeros(horizon)
            streams = []
            for stream in plant.byproducts:
                if stream.listed:
                    made = np.zeros(horizon)
                    made[cal.operate] = stream.tonnes * stream.payability * cal.ramp
                    streams.append((stream.product, made))
            self._tonnes[key] = Tonnes(
                refined=sold if plant.refined else none,
                concentrate=none if plant.refined else sold,
                feed=feed_tonnes(plant, cal, horizon) if plant.feed_product else none,
                byproducts=tuple(streams),
            )
        return self._tonnes[key]

    def need(self, product: str, refined: Array, concentrate: Array, feed: Array, inputs: Mapping[str, Array]) -> Array:
        """Return the need of a product, t/y (C8); arguments are built totals, any leading axes, ``inputs`` by product."""
        made = np.minimum(self.spare[product], concentrate)
        for source, capacity, output in self.links[product]:
            supply = self.existing[source] + inputs[source]
            share = np.divide(np.minimum(capacity, supply), capacity, out=np.zeros_like(supply), where=capacity > 0.0)
            made = made + share * output
        demand = self.market.demand[product] + feed + self.converter_feed[product]
        result: Array = demand - self.existing[product] - refined - made
        return result

    def secured(self, product: str, refined: Array, concentrate: Array, byproducts: Array) -> Array:
        """Return refined sales by plants in the club that are not China-linked, t/y (C22)."""
        core = self.existing[product] + self.converter_output[product] + refined
        core = core + np.minimum(self.spare[product], concentrate)
        room = np.maximum(0.0, self.market.demand[product] - core)
        result: Array = core + np.minimum(byproducts, room)
        return result

    def states(self, product: str, need: Array) -> NDArray[np.int_]:
        """Return the states of a need (C8)."""
        return states(need, self.market.availability[product], self.market.fill)

    def totals(self, builds: Mapping[str, int]) -> Totals:
        """Add up the tonnes of a set of built plants with their start years."""
        horizon = self.market.years.size
        total = Totals({}, {}, {}, {}, {}, {})
        for m in self.market.products:
            for part in total.parts():
                part[m] = np.zeros(horizon)
        for plant_id, start in builds.items():
            plant, made = self.plants[plant_id], self.tonnes(plant_id, start)
            total.refined[plant.product] += made.refined
            total.concentrate[plant.product] += made.concentrate
            if not plant.china_linked:
                total.safe_refined[plant.product] += made.refined
                total.safe_concentrate[plant.product] += made.concentrate
            if plant.feed_product:
                total.feed[plant.feed_product] += made.feed
            for product, tonnes in made.byproducts if not plant.china_linked else ():
                total.byproducts[product] += tonnes
        return total

    def needs(self, builds: Mapping[str, int]) -> dict[str, Array]:
        """Return the need of every product for a set of built plants, t/y."""
        t = self.totals(builds)
        return {
            m: self.need(m, t.refined[m], t.concentrate[m], t.feed[m], t.refined) for m in self.market.products
        }

    def secured_all(self, builds: Mapping[str, int]) -> dict[str, Array]:
        """Return the secured tonnes of every product for a set of built plants, t/y (C22)."""
        t = self.totals(builds)
        return {
            m: self.secured(m, t.safe_refined[m], t.safe_concentrate[m], t.byproducts[m])
            for m in self.market.products
        }

    def member_shares(self, product: str, feed: Array) -> Array:
        """Return how members share a product's imports: by stated demand, or by feed bought where nobody has any (C7).

        ``feed`` is what built plants buy by member, ``(3, ..., T)``; the shares have its shape.
        """
        market = self.market
        demand = np.stack([market.stated[product][c] for c in COUNTRIES])
        bought = feed + self.converter_feed_by_member[product].reshape(3, *(1,) * (feed.ndim - 2), -1)
        used = np.where(demand.sum(axis=0) > 0.0, demand.reshape(3, *(1,) * (feed.ndim - 2), -1), bought)
        result: Array = np.divide(used, used.sum(axis=0), out=np.zeros_like(used), where=used.sum(axis=0) > 0.0)
        return result

    def feed_by_member(self, product: str, builds: Mapping[str, int]) -> Array:
        """Return the feed that built plants buy by member, t/y, ``(3, T)``."""
        feed = np.zeros((3, self.market.years.size))
        for plant_id, start in builds.items():
            plant = self.plants[plant_id]
            if plant.feed_product == product:
                feed[COUNTRIES.index(plant.country)] += self.tonnes(plant_id, start).feed
        return feed

    def paths(self, builds: Mapping[str, int]) -> dict[str, NDArray[np.int_]]:
        """Return the path of every product for a set of built plants."""
        return {m: self.states(m, need) for m, need in self.needs(builds).items()}


@dataclass(frozen=True)
class Totals:
    """Tonnes of a set of built plants by product, t/y, each ``(T,)``."""

    refined: dict[str, Array]
    concentrate: dict[str, Array]
    safe_refined: dict[str, Array]
    safe_concentrate: dict[str, Array]
    feed: dict[str, Array]
    byproducts: dict[str, Array]

    def parts(self) -> tuple[dict[str, Array], ...]:
        """Return the tables one by one."""
        return (
            self.refined,
            self.concentrate,
            self.safe_refined,
            self.safe_concentrate,
            self.feed,
            self.byproducts,
        )
