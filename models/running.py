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


def expected_under(site: Site, rows: Index, strikes: Array, contract: ContractTerms) -> tuple[Array, Array]:
    """Return expected margin and active cost of the tenor's ``k`` years over a rising grid of strikes, musd, each ``(k, G)``.

    In an envelope running is never worse than care (``Outlook.floor``).
    """
    cost = np.broadcast_to(site.cost, site.price.shape)[rows]
    sales, care = site.sales[rows], site.care_share * cost
    tonnes, index = (x[:, None] for x in (site.contracted(rows, contract), contract.index(rows)))
    price, share, ceiling = site.price[rows], float(contract.upside_share), 1.0 + contract.collar
    begin = active = np.searchsorted(strikes, runs_from(site, rows, contract, cost - care - sales))
    if site.outlook.floor is not None:
        begin = np.searchsorted(strikes, runs_from(site, rows, contract, site.outgoings[rows] - care - sales))
    short = np.maximum(begin, np.searchsorted(strikes, price / index))
    fixed = _from(begin, sales - site.outgoings[rows] + care - share * tonnes * price, strikes.size)
    slope = share * ceiling * _from(begin, None, strikes.size)
    if contract.collar and share:
        over = np.maximum(begin, np.searchsorted(strikes, price / (ceiling * index)))
        fixed += _from(over, share * tonnes * price, strikes.size) - _from(short, tonnes * price, strikes.size)
        slope += _from(short, None, strikes.size) - share * ceiling * _from(over, None, strikes.size)
    else:
        fixed -= (1.0 - share) * _from(short, tonnes * price, strikes.size)
        slope += (1.0 - share) * _from(short, None, strikes.size)
    margin = (fixed + tonnes * index * slope * strikes) / price.shape[1] - care.mean(axis=1)[:, None]
    return margin, _from(active, cost, strikes.size) / price.shape[1]


def _from(first: Index, amount: Array | None, size: int) -> Array:
    """Return sums over scenarios of amounts, or of ones, that begin at some place of the grid, ``(k, G)``."""
    place = (first + (size + 1) * np.arange(first.shape[0])[:, None]).ravel()
    weights = None if amount is None else amount.ravel()
    begun = np.bincount(place, weights, first.shape[0] * (size + 1)).reshape(-1, size + 1)
    return np.cumsum(begun[:, :-1], axis=1, dtype=float)
