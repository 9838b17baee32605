"""Recompute demand, availability, need, states, prices and import tonnes (C5-C9, C22).

``builds`` maps a project to its start year. Arrays over years have shape (H,), over scenarios and years (S, H), over countries too (3, S, H).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .audit_border import Border, Measures, landed_prices
from .audit_world import COUNTRIES, BoolArray, FloatArray, IntArray, Product, Project, World

Builds = Mapping[str, int]


def growth_index(world: World, product: str) -> FloatArray:
    """Return demand relative to 2025, shape (H,): ``g1`` to 2030, ``g2`` after, constant after ``growth_until`` (C8)."""
    g1, g2 = world.products[product].growth
    years = np.minimum(np.arange(world.base, world.base + world.horizon), int(world.setting("data.growth_until", 2040)))
    index: FloatArray = (1.0 + g1) ** np.minimum(years - 2025, 5) * (1.0 + g2) ** np.maximum(years - 2030, 0)
    return index


def direct_demand(world: World, product: str) -> FloatArray:
    """Return direct demand by country and year, t, shape (3, H)."""
    return world.products[product].direct[:, None] * growth_index(world, product)


def stated_demand(world: World, product: str) -> FloatArray:
    """Return demand on the stated basis by country and year, t, shape (3, H) (C8)."""
    return world.once(("stated demand", product), lambda: _stated_demand(world, world.products[product]))


def _stated_demand(world: World, p: Product) -> FloatArray:
    basis = str(world.setting("data.demand_basis", "localised"))
    if basis == "localised":
        first, last = int(world.setting("data.localised_from", 2025)), int(world.setting("data.localised_until", 2035))
        years = np.arange(world.base, world.base + world.horizon)
        rise = np.clip((years - first) / max(1, last - first), 0.0, 1.0)
        share = float(world.setting("data.localised_share", 0.5)) * rise
    else:
        share = np.full(world.horizon, 1.0 if basis == "embodied" else 0.0)
    return (p.direct[:, None] + share * (p.embodied - p.direct)[:, None]) * growth_index(world, p.code)


def club_demand(world: World, product: str) -> FloatArray:
    """Return stated demand of the three members together, t, shape (H,) (C8)."""
    return world.once(("club demand", product), lambda: stated_demand(world, product).sum(axis=0))


def availability(world: World, product: str) -> FloatArray:
    """Return A, the tonnes that ``market`` can sell the club in an unrestricted year, shape (H,) (C5)."""
    return world.once(("availability", product), lambda: _availability(world, world.products[product]))


def _availability(world: World, p: Product) -> FloatArray:
    outside = max(0.0, p.non_china_supply - float(p.existing.sum()))
    return max(p.reach * outside, p.other_imports) * growth_index(world, p.code)


def spread(world: World, project: Project, start: int, yearly: FloatArray) -> FloatArray:
    """Place operating years on the calendar, shape (H,)."""
    placed = np.zeros(world.horizon)
    first = start - world.base
    placed[first : first + project.life] = yearly
    return placed


@dataclass(frozen=True)
class Balance:
    """Hold the yearly balance of one product, t, each (H,).

    ``refined``: sales of refined-form projects; ``concentrate``: payable tonnes of its concentrates; ``spare``: spare converter capacity;
    ``converted``: output of converters fed from the club; ``feed``: by country (3, H), bought by converters and built plants.
    """

    demand: FloatArray
    refined: FloatArray
    concentrate: FloatArray
    spare: FloatArray
    converted: FloatArray
    feed: FloatArray
    need: FloatArray


def balances(world: World, builds: Builds) -> dict[str, Balance]:
    """Return the balance of every product for a set of projects (C8)."""
    zero = np.zeros(world.horizon)
    refined = {m: zero.copy() for m in world.products}
    concentrate = {m: zero.copy() for m in world.products}
    feed = {m: np.zeros((3, world.horizon)) for m in world.products}
    for code, start in builds.items():
        p = world.projects[code]
        tonnes = spread(world, p, start, p.tonnes)
        (concentrate if p.concentrate else refined)[p.product] += tonnes * p.counted_share
        if p.feed in feed:
            feed[p.feed][p.country] += tonnes * p.feed_rate
    running = {c.code: (np.arange(world.base, world.base + world.horizon) >= c.start).astype(float) for c in world.converters}
    for c in world.converters:
        if c.source != c.target and c.source in feed:
            feed[c.source][c.country] += c.input_t * running[c.code]
    spare = {m: spare_capacity(world, m, linked_too=True) for m in world.products}
    same = {m: np.minimum(concentrate[m], spare[m]) for m in world.products}
    supply = {m: world.products[m].existing.sum() + refined[m] + same[m] for m in world.products}
    found = {}
    for m, p_m in world.products.items():
        converted = same[m] + _from_other_products(world, m, supply, running)
        demand = club_demand(world, m)
        need = demand + feed[m].sum(axis=0) - p_m.existing.sum() - refined[m] - converted
        found[m] = Balance(demand, refined[m], concentrate[m], spare[m], converted, feed[m], need)
    return found


def spare_capacity(world: World, product: str, *, linked_too: bool) -> FloatArray:
    """Return capacity of same-product converters beyond existing refined supply, t, shape (H,)."""

    def spare() -> FloatArray:
        years = np.arange(world.base, world.base + world.horizon)
        counted = (c for c in world.converters if c.source == c.target == product and (linked_too or not c.china_linked))
        total = sum((np.where(years >= c.start, c.output_t, 0.0) for c in counted), np.zeros(world.horizon))
        return np.maximum(0.0, total - float(world.products[product].existing.sum()))

    return world.once(("spare capacity", product, linked_too), spare)


def _from_other_products(world: World, product: str, supply: Mapping[str, FloatArray], running: Mapping[str, FloatArray]) -> FloatArray:
    """Return output of converters that make the product from another; those with one input share the club's supply by capacity."""
    made = np.zeros(world.horizon)
    for c in world.converters:
        if c.target != product or c.source == product or c.source not in supply:
            continue
        rivals = sum((o.input_t * running[o.code] for o in world.converters if o.source == c.source != o.target), np.zeros(world.horizon))
        with np.errstate(invalid="ignore", divide="ignore"):
            filled = np.where(rivals > 0.0, np.minimum(1.0, supply[c.source] / rivals), 0.0)
        made += c.output_t * running[c.code] * filled
    return made


