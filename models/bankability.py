"""The three bankability tests, as functions of the strike and of the credit rates (C12).

A higher strike eases every test, but for royalties of years in which it makes the plant run. Credits enter linearly.
The tests of many *cases* are taken at once: a case is a strike, a pair of credit rates or both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import Outlook, Site, credit_flows
from .contracts import ContractTerms, expected_payment, payment
from .lending import Loan, Money, Rules, loan, main_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Index = NDArray[np.int_]


@dataclass(frozen=True)
class Deck:
    """A lender's view of the ``k`` repayment years, all ``(k,)`` (C12c).

    ``cash`` is after-tax cash without a contract and credits and ``cost`` operating cost, musd; ``price`` the selling
    price, USD/t; ``covered`` million tonnes under contract, ``index`` the strike's real value, ``shield_lost`` musd per
    musd of investment credit, and ``years`` the simulated years whose credit rates apply.
    """

    cash: Array
    cost: Array
    price: Array
    covered: Array
    index: Array
    shield_lost: Array
    years: Index


class Tests:
    """The tests of one site over a rising grid of ``G`` strikes (or without a contract, ``G`` = 1), for any credit rates.

    The tests take calendar-year credit rates, ``(T,)`` or ``(C, T)`` for ``C`` cases, and an ``index`` into the grid,
    ``(C,)``, the whole grid if none is given. Strikes and rates are paired, and one of either serves all of the other.
    """

    __test__ = False

    def __init__(
        self,
        site: Site,
        rules: Rules,
        long_run: dict[str, float],
        dump_deck: bool,
        contract: ContractTerms | None = None,
        strikes: Array | None = None,
        worst: Site | None = None,
    ) -> None:
        """Prepare the tests; ``strikes`` in USD/t when there is a contract.

        With a ``worst`` site the tests are those of an envelope: phi, which falls as the expected price rises, is taken
        at the worst prices, royalties too, and everything else at ``site``'s, so that any site between the two passes no
        more easily. A lower hurdle rate weighs late losses more, so those are discounted at the rate of the best prices.
        """
        self.site, self.rules, self.dump_deck = site, rules, dump_deck
        self.worst = worst or site
        self.contract = contract if strikes is not None else None
        self.strikes = strikes
        self.long_run = long_run[site.plant.product]
        self.share = main_share(site.plant, long_run)
        self.count = site.calendar.operate.size
        self.rows = contract.covered(self.count) if contract and strikes is not None else np.zeros(0, dtype=int)
        self.grid = 1 if strikes is None else strikes.size
        years = loan(site.plant, self.count, rules, public=site.aid.loan).years
        self.repayment = np.arange(1, years + 1).clip(max=self.count - 1)

    def loan(self, itc: Array) -> Loan:
        """Return the loan under calendar-year investment credit rates (C12c)."""
        credit, _ = credit_flows(self.site, itc, itc)
        return loan(self.site.plant, self.count, self.rules, credit.sum(axis=-1), self.site.aid.loan)

    @cached_property
    def phi(self) -> Array:
        """Return the contracted share of tenor years that counts for the hurdle, ``(G,)`` (C12a)."""
        return self._phi(self.worst)

    def _phi(self, site: Site) -> Array:
        if self.contract is None or self.strikes is None or not self.rows.size:
            return np.zeros(self.grid)
        expected = float(site.price[self.rows].mean())
        low = self.rules.price_down * expected
        held = self.strikes * self.contract.index(self.rows).mean()
        strength = np.clip((held - low) / (max(self.long_run, expected) - low), 0.0, 1.0)
        return self.share * self.contract.share * strength

    # --- value ---------------------------------------------------------------------------------------------------

    @cached_property
    def expected(self) -> tuple[Array, Array]:
        """Return expected margin and expected active cost, musd, each ``(n, G)``."""
        merchant = self.site.merchant
        margin = np.repeat(merchant.margin[0].mean(axis=1)[:, None], self.grid, axis=1)
        active = np.repeat((merchant.active[0] * self.site.cost).mean(axis=1)[:, None], self.grid, axis=1)
        if self.contract is not None and self.strikes is not None and self.rows.size:
            margin[self.rows], active[self.rows] = self._expected_under(self.contract, self.strikes)
        return margin, active

    def _expected_under(self, contract: ContractTerms, strikes: Array) -> tuple[Array, Array]:
        """Return expected margin and active cost of the tenor's ``k`` years over the grid, each ``(k, G)``.

        A higher strike pays more, so a plant that runs at the lowest strike always runs, and its margin is linear in the
        payment; one that idles at the highest always idles. Only the scenarios between the two are run at each strike.
        """
        site, rows = self.site, self.rows
        index, tonnes = contract.index(rows), site.contracted(rows, contract)
        cost = np.broadcast_to(site.cost, site.price.shape)[rows]
        lowest = site.operate(rows, strikes[:1], contract)
        runs = lowest.active[0] if site.outlook.floor is None else lowest.active[0] & (lowest.margin[0] > -site.care_share * cost)
        idles = ~site.runs(rows, strikes[-1:], contract)[0]
        settled = np.where(runs, (site.sales - site.outgoings)[rows], np.where(idles, -site.care_share * cost, 0.0))
        margin = np.repeat(settled.sum(axis=1)[:, None], self.grid, axis=1)
        active = np.repeat(np.where(runs, cost, 0.0).sum(axis=1)[:, None], self.grid, axis=1)
        for n, (paid, open_) in enumerate(zip(runs, ~(runs | idles), strict=True)):
            if paid.any():
                unit = expected_payment(site.price[rows[n], paid], strikes * index[n], contract.upside_share, contract.collar)
                margin[n] += paid.sum() * tonnes[n] * unit
            if open_.any():
                run = site.operate(rows[[n]], strikes, contract, open_)
                margin[n] += run.margin[:, 0].sum(axis=1)
                active[n] += run.active[:, 0] @ cost[n, open_]
        return margin / cost.shape[1], active / cost.shape[1]

    @cached_property
    def discount(self) -> tuple[Array, Array]:
        """Return C12a's discount factors of build and operating years, ``(b, G)`` and ``(n, G)``, or of one column for all."""
        return self._factors(self.phi)

    @cached_property
    def discount_of_losses(self) -> Array:
        """Return the discount factors of operating years in which money is lost, as ``discount``: phi at ``site``'s prices."""
        return self.discount[1] if self.worst is self.site else self._factors(self._phi(self.site))[1]

    def _factors(self, phi: Array) -> tuple[Array, Array]:
        t, cal = self.site.plant.terms, self.site.calendar
        early = 1.0 + t.hurdle + t.specialty_addon * (1.0 - (phi if t.specialty_addon else phi[:1]))
        late = 1.0 + t.hurdle + t.specialty_addon
        years, rows = cal.operate[:, None], self.rows
        last = cal.operate[rows[-1]] if rows.size else 0
        first = cal.operate[rows[0]] - 1 if rows.size and rows[0] else 0
        covered = np.clip(years, first, last) - first
        before: Array = np.asarray(late if first else early) ** -cal.build[:, None]
        return before, early**-covered * late ** -(years - covered)

    @cached_property
    def _value_parts(self) -> tuple[Array, Array, Array]:
        """Return NPV without credits, and per musd of investment credit and unit of production credit rate, by year.

        Shapes ``(G,)``, ``(b, G)`` and ``(n, G)``, musd: NPV is linear in every yearly rate.
        """
        margin, cost = self.expected
        (build, operate), losses = self.discount, self.discount_of_losses
        flow = self.site.after_tax_share * margin + self.site.fixed[:, None]
        base = (operate * np.maximum(flow, 0.0) + losses * np.minimum(flow, 0.0)).sum(axis=0) - self.site.calendar.capital @ build
        return base, build - self.site.shield_lost @ losses, operate * cost

    def value(self, itc: Array, ptc: Array) -> Array:
        """Return expected NPV at the C12a rate, musd, of each case."""
        base, per_itc, per_ptc = self._value_parts
        credit, rate = credit_flows(self.site, itc, ptc)
        return base + (_columns(credit) * per_itc).sum(axis=0) + (_columns(rate) * per_ptc).sum(axis=0)

    def value_at(self, rates: Sequence[tuple[Array, Array]]) -> Array:
        """Return ``value`` of the whole grid at each of several pairs of credit rates, musd, ``(R, G)``."""
        base, per_itc, per_ptc = self._value_parts
        credit, rate = credit_flows(self.site, *(np.stack(kind) for kind in zip(*rates, strict=True)))
        return base + credit @ per_itc + rate @ per_ptc

    def worthy(self, rates: Sequence[tuple[Array, Array]]) -> NDArray[np.bool_]:
        """Say at which strikes of the grid value passes at each of several pairs of credit rates, ``(R, G)`` (C12a)."""
        tested = self.rules.value and self.grid
        return np.asarray(self.value_at(rates) >= -TOLERANCE) if tested else np.full((len(rates), self.grid), True)

    # --- the lender's decks -------------------------------------------------------------------------------------

    def _deck(self, price: Array, royal: Array, late: int = 0, down: float = 1.0, dear: float = 1.0, overrun: float = 1.0) -> Deck:
        """Return a deck at prices of the repayment years, USD/t ``(k,)``: ``royal`` are those on which royalties are taken.

        The plant is ``late`` years late, all prices are multiplied by ``down``, cost by ``dear`` and depreciation on
        initial capital by ``overrun``.
        """
        site, cal, years = self.site, self.site.calendar, self._years
        periods = self.repayment - late
        share = self.contract.share if self.contract else 0.0
        counted = years - cal.operate[0] if self.contract and self.contract.by_calendar else periods
        running, periods = periods >= 0, np.maximum(periods, 0)
        payable = site.payable[periods] / 1e6
        cost = dear * site.deck_cost(years, cal.output[periods], down)
        sales = down * (payable * (price - site.plant.royalty * royal) + self._deck_byproducts(periods, years))
        sales = sales + self._deck_offtake(periods, years, price, down)
        shield = site.plant.terms.income_tax * cal.initial_depreciation[periods] * overrun
        return Deck(
            cash=running * (site.after_tax_share * (sales - cost - cal.sustaining[periods]) + shield),
            cost=running * cost,
            price=down * price,
            covered=np.where(running & self._inside(counted), share * site.open_tonnes(periods, years) / 1e6, 0.0),
            index=self.contract.index(counted) if self.contract else np.ones(periods.size),
            shield_lost=running * site.shield_lost[periods],
            years=years,
        )

    def _inside(self, years: Index) -> NDArray[np.bool_]:
        """Say which operating years the tenor covers, ``(k,)``."""
        return (years >= self.rows[0]) & (years <= self.rows[-1]) if self.rows.size else np.full(years.shape, False)

    @cached_property
    def _years(self) -> Index:
        """Return the simulated years of the repayments, ``(k,)``."""
        return self.site.calendar.operate[self.repayment]

    def _deck_byproducts(self, periods: Index, years: Index) -> Array:
        """Return expected by-product revenue of operating years that fall in given simulated years, musd, ``(k,)``."""
        site = self.site
        total = np.zeros(periods.size)
        for stream in site.plant.byproducts:
            tonnes = stream.tonnes * stream.payability * site.calendar.ramp[periods] / 1e6
            price = site.byproduct_prices[stream.product][years].mean(axis=1) if stream.listed else stream.price_usd_per_t
            total = total + tonnes * price
        return total

    def _deck_offtake(self, periods: Index, years: Index, price: Array, down: float) -> Array:
        """Return what offtake pays beyond the deck's prices, musd, ``(k,)`` (C17)."""
        site, total = self.site, np.zeros(periods.size)
        for stream in site.aid.streams:
            level = price if stream.main else site.byproduct_prices[stream.product][years].mean(axis=1)
            total = total + site.stream_tonnes(stream, periods, years) / 1e6 * (stream.price - down * level)
        return total

    def _cash(self, deck: Deck, itc: Array, ptc: Array, index: Index | None) -> Array:
        """Return cash available for debt service by repayment year and case, musd, ``(k, C)``."""
        credit, _ = credit_flows(self.site, itc, ptc)
        support = _columns(self.site.plant.ptc_share * ptc[..., deck.years] * deck.cost)
        cash = deck.cash[:, None] + support - deck.shield_lost[:, None] * credit.sum(axis=-1)
        if self.contract is not None and self.strikes is not None:
            strikes = self.strikes if index is None else self.strikes[index]
            unit = payment(deck.price[:, None], strikes * deck.index[:, None], self.contract.upside_share, self.contract.collar)
            cash = cash + self.site.after_tax_share * deck.covered[:, None] * unit
        return cash

    @cached_property
    def _bank_deck(self) -> Deck:
        outlook = self.site.outlook
        return self._deck(outlook.deck[self._years], outlook.royal.deck[self._years])

    def bank_cover(self, itc: Array, ptc: Array, index: Index | None = None) -> Array:
        """Return the bank deck's average cover over the repayment years of each case; infinite without debt."""
        return _cover(self._cash(self._bank_deck, itc, ptc, index).mean(axis=0), self.loan(itc).service)

    def bank_required(self, index: Index | None = None) -> Array:
        """Return the cover that the bank deck asks for: less as the contracted share rises."""
        inside = float(self._inside(self.repayment).mean())
        phi = self.phi if index is None or self.contract is None else self.phi[index]
        return self.rules.cover_merchant - self.rules.cover_reduction * inside * phi

    @cached_property
    def _downside_deck(self) -> Deck:
        outlook, rules = self.site.outlook, self.rules
        prices = outlook.deck[self._years], outlook.royal.deck[self._years]
        return self._deck(*prices, rules.delay, rules.price_down, rules.cost_down, rules.capital_down)

    def downside_cover(self, itc: Array, ptc: Array, index: Index | None = None) -> Array:
        """Return the least yearly cover of the downside deck after the reserve of each case; infinite without debt.

        Cash of a year plus the reserve over debt service; the reserve is refilled from surplus up to its size.
        """
        cash, service = self._cash(self._downside_deck, itc, ptc, index), self.loan(itc).service
        full = self.rules.reserve_years * service
        reserve, least = full, np.full(cash.shape[1:], np.inf)
        for year in cash:
            money = year + reserve
            least = np.minimum(least, money)
            reserve = np.minimum(np.maximum(money - service, 0.0), full)
        return _cover(least, service)

    @cached_property
    def _dump_deck(self) -> Deck:
        outlook = self.site.outlook
        return self._deck(self._dump_prices(outlook), self._dump_prices(outlook.royal))

    def _dump_prices(self, outlook: Outlook) -> Array:
        price, first = outlook.deck[self._years], self.rules.dump_years
        price[:first] = outlook.dumped[self._years[:first]]
        return price

    def dump_cover(self, itc: Array, ptc: Array, index: Index | None = None) -> Array:
        """Return the dump deck's loan-life cover of each case, the first repayment years at dumped prices; infinite without debt."""
        debt = self.loan(itc)
        factor = (1.0 + debt.rate) ** -np.arange(1.0, self.repayment.size + 1)
        return _cover(factor @ self._cash(self._dump_deck, itc, ptc, index), debt.principal)

    def lender(self, itc: Array, ptc: Array, index: Index | None = None) -> NDArray[np.bool_]:
        """Say where all decks pass (C12c); a plant without debt passes."""
        passed = self.bank_cover(itc, ptc, index) >= self.bank_required(index) - TOLERANCE
        passed &= self.downside_cover(itc, ptc, index) >= self.rules.cover_down - TOLERANCE
        if self.dump_deck:
            passed &= self.dump_cover(itc, ptc, index) >= self.rules.dump_cover - TOLERANCE
        return passed

    # --- the tail ------------------------------------------------------------------------------------------------

    def capital_at_debt_cost(self) -> float:
        """Return the PV of capital at the cost of debt, musd (C12b)."""
        cal = self.site.calendar
        return float((cal.capital * (1.0 + self.site.plant.terms.debt_rate) ** -cal.build.astype(float)).sum())

    def tail(self, itc: Array, ptc: Array, index: Index | None = None) -> Array:
        """Return the CVaR of NPV at the cost of debt of each case, musd (C12b)."""
        site, cal = self.site, self.site.calendar
        factor = (1.0 + site.plant.terms.debt_rate) ** -np.arange(site.outlook.price.shape[0], dtype=float)
        credit, rate = credit_flows(site, np.atleast_2d(itc), np.atleast_2d(ptc))
        weight = factor[cal.operate]
        npv = (credit - cal.capital) @ factor[cal.build] + (site.fixed - credit.sum(axis=1)[:, None] * site.shield_lost) @ weight
        rows, late = self.rows, np.setdiff1d(np.arange(self.count), self.rows)
        total = npv[:, None] + self._weighted(site.merchant.margin[:, late], site.merchant.active[:, late], late, weight, rate)
        if self.contract is not None and self.strikes is not None:
            run = site.operate(rows, self.strikes if index is None else self.strikes[index], self.contract)
            total = total + self._weighted(run.margin, run.active, rows, weight, rate)
        return cvar_worst(total, self.rules.tail_alpha)

    def _weighted(self, margin: Array, active: NDArray[np.bool_], rows: Index, weight: Array, rate: Array) -> Array:
        """Return discounted after-tax margins plus production credits per case and scenario, musd, ``(C, S)``."""
        total: Array = (weight[rows] * self.site.after_tax_share) @ margin
        if rate[:, rows].any():
            drawn = (weight * rate)[:, None, rows] @ (active * self.site.cost[rows])
            total = total + drawn[:, 0]
        return total

    def tail_passes(self, itc: Array, ptc: Array, index: Index | None = None) -> NDArray[np.bool_]:
        """Say where the tail passes (C12b)."""
        return self.tail(itc, ptc, index) >= -self.rules.loss_tolerance * self.capital_at_debt_cost() - TOLERANCE

    def passes(self, itc: Array, ptc: Array) -> NDArray[np.bool_]:
        """Say where all switched-on tests pass, for each case; the costly ones run only if needed."""
        passed = np.full(max(self.grid, np.atleast_2d(itc).shape[0]), True)
        if self.rules.value:
            passed &= self.value(itc, ptc) >= -TOLERANCE
        if self.rules.lender and passed.any():
            passed &= self.lender(itc, ptc)
        if self.rules.tail and passed.any():
            passed &= self.tail_passes(itc, ptc)
        return passed


