"""The lender's decks of a plant under one loan, as functions of the strike and of the club's credit rates (C12c).

Credits enter linearly, and the tests of many *cases* are taken at once (see ``bankability``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .contracts import payment
from .lending import Loan, Money, loan

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .aid import PublicLoan
    from .cashflow import Outlook, Site
    from .contracts import ContractTerms
    from .lending import Rules
    from .subsidies import LawCredits

    Array = NDArray[np.float64]
    Index = NDArray[np.int_]

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Deck:
    """A lender's view of the ``k`` repayment years, all ``(k,)``.

    ``cash`` is after-tax cash with the law's credits and no contract, musd, and ``credit`` what a unit of the production
    credit's rate adds; ``price`` is the selling price, USD/t; ``covered`` million tonnes under contract, ``index`` the
    strike's real value and ``shield_lost`` musd per musd of investment credit.
    """

    cash: Array
    credit: Array
    price: Array
    covered: Array
    index: Array
    shield_lost: Array


@dataclass(frozen=True)
class Held:
    """A contract over a grid of ``G`` strikes: its terms, the strikes (USD/t), and the operating years that it covers."""

    terms: ContractTerms
    strikes: Array
    rows: Index

    def at(self, index: Index | slice | None) -> tuple[Array, Array | float]:
        """Return strikes and upside shares of the grid, or of some of its places."""
        share = self.terms.upside_share
        if index is None:
            return self.strikes, share
        return self.strikes[index], share[index] if isinstance(share, np.ndarray) else share

    def covers(self, years: Index) -> NDArray[np.bool_]:
        """Say which operating years the tenor covers, ``(k,)``."""
        return (years >= self.rows[0]) & (years <= self.rows[-1]) if self.rows.size else np.full(years.shape, False)


@dataclass(frozen=True)
class Case:
    """Cases of the tests: investment credit, musd, the production credit's increment, the loan, and strikes with upside shares, if any."""

    credit: Money
    ptc: Array
    debt: Loan
    contract: tuple[Array, Array | float] | None