def states(world: World, balance: Mapping[str, Balance]) -> dict[str, IntArray]:
    """Return the state 0-3 of every product and year, shape (H,) (C7)."""
    fill = world.param("supply_fill_restricted")
    found = {}
    for m, b in balance.items():
        a = availability(world, m)
        found[m] = (b.need > 0.0).astype(np.int64) + (b.need > fill * a) + (b.need > a)
    return found


def secured(world: World, builds: Builds, product: str) -> FloatArray:
    """Return refined sales by plants in the club that are not China-linked, t, shape (H,); by-products fill at most what demand leaves (C22)."""
    years = np.arange(world.base, world.base + world.horizon)
    total = np.full(world.horizon, float(world.products[product].existing.sum()))
    for c in world.converters:
        if c.target == product != c.source and not c.china_linked:
            total += np.where(years >= c.start, c.output_t, 0.0)
    concentrate, by_product = np.zeros(world.horizon), np.zeros(world.horizon)
    for code, start in builds.items():
        p = world.projects[code]
        if p.china_linked:
            continue
        if p.product == product:
            (concentrate if p.concentrate else total)[:] += spread(world, p, start, p.tonnes * p.counted_share)
        beside = sum(s.tonnes * s.payability for s in p.streams if s.product == product)
        if beside:
            by_product += spread(world, p, start, p.ramp_path * beside)
    total += np.minimum(concentrate, spare_capacity(world, product, linked_too=False))
    left = np.maximum(0.0, club_demand(world, product) - total)
    return total + np.minimum(by_product, left)


