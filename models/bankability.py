"""The three bankability tests, as functions of the strike and of the club's credit rates (C12).

A higher strike eases every test, but for royalties of years in which it makes the plant run. Credits enter linearly.
The tests of many *cases* are taken at once: a case is a strike, a pair of credit rates or both.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import EVERY, Operation, Site, blocks
from .decks import TOLERANCE, Decks, Held
from .lending import Rules, main_share
from .running import expected_under

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from .aid import PublicLoan
    from .cashflow import Selection
    from .contracts import ContractTerms
    from .subsidies import CreditLevel, LawCredits

    Array = NDArray[np.float64]
    Index = NDArray[np.int_]


class Tests:
    """The tests of one site over a grid of ``G`` strikes (or without a contract, ``G`` = 1), for any credit rates.

    The law's credits count always. The tests take increments of both credits over them, ``itc`` and ``ptc``, numbers or
    ``(C,)`` for ``C`` cases, and an ``index`` into the grid, ``(C,)``, the whole grid if none is given. Strikes and rates
    are paired, and one of either serves all of the other. The grid rises or, where the contract has an upside share for
    each of its places, rises for each share.
    """

    __test__ = False

    def __init__(
        self,
        site: Site,
        law: LawCredits,
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
        self.site, self.law, self.rules, self.dump_deck = site, law, rules, dump_deck
        self.worst = worst or site
        self.long_run = long_run[site.plant.product]
        self.share = main_share(site.plant, long_run)
        self.count = site.calendar.operate.size
        held = contract is not None and strikes is not None
        self.held = Held(contract, strikes, contract.covered(self.count)) if held and contract and strikes is not None else None
        self.rows = self.held.rows if self.held else np.zeros(0, dtype=int)
        self.grid = self.held.strikes.size if self.held else 1

    @cached_property
    def decks(self) -> Decks:
        """Return the lender's decks under the loan of the site's own aid (C12c)."""
        return self.decks_under(self.site.aid.loan)

    def decks_under(self, public: PublicLoan | None) -> Decks:
        """Return the lender's decks with or without a loan of the club."""
        return Decks(self.site, self.law, self.rules, self.dump_deck, self.held, self.phi, public)

    @cached_property
    def phi(self) -> Array:
        """Return the contracted share of tenor years that counts for the hurdle, ``(G,)`` (C12a)."""
        return self._phi(self.worst)

    def _phi(self, site: Site) -> Array:
        if self.held is None or not self.rows.size:
            return np.zeros(self.grid)
        expected, terms = float(site.price[self.rows].mean()), self.held.terms
        low = self.rules.price_down * expected
        strike = self.held.strikes * terms.index(self.rows).mean()
        strength = np.clip((strike - low) / (max(self.long_run, expected) - low), 0.0, 1.0)
        return self.share * terms.share * strength

    # --- value ---------------------------------------------------------------------------------------------------

    @cached_property
    def late(self) -> Index:
        """Return the operating years without a contract."""
        return np.delete(np.arange(self.count), self.rows)

    @cached_property
    def held_years(self) -> tuple[Array, Array]:
        """Return expected margin and expected cost of running in the tenor's ``k`` years, musd, each ``(k, G)``."""
        found = np.zeros((2, self.rows.size, self.grid))
        if self.held is not None and self.rows.size:
            strikes, shares = self.held.at(None)
            for share in np.unique(shares):
                mine = np.broadcast_to(shares == share, strikes.shape)
                found[:, :, mine] = expected_under(self.site, self.rows, strikes[mine], replace(self.held.terms, upside_share=float(share)))
        return found[0], found[1]

    @cached_property
    def expected(self) -> tuple[Array, Array]:
        """Return expected margin and expected active cost of all operating years, musd, each ``(n, G)``."""
        margin, active = (np.repeat(part[:, None], self.grid, axis=1) for part in self.merchant_years)
        margin[self.rows], active[self.rows] = self.held_years
        return margin, active

    @cached_property
    def merchant_years(self) -> tuple[Array, Array]:
        """Return expected margin and expected active cost of all operating years without a contract, musd, each ``(n,)``."""
        merchant = self.site.merchant
        return merchant.margin[0].mean(axis=1), (merchant.active[0] * self.site.cost).mean(axis=1)

    @cached_property
    def discount(self) -> tuple[Array, Array]:
        """Return C12a's discount factors of build and operating years, ``(b, G)`` and ``(n, G)``, or of one column for all."""
        return self._factors(self.phi)

    @cached_property
    def discount_of_losses(self) -> Array:
        """Return the discount factors of operating years in which money is lost, as ``discount``: phi at ``site``'s prices."""
        same = self.worst is self.site or not self.site.plant.terms.specialty_addon
        return self.discount[1] if same else self._factors(self._phi(self.site))[1]

    def _factors(self, phi: Array) -> tuple[Array, Array]:
        t, cal = self.site.plant.terms, self.site.calendar
        early = 1.0 + t.hurdle + t.specialty_addon * (1.0 - (phi if t.specialty_addon else phi[:1]))
        late = 1.0 + t.hurdle + t.specialty_addon
        years, rows = cal.operate, self.rows
        last = cal.operate[rows[-1]] if rows.size else 0
        first = cal.operate[rows[0]] - 1 if rows.size and rows[0] else 0
        covered = np.clip(years, first, last) - first
        before: Array = np.asarray(late if first else early) ** -cal.build[:, None]
        powers = np.multiply.accumulate(np.concatenate([np.ones((1, early.size)), np.repeat(1.0 / early[None], covered.max(), axis=0)]))
        return before, powers[covered] * (late ** -(years - covered).astype(float))[:, None]

    @cached_property
    def _value_parts(self) -> tuple[Array, Array, Array]:
        """Return NPV at law, and per unit of each credit's increment, musd ``(G,)`` each: NPV is linear in them."""
        site, cal, plant = self.site, self.site.calendar, self.site.plant
        (build, _), losses = self.discount, self.discount_of_losses
        kept = cal.capital[:, None] * (build - site.shield_lost @ losses)
        earned, law, extra = self._operating_parts
        total = earned - cal.capital @ build + (plant.itc_share * self.law.itc[cal.build] + site.aid.grant) @ kept + plant.ptc_share * law
        parts = total, plant.itc_share * kept.sum(axis=0), plant.ptc_share * extra
        at_law, per_itc, per_ptc = (np.broadcast_to(np.asarray(part, dtype=float), self.grid) for part in parts)
        return at_law, per_itc, per_ptc

    @property
    def _operating_parts(self) -> tuple[Array, Array, Array]:
        """Return PVs of operating years without credits, of active cost times the law's rate, and of active cost, musd, ``(G,)`` or ``(1,)``."""
        site, operate, losses = self.site, self.discount[1], self.discount_of_losses
        margin, active = self.expected
        flow = site.after_tax_share * margin + site.fixed[:, None]
        factor = operate if losses is operate else np.where(flow > 0.0, operate, losses)
        earned = (factor * flow).sum(axis=0)
        if not site.plant.ptc_share:
            return earned, np.zeros(1), np.zeros(1)
        run = operate * active
        return earned, self.law.ptc[site.calendar.operate] @ run, run.sum(axis=0)

    def value(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> Array:
        """Return expected NPV at the C12a rate, musd, of each case."""
        total, per_itc, per_ptc = (part if index is None else part[index] for part in self._value_parts)
        return np.atleast_1d(total + np.asarray(itc) * per_itc + np.asarray(ptc) * per_ptc)

    def worthy(self, itc: Array, ptc: Array) -> NDArray[np.bool_]:
        """Say at which strikes of the grid value passes at each of several pairs of credit rates, ``(R, G)`` (C12a)."""
        if not self.rules.value:
            return np.full((itc.size, self.grid), True)
        return self.value(itc[:, None], ptc[:, None]) >= -TOLERANCE

    # --- the tail ------------------------------------------------------------------------------------------------

    def capital_at_debt_cost(self) -> float:
        """Return the PV of capital at the cost of debt, musd (C12b)."""
        return float(self.site.calendar.capital @ self.debt_factor[self.site.calendar.build])

    @cached_property
    def debt_factor(self) -> Array:
        """Return discount factors at the cost of debt, ``(T,)``."""
        factor: Array = (1.0 + self.site.plant.terms.debt_rate) ** -np.arange(self.site.outlook.price.shape[0], dtype=float)
        return factor

    @cached_property
    def tail_fixed(self) -> tuple[float, float]:
        """Return what of NPV at the cost of debt is the same in every scenario at law, and what an increment of the investment credit adds, musd."""
        site, cal, factor = self.site, self.site.calendar, self.debt_factor
        at_law, increased = (float(site.credit(self.law.itc, itc)) for itc in (0.0, 1.0))
        lost = float(site.shield_lost @ factor[cal.operate])
        credit = (site.plant.itc_share * self.law.itc[cal.build] + site.aid.grant) * cal.capital
        fixed = float((credit - cal.capital) @ factor[cal.build] + site.fixed @ factor[cal.operate]) - at_law * lost
        return fixed, site.plant.itc_share * self.capital_at_debt_cost() - (increased - at_law) * lost

    def tail_parts(self, index: Index | None = None) -> tuple[Array, Array, Array]:
        """Return by place of the grid and scenario margins after tax, production credits at law and what a unit of their rate adds.

        PV at the cost of debt, musd, ``(G, S)`` each or broadcast to it.
        """
        late = self._late_sums
        if self.held is None or not self.rows.size:
            return late[0], late[1], late[2]
        strikes, share = self.held.at(index)
        terms = replace(self.held.terms, upside_share=share)
        found = np.empty((3 if self.site.plant.ptc_share else 1, strikes.size, late.shape[2]))
        for block in blocks(late.shape[2], strikes.size * self.rows.size):
            found[:, :, block] = self._sums(self.rows, self.site.operate(self.rows, strikes, terms, block), block)
            found[:, :, block] += late[: found.shape[0], :, block]
        return (found[0], found[1], found[2]) if found.shape[0] > 1 else (found[0], late[1], late[2])

    @cached_property
    def _late_sums(self) -> Array:
        """Return ``tail_parts`` of the years without a contract, ``(3, 1, S)``."""
        run, late = self.site.merchant, self.late
        total = np.zeros((3, 1, run.margin.shape[2]))
        found = self._sums(late, Operation(run.margin[:, late], run.receipts, run.active[:, late]), EVERY)
        total[: len(found)] = found
        return total

    def _sums(self, rows: Index, run: Operation, scenarios: Selection) -> list[Array]:
        """Return ``tail_parts`` of some operating years; without production credits margins alone."""
        site, weight = self.site, self.debt_factor[self.site.calendar.operate[rows]]
        margins = (weight * site.after_tax_share) @ run.margin
        if not site.plant.ptc_share:
            return [margins]
        cost = run.active * np.broadcast_to(site.cost, site.price.shape)[rows][:, scenarios]
        drawn = site.plant.ptc_share * weight
        return [margins, (drawn * self.law.ptc[site.calendar.operate[rows]]) @ cost, drawn @ cost]

    def tail(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> Array:
        """Return the CVaR of NPV at the cost of debt of each case, musd (C12b)."""
        fixed, gain = self.tail_fixed
        places, which = (None, slice(None)) if index is None else np.unique(index, return_inverse=True)
        margin, law, extra = (part[which] if part.shape[0] > 1 else part for part in self.tail_parts(places))
        npv = margin + law + np.atleast_1d(ptc)[:, None] * extra
        return cvar_worst(npv, self.rules.tail_alpha) + (fixed + gain * np.asarray(itc))

    def tail_passes(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0, index: Index | None = None) -> NDArray[np.bool_]:
        """Say where the tail passes (C12b)."""
        return self.tail(itc, ptc, index) >= -self.rules.loss_tolerance * self.capital_at_debt_cost() - TOLERANCE

    def passes(self, itc: ArrayLike = 0.0, ptc: ArrayLike = 0.0) -> NDArray[np.bool_]:
        """Say where all switched-on tests pass, for each case; the costly ones run only if needed."""
        passed = np.full(max(self.grid, np.atleast_1d(itc).size, np.atleast_1d(ptc).size), True)
        if self.rules.value:
            passed &= self.value(itc, ptc) >= -TOLERANCE
        if self.rules.lender and passed.any():
            passed &= self.decks.passes(itc, ptc)
        if self.rules.tail and passed.any():
            passed &= self.tail_passes(itc, ptc)
        return passed


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


def stack_share(site: Site, law: LawCredits, levels: Sequence[CreditLevel], public_rate: float) -> Array:
    """Return credits and grants as a share of capital at each level, PV at the public rate (C13), without a contract's effect, ``(R,)``."""
    cal, plant = site.calendar, site.plant
    factor = (1.0 + public_rate) ** -np.arange(site.outlook.price.shape[0], dtype=float)
    itc, ptc, lent = np.array([(level.itc, level.ptc, level.loan > 0.0) for level in levels]).T
    built, run = factor[cal.build] * cal.capital, factor[cal.operate] * site.cost.mean(axis=1)
    paid = (plant.itc_share * law.itc[cal.build] + site.aid.grant) @ built + plant.ptc_share * (law.ptc[cal.operate] @ run)
    paid = paid + itc * (plant.itc_share * built.sum()) + ptc * (plant.ptc_share * run.sum())
    paid = paid + lent * factor[cal.operate[0]] * site.loan_subsidy(site.credit(law.itc, itc))
    capital = float(built.sum())
    if plant.grant_musd + capital <= 0.0:
        return np.zeros(len(levels))
    return np.asarray((plant.grant_musd + paid) / (plant.grant_musd + capital))
