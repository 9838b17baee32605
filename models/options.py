"""The ladder of border options of a product: tariff pairs at law or above, then reference prices (C6, C19)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .levies import Border, distinct, line_of, tariff_pairs, three_digits
from .market import COUNTRIES
from .standards import standard_factor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .market import Market


def border_options(market: Market, product: str, fixes: Mapping[str, float]) -> tuple[Border, ...]:
    """Return a product's options, law first. Products of one tariff line have lists of equal length and order.

    Pairs that change no member's rate are left out; at most ``ladders.max_pairs`` stay, the lowest first. What is pinned
    for a product holds for its line.
    """
    s = market.instance.settings
    line = line_of(s, product)

    def pinned(name: str) -> float | None:
        return next((fixes[key] for m in line if (key := f"{name}.{m}") in fixes), None)

    fixed = {"market": pinned("tariff.market"), "china": pinned("tariff.china_linked")}
    rates = sorted({0.0, *map(float, s["ladders.tariffs"])}) if s["instruments.tariffs"] else [0.0]
    pairs = tariff_pairs(rates, fixed)
    if None in fixed.values():
        laws = [market.law(m, c) for m in line for c in COUNTRIES]
        pairs = distinct(pairs, laws)[: int(s["ladders.max_pairs"])]
    factor, reference = standard_factor(market.instance), pinned("reference")
    if reference is not None:
        return tuple(replace(pair, reference=reference, standard=factor) for pair in pairs[:1])
    levies = [Border(reference=price) for price in references(market, product)] if set(fixed.values()) == {None} else []
    return tuple(replace(option, standard=factor) for option in [*pairs, *levies])


def references(market: Market, product: str) -> list[float]:
    """Return the ladder of reference prices, USD/t: multiples of the long-run price, rounded to three digits."""
    s = market.instance.settings
    multiples = sorted(map(float, s["ladders.reference"])) if s["instruments.reference_price"] else []
    return [float(three_digits(multiple * market.long_run[product])) for multiple in multiples]
