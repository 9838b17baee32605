"""The three bankability tests, as functions of the strike (C12).

Every test is monotone in the strike, so the least strike is the first value of the three-digit grid that passes.
Credits enter linearly: the club's increments shift each test by a slope, so all credit levels share one table.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import ContractTerms, Outlook, Site, credit_flows
from .contracts import expected_payment
from .lending import Loan, Rules, loan, main_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


    Array = NDArray[np.float64]


class Tests:
    """The tests of one site over a grid of strikes (or without a contract), for any credit rates.

    Arrays over the grid have length ``G``; without a contract ``G`` is 1.
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
        self._long_run = long_run
        self.long_run = long_run[site.plant.product]
        self.share = main_share(site.plant, long_run)
        self.count = site.calendar.operate.size
        self.tenor = min(contract.tenor_years, self.count) if contract and strikes is not None else 0
        self.grid = 1 if strikes is None else strikes.size
        self.repayment = np.arange(1, loan(site.plant, self.count, rules).years + 1).clip(max=self.count - 1)

    def loan(self, itc: Array) -> Loan:
        """Return the loan under calendar-year investment credit rates (C12c)."""
        credit, _ = credit_flows(self.site, itc, itc)
        return loan(self.site.plant, self.count, self.rules, float(credit.sum()))

    @cached_property
    def phi(self) -> Array:
        """Return the contracted share of tenor years that counts for the hurdle, ``(G,)`` (C12a)."""
        return self._phi(self.worst)

    def _phi(self, site: Site) -> Array:
        if self.contract is None or self.strikes is None:
            return np.zeros(1)
        expected = float(site.price[: self.tenor].mean())
        low = self.rules.price_down * expected
        strength = np.clip((self.strikes - low) / (max(self.long_run, expected) - low), 0.0, 1.0)
        return self.share * self.contract.share * strength

    @cached_property
    def expected(self) -> tuple[Array, Array]:
        """Return expected margin and expected active cost, musd, each ``(n, G)`` or ``(n, 1)``."""
        merchant = self.site.merchant
        cost = np.broadcast_to(self.site.cost, merchant.active.shape[1:])
        margin = np.repeat(merchant.margin[0].mean(axis=1)[:, None], self.grid, axis=1)
        active = np.repeat((merchant.active[0] * cost).mean(axis=1)[:, None], self.grid, axis=1)
        for n in range(self.tenor):
            margin[n], active[n] = self._tenor_year(n)
        return margin, active

    def _tenor_year(self, n: int) -> tuple[Array, Array]:
        """Return expected margin and active cost of one tenor year over the grid, each ``(G,)``."""
        assert self.contract is not None
        assert self.strikes is not None
        site, row = self.site, np.array([n])
        lowest = site.operate(row, self.strikes[:1], self.contract)
        linear = lowest.active.all() and (site.outlook.floor is None or (lowest.margin > -site.care_share * site.cost[row]).all())
        if not linear:
            run = site.operate(row, self.strikes, self.contract)
            return run.margin[:, 0].mean(axis=1), (run.active[:, 0] * site.cost[n]).mean(axis=1)
        payable = site.payable[n] / 1e6
        sales = site.price[n] - site.plant.royalty * site.royalty_price[n]
        base = payable * sales + site.byproduct_revenue[n] - site.cost[n]
        unit = expected_payment(site.price[n], self.strikes, self.contract.upside_share)
        cost = np.full(self.grid, site.cost[n].mean())
        return base.mean() + self.contract.share * payable * unit, cost

    @cached_property
    def discount(self) -> tuple[Array, Array]:
        """Return C12a's discount factors of build and operating years, ``(b, G)`` and ``(n, G)``."""
        return self._factors(self.phi)

    @cached_property
    def discount_of_losses(self) -> Array:
        """Return the discount factors of operating years in which money is lost, ``(n, G)``: phi at ``site``'s prices."""
        return self.discount[1] if self.worst is self.site else self._factors(self._phi(self.site))[1]

    def _factors(self, phi: Array) -> tuple[Array, Array]:
        t, cal = self.site.plant.terms, self.site.calendar
        early = (1.0 + t.hurdle + t.specialty_addon * (1.0 - phi))[None, :]
        late = 1.0 + t.hurdle + t.specialty_addon
        if self.contract is None:
            early = np.array([[late]])
        years = cal.operate[:, None]
        last = cal.operate[self.tenor - 1] if self.tenor else 0
        within = early ** -np.minimum(years, max(last, 0)) if self.tenor else np.ones((1, self.grid))
        after = late ** -np.maximum(years - (last if self.tenor else 0), 0)
        return early ** -cal.build[:, None].astype(float), within * after

    def value(self, itc: Array, ptc: Array) -> Array:
        """Return expected NPV at the C12a rate under calendar-year credit rates, musd, ``(G,)``."""
        margin, cost = self.expected
        (build, operate), losses = self.discount, self.discount_of_losses
        credit, rate = credit_flows(self.site, itc, ptc)
        flow = self.site.after_tax_share * margin + self.site.fixed[:, None]
        result: Array = (build * (credit - self.site.calendar.capital)[:, None]).sum(axis=0)
        result = result + (operate * (np.maximum(flow, 0.0) + rate[:, None] * cost)).sum(axis=0)
        return result + (losses * (np.minimum(flow, 0.0) - (self.site.shield_lost * credit.sum())[:, None])).sum(axis=0)

    def value_at(self, rates: Sequence[tuple[Array, Array]]) -> Array:
        """Return ``value`` at several pairs of credit rates, musd, ``(R, G)``: it is linear in every yearly rate."""
        _, cost = self.expected
        build, operate = self.discount
        cal, plant = self.site.calendar, self.site.plant
        zero = np.zeros(self.site.outlook.price.shape[0])
        per_itc = build - (self.discount_of_losses * self.site.shield_lost[:, None]).sum(axis=0)
        itc = np.stack([plant.itc_share * itc[cal.build] * cal.capital for itc, _ in rates])
        ptc = np.stack([plant.ptc_share * ptc[cal.operate] for _, ptc in rates])
        result: Array = self.value(zero, zero) + itc @ per_itc + ptc @ (operate * cost)
        return result

    # --- the lender's decks -------------------------------------------------------------------------------------

    def _deck_flow(
        self,
        periods: NDArray[np.int_],
        years: NDArray[np.int_],
        price: Array,
        royal: Array,
        factor: float,
        cost_factor: float,
        itc: Array,
        ptc: Array,
        capital_factor: float = 1.0,
    ) -> tuple[Array, Array]:
        """Return cash available for debt service and cost, musd: ``(k, G)`` and ``(k,)``.

        ``periods`` are operating years, ``years`` the simulated years in which they fall, ``price`` USD/t of those
        years before ``factor``, and ``royal`` the prices on which royalties are taken.
        """
        site, cal = self.site, self.site.calendar
        running = periods >= 0
        covered = (years - cal.operate[0] if self.contract and self.contract.by_calendar else periods) < self.tenor
        periods = np.maximum(periods, 0)
        selling = factor * price
        payable = site.payable[periods] / 1e6
        cost = cost_factor * site.deck_cost(years, cal.output[periods], factor)
        sales = payable * (selling - site.plant.royalty * factor * royal)
        margin = sales + factor * self._deck_byproducts(periods, years) - cost
        table = np.repeat(margin[:, None], self.grid, axis=1)
        if self.contract is not None and self.strikes is not None:
            short = np.maximum(self.strikes[None] - selling[:, None], 0.0)
            over = np.maximum(selling[:, None] - self.strikes[None], 0.0)
            unit = short - self.contract.upside_share * over
            table += np.where(covered, payable, 0.0)[:, None] * self.contract.share * unit
        credit, _ = credit_flows(site, itc, ptc)
        rate = site.plant.ptc_share * ptc[years]
        shield = site.plant.terms.income_tax * cal.initial_depreciation[periods] * capital_factor
        fixed = -site.after_tax_share * cal.sustaining[periods] + shield
        fixed = fixed - site.shield_lost[periods] * credit.sum() + rate * cost
        return (site.after_tax_share * table + fixed[:, None]) * running[:, None], cost

    def _deck_byproducts(self, periods: NDArray[np.int_], years: NDArray[np.int_]) -> Array:
        """Return expected by-product revenue of operating years that fall in given simulated years, musd, ``(k,)``."""
        site = self.site
        total = np.zeros(periods.size)
        for stream in site.plant.byproducts:
            tonnes = stream.tonnes * stream.payability * site.calendar.ramp[periods] / 1e6
            price = site.byproduct_prices[stream.product][years].mean(axis=1) if stream.listed else stream.price_usd_per_t
            total = total + tonnes * price
        return total

    def bank_cover(self, itc: Array, ptc: Array) -> Array:
        """Return the bank deck's average cover over the repayment years, ``(G,)``."""
        n = self.repayment
        years = self.site.calendar.operate[n]
        outlook = self.site.outlook
        flow, _ = self._deck_flow(n, years, outlook.deck[years], outlook.royal.deck[years], 1.0, 1.0, itc, ptc)
        result: Array = flow.mean(axis=0) / self.loan(itc).service
        return result

    def bank_required(self) -> Array:
        """Return the cover that the bank deck asks for, ``(G,)``: less as the contracted share rises."""
        inside = float((self.repayment < self.tenor).mean())
        return self.rules.cover_merchant - self.rules.cover_reduction * inside * self.phi

    def downside_cover(self, itc: Array, ptc: Array) -> Array:
        """Return the least yearly cover of the downside deck after the reserve, ``(G,)``.

        Cash of a year plus the reserve over debt service; the reserve is refilled from surplus up to its size.
        """
        rules, service = self.rules, self.loan(itc).service
        n = self.repayment - rules.delay
        years = np.minimum(self.site.calendar.operate[self.repayment], self.site.outlook.deck.size - 1)
        price, royal = self.site.outlook.deck[years], self.site.outlook.royal.deck[years]
        flow, _ = self._deck_flow(n, years, price, royal, rules.price_down, rules.cost_down, itc, ptc, rules.capital_down)
        full = rules.reserve_years * service
        reserve, least = np.full(self.grid, full), np.full(self.grid, np.inf)
        for cash in flow:
            least = np.minimum(least, (cash + reserve) / service)
            reserve = np.clip(cash + reserve - service, 0.0, full)
        return least

    def dump_cover(self, itc: Array, ptc: Array) -> Array:
        """Return the dump deck's loan-life cover, ``(G,)``: the first repayment years at dumped prices."""
        n = self.repayment
        years = self.site.calendar.operate[n]
        price, royal = (self._dump_deck_prices(x, years) for x in (self.site.outlook, self.site.outlook.royal))
        flow, _ = self._deck_flow(n, years, price, royal, 1.0, 1.0, itc, ptc)
        debt = self.loan(itc)
        factor = (1.0 + debt.rate) ** -np.arange(1, n.size + 1)
        result: Array = (factor[:, None] * flow).sum(axis=0) / debt.principal
        return result

    def _dump_deck_prices(self, outlook: Outlook, years: NDArray[np.int_]) -> Array:
        price, first = outlook.deck[years].copy(), self.rules.dump_years
        price[:first] = outlook.dumped[years[:first]]
        return price

    def lender(self, itc: Array, ptc: Array) -> NDArray[np.bool_]:
        """Say where all decks pass, ``(G,)`` (C12c); a plant without debt passes."""
        if self.loan(itc).principal <= 0.0:
            return np.full(self.grid, True)
        passed = self.bank_cover(itc, ptc) >= self.bank_required() - TOLERANCE
        passed &= self.downside_cover(itc, ptc) >= self.rules.cover_down - TOLERANCE
        if self.dump_deck:
            passed &= self.dump_cover(itc, ptc) >= self.rules.dump_cover - TOLERANCE
        return passed

    # --- the tail ------------------------------------------------------------------------------------------------

    def capital_at_debt_cost(self) -> float:
        """Return the PV of capital at the cost of debt, musd (C12b)."""
        cal = self.site.calendar
        return float((cal.capital * (1.0 + self.site.plant.terms.debt_rate) ** -cal.build.astype(float)).sum())

    def tail(self, itc: Array, ptc: Array, index: NDArray[np.int_] | None = None) -> Array:
        """Return the CVaR of NPV at the cost of debt, musd, ``(len(index),)`` or ``(G,)`` (C12b)."""
        site, cal = self.site, self.site.calendar
        factor = (1.0 + site.plant.terms.debt_rate) ** -np.arange(self.site.outlook.price.shape[0], dtype=float)
        credit, rate = credit_flows(site, itc, ptc)
        upfront = float((factor[cal.build] * (credit - cal.capital)).sum())
        fixed = float((factor[cal.operate] * (site.fixed - site.shield_lost * credit.sum())).sum())
        weight = factor[cal.operate]
        late = np.arange(self.tenor, self.count)
        npv = upfront + fixed + self._weighted(site.merchant.margin[:, late], site.merchant.active[:, late], late, weight, rate)
        if self.tenor and self.strikes is not None:
            rows = np.arange(self.tenor)
            chosen = self.strikes if index is None else self.strikes[index]
            run = site.operate(rows, chosen, self.contract)
            npv = npv + self._weighted(run.margin, run.active, rows, weight, rate)
        return cvar_worst(npv, self.rules.tail_alpha)

    def _weighted(self, margin: Array, active: NDArray[np.bool_], rows: NDArray[np.int_], weight: Array, rate: Array) -> Array:
        """Return discounted after-tax margins plus production credits per scenario, musd, ``(R, S)``."""
        total = np.einsum("rns,n->rs", margin, weight[rows] * self.site.after_tax_share)
        if rate[rows].any():
            total = total + np.einsum("rns,n->rs", active * self.site.cost[rows][None], weight[rows] * rate[rows])
        return total

    def passes(self, itc: Array, ptc: Array) -> NDArray[np.bool_]:
        """Say where all switched-on tests pass over the whole grid, ``(G,)``; the costly ones run only if needed."""
        passed = np.full(self.grid, True)
        if self.rules.value:
            passed &= self.value(itc, ptc) >= -TOLERANCE
        if self.rules.lender and passed.any():
            passed &= self.lender(itc, ptc)
        if self.rules.tail and passed.any():
            passed &= self.tail(itc, ptc) >= -self.rules.loss_tolerance * self.capital_at_debt_cost() - TOLERANCE
        return passed

    def at(self, index: int) -> Tests:
        """Return the tests of one strike of the grid."""
        assert self.strikes is not None
        chosen = self.strikes[index : index + 1]
        return Tests(self.site, self.rules, self._long_run, self.dump_deck, self.contract, chosen, self.worst)


