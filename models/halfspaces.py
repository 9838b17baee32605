"""The tests of C12 and C13 as linear conditions on credit rates and on the strike within an interval (C12, C13, C14).

At a given strike all tests but the tail are linear in the rates of investment and production credits:

* value, the bank deck and the dump deck as they stand, the loan being linear in the investment credit;
* the downside deck, whose reserve of ``F`` is refilled from surplus: all years pass if and only if for every run of
  years ``u .. t`` the cash of the run and ``F`` pay its debt service, ``F + sum(cash) >= sum(service)``, and each year
  after that at the cover asked;
* the cap on credits and grants.

The tail is the least of the means over measures on the scenarios, so each measure gives a condition that is necessary.
Within an interval of strikes each condition is replaced by one that is linear in the strike and holds wherever the true
one does: tests are monotone in the strike, so a value on a fine grid bounds those before it; margins of a scenario
are convex in the strike, so they lie below their chord.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .bankability import TOLERANCE, Tests, tail_weights
from .cashflow import credit_flows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .subsidies import CreditLevel, LawCredits

    Array = NDArray[np.float64]

SLACK = 1e-8
"""Share of yearly debt service by which the downside deck's runs are eased, more than the tests' own tolerance adds up to."""


class LinearTests(Tests):
    """Tests as linear forms in ``a`` and ``e``, the club's investment and production credit as shares of their highest rates.

    A form is a triple: its value at law, and what it gains from ``a = 1`` and from ``e = 1``; it is at least 0 where the
    test passes.
    """

    law: LawCredits
    top: CreditLevel

    def offered(self, law: LawCredits, top: CreditLevel) -> LinearTests:
        """Set law and the highest rates of the club; return the tests themselves."""
        self.law, self.top = law, top
        return self

    @property
    def _rates(self) -> tuple[tuple[Array, Array], ...]:
        law, top = self.law, self.top
        return (law.itc, law.ptc), (law.itc + top.itc, law.ptc), (law.itc, law.ptc + top.ptc)

    def forms(self) -> Array:
        """Return the forms of value and of the decks over the grid of strikes, musd, ``(F, 3, G)``."""
        found = [np.zeros((0, 3, self.grid))]
        if self.rules.value:
            value = self.value_at(self._rates)
            value[0] += TOLERANCE
            found.append(value[None])
        if self.rules.lender and self._borrows:
            found.append(np.stack([self._lender_forms(*rates) for rates in self._rates], axis=1))
        forms = np.concatenate(found)
        forms[:, 1:] -= forms[:, :1]
        return forms

    @property
    def _borrows(self) -> bool:
        """Say whether a loan is left at the highest investment credit; if not, the decks are left out, which only eases."""
        return bool(self.loan(self.law.itc + self.top.itc).principal > 0.0)

    def _lender_forms(self, itc: Array, ptc: Array) -> Array:
        """Return by how much the decks pass at given rates, musd, ``(F, G)``."""
        debt, rules = self.loan(itc), self.rules
        cash = self._cash(self._bank_deck, itc, ptc, None)
        bank = cash.mean(axis=0) - (self.bank_required() - TOLERANCE) * debt.service
        found = [np.broadcast_to(bank, (1, self.grid)), self._runs(itc, ptc)]
        if self.dump_deck:
            factor = (1.0 + debt.rate) ** -np.arange(1.0, self.repayment.size + 1)
            found.append((factor @ self._cash(self._dump_deck, itc, ptc, None) - (rules.dump_cover - TOLERANCE) * debt.principal)[None])
        return np.concatenate([np.broadcast_to(f, (f.shape[0], self.grid)) for f in found])

    def _runs(self, itc: Array, ptc: Array) -> Array:
        """Return what is left of each run of years in the downside deck, musd, ``(R, G)``; single years where less than full service is asked."""
        service = self.loan(itc).service
        cash = self._cash(self._downside_deck, itc, ptc, None)
        total = np.concatenate([np.zeros((1, cash.shape[1])), np.cumsum(cash - service, axis=0)])
        first, last = np.triu_indices(cash.shape[0])
        if self.rules.cover_down < 1.0:
            first = last = np.arange(cash.shape[0])
        spare = self.rules.reserve_years + 1.0 - self.rules.cover_down + SLACK
        left: Array = total[last + 1] - total[first] + spare * service
        return left

    # --- the tail ------------------------------------------------------------------------------------------------

    def tail_forms(self) -> Tail:
        """Return what the tail's forms are made of."""
        site, weight = self.site, self._debt_factor[self.site.calendar.operate]
        late = np.setdiff1d(np.arange(self.count), self.rows)
        parts = [(late, site.merchant.margin[:, late], site.merchant.active[:, late])]
        if self.contract is not None and self.strikes is not None:
            run = site.operate(self.rows, self.strikes, self.contract)
            parts.append((self.rows, run.margin, run.active))
        rates = [credit_flows(site, self.law.itc, ptc)[1] for ptc in (self.law.ptc, np.full_like(self.law.ptc, self.top.ptc))]
        margin = sum((weight[rows] * site.after_tax_share) @ m for rows, m, _ in parts)
        drawn = [sum((weight * rate)[rows] @ (active * site.cost[rows]) for rows, _, active in parts) for rate in rates]
        shape = (self.grid, site.outlook.price.shape[1])
        total, of_law, extra = (np.broadcast_to(np.asarray(x, dtype=float), shape) for x in (margin, *drawn))
        fixed, gain = self._credits_at_debt_cost()
        need = -self.rules.loss_tolerance * self.capital_at_debt_cost() - TOLERANCE
        terms = self.contract
        return Tail(total, of_law, extra, fixed - need, gain, self.rules.tail_alpha, not (terms and terms.collar and terms.upside_share))

    @property
    def _debt_factor(self) -> Array:
        years = np.arange(self.site.outlook.price.shape[0], dtype=float)
        factor: Array = (1.0 + self.site.plant.terms.debt_rate) ** -years
        return factor

    def _credits_at_debt_cost(self) -> tuple[float, float]:
        """Return what is the same in every scenario, PV musd at the cost of debt, and the gain from the highest investment credit."""
        site, cal, factor = self.site, self.site.calendar, self._debt_factor
        found = []
        for itc in (self.law.itc, self.law.itc + self.top.itc):
            credit, _ = credit_flows(site, itc, itc)
            fixed = site.fixed - credit.sum() * site.shield_lost
            found.append(float((credit - cal.capital) @ factor[cal.build] + fixed @ factor[cal.operate]))
        return found[0], found[1] - found[0]