TOLERANCE = 1e-9


def _columns(rows: Array) -> Array:
    """Turn ``(k,)`` or ``(C, k)`` into ``(k, 1)`` or ``(k, C)``."""
    return np.atleast_2d(rows).T


def _cover(money: Array, debt: Money) -> Array:
    """Return money over debt, infinite where nothing is owed."""
    owed = np.broadcast_to(debt, money.shape)
    return np.divide(money, owed, out=np.full(money.shape, np.inf), where=owed > 0.0)


def cvar_worst(values: Array, alpha: float) -> Array:
    """Return the mean of the lowest ``alpha`` share along the last axis, fractional weights at the edge (C12b)."""
    weights = tail_weights(values.shape[-1], alpha)
    worst = np.count_nonzero(weights)
    lowest = np.sort(np.partition(values, worst - 1, axis=-1)[..., :worst], axis=-1)
    return np.asarray(lowest @ weights[:worst])


def tail_weights(count: int, alpha: float) -> Array:
    """Return the weights that turn sorted values into the mean of the worst ``alpha`` share."""
    mass = alpha * count
    return np.clip(mass - np.arange(count), 0.0, 1.0) / mass


def stack_share(site: Site, itc: Array, ptc: Array, public_rate: float) -> Money:
    """Return credits and grants as a share of capital, PV at the public rate (C13), without a contract's effect.

    Rates are calendar-year rates ``(..., T)``; the result has their leading axes.
    """
    cal, plant = site.calendar, site.plant
    factor = (1.0 + public_rate) ** -np.arange(site.outlook.price.shape[0], dtype=float)
    credit, rate = credit_flows(site, itc, ptc)
    cost = site.cost.mean(axis=1)
    paid = credit @ factor[cal.build] + rate @ (factor[cal.operate] * cost)
    paid = paid + factor[cal.operate[0]] * site.loan_subsidy(credit.sum(axis=-1))
    capital = float((factor[cal.build] * cal.capital).sum())
    if plant.grant_musd + capital <= 0.0:
        return np.zeros(paid.shape)
    return (plant.grant_musd + paid) / (plant.grant_musd + capital)
