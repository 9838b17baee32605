"""How a project is built, and what its contract and its offtake pay at given prices (C14, C17).

Arrays of operating years have shape (S, N), money is in musd, prices in USD per tonne.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .audit_world import BoolArray, FloatArray, Project, Terms, World

USD_PER_MUSD = 1e6


@dataclass(frozen=True, eq=False)
class Offtake:
    """Hold an offtake: operating years bought, price by product (USD/t) and f by product and calendar year (H,) (C17)."""

    tenor: int
    prices: Mapping[str, float]
    shares: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Option:
    """Say how a project is built.

    Attributes:
        start: first operating year.
        itc: investment credit of the club over law, share of eligible capital.
        ptc: production credit of the club over law, share of eligible cost.
        contract: contract of the club, if any.
        closed: whether a contract closed before the club counts.
        grant: grant of the club, share of capital (C15).
        loan: whether the club lends (C15).
        standards: theta, the share of the standards' gap that it pays (C18).
        offtake: offtake, if any.
    """

    start: int
    itc: float = 0.0
    ptc: float = 0.0
    contract: Terms | None = None
    closed: bool = True
    grant: float = 0.0
    loan: bool = False
    standards: float = 0.0
    offtake: Offtake | None = None

    def delayed(self, years: int) -> Option:
        """Return the option some years later; a contract of the club moves with it."""
        terms = None if self.contract is None else replace(self.contract, start=self.contract.start + years)
        return replace(self, start=self.start + years, contract=terms)


@dataclass(frozen=True)
class Prices:
    """Hold the prices a project meets in its operating years, USD/t: main product, feed (per tonne of main product), each by-product.

    Each is (S, N), or (1, N) where all scenarios are alike.
    """

    main: FloatArray
    feed: FloatArray
    streams: tuple[FloatArray, ...]

    def scaled(self, factor: float) -> Prices:
        """Return all prices times a factor."""
        return Prices(self.main * factor, self.feed * factor, tuple(price * factor for price in self.streams))


@dataclass(frozen=True)
class Purchase:
    """Hold what offtake of one product pays and receives, musd, each (S, N), both >= 0, and the tonnes bought (N,) (C17)."""

    paid: FloatArray
    repaid: FloatArray
    tonnes: FloatArray


def cut(world: World, project: Project, option: Option, yearly: FloatArray) -> FloatArray:
    """Return the operating years of an array whose last axis is the calendar."""
    first = option.start - world.base
    return yearly[..., first : first + project.life]


def holds(option: Option, project: Project) -> Terms | None:
    """Return the contract in force: the design's, else one closed before the club."""
    return option.contract or (project.closed if option.closed else None)


def reach_of(option: Option, project: Project) -> tuple[Hashable, ...]:
    """Return what of an option reaches a project: options that agree in it give the same cash flows and tests."""
    closed = option.closed and project.closed is not None
    aid = (option.itc * project.itc_eligible, option.ptc * project.ptc_share, option.grant, option.loan, option.offtake)
    return (option.start, option.contract, closed, *aid, option.standards * project.standards_gap)


def tenor_years(project: Project, option: Option) -> BoolArray:
    """Return which operating years the contract covers, shape (N,) (C14)."""
    terms = holds(option, project)
    years = option.start + np.arange(project.life)
    if terms is None:
        return np.zeros(project.life, dtype=bool)
    return (years >= terms.start) & (years < terms.start + terms.tenor)


def contract_flows(world: World, project: Project, option: Option, price: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return payments to the project and repayments to the state at full output, musd, each (S, N), both >= 0; (1, N) without a contract (C14).

    The contract covers what an offtake of the main product leaves (C17).
    """
    terms = holds(option, project)
    if terms is None:
        return np.zeros((1, project.life)), np.zeros((1, project.life))
    strike = terms.strikes(project.life)
    bought = np.zeros(project.life) if project.concentrate else offtake_share(world, project, option, project.product)
    payable = np.minimum(project.tonnes * project.payability, terms.quantity) * terms.share * (1.0 - bought) * tenor_years(project, option)
    below, above = np.maximum(strike - price, 0.0), np.maximum(price - (1.0 + terms.collar) * strike, 0.0)
    return payable * below / USD_PER_MUSD, payable * terms.upside * above / USD_PER_MUSD


def offtake_share(world: World, project: Project, option: Option, product: str) -> FloatArray:
    """Return f by operating year, shape (N,); 0 where nothing is bought (C17)."""
    deal = option.offtake
    if deal is None or product not in deal.prices:
        return np.zeros(project.life)
    return cut(world, project, option, deal.shares[product]) * (np.arange(project.life) < deal.tenor)


def offtake_flows(world: World, project: Project, option: Option, prices: Prices) -> dict[str, Purchase]:
    """Return what the offtake of each product pays at full output: ``f (P - p)`` per payable tonne of each stream (C17)."""
    deal = option.offtake
    if deal is None:
        return {}
    sold = [] if project.concentrate else [(project.product, project.tonnes * project.payability, prices.main)]
    sold += [(s.product, project.ramp_path * s.tonnes * s.payability, price) for s, price in zip(project.streams, prices.streams, strict=True)]
    found: dict[str, Purchase] = {}
    for product, tonnes, price in sold:
        if product not in deal.prices:
            continue
        bought = tonnes * offtake_share(world, project, option, product)
        net = bought * (deal.prices[product] - price) / USD_PER_MUSD
        old = found.get(product, Purchase(np.zeros_like(net), np.zeros_like(net), np.zeros(project.life)))
        found[product] = Purchase(old.paid + np.maximum(net, 0.0), old.repaid + np.maximum(-net, 0.0), old.tonnes + bought)
    return found