@dataclass(frozen=True)
class Tail:
    """The tail's parts over a grid of strikes, PV musd at the cost of debt (C12b).

    ``margin`` after tax, ``drawn`` production credits of law and ``extra`` those of the highest rate, ``(G, S)`` each;
    ``fixed`` is the rest less the least tail allowed and ``gain`` what the highest investment credit adds. ``convex``
    says whether margins are convex in the strike.
    """

    margin: Array
    drawn: Array
    extra: Array
    fixed: float
    gain: float
    alpha: float
    convex: bool

    def forms(self, where: Array) -> Array:
        """Return forms between neighbours of the grid, musd, ``(F, 4, I)``: at law, and gains from ``a``, ``e`` and the strike.

        Each is the mean over the worst scenarios at one end of the interval and at a point ``where`` of the rates, ``(2,)``.
        A grid of one value, or none, is one interval of no width.
        """
        ends = self.margin.shape[0] - 1
        low, high = (np.arange(ends), np.arange(1, ends + 1)) if ends else (np.zeros(1, dtype=int),) * 2
        npv = self.margin + self.drawn + where[1] * self.extra
        forms = []
        for at in (low, high) if ends else (low,):
            measure = _worst(npv[at], self.alpha)
            begin, end = ((measure * self.margin[edge]).sum(axis=1) for edge in (low if self.convex else high, high))
            at_law = self.fixed + begin + (measure * self.drawn[high]).sum(axis=1)
            forms.append(np.stack([at_law, np.full(at_law.size, self.gain), (measure * self.extra[high]).sum(axis=1), end - begin]))
        return np.stack(forms)


def _worst(values: Array, alpha: float) -> Array:
    """Return the measure that averages the lowest ``alpha`` share of each row, ``(I, S)``."""
    measure = np.zeros(values.shape)
    np.put_along_axis(measure, np.argsort(values, axis=1), np.broadcast_to(tail_weights(values.shape[1], alpha), values.shape), axis=1)
    return measure


def over_intervals(forms: Array, steps: int, low: Array, high: Array) -> Array:
    """Return forms that are linear in the strike within intervals and nowhere below the given ones, ``(F, 4, I)``.

    Args:
        forms: ``(F, 3, I steps + 1)`` on a grid that divides each interval into ``steps`` parts; they do not fall in the
            strike where they are at least 0.
        steps: parts of an interval.
        low: least ``(a, e)``.
        high: greatest ``(a, e)``.

    Returns:
        Value at law and at the start of the interval, gains from ``a`` and ``e``, and from crossing the interval.
    """
    ends = forms[:, :, 1:].reshape(*forms.shape[:2], (forms.shape[2] - 1) // steps, steps)
    gains = ends[:, 1:, :, -1]
    change = ends[:, 1:] - gains[..., None]
    corner = np.maximum(change * low[None, :, None, None], change * high[None, :, None, None]).sum(axis=1)
    least = ends[:, 0] + corner
    share = np.arange(steps) / steps
    slope = np.maximum(0.0, (least[..., -1] - least[..., 0]) * steps / max(1, steps - 1)) if steps > 1 else np.zeros(least.shape[:-1])
    start = (least - slope[..., None] * share).max(axis=-1)
    return np.concatenate([start[:, None], gains, slope[:, None]], axis=1)