TOLERANCE = 1e-9


def cvar_worst(values: Array, alpha: float) -> Array:
    """Return the mean of the lowest ``alpha`` share along the last axis, fractional weights at the edge (C12b)."""
    ordered = np.sort(values, axis=-1)
    return np.asarray(ordered @ tail_weights(ordered.shape[-1], alpha))


def tail_weights(count: int, alpha: float) -> Array:
    """Return the weights that turn sorted values into the mean of the worst ``alpha`` share."""
    mass = alpha * count
    return np.clip(mass - np.arange(count), 0.0, 1.0) / mass


def stack_share(site: Site, itc: Array, ptc: Array, public_rate: float) -> float:
    """Return credits and grants as a share of capital, PV at the public rate (C13), without a contract's effect."""
    cal, plant = site.calendar, site.plant
    factor = (1.0 + public_rate) ** -np.arange(site.outlook.price.shape[0], dtype=float)
    credit, rate = credit_flows(site, itc, ptc)
    cost = np.broadcast_to(site.cost, site.price.shape).mean(axis=1)
    paid = float((factor[cal.build] * credit).sum() + (factor[cal.operate] * rate * cost).sum())
    capital = float((factor[cal.build] * cal.capital).sum())
    ratio = (plant.grant_musd + paid) / (plant.grant_musd + capital) if plant.grant_musd + capital > 0.0 else 0.0
    return ratio
