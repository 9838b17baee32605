"""Recompute demand, availability, need, states, prices and import tonnes (C5-C9, C22).

``builds`` maps a project to its start year. Arrays over years have shape (H,), over scenarios and years (S, H), over countries too (3, S, H).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .audit_border import Border, landed_prices
from .audit_world import COUNTRIES, BoolArray, FloatArray, IntArray, Project, World

Builds = Mapping[str, int]


def growth_index(world: World, product: str) -> FloatArray:
    """Return demand relative to 2025: ``g1`` to 2030, ``g2`` after, constant after ``growth_until`` (C8)."""
    g1, g2 = world.products[product].growth
    years = np.minimum(np.arange(world.base, world.base + world.horizon), int(world.setting("data.growth_until", 2040)))
    index: FloatArray = (1.0 + g1) ** np.minimum(years - 2025, 5) * (1.0 + g2) ** np.maximum(years - 2030, 0)
    return index


def direct_demand(world: World, product: str) -> FloatArray:
    """Return direct demand by country and year, t, shape (3, H)."""
    return world.products[product].direct[:, None] * growth_index(world, product)


def stated_demand(world: World, product: str) -> FloatArray:
    """Return demand on the stated basis by country and year, t, shape (3, H) (C8)."""
    p = world.products[product]
    basis = str(world.setting("data.demand_basis", "localised"))
    if basis == "localised":
        first, last = int(world.setting("data.localised_from", 2025)), int(world.setting("data.localised_until", 2035))
        years = np.arange(world.base, world.base + world.horizon)
        rise = np.clip((years - first) / max(1, last - first), 0.0, 1.0)
        share = float(world.setting("data.localised_share", 0.5)) * rise
    else:
        share = np.full(world.horizon, 1.0 if basis == "embodied" else 0.0)
    return (p.direct[:, None] + share * (p.embodied - p.direct)[:, None]) * growth_index(world, product)


def availability(world: World, product: str) -> FloatArray:
    """Return A, the tonnes that ``market`` can sell the club in an unrestricted year, shape (H,) (C5)."""
    p = world.products[product]
    outside = max(0.0, p.non_china_supply - float(p.existing.sum()))
    return max(p.reach * outside, p.other_imports) * growth_index(world, product)


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
        tonnes = spread(world, p, start, p.tonnes())
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
        demand = stated_demand(world, m).sum(axis=0)
        need = demand + feed[m].sum(axis=0) - p_m.existing.sum() - refined[m] - converted
        found[m] = Balance(demand, refined[m], concentrate[m], spare[m], converted, feed[m], need)
    return found


def spare_capacity(world: World, product: str, *, linked_too: bool) -> FloatArray:
    """Return capacity of same-product converters beyond existing refined supply, t, shape (H,)."""
    years = np.arange(world.base, world.base + world.horizon)
    total = np.zeros(world.horizon)
    for c in world.converters:
        if c.source == c.target == product and (linked_too or not c.china_linked):
            total += np.where(years >= c.start, c.output_t, 0.0)
    return np.maximum(0.0, total - float(world.products[product].existing.sum()))


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
            sold = spread(world, p, start, p.tonnes() * p.counted_share)
            (concentrate if p.concentrate else total)[:] += sold
        ramp = np.array([p.ramp_at(n) for n in range(p.life)])
        by_product += spread(world, p, start, ramp * sum(s.tonnes * s.payability for s in p.streams if s.product == product))
    total += np.minimum(concentrate, spare_capacity(world, product, linked_too=False))
    left = np.maximum(0.0, stated_demand(world, product).sum(axis=0) - total)
    return total + np.minimum(by_product, left)


@dataclass(frozen=True)
class Scene:
    """Hold border measures by product and a path (product -> states (H,))."""

    world: World
    border: Border
    path: Mapping[str, IntArray]
    _domestic: dict[str, FloatArray] = field(default_factory=dict, repr=False)

    def landed(self, product: str) -> tuple[FloatArray, FloatArray]:
        """Return the landed prices of ``market`` and ``china_linked``, USD/t, each (3, S, H) (C6)."""
        return landed_prices(self.world, product, self.border[product], self.world.market[product], self.world.china[product])

    def domestic(self, product: str) -> FloatArray:
        """Return the price that users of each country pay, USD/t, shape (3, S, H) (C7)."""
        if product not in self._domestic:
            self._domestic[product] = self._price(product)
        return self._domestic[product]

    def _price(self, product: str) -> FloatArray:
        world, market = self.world, self.world.market[product]
        prices = price_of(world, product, self.path[product], market, self.landed(product), world.restricted[product])
        prices[:, :, world.simulated :] = market[:, world.simulated :]
        return prices

    def selling(self, product: str) -> FloatArray:
        """Return the price of refined-form sales without the demand premium, USD/t, shape (S, H): the highest among members with direct demand (C9)."""
        prices: FloatArray = self.domestic(product)[buyers(self.world, product)].max(axis=0)
        return prices

    def own_price(self, project: Project) -> FloatArray:
        """Return the price at which a project sells its main product, without the demand premium, USD/t, shape (S, H) (C4, C9)."""
        return self.world.market[project.product] if project.concentrate else self.selling(project.product)


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
        landed: landed prices of ``market`` and ``china_linked``, USD/t, each (3, S, Y).
        restricted: the flag R, shape (S, Y).

    Returns:
        USD/t, shape (3, S, Y).
    """
    near, rival = landed
    shortage = world.products[product].spike * near
    cheaper = np.minimum(near, rival)
    by_state = [
        market * (1.0 - world.param("export_cost")),
        np.where(restricted, near, cheaper),
        np.where(restricted, shortage, cheaper),
        np.where(restricted, shortage, rival),
    ]
    return np.choose(np.broadcast_to(path, near.shape), by_state)


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


def imports(scene: Scene, product: str, balance: Balance) -> Imports:
    """Return tonnes imported by country, scenario and year (C7).

    Members share need and A by stated demand, or by the feed they buy where nobody has any.
    """
    world = scene.world
    share = _member_shares(stated_demand(world, product), balance.feed)
    share[:, world.simulated :] = 0.0
    need = (np.maximum(balance.need, 0.0) * share)[:, None, :]
    reach = (availability(world, product) * share)[:, None, :]
    cut = world.restricted[product][None]
    landed, rival = scene.landed(product)
    limit = np.where(cut, world.param("supply_fill_restricted") * reach, reach)
    sold = np.where(cut | (landed <= rival), np.minimum(need, limit), 0.0)
    rest = need - sold
    return Imports(sold, np.where(cut, 0.0, rest), np.where(cut, rest, 0.0))
