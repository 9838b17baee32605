"""What a plant draws in operating years: contract payments, production credits and offtake, by year and by scenario (C14, C15, C17).

Years times scenarios times strikes are many numbers, so they are worked out in blocks of scenarios and only sums are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import blocks, span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cashflow import Site
    from .contracts import ContractTerms

    Array = NDArray[np.float64]
    Index = NDArray[np.int_]
    Runs = NDArray[np.bool_]


@dataclass(frozen=True)
class Years:
    """Operating years ``rows`` ``(k,)`` of a site under ``U`` strikes, or without a contract; ``merchant`` ``(k, S)`` says where it then runs.

    With a ``worst`` site what is paid counts only if every site between the two gets it, and what is received always.
    """

    site: Site
    rows: Index
    merchant: Runs
    worst: Site | None = None
    strikes: Array | None = None
    contract: ContractTerms | None = None

    @property
    def count(self) -> int:
        """Return the number of strikes, 1 without a contract."""
        return 1 if self.strikes is None else self.strikes.size

    def run(self, scenarios: slice) -> tuple[Runs, Array | None]:
        """Return where the plant runs, ``(U, k, S)``, and what its contract pays then, musd, if there is one."""
        if self.strikes is None or self.contract is None:
            return self.merchant[None, :, scenarios], None
        payment = self.site.receipts(self.rows, self.strikes, self.contract, scenarios)
        if self.worst is None:
            active = self.site.active(self.rows, payment, scenarios)
            payment[~active] = 0.0
            return active, payment
        sure = self.worst.runs(self.rows, self.strikes, self.contract, scenarios)
        np.minimum(payment, 0.0, out=payment, where=~sure)
        return sure, payment


class Draws:
    """Sums of what is drawn under each strike: expected by year, musd ``(U, k)``, and PV by scenario, musd ``(U, S)``.

    ``paid`` and ``net`` are of contracts, ``joint_paid`` and ``joint_net`` of offtake, net of receipts; ``cost`` is that of
    running, and ``law`` that cost times the law's rate of the production credit. What is not there is nothing.
    """

    def __init__(self, strikes: int, years: int, scenarios: int) -> None:
        """Start with nothing."""
        self.strikes, self.years, self.scenarios = strikes, years, scenarios
        self._by_year: dict[str, Array] = {}
        self._by_scenario: dict[str, Array] = {}

    def add(self, name: str, amount: Array, scenarios: slice, weights: Array) -> None:
        """Add an amount of some scenarios, musd ``(U, k, S)``; ``weights`` ``(k,)`` discount the years."""
        by_year = self._by_year.setdefault(name, np.zeros((self.strikes, self.years)))
        by_year += amount.sum(axis=2) / self.scenarios
        by_scenario = self._by_scenario.setdefault(name, np.zeros((self.strikes, self.scenarios)))
        by_scenario[:, scenarios] += weights @ amount

    def by_year(self, name: str, which: Index) -> Array | float:
        """Return a sum by year of entries that have a strike each, ``(R, k)``."""
        return self._by_year[name][which] if name in self._by_year else 0.0

    def by_scenario(self, name: str, which: Index) -> Array | float:
        """Return a sum by scenario of entries that have a strike each, ``(R, S)``."""
        return self._by_scenario[name][which] if name in self._by_scenario else 0.0


def draws(years: Years, factor: Array, law: Array) -> Draws:
    """Add up what a plant draws in some years; ``factor`` are discount factors and ``law`` credit rates by year, ``(T,)`` each."""
    site, when, here = years.site, years.site.calendar.operate[years.rows], span(years.rows)
    weights, rates = factor[when], law[when]
    cost = np.broadcast_to(site.cost, site.price.shape)[here]
    found = Draws(years.count, years.rows.size, site.price.shape[1])
    for block in blocks(site.price.shape[1], years.count * years.rows.size):
        active, payment = years.run(block)
        if payment is not None:
            found.add("net", payment, block, weights)
            found.add("paid", np.maximum(payment, 0.0, out=payment), block, weights)
        if site.plant.ptc_share:
            running = active * cost[:, block]
            found.add("cost", running, block, weights)
            if rates.any():
                found.add("law", running, block, weights * rates)
        for bought in site.purchases[:, here, block] if site.aid.streams else ():
            spent = np.where(active, bought, 0.0 if years.worst is None else np.minimum(bought, 0.0))
            found.add("joint_net", spent, block, weights)
            found.add("joint_paid", np.maximum(spent, 0.0, out=spent), block, weights)
    return found
