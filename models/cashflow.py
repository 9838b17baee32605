"""The yearly money of a project in every scenario, with or without a contract (C10, C11, C14)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .aid import NO_AID, Aid
from .contracts import payment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from .aid import Stream
    from .contracts import ContractTerms
    from .lending import Money
    from .projects import Calendar, Plant

    Array = NDArray[np.float64]
    Selection = slice | NDArray[np.bool_]

EVERY = slice(None)
"""All scenarios."""
BLOCK, LEAST = 1 << 17, 64
"""Numbers of an array that is worked on at a time, and the fewest scenarios of a block."""


@dataclass(frozen=True)
class Outlook:
    """The prices that a plant meets under one border option and path, USD/t.

    ``price`` and ``feed`` are ``(T, S)``; ``deck``, ``deck_feed`` and ``dumped`` are the lender's ``(T,)`` (C12c).
    A ``floor`` marks the best end of an envelope and holds its lowest prices: royalties are taken there, and running is
    never worse than care, so that no outlook between the two earns more.
    """

    price: Array
    deck: Array
    dumped: Array
    feed: Array | None = None
    deck_feed: Array | None = None
    floor: Outlook | None = None

    @property
    def royal(self) -> Outlook:
        """Return the outlook on whose prices royalties are taken."""
        return self.floor or self


@dataclass(frozen=True)
class Operation:
    """Operating years under ``R`` strikes, all ``(R, n, S)``: margin, musd, receipts if the plant runs, musd, and whether it does."""

    margin: Array
    receipts: Array
    active: NDArray[np.bool_]

    @property
    def payment(self) -> Array:
        """Return what the contract pays, musd: nothing in idle years."""
        return np.where(self.active, self.receipts, 0.0)


@dataclass(frozen=True)
class Site:
    """A plant from one start year under one outlook: what it earns and pays before any contract.

    ``byproduct_prices`` gives the listed by-products' prices ``(T, S)`` at the baseline's path and law (C8); ``aid`` is
    what the club gives the project besides credits and a contract (C15, C17).
    """

    plant: Plant
    calendar: Calendar
    outlook: Outlook
    byproduct_prices: Mapping[str, Array]
    care_share: float
    aid: Aid = NO_AID

    @cached_property
    def payable(self) -> Array:
        """Return payable tonnes per operating year, ``(n,)``."""
        return self.calendar.output * self.plant.payability

    @cached_property
    def price(self) -> Array:
        """Return the selling price of the operating years, USD/t, ``(n, S)``."""
        return self.outlook.price[self.calendar.operate]

    @cached_property
    def royalty_price(self) -> Array:
        """Return the price on which royalties are taken, USD/t, ``(n, S)``."""
        return self.outlook.royal.price[self.calendar.operate]

    @cached_property
    def byproduct_revenue(self) -> Array:
        """Return by-product revenue, musd, ``(n, S)`` or ``(n, 1)``."""
        return self._byproducts(self.byproduct_prices)

    def _byproducts(self, prices: Mapping[str, Array]) -> Array:
        total = np.zeros((self.calendar.operate.size, 1))
        for stream in self.plant.byproducts:
            tonnes = (stream.tonnes * stream.payability * self.calendar.ramp)[:, None] / 1e6
            listed = prices[stream.product][self.calendar.operate] if stream.listed else stream.price_usd_per_t
            total = total + tonnes * listed
        return total

    @cached_property
    def cost(self) -> Array:
        """Return operating cost, feed included, musd, ``(n, S)`` or ``(n, 1)``."""
        plant, cal = self.plant, self.calendar
        unit = np.full((cal.operate.size, 1), plant.opex)
        if self.outlook.feed is not None:
            unit = unit + plant.feed_tonnes * plant.feed_factor * self.outlook.feed[cal.operate]
        return cal.output[:, None] * unit / 1e6

    def deck_cost(self, years: NDArray[np.int_], output: Array, price_factor: float) -> Array:
        """Return operating cost at deck prices for given years and output, musd, ``(n,)``."""
        unit = np.full(years.size, self.plant.opex)
        if self.outlook.deck_feed is not None:
            unit = unit + self.plant.feed_tonnes * self.plant.feed_factor * price_factor * self.outlook.deck_feed[years]
        return output * unit / 1e6

    @cached_property
    def merchant(self) -> Operation:
        """Return all operating years without a contract, ``(1, n, S)``."""
        return self.operate(np.arange(self.calendar.operate.size), None, None)

    @cached_property
    def sales(self) -> Array:
        """Return sales of the main product and by-products before a contract, offtake included, musd, ``(n, S)``."""
        return self.payable[:, None] / 1e6 * self.price + self.byproduct_revenue + self.offtake

    @cached_property
    def offtake(self) -> Array:
        """Return what the club pays beyond the price for the products it buys, musd, ``(n, S)``; negative is received (C17)."""
        return self.purchases.sum(axis=0) if self.aid.streams else np.zeros((self.calendar.operate.size, 1))

    @cached_property
    def purchases(self) -> Array:
        """Return ``offtake`` stream by stream, musd, ``(streams, n, S)``."""
        operate = self.calendar.operate
        prices = [self.price if s.main else self.byproduct_prices[s.product][operate] for s in self.aid.streams]
        return np.stack([self.bought(s)[:, None] / 1e6 * (s.price - p) for s, p in zip(self.aid.streams, prices, strict=True)])

    def bought(self, stream: Stream) -> Array:
        """Return the payable tonnes of a stream that the club buys per operating year, ``(n,)`` (C17)."""
        return self.stream_tonnes(stream, np.arange(self.calendar.operate.size), self.calendar.operate)

    def stream_tonnes(self, stream: Stream, periods: NDArray[np.int_], years: NDArray[np.int_]) -> Array:
        """Return the tonnes bought in operating years that fall in given simulated years, ``(k,)``."""
        if stream.main:
            tonnes = self.payable[periods]
        else:
            tonnes = self.calendar.ramp[periods] * sum(
                b.tonnes * b.payability for b in self.plant.byproducts if b.product == stream.product and b.listed
            )
        return tonnes * stream.share[years] * (periods < self.aid.tenor)

    def loan_subsidy(self, credit: Money) -> Array:
        """Return what a concessional loan costs the treasury in the first operating year, musd (C15).

        ``credit`` is the whole investment credit, musd, one or one per case: it is not borrowed.
        """
        borrowed = np.maximum(0.0, self.plant.capital_musd - self.plant.grant_musd - credit)
        return np.asarray(borrowed * (self.aid.loan.subsidy if self.aid.loan else 0.0))

    def credit(self, law: Array, increment: ArrayLike) -> Money:
        """Return the whole investment credit and grant, musd, under the law's rates ``(T,)`` and one or several increments (C15)."""
        cal, share = self.calendar, self.plant.itc_share
        at_law = float((share * law[cal.build] + self.aid.grant) @ cal.capital)
        return at_law + share * float(cal.capital.sum()) * np.asarray(increment)

    def open_tonnes(self, periods: NDArray[np.int_], years: NDArray[np.int_]) -> Array:
        """Return the payable tonnes that offtake leaves to a contract in operating years of given simulated years, ``(k,)`` (C17)."""
        main = (self.stream_tonnes(s, periods, years) for s in self.aid.streams if s.main)
        return self.payable[periods] - sum(main, np.zeros(periods.size))

    @cached_property
    def outgoings(self) -> Array:
        """Return operating cost and royalties of an active year, musd, ``(n, S)``."""
        return self.plant.royalty * self.payable[:, None] / 1e6 * self.royalty_price + self.cost

    def operate(
        self, rows: NDArray[np.int_], strikes: Array | None, contract: ContractTerms | None, scenarios: Selection = EVERY
    ) -> Operation:
        """Run the operating years ``rows`` under each strike, in some or all scenarios (C10).

        The plant idles where revenue, receipts included, is below cost less care cost; its margin is then minus care.
        """
        here = span(rows)
        cost = np.broadcast_to(self.cost, self.price.shape)[here][:, scenarios]
        receipts = np.zeros((1, 1, 1)) if strikes is None or contract is None else self.receipts(rows, strikes, contract, scenarios)
        margin = receipts + self.sales[here][None, :, scenarios]
        active = margin >= cost * (1.0 - self.care_share)
        margin -= self.outgoings[here][:, scenarios]
        care = -self.care_share * cost
        np.copyto(margin, care, where=~active)
        if self.outlook.floor is not None:
            np.maximum(margin, care, out=margin)
        return Operation(margin, receipts, active)

    def runs(self, rows: NDArray[np.int_], strikes: Array, contract: ContractTerms, scenarios: Selection = EVERY) -> NDArray[np.bool_]:
        """Say in which of the operating years ``rows`` the plant runs under each strike, ``(R, k, S)`` (C10)."""
        return self.active(rows, self.receipts(rows, strikes, contract, scenarios), scenarios)

    def active(self, rows: NDArray[np.int_], receipts: Array, scenarios: Selection = EVERY) -> NDArray[np.bool_]:
        """Say in which of the operating years ``rows`` the plant runs, given what a contract would pay then, musd (C10)."""
        here = span(rows)
        cost = np.broadcast_to(self.cost, self.price.shape)[here][:, scenarios]
        return receipts + self.sales[here][:, scenarios] >= cost * (1.0 - self.care_share)

    def receipts(self, rows: NDArray[np.int_], strikes: Array, contract: ContractTerms, scenarios: Selection = EVERY) -> Array:
        """Return what a contract pays in the operating years ``rows`` if the plant runs, musd, ``(R, k, S)`` (C14)."""
        level = strikes[:, None] * contract.index(rows)
        share = np.reshape(contract.upside_share, (-1, 1, 1)) if np.ndim(contract.upside_share) else contract.upside_share
        unit = payment(self.price[span(rows)][None, :, scenarios], level[:, :, None], share, contract.collar)
        unit *= self.contracted(rows, contract)[None, :, None]
        return unit

    def contracted(self, rows: NDArray[np.int_], contract: ContractTerms) -> Array:
        """Return the tonnes under contract in operating years, million payable tonnes, ``(k,)`` (C14)."""
        return contract.share * self.open_tonnes(rows, self.calendar.operate[rows]) / 1e6

    @cached_property
    def after_tax_share(self) -> float:
        """Return the share of margin left after duty and income tax (C11)."""
        return (1.0 - self.plant.terms.income_tax) * (1.0 - self.plant.terms.duty)

    @cached_property
    def fixed(self) -> Array:
        """Return after-tax sustaining and expansion capital net of the depreciation shield, musd, ``(n,)``.

        Credits left out: they lower the shield by ``credit x write_off x tax`` (see ``shield_lost``).
        """
        cal = self.calendar
        return (
            -self.after_tax_share * cal.sustaining
            - cal.expansion
            + self.plant.terms.income_tax * cal.depreciation
        )

    @cached_property
    def shield_lost(self) -> Array:
        """Return the yearly tax shield lost per musd of investment credit, ``(n,)`` (C11)."""
        return self.plant.terms.income_tax * self.calendar.write_off


def blocks(scenarios: int, rows: int) -> list[slice]:
    """Return scenarios in blocks, so that what is computed of so many rows at a time stays in the processor's cache."""
    size = max(LEAST, BLOCK // max(rows, 1))
    return [slice(first, min(first + size, scenarios)) for first in range(0, scenarios, size)]


def span(rows: NDArray[np.int_]) -> slice | NDArray[np.int_]:
    """Return rows that follow on each other as a slice, which copies nothing."""
    whole = rows.size and rows[-1] - rows[0] == rows.size - 1
    return slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows


def credit_flows(site: Site, itc: Array, ptc: Array) -> tuple[Array, Array]:
    """Return eligible capital times rate per build year and the production credit's rate per operating year (C15).

    ``itc`` and ``ptc`` are calendar-year rates ``(..., T)``; the first result is musd, ``(..., b)``, with the club's grant
    (C15), the second a share of active cost, ``(..., n)``.
    """
    cal, plant = site.calendar, site.plant
    return (plant.itc_share * itc[..., cal.build] + site.aid.grant) * cal.capital, plant.ptc_share * ptc[..., cal.operate]
