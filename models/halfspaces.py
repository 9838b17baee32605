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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .subsidies import CreditLevel

    Array = NDArray[np.float64]

SLACK = 1e-8
"""Share of yearly debt service by which the downside deck's runs are eased, more than the tests' own tolerance adds up to."""


class LinearTests(Tests):
    """Tests as linear forms in ``a`` and ``e``, the club's investment and production credit as shares of their highest rates.

    A form is a triple: its value at law, and what it gains from ``a = 1`` and from ``e = 1``; it is at least 0 where the
    test passes.
    """

    top: CreditLevel

    def offered(self, top: CreditLevel) -> LinearTests:
        """Set the highest rates of the club; return the tests themselves."""
        self.top = top
        return self

    @property
    def _rates(self) -> tuple[tuple[float, float], ...]:
        return (0.0, 0.0), (self.top.itc, 0.0), (0.0, self.top.ptc)

    def forms(self) -> Array:
        """Return the forms of value and of the decks over the grid of strikes, musd, ``(F, 3, G)``."""
        found = [np.zeros((0, 3, self.grid))]
        if self.rules.value:
            value = np.stack([self.value(*rates) for rates in self._rates])
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
        return bool(self.decks.loan(self.top.itc).principal > 0.0)

    def _lender_forms(self, itc: float, ptc: float) -> Array:
        """Return by how much the decks pass at given rates, musd, ``(F, G)``."""
        decks, rules = self.decks, self.rules
        case, debt = decks.case(itc, ptc), decks.loan(itc)
        bank = decks.cash(decks.bank, case).mean(axis=0) - (decks.bank_required() - TOLERANCE) * debt.service
        found = [np.broadcast_to(bank, (1, self.grid)), self._runs(itc, ptc)]
        if self.dump_deck:
            factor = (1.0 + debt.rate) ** -np.arange(1.0, decks.repayment.size + 1)
            found.append((factor @ decks.cash(decks.dump, case) - (rules.dump_cover - TOLERANCE) * debt.principal)[None])
        return np.concatenate([np.broadcast_to(f, (f.shape[0], self.grid)) for f in found])

    def _runs(self, itc: float, ptc: float) -> Array:
        """Return what is left of each run of years in the downside deck, musd, ``(R, G)``; single years where less than full service is asked."""
        decks = self.decks
        service, cash = decks.loan(itc).service, decks.cash(decks.downside, decks.case(itc, ptc))
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
        shape = (self.grid, self.site.outlook.price.shape[1])
        margin, drawn, extra = (np.broadcast_to(part, shape) for part in self.tail_parts())
        fixed, gain = self.tail_fixed
        need = -self.rules.loss_tolerance * self.capital_at_debt_cost() - TOLERANCE
        terms = self.held.terms if self.held else None
        convex = not (terms and terms.collar and terms.upside_share)
        return Tail(margin, drawn, self.top.ptc * extra, fixed - need, self.top.itc * gain, self.rules.tail_alpha, convex)


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
