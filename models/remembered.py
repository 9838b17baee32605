"""A plant's columns, taken from a store where they were computed before (``family``)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from .columns import Family, family
from .digests import Digests, stamp
from .packing import pack, unpack
from .welfare import Cost, LevelCosts

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from .aid import Aid, Supports
    from .cashflow import Site
    from .columns import Offer
    from .projects import Plant
    from .store import Store
    from .subsidies import CreditLevel, LawCredits

T = TypeVar("T")

CLASSES = (Family, LevelCosts, Cost)
"""The dataclasses of which a family is made."""


@dataclass(frozen=True)
class Drawn:
    """What a plant draws of the levels asked for."""

    levels: tuple[CreditLevel, ...]


@dataclass(frozen=True)
class Given:
    """What the club gives a plant at the levels asked for: what it draws of each, and the aid of each variant of these."""

    drawn: Drawn
    aid: tuple[Aid, ...]


@dataclass
class Remembered:
    """Computes families, or finds them in a store under a digest of all that they depend on.

    That is the arguments of ``family``, with of the prices by product those that the plant meets and of the supports what they
    give it, and the ``stamp`` of what computes. Fields that a dataclass gets later come in by themselves.
    """

    store: Store
    digests: Digests = field(default_factory=Digests)
    _made: dict[tuple[object, ...], tuple[Any, tuple[object, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            stamp()
        except OSError as error:
            self.store.give_up(error)

    def family(
        self,
        site: Site,
        law: LawCredits,
        offer: Offer,
        dump_deck: bool,
        fixed_strike: float | None = None,
        worst: Site | None = None,
        levels: NDArray[np.int_] | None = None,
        supports: Supports | None = None,
    ) -> Family:
        """Return what ``columns.family`` does."""
        if not self.store.usable:
            return family(site, law, offer, dump_deck, fixed_strike, worst, levels, supports)
        key = self.key(site, law, offer, dump_deck, fixed_strike, worst, levels, supports)
        data = self.store.get(key)
        if data is not None:
            try:
                found: Family = unpack(data, CLASSES)
                return found
            except ValueError as error:
                self.store.damaged(error)
        made = family(site, law, offer, dump_deck, fixed_strike, worst, levels, supports)
        self.store.put(key, pack(made, CLASSES))
        return made

    def key(
        self,
        site: Site,
        law: LawCredits,
        offer: Offer,
        dump_deck: bool,
        fixed_strike: float | None,
        worst: Site | None,
        levels: NDArray[np.int_] | None,
        supports: Supports | None,
    ) -> bytes:
        """Return the digest of all that a family depends on."""
        given = None if supports is None else self._gives(supports, site, offer, levels)
        sites = narrowed(site), None if worst is None else narrowed(worst)
        return self.digests.of((stamp(), *sites, law, self._narrowed(offer, site.plant), dump_deck, fixed_strike, levels, given))

    def _once(self, key: tuple[object, ...], held: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what is made under a key, the same object each time; ``held`` are the objects whose identity is in the key."""
        if key not in self._made:
            self._made[key] = (make(), held)
        made: T = self._made[key][0]
        return made

    def _narrowed(self, offer: Offer, plant: Plant) -> Offer:
        """Return the offer with the long-run prices that a plant meets."""
        products = met(plant)
        prices = offer.long_run
        return self._once((id(offer), products), (offer,), lambda: replace(offer, long_run={m: prices[m] for m in products if m in prices}))

    def _gives(self, supports: Supports, site: Site, offer: Offer, levels: NDArray[np.int_] | None) -> Given:
        """Return what the supports give a plant."""
        plant, years = site.plant, site.calendar.operate.size
        asked = None if levels is None else levels.tobytes()
        wanted = offer.levels if levels is None else [offer.levels[r] for r in levels]
        held = (supports, offer, plant)
        key = (*map(id, held), asked)
        drawn = self._once(key, held, lambda: Drawn(tuple(supports.drawn(plant, wanted))))

        def give() -> Given:
            variants = {level.variant: level for level in drawn.levels}
            return Given(drawn, tuple(supports.aid(plant, years, level) for level in variants.values()))

        return self._once((*key, years), held, give)


def met(plant: Plant) -> tuple[str, ...]:
    """Return the listed products whose prices a plant meets: its own, its feed, and its by-products."""
    listed = [b.product for b in plant.byproducts if b.listed]
    return tuple(dict.fromkeys([plant.product, *([plant.feed_product] if plant.feed_product else []), *listed]))


def narrowed(site: Site) -> Site:
    """Return a site with the by-product prices that its plant meets."""
    prices = site.byproduct_prices
    return replace(site, byproduct_prices={m: prices[m] for m in met(site.plant) if m in prices})
