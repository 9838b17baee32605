"""Public cost (C24): the one owner of what a contract or a credit costs.

Objective, reports, games and sweeps call these functions; only the audit computes them a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .bankability import cvar_worst

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cashflow import ContractTerms, Site
    from .subsidies import CreditLevel, LawCredits

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cost:
    """Public cost of one or several projects, musd, increments over the baseline, leading axis ``R`` where batched.

    ``payments``, ``receipts`` and ``credits`` are expected and undiscounted ``(..., T)``; ``booked`` is the PV of
    C24; ``scenario`` the booked cost of each scenario and ``scenario_outlay`` its PV outlay, ``(..., S)``.
    """

    payments: Array
    receipts: Array
    credits: Array
    booked: Array
    scenario: Array
    scenario_outlay: Array

    @property
    def outlay(self) -> Array:
        """Return expected outlay by year: payments and credits, musd."""
        return self.payments + self.credits

    def pick(self, index: int) -> Cost:
        """Return one entry of a batch."""
        return Cost(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @staticmethod
    def none(years: int, scenarios: int) -> Cost:
        """Return zero cost."""
        t, s = np.zeros(years), np.zeros(scenarios)
        return Cost(t, t, t, np.zeros(()), s, s)

    def repeated(self, count: int) -> Cost:
        """Return a batch of equal entries."""
        return Cost(*(np.repeat(np.asarray(getattr(self, n))[None], count, axis=0) for n in self.__dataclass_fields__))

    def outer(self, factors: Array) -> Cost:
        """Return the batch of multiples by each factor."""
        return Cost(*(np.multiply.outer(factors, getattr(self, n)) for n in self.__dataclass_fields__))

    def __sub__(self, other: Cost) -> Cost:
        """Subtract a cost part by part."""
        return Cost(*(getattr(self, n) - getattr(other, n) for n in self.__dataclass_fields__))

    def __add__(self, other: Cost) -> Cost:
        """Add two costs part by part."""
        return Cost(*(getattr(self, n) + getattr(other, n) for n in self.__dataclass_fields__))


def discount(years: int, rate: float) -> Array:
    """Return public discount factors ``(1 + rate)^-(y - base_year)``, ``(T,)`` (C2)."""
    return (1.0 + rate) ** -np.arange(years, dtype=float)


def project_cost(
    site: Site,
    law: LawCredits,
    level: CreditLevel,
    public_rate: float,
    contract: ContractTerms | None = None,
    strikes: Array | None = None,
    worst: Site | None = None,
    running: NDArray[np.bool_] | None = None,
) -> Cost:
    """Return the public cost of a project under each strike (or without a contract) and one club credit level.

    A project with a contract costs its net payments and all its credits; one without costs the club's increments
    only (C24). Batched over the strikes, ``R``. With a ``worst`` site the result is a lower bound, part by part, for
    every site between the two: payments and production credits count only where the worst site is active too.
    ``running`` ``(n, S)`` says where a plant without a contract runs, if not where its merchant revenue lets it.
    """
    floor = worst or site
    horizon, scenarios = site.outlook.price.shape
    batch = 1 if strikes is None else strikes.size
    factor = discount(horizon, public_rate)
    cal, plant = site.calendar, site.plant
    held = contract is not None and strikes is not None
    itc = (law.itc if held else 0.0) + np.full(horizon, level.itc)
    ptc = ((law.ptc if held else 0.0) + np.full(horizon, level.ptc)) * plant.ptc_share
    payments, receipts, credits = (np.zeros((batch, horizon)) for _ in range(3))
    grant = plant.itc_share * itc[cal.build] * cal.capital
    credits[:, cal.build] += grant
    tenor = min(contract.tenor_years, cal.operate.size) if contract is not None and held else 0
    merchant = floor.merchant.active if running is None else running[None]
    active = np.repeat(merchant, batch, axis=0) if ptc[cal.operate].any() else None
    net = np.zeros((batch, scenarios))
    gross = np.zeros((batch, scenarios))
    if tenor and contract is not None and strikes is not None:
        rows = np.arange(tenor)
        sure = floor.operate(rows, strikes, contract).active
        payment = site.receipts(rows, strikes, contract)
        payment = np.where(sure, payment, 0.0 if worst is None else np.minimum(payment, 0.0))
        years = cal.operate[rows]
        paid = np.maximum(payment, 0.0)
        payments[:, years] = paid.mean(axis=2)
        receipts[:, years] = paid.mean(axis=2) - payment.mean(axis=2)
        net = np.einsum("rns,n->rs", payment, factor[years])
        gross = np.einsum("rns,n->rs", paid, factor[years])
        if active is not None:
            active = active.copy()
            active[:, rows] = sure
    scenario_credits = np.full((batch, scenarios), float((factor[cal.build] * grant).sum()))
    if active is not None:
        drawn = active * site.cost[None] * ptc[cal.operate][None, :, None]
        credits[:, cal.operate] += drawn.mean(axis=2)
        scenario_credits = scenario_credits + np.einsum("rns,n->rs", drawn, factor[cal.operate])
    booked = np.maximum(0.0, net.mean(axis=1)) + credits @ factor
    scenario = np.maximum(0.0, net) + scenario_credits
    return Cost(payments, receipts, credits, booked, scenario, gross + scenario_credits)


def worst_mean(values: Array, alpha: float) -> float:
    """Return the mean of the highest ``alpha`` share of scenario costs (C26)."""
    return float(-cvar_worst(-values, alpha))


def support(
    site: Site, law: LawCredits, level: CreditLevel, cost: Cost, public_rate: float, long_run: float, *, held: bool
) -> tuple[float, float]:
    """Return C16's numerator and denominator of a project, PV musd: increments over law, and sales at the long-run price.

    ``cost`` is the project's public cost. Where a contract is ``held`` it has the law's credits too (C24), which are no
    increment and are taken out: their share of a year's production credit is the law's share of the rate.
    """
    factor = discount(site.outlook.price.shape[0], public_rate)
    cal, plant = site.calendar, site.plant
    increments = float((cost.payments - cost.receipts + cost.credits) @ factor)
    if held:
        grant = plant.itc_share * cal.capital
        drawn = cost.credits.copy()
        np.add.at(drawn, cal.build, -grant * (law.itc[cal.build] + level.itc))
        rate = law.ptc[cal.operate] + level.ptc
        share = np.divide(law.ptc[cal.operate], rate, out=np.zeros_like(rate), where=rate > 0.0)
        increments -= float(factor[cal.build] @ (grant * law.itc[cal.build]))
        increments -= float(factor[cal.operate] @ (share * drawn[cal.operate]))
    sales = float((factor[cal.operate] * site.payable).sum()) * long_run / 1e6
    return increments, sales
