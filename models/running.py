"""From which strike a plant runs, and what it earns on average over a grid of strikes (C10, C14).

A higher strike pays more, so in each scenario and year of the tenor a plant runs from some strike on: where it needs
``u`` per tonne of the contract, which pays ``max(K - p, 0) - g max(p - (1 + c) K, 0)``, from ``K = p + u`` on if it needs
money, and from ``(1 + c) K = p + u / g`` on if it can spare some. What it is paid is then linear in the strike between
``p / (1 + c)`` and ``p``, and beyond. So means over scenarios are sums of few terms that each begin at some strike: one
search in the grid and cumulative sums give them at every strike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .cashflow import Site
    from .contracts import ContractTerms

    Array = NDArray[np.float64]
    Index = NDArray[np.int_]


def runs_from(site: Site, rows: Index, contract: ContractTerms, need: Array) -> Array:
    """Return the least strike at which a contract pays what is needed, USD/t, ``(k, S)``; infinite where none does.

    Args:
        site: the plant at its prices.
        rows: operating years of the tenor, ``(k,)``.
        contract: terms with one upside share.
        need: what the contract must pay, musd ``(k, S)``.
    """
    price, share = site.price[rows], contract.upside_share
    with np.errstate(divide="ignore", invalid="ignore"):
        short = need / site.contracted(rows, contract)[:, None]
        spared = (price + short / share) / (1.0 + contract.collar) if share else np.full(price.shape, -np.inf)
    level = np.where(need > 0.0, price + short, np.where(np.isnan(short), -np.inf, spared))
    return np.asarray(level / contract.index(rows)[:, None])


def expected_margin(
    site: Site, rows: Index, strikes: Array, contract: ContractTerms, weights: Array | None = None, short: Index | None = None
) -> Array:
    """Return the expected margin of the tenor's ``k`` years over a rising grid of strikes, musd, ``(k, G)`` (C10).

    In an envelope running is never worse than care (``Outlook.floor``).

    Args:
        site: the plant at its prices.
        rows: operating years of the tenor, ``(k,)``.
        strikes: the grid, USD/t ``(G,)``.
        contract: terms with one upside share.
        weights: factors by which the years are added up, ``(k,)``; the result is then ``(1, G)``.
        short: ``short_from`` of the same grid, where it is at hand.
    """
    sales, outgoings = site.sales[rows], site.outgoings[rows]
    care = site.care_share * np.broadcast_to(site.cost, site.price.shape)[rows]
    tonnes, index = (x[:, None] for x in (site.contracted(rows, contract), contract.index(rows)))
    share, ceiling = float(contract.upside_share), 1.0 + contract.collar
    value, unit = tonnes * site.price[rows], np.broadcast_to(tonnes * index, care.shape)
    spent = site.cost[rows] if site.outlook.floor is None else outgoings
    begin = np.searchsorted(strikes, runs_from(site, rows, contract, spent - care - sales))
    short = np.maximum(begin, short_from(site, rows, strikes, contract) if short is None else short)
    gain = sales - outgoings + care
    places, fixed, slope = [begin, short], [gain - share * value], [share * ceiling * unit]
    if contract.collar and share:
        places.insert(1, np.maximum(begin, np.searchsorted(strikes, site.price[rows] / (ceiling * index))))
        fixed += [share * value, -value]
        slope += [-share * ceiling * unit, unit]
    else:
        fixed += [(share - 1.0) * value]
        slope += [(1.0 - share) * unit]
    at_zero, per_strike = (_from(places, amounts, strikes.size, weights) for amounts in (fixed, slope))
    idle: Array = care.mean(axis=1)[:, None] if weights is None else weights @ care.mean(axis=1)
    margin: Array = (at_zero + per_strike * strikes) / care.shape[1] - idle
    return margin


def expected_cost(site: Site, rows: Index, strikes: Array, contract: ContractTerms, weights: Array | None = None) -> Array:
    """Return the expected cost of running in the tenor's ``k`` years, musd; arguments and result as of ``expected_margin``."""
    cost = np.broadcast_to(site.cost, site.price.shape)[rows]
    begin = np.searchsorted(strikes, runs_from(site, rows, contract, cost * (1.0 - site.care_share) - site.sales[rows]))
    return _from([begin], [cost], strikes.size, weights) / cost.shape[1]


def short_from(site: Site, rows: Index, strikes: Array, contract: ContractTerms) -> Index:
    """Return the place in a rising grid from which on the strike is above the price, ``(k, S)``."""
    return np.searchsorted(strikes, site.price[rows] / contract.index(rows)[:, None])


def _from(places: Sequence[Index], amounts: Sequence[Array], size: int, weights: Array | None) -> Array:
    """Return sums over scenarios of amounts that begin at some place of the grid, by year ``(k, G)`` or weighed over them ``(1, G)``."""
    first, amount, years = np.stack(places), np.stack(amounts), 1
    if weights is None:
        years = first.shape[1]
        first = first + (size + 1) * np.arange(years)[:, None]
    else:
        amount *= weights[:, None]
    begun = np.bincount(first.ravel(), amount.ravel(), years * (size + 1)).reshape(years, size + 1)
    return np.cumsum(begun[:, :-1], axis=1)