@dataclass(frozen=True, eq=False)
class Quote:
    """Hold the price of one product under border measures and a path; members with the same rates share a row of ``prices``."""

    world: World = field(repr=False)
    product: str
    measures: Measures
    path: IntArray

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Return the row of ``prices`` of each member; export parity is one price for all."""
        law = self.world.products[self.product].law
        kinds = [self.measures.rates[:, c].tobytes() + law[:, c].tobytes() for c in range(3)] if self.path.any() else [b""] * 3
        first = sorted({kinds.index(kind) for kind in kinds})
        return tuple(first.index(kinds.index(kind)) for kind in kinds)

    @cached_property
    def prices(self) -> FloatArray:
        """Return C7's price, USD/t, shape (rows, S, H); the market price after the last simulated year."""
        world, market = self.world, self.world.market[self.product]
        members = [self.rows.index(row) for row in range(max(self.rows) + 1)]
        landed = landed_prices(world, self.product, self.measures, market, world.china[self.product], members)
        prices = price_of(world, self.product, self.path, market, landed, world.restricted[self.product])
        prices[..., world.simulated :] = market[:, world.simulated :]
        return prices

    @cached_property
    def expected(self) -> FloatArray:
        """Return the means of ``prices`` over the scenarios, shape (rows, H)."""
        return self.prices.mean(axis=1)

    @cached_property
    def selling(self) -> FloatArray:
        """Return the highest price among the buyers, USD/t, shape (S, H) (C9)."""
        rows = sorted({self.rows[c] for c in buyers(self.world, self.product)})
        return self.prices[rows[0]] if len(rows) == 1 else self.prices[rows].max(axis=0)

    @cached_property
    def expected_selling(self) -> FloatArray:
        """Return the mean of ``selling`` over the scenarios, shape (1, H)."""
        return self.selling.mean(axis=0, keepdims=True)


@dataclass(frozen=True)
class Scene:
    """Hold border measures by product and a path (product -> states (H,)).

    Prices are by scenario (S, H), or their means (1, H) if ``expected``.
    """

    world: World
    border: Border
    path: Mapping[str, IntArray]
    _quotes: dict[str, Quote] = field(default_factory=dict, repr=False)

    def quote(self, product: str) -> Quote:
        """Return the price of a product; scenes with the same measures and path of it share one."""
        if product not in self._quotes:
            measures, path = self.border[product], self.path[product]
            key = ("quote", product, measures.key, path.tobytes())
            self._quotes[product] = self.world.once(key, lambda: Quote(self.world, product, measures, path))
        return self._quotes[product]

    def landed(self, product: str) -> tuple[FloatArray, FloatArray]:
        """Return the landed prices of ``market`` and ``china_linked``, USD/t, each (3, S, H) (C6)."""
        return landed_prices(self.world, product, self.border[product], self.world.market[product], self.world.china[product])

    def paid(self, product: str, country: int, *, expected: bool = False) -> FloatArray:
        """Return the price that users of a country pay, USD/t (C7)."""
        quote = self.quote(product)
        row = quote.rows[country]
        return quote.expected[row : row + 1] if expected else quote.prices[row]

    def expected_paid(self, product: str) -> FloatArray:
        """Return the mean price that users of each country pay, USD/t, shape (3, H)."""
        quote = self.quote(product)
        return quote.expected[list(quote.rows)]

    def selling(self, product: str, *, expected: bool = False) -> FloatArray:
        """Return the price of refined-form sales without the demand premium, USD/t: the highest among members with direct demand (C9)."""
        quote = self.quote(product)
        return quote.expected_selling if expected else quote.selling

    def own_price(self, project: Project, *, expected: bool = False) -> FloatArray:
        """Return the price at which a project sells its main product, without the demand premium, USD/t (C4, C9)."""
        if project.concentrate:
            return expected_market(self.world, project.product) if expected else self.world.market[project.product]
        return self.selling(project.product, expected=expected)


def expected_market(world: World, product: str) -> FloatArray:
    """Return the mean ``market`` price, USD/t, shape (1, H)."""
    return world.once(("expected market", product), lambda: world.market[product].mean(axis=0, keepdims=True))