class Decks:
    """The decks of one site over a grid of strikes, or without a contract.

    ``itc`` and ``ptc`` are the club's increments, one or one per case; ``index`` are places in the grid, one per case, the
    whole grid if none is given.
    """

    def __init__(self, site: Site, law: LawCredits, rules: Rules, dump_deck: bool, held: Held | None, phi: Array, public: PublicLoan | None) -> None:
        """Take a site with the law's credits; ``phi`` ``(G,)`` is the contracted share that counts (C12a), ``public`` the club's loan."""
        self.site, self.law, self.rules, self.dump_deck = site, law, rules, dump_deck
        self.held, self.phi, self.public = held, phi, public
        count = site.calendar.operate.size
        self.repayment = np.arange(1, loan(site.plant, count, rules, public=public).years + 1).clip(max=count - 1)
        self.years = site.calendar.operate[self.repayment]

    def loan(self, itc: ArrayLike = 0.0) -> Loan:
        """Return the loan under an increment of the investment credit."""
        return self._loan(self.site.credit(self.law.itc, itc))

    def _loan(self, credit: Money) -> Loan:
        return loan(self.site.plant, self.site.calendar.operate.size, self.rules, credit, self.public)

    def case(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> Case:
        """Return what the decks need to know of some cases."""
        credit = self.site.credit(self.law.itc, itc)
        return Case(np.atleast_1d(credit), np.atleast_1d(ptc), self._loan(credit), self.held.at(index) if self.held else None)

    # --- decks ----------------------------------------------------------------------------------------------------

    def _deck(self, price: Array, royal: Array, late: int = 0, down: float = 1.0, dear: float = 1.0, overrun: float = 1.0) -> Deck:
        """Return a deck at prices of the repayment years, USD/t ``(k,)``: ``royal`` are those on which royalties are taken.

        The plant is ``late`` years late, all prices are multiplied by ``down``, cost by ``dear`` and depreciation on
        initial capital by ``overrun``.
        """
        site, cal, years, terms = self.site, self.site.calendar, self.years, self.held.terms if self.held else None
        periods = self.repayment - late
        counted = years - cal.operate[0] if terms and terms.by_calendar else periods
        running, periods = periods >= 0, np.maximum(periods, 0)
        payable = site.payable[periods] / 1e6
        cost = dear * site.deck_cost(years, cal.output[periods], down)
        sales = down * (payable * (price - site.plant.royalty * royal) + self._byproducts(periods))
        sales = sales + self._offtake(periods, price, down)
        shield = site.plant.terms.income_tax * cal.initial_depreciation[periods] * overrun
        credit, covered = running * site.plant.ptc_share * cost, np.zeros(periods.size)
        if terms and self.held:
            covered = np.where(running & self.held.covers(counted), terms.share * site.open_tonnes(periods, years) / 1e6, 0.0)
        return Deck(
            cash=running * (site.after_tax_share * (sales - cost - cal.sustaining[periods]) + shield) + credit * self.law.ptc[years],
            credit=credit,
            price=down * price,
            covered=covered,
            index=terms.index(counted) if terms else np.ones(periods.size),
            shield_lost=running * site.shield_lost[periods],
        )

    def _byproducts(self, periods: Index) -> Array:
        """Return expected by-product revenue of operating years that fall in the repayment years, musd, ``(k,)``."""
        site, total = self.site, np.zeros(periods.size)
        for stream in site.plant.byproducts:
            tonnes = stream.tonnes * stream.payability * site.calendar.ramp[periods] / 1e6
            price = site.byproduct_prices[stream.product][self.years].mean(axis=1) if stream.listed else stream.price_usd_per_t
            total = total + tonnes * price
        return total

    def _offtake(self, periods: Index, price: Array, down: float) -> Array:
        """Return what offtake pays beyond the deck's prices, musd, ``(k,)`` (C17)."""
        site, total = self.site, np.zeros(periods.size)
        for stream in site.aid.streams:
            level = price if stream.main else site.byproduct_prices[stream.product][self.years].mean(axis=1)
            total = total + site.stream_tonnes(stream, periods, self.years) / 1e6 * (stream.price - down * level)
        return total

    @cached_property
    def bank(self) -> Deck:
        """Return the deck of the lender's own prices."""
        outlook = self.site.outlook
        return self._deck(outlook.deck[self.years], outlook.royal.deck[self.years])

    @cached_property
    def downside(self) -> Deck:
        """Return the deck of late production, lower prices and higher cost."""
        outlook, rules = self.site.outlook, self.rules
        prices = outlook.deck[self.years], outlook.royal.deck[self.years]
        return self._deck(*prices, rules.delay, rules.price_down, rules.cost_down, rules.capital_down)

    @cached_property
    def dump(self) -> Deck:
        """Return the deck whose first years are at dumped prices."""
        return self._deck(self._dumped(self.site.outlook), self._dumped(self.site.outlook.royal))

    def _dumped(self, outlook: Outlook) -> Array:
        price, first = outlook.deck[self.years], self.rules.dump_years
        price[:first] = outlook.dumped[self.years[:first]]
        return price

    def cash(self, deck: Deck, case: Case) -> Array:
        """Return cash available for debt service by repayment year and case, musd, ``(k, C)``."""
        cash: Array = deck.cash[:, None] + deck.credit[:, None] * case.ptc - deck.shield_lost[:, None] * case.credit
        if self.held is not None and case.contract is not None:
            strikes, share = case.contract
            unit = payment(deck.price[:, None], strikes * deck.index[:, None], share, self.held.terms.collar)
            unit *= (self.site.after_tax_share * deck.covered)[:, None]
            cash = cash + unit
        return cash

    # --- covers ---------------------------------------------------------------------------------------------------

    def bank_cover(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> Array:
        """Return the bank deck's average cover over the repayment years of each case; infinite without debt."""
        return self._bank_cover(self.case(itc, ptc, index))

    def _bank_cover(self, case: Case) -> Array:
        return _cover(self.cash(self.bank, case).mean(axis=0), case.debt.service)

    def bank_required(self, index: Index | None = None) -> Array:
        """Return the cover that the bank deck asks for: less as the contracted share rises."""
        inside = float(self.held.covers(self.repayment).mean()) if self.held else 0.0
        phi = self.phi if index is None or self.held is None else self.phi[index]
        return self.rules.cover_merchant - self.rules.cover_reduction * inside * phi

    def downside_cover(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> Array:
        """Return the least yearly cover of the downside deck after the reserve of each case; infinite without debt.

        Cash of a year plus the reserve over debt service; the reserve is refilled from surplus up to its size.
        """
        return self._downside_cover(self.case(itc, ptc, index))

    def _downside_cover(self, case: Case) -> Array:
        cash, service = self.cash(self.downside, case), case.debt.service
        full = self.rules.reserve_years * service
        reserve, least = full, np.full(cash.shape[1:], np.inf)
        for year in cash:
            money = year + reserve
            np.minimum(least, money, out=least)
            money -= service
            reserve = np.clip(money, 0.0, full, out=money)
        return _cover(least, service)

    def dump_cover(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> Array:
        """Return the dump deck's loan-life cover of each case; infinite without debt."""
        return self._dump_cover(self.case(itc, ptc, index))

    def _dump_cover(self, case: Case) -> Array:
        factor = (1.0 + case.debt.rate) ** -np.arange(1.0, self.repayment.size + 1)
        return _cover(factor @ self.cash(self.dump, case), case.debt.principal)

    def passes(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> NDArray[np.bool_]:
        """Say where all decks pass; a plant without debt passes."""
        case = self.case(itc, ptc, index)
        passed = self._bank_cover(case) >= self.bank_required(index) - TOLERANCE
        passed &= self._downside_cover(case) >= self.rules.cover_down - TOLERANCE
        if self.dump_deck:
            passed &= self._dump_cover(case) >= self.rules.dump_cover - TOLERANCE
        return passed

    def downside_passes(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> NDArray[np.bool_]:
        """Say where the downside deck passes; a plant without debt passes."""
        return self.downside_cover(itc, ptc, index) >= self.rules.cover_down - TOLERANCE

    def totals_pass(self, itc: Array, ptc: Array, places: slice) -> NDArray[np.bool_]:
        """Say at which of some places of the grid the bank and the dump deck pass under each of several rates, ``(C, G)``.

        Their covers are totals over the years, so what rates and what strikes add is worked out apart.
        """
        case, count = self.case(itc, ptc), self.repayment.size
        required = self.bank_required()[places] - TOLERANCE
        service, principal = (np.broadcast_to(owed, itc.shape)[:, None] for owed in (case.debt.service, case.debt.principal))
        passed = (self._total(self.bank, np.full(count, 1.0 / count), case, places) >= required * service) | (service <= 0.0)
        if self.dump_deck:
            factor = (1.0 + case.debt.rate) ** -np.arange(1.0, count + 1)
            passed &= (self._total(self.dump, factor, case, places) >= (self.rules.dump_cover - TOLERANCE) * principal) | (principal <= 0.0)
        return passed

    def _total(self, deck: Deck, weights: Array, case: Case, places: slice) -> Array:
        """Return weighted cash over the repayment years by case and place of the grid, musd, ``(C, G)``."""
        total = weights @ deck.cash + case.ptc * (weights @ deck.credit) - case.credit * (weights @ deck.shield_lost)
        if self.held is None:
            return total[:, None]
        strikes, share = self.held.at(places)
        unit = payment(deck.price[:, None], strikes * deck.index[:, None], share, self.held.terms.collar)
        return total[:, None] + (weights * self.site.after_tax_share * deck.covered) @ unit


def _cover(money: Array, debt: Money) -> Array:
    """Return money over debt, infinite where nothing is owed."""
    owed = np.broadcast_to(debt, money.shape)
    return np.divide(money, owed, out=np.full(money.shape, np.inf), where=owed > 0.0)
