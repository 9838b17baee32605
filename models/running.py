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

from .cashflow import EVERY, blocks, span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cashflow import Selection, Site
    from .contracts import ContractTerms

    Array = NDArray[np.float64]
    Index = NDArray[np.int_]


def runs_from(site: Site, rows: Index, contract: ContractTerms, need: Array, scenarios: Selection = EVERY) -> Array:
    """Return the least strike at which a contract pays what is needed, USD/t, ``(k, S)``; infinite where none does.

    Args:
        site: the plant at its prices.
        rows: operating years of the tenor, ``(k,)``.
        contract: terms with one upside share.
        need: what the contract must pay, musd ``(k, S)``.
        scenarios: those of ``need``.
    """
    price, share = site.price[span(rows)][:, scenarios], contract.upside_share
    with np.errstate(divide="ignore", invalid="ignore"):
        short = need / site.contracted(rows, contract)[:, None]
        spared = (price + short / share) / (1.0 + contract.collar) if share else np.full(price.shape, -np.inf)
    level = np.where(need > 0.0, price + short, np.where(np.isnan(short), -np.inf, spared))
    return np.asarray(level / contract.index(rows)[:, None])


def expected_under(site: Site, rows: Index, strikes: Array, contract: ContractTerms) -> tuple[Array, Array]:
    """Return expected margin and expected cost of running in the tenor's ``k`` years over a rising grid of strikes, musd, each ``(k, G)`` (C10).

    In an envelope running is never worse than care (``Outlook.floor``). ``contract`` has one upside share.
    """
    scenarios = site.price.shape[1]
    begun = np.zeros((3, rows.size, strikes.size + 1))
    for block in blocks(scenarios, rows.size):
        begun += _begun(site, rows, strikes, contract, block)
    at_zero, per_strike, cost = np.cumsum(begun, axis=2)[..., :-1] / scenarios
    care = site.care_share * site.cost[rows].mean(axis=1)
    return at_zero + per_strike * strikes - care[:, None], cost


def _begun(site: Site, rows: Index, strikes: Array, contract: ContractTerms, scenarios: Selection) -> Array:
    """Return by place of the grid what begins there: margin beyond care at a strike of 0, its slope, and cost, summed over scenarios, ``(3, k, G + 1)``."""
    here = span(rows)
    sales, outgoings, price, cost = (x[here][:, scenarios] for x in (site.sales, site.outgoings, site.price, np.broadcast_to(site.cost, site.price.shape)))
    care = site.care_share * cost
    tonnes, index = (x[:, None] for x in (site.contracted(rows, contract), contract.index(rows)))
    share, ceiling = float(contract.upside_share), 1.0 + contract.collar
    value, unit = tonnes * price, np.broadcast_to(tonnes * index, care.shape)
    runs = begin = np.searchsorted(strikes, runs_from(site, rows, contract, cost * (1.0 - site.care_share) - sales, scenarios))
    if site.outlook.floor is not None:
        begin = np.searchsorted(strikes, runs_from(site, rows, contract, outgoings - care - sales, scenarios))
    short = np.maximum(begin, np.searchsorted(strikes, price / index))
    parts = [(begin, sales - outgoings + care - share * value, share * ceiling * unit), (short, (share - 1.0) * value, (1.0 - share) * unit)]
    if contract.collar and share:
        over = np.maximum(begin, np.searchsorted(strikes, price / (ceiling * index)))
        parts = [parts[0], (over, share * value, -share * ceiling * unit), (short, -value, unit)]
    at_zero, per_strike = (sum(_at(part[0], part[k], strikes.size) for part in parts) for k in (1, 2))
    return np.stack([at_zero, per_strike, _at(runs, cost, strikes.size)])


def _at(place: Index, amount: Array, size: int) -> Array:
    """Return sums over scenarios of amounts by year and place, ``(k, size + 1)``."""
    years = place.shape[0]
    place = place + (size + 1) * np.arange(years)[:, None]
    return np.bincount(place.ravel(), np.asarray(amount, dtype=float).ravel(), years * (size + 1)).astype(float).reshape(years, size + 1)