def buyers(world: World, product: str) -> list[int]:
    """Return the members with direct demand for a product; all three if none has any (C9)."""
    with_demand = [i for i in range(3) if world.products[product].direct[i] > 0.0]
    return with_demand or [0, 1, 2]


def premium(world: World, product: str) -> FloatArray:
    """Return the demand premium that refined-form producers receive, USD/t, shape (H,) (C9)."""
    return world.premiums.get(product, np.zeros(world.horizon))


def own_premium(world: World, project: Project) -> FloatArray:
    """Return the demand premium on a project's main product, USD/t, shape (H,); a concentrate of a refined product has none (C9)."""
    return np.zeros(world.horizon) if project.concentrate else premium(world, project.product)


def price_of(
    world: World, product: str, path: IntArray, market: FloatArray, landed: tuple[FloatArray, FloatArray], restricted: BoolArray | bool = False
) -> FloatArray:
    """Return C7's price.

    Args:
        world: the instance.
        product: product code.
        path: states, shape (Y,).
        market: M, USD/t, shape (S, Y).
        landed: landed prices of ``market`` and ``china_linked``, USD/t, each (C, S, Y).
        restricted: the flag R, shape (S, Y).

    Returns:
        USD/t, shape (C, S, Y).
    """
    spike, cut = world.products[product].spike, np.broadcast_to(restricted, market.shape)
    prices = np.empty_like(landed[0])
    turns = (np.flatnonzero(np.diff(path)) + 1).tolist()
    for years in map(slice, [0, *turns], [*turns, len(path)]):
        state, short = path[years.start], cut[:, years]
        near, rival = (node[..., years] for node in landed)
        if state == 0:
            prices[..., years] = market[:, years] * (1.0 - world.param("export_cost"))
            continue
        normal = rival if state == 3 else np.minimum(near, rival)
        prices[..., years] = np.where(short, near if state == 1 else spike * near, normal)
    return prices


def _member_shares(demand: FloatArray, feed: FloatArray) -> FloatArray:
    use = np.where(demand.sum(axis=0) > 0.0, demand, feed)
    total = use.sum(axis=0)
    return np.where(total > 0.0, use / np.where(total > 0.0, total, 1.0), 1.0 / len(COUNTRIES))


@dataclass(frozen=True)
class Imports:
    """Hold import tonnes by node and the shortage, each (3, S, H), zero after the last simulated year."""

    market: FloatArray
    china: FloatArray
    shortage: FloatArray


def imports(scene: Scene, product: str, balance: Balance, prices: tuple[FloatArray, FloatArray] | None = None) -> Imports:
    """Return tonnes imported by country, scenario and year (C7); ``prices`` are the landed ones if they are known, USD/t, each (3, S, H)."""
    world = scene.world
    need, reach = (claim[:, None, :] for claim in _claims(world, product, balance))
    cut = world.restricted[product][None]
    landed, rival = scene.landed(product) if prices is None else prices
    fill = world.param("supply_fill_restricted")
    sold = np.where(cut, np.minimum(need, fill * reach), np.where(landed <= rival, np.minimum(need, reach), 0.0))
    rest = need - sold
    return Imports(sold, np.where(cut, 0.0, rest), np.where(cut, rest, 0.0))


def shortage(world: World, product: str, balance: Balance) -> FloatArray:
    """Return the tonnes missing in a restricted year by country, shape (3, H), zero after the last simulated year (C7)."""
    need, reach = _claims(world, product, balance)
    return need - np.minimum(need, world.param("supply_fill_restricted") * reach)


def _claims(world: World, product: str, balance: Balance) -> tuple[FloatArray, FloatArray]:
    """Return each member's share of need and of A, t, each (3, H): by stated demand, or by the feed they buy where nobody has any (C7)."""
    share = _member_shares(stated_demand(world, product), balance.feed)
    share[:, world.simulated :] = 0.0
    return np.maximum(balance.need, 0.0) * share, availability(world, product) * share
