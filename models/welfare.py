"""Public cost (C24): the one owner of what a contract or a credit costs.

Objective, reports, games and sweeps call these functions; only the audit computes them a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import credit_flows
from .subsidies import CreditLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .cashflow import Site
    from .contracts import ContractTerms
    from .subsidies import LawCredits

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cost:
    """Public cost of one or several projects, musd, increments over the baseline, leading axis ``R`` where batched.

    ``payments``, ``receipts`` and ``credits`` are expected and undiscounted ``(..., T)``; the host bears them. So are
    ``joint_payments`` and ``joint_receipts``, of offtake and the reserve, which members bear by their quotas (C17).
    ``booked`` is the PV of C24 and ``joint_booked`` the joint part of it; ``scenario`` is the booked cost of each
    scenario and ``scenario_outlay`` its PV outlay, ``(..., S)``.
    """

    payments: Array
    receipts: Array
    credits: Array
    joint_payments: Array
    joint_receipts: Array
    booked: Array
    joint_booked: Array
    scenario: Array
    scenario_outlay: Array

    @property
    def hosted(self) -> Array:
        """Return the host's expected outlay by year: payments and credits, musd."""
        return self.payments + self.credits

    @property
    def outlay(self) -> Array:
        """Return expected outlay by year, hosted and joint, musd."""
        return self.hosted + self.joint_payments

    @property
    def income(self) -> Array:
        """Return expected receipts by year, hosted and joint, musd."""
        return self.receipts + self.joint_receipts

    def pick(self, index: int) -> Cost:
        """Return one entry of a batch."""
        return Cost(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @staticmethod
    def none(years: int, scenarios: int) -> Cost:
        """Return zero cost."""
        t, s = np.zeros(years), np.zeros(scenarios)
        return Cost(t, t, t, t, t, np.zeros(()), np.zeros(()), s, s)

    def repeated(self, count: int) -> Cost:
        """Return a batch of equal entries."""
        return Cost(*(np.repeat(np.asarray(getattr(self, n))[None], count, axis=0) for n in self.__dataclass_fields__))

    def outer(self, factors: Array) -> Cost:
        """Return the batch of multiples by each factor."""
        return Cost(*(np.multiply.outer(factors, getattr(self, n)) for n in self.__dataclass_fields__))

    def borne(self, hosted: float, quota: float) -> Cost:
        """Return what a member bears: a share of the hosted part and its quota of the joint one; not by scenario."""
        names = ("payments", "receipts", "credits")
        mine = {n: hosted * getattr(self, n) for n in names} | {n: quota * getattr(self, n) for n in ("joint_payments", "joint_receipts", "joint_booked")}
        booked = hosted * (self.booked - self.joint_booked) + quota * self.joint_booked
        return replace(self, **mine, booked=booked, scenario=hosted * self.scenario, scenario_outlay=hosted * self.scenario_outlay)

    def __sub__(self, other: Cost) -> Cost:
        """Subtract a cost part by part."""
        return Cost(*(getattr(self, n) - getattr(other, n) for n in self.__dataclass_fields__))

    def __add__(self, other: Cost) -> Cost:
        """Add two costs part by part."""
        return Cost(*(getattr(self, n) + getattr(other, n) for n in self.__dataclass_fields__))


@dataclass(frozen=True)
class LevelCosts:
    """Public cost at each credit level, kept once for levels that come to the same.

    ``entries`` is a batch, ``of`` ``(L,)`` the entry of each level; -1 where a level is not on offer.
    """

    entries: Cost
    of: NDArray[np.int_]

    def at(self, level: int) -> Cost:
        """Return the cost at a level that is on offer."""
        return self.entries.pick(int(self.of[level]))

    @cached_property
    def hosted(self) -> Array:
        """Return the host's expected outlay of each entry by year, musd."""
        return self.entries.hosted

    def weighed(self, weigh: Callable[[Cost, Array], Array]) -> Array:
        """Return a weighted cost of each level, ``(L,)``, given how to weigh entries and their hosted part; inf where not on offer."""
        values = np.append(weigh(self.entries, self.hosted), np.inf)
        return values[self.of]


def discount(years: int, rate: float) -> Array:
    """Return public discount factors ``(1 + rate)^-(y - base_year)``, ``(T,)`` (C2)."""
    return (1.0 + rate) ** -np.arange(years, dtype=float)


def project_cost(
    site: Site,
    law: LawCredits,
    level: CreditLevel | Sequence[CreditLevel],
    public_rate: float,
    contract: ContractTerms | None = None,
    strikes: Array | None = None,
    worst: Site | None = None,
    running: NDArray[np.bool_] | None = None,
) -> Cost:
    """Return the public cost of a project under each strike (or without a contract) and club credit level.

    A project with a contract costs its net payments and all its credits; one without costs the club's increments
    only (C24). Batched, ``R``: strikes and levels are paired, and one of either serves all of the other. With a
    ``worst`` site the result is a lower bound, part by part, for every site between the two: payments and production
    credits count only where the worst site is active too. ``running`` ``(n, S)`` says where a plant without a contract
    runs, if not where its merchant revenue lets it.
    """
    horizon, scenarios = site.outlook.price.shape
    factor, cal = discount(horizon, public_rate), site.calendar
    held = contract is not None and strikes is not None
    itc, ptc = increments(level, law if held else None, horizon)
    grant, _ = credit_flows(site, itc, ptc)
    batch = max(grant.shape[0], strikes.size if held and strikes is not None else 1)
    payments, receipts, credits = (np.zeros((batch, horizon)) for _ in range(3))
    credits[:, cal.build] += grant
    credits[:, cal.operate[0]] += loan_subsidies(site, law, level)
    scenario_credits = np.repeat((credits @ factor)[:, None], scenarios, axis=1)
    merchant = (worst or site).merchant.active if running is None else running[None]
    rows = contract.covered(cal.operate.size) if contract is not None and held else np.zeros(0, dtype=int)
    rest = np.setdiff1d(np.arange(cal.operate.size), rows)
    net = gross = np.zeros((batch, scenarios))
    parts = [Running(rest, merchant[:, rest], np.zeros(batch, dtype=int))]
    if rows.size and contract is not None and strikes is not None:
        years = cal.operate[rows]
        pairs = np.stack(np.broadcast_arrays(strikes, contract.upside_share))
        (chosen, shares), which = np.unique(pairs, axis=1, return_inverse=True)
        sure, payment = _sure_payments(site, worst, rows, chosen, replace(contract, upside_share=shares))
        paid = np.maximum(payment, 0.0)
        expected = paid.mean(axis=2)
        payments[:, years] = expected[which]
        receipts[:, years] = (expected - payment.mean(axis=2))[which]
        net, gross = ((factor[years] @ money)[which] for money in (payment, paid))
        parts.append(Running(rows, sure, np.broadcast_to(which, batch)))
    law_rate = law.ptc if held else np.zeros(horizon)
    for part in parts if site.plant.ptc_share else ():
        yearly, by_scenario = _drawn(site, part, law_rate, ptc[:, 0] - law_rate[0], factor)
        credits[:, cal.operate[part.rows]] += yearly
        scenario_credits += by_scenario
    booked = np.maximum(0.0, net.mean(axis=1)) + credits @ factor
    own = (payments, receipts, credits), booked, np.maximum(0.0, net) + scenario_credits, gross + scenario_credits
    return _with_offtake(site, parts, factor, *own, exact=worst is None)


@dataclass(frozen=True)
class Running:
    """Some operating years ``(k,)`` with where the plant runs in them, ``(U, k, S)``, and which of the ``U`` is each entry's, ``(R,)``."""

    rows: NDArray[np.int_]
    active: NDArray[np.bool_]
    which: NDArray[np.int_]


def _drawn(site: Site, part: Running, law: Array, increment: Array, factor: Array) -> tuple[Array, Array]:
    """Return production credits by entry, musd: expected by year ``(R, k)``, and PV by scenario ``(R, S)``.

    ``law`` are rates by year ``(T,)``, ``increment`` what each entry adds to them.
    """
    years, share = site.calendar.operate[part.rows], site.plant.ptc_share
    cost = part.active * site.cost[part.rows]
    at_law, extra = ((share * factor[years] * rate) @ cost for rate in (law[years], 1.0))
    yearly = share * (law[years] + increment[:, None]) * cost.mean(axis=2)[part.which]
    return yearly, at_law[part.which] + increment[:, None] * extra[part.which]


def _with_offtake(
    site: Site,
    parts: Sequence[Running],
    factor: Array,
    flows: tuple[Array, Array, Array],
    booked: Array,
    scenario: Array,
    outlay: Array,
    *,
    exact: bool,
) -> Cost:
    """Add a project's offtake, one contract that members bear together (C17, C24), to its own cost.

    If not ``exact`` payments count only where the plant surely runs, and receipts everywhere.
    """
    paid_by_all, got_by_all = np.zeros_like(flows[0]), np.zeros_like(flows[0])
    net = gross = np.zeros(scenario.shape)
    for part in parts if site.aid.streams else ():
        years = site.calendar.operate[part.rows]
        for bought in site.purchases[:, part.rows]:
            payment = np.where(part.active, bought, 0.0 if exact else np.minimum(bought, 0.0))
            paid = np.maximum(payment, 0.0)
            paid_by_all[:, years] += paid.mean(axis=2)[part.which]
            got_by_all[:, years] += (paid - payment).mean(axis=2)[part.which]
            net = net + (factor[years] @ payment)[part.which]
            gross = gross + (factor[years] @ paid)[part.which]
    together = np.maximum(0.0, net.mean(axis=1))
    scenario = scenario + np.maximum(0.0, net)
    return Cost(*flows, paid_by_all, got_by_all, booked + together, together, scenario, outlay + gross)


def loan_subsidies(site: Site, law: LawCredits, level: CreditLevel | Sequence[CreditLevel]) -> Array:
    """Return what a concessional loan costs the treasury in the first operating year at each level, musd ``(R,)`` (C15)."""
    levels = [level] if isinstance(level, CreditLevel) else level
    itc, lent = np.array([(x.itc, x.loan > 0.0) for x in levels]).T
    return lent * site.loan_subsidy(site.credit(law.itc, itc))


def _sure_payments(
    site: Site, worst: Site | None, rows: NDArray[np.int_], strikes: Array, contract: ContractTerms
) -> tuple[NDArray[np.bool_], Array]:
    """Say where the plant runs under each strike, ``(R, k, S)``, and return net payments, musd.

    With a ``worst`` site: where it runs at the worst prices, and a payment that every site between the two gets.
    """
    payment = site.receipts(rows, strikes, contract)
    if worst is None:
        active = site.active(rows, payment)
        return active, np.where(active, payment, 0.0)
    sure = worst.runs(rows, strikes, contract)
    return sure, np.where(sure, payment, np.minimum(payment, 0.0))


def increments(level: CreditLevel | Sequence[CreditLevel], law: LawCredits | None, years: int) -> tuple[Array, Array]:
    """Return the club's investment and production credit rates by year, over law if it is given, ``(R, T)`` (C15)."""
    levels = [level] if isinstance(level, CreditLevel) else level
    itc, ptc = (np.repeat(np.array([getattr(x, kind) for x in levels])[:, None], years, axis=1) for kind in ("itc", "ptc"))
    return (itc, ptc) if law is None else (itc + law.itc, ptc + law.ptc)


def support(
    site: Site, law: LawCredits, level: CreditLevel, cost: Cost, public_rate: float, long_run: float, *, held: bool
) -> tuple[float, float]:
    """Return C16's numerator and denominator of one project: ``increments_over_law`` and ``full_sales``, PV musd."""
    batch = increments_over_law(site, law, [level], cost.repeated(1), public_rate, held=held)
    return float(batch[0]), full_sales(site, public_rate, long_run)


def increments_over_law(site: Site, law: LawCredits, levels: Sequence[CreditLevel], cost: Cost, public_rate: float, *, held: bool) -> Array:
    """Return C16's numerator at each credit level, PV musd ``(R,)``: increments over law.

    ``cost`` is the project's public cost at each level. Where a contract is ``held`` it has the law's credits too (C24),
    which are no increment and are taken out: their share of a year's production credit is the law's share of the rate.
    """
    horizon = site.outlook.price.shape[0]
    factor, cal = discount(horizon, public_rate), site.calendar
    total: Array = (cost.outlay - cost.income) @ factor
    if not held:
        return total
    itc, ptc = increments(levels, law, horizon)
    drawn = cost.credits.copy()
    drawn[:, cal.build] -= credit_flows(site, itc, ptc)[0]
    drawn[:, cal.operate[0]] -= loan_subsidies(site, law, levels)
    rate = ptc[:, cal.operate]
    share = np.divide(law.ptc[cal.operate], rate, out=np.zeros_like(rate), where=rate > 0.0)
    grant = site.plant.itc_share * law.itc[cal.build] * cal.capital
    return total - grant @ factor[cal.build] - (share * drawn[:, cal.operate]) @ factor[cal.operate]


def full_sales(site: Site, public_rate: float, long_run: float) -> float:
    """Return full-output sales at the long-run price (USD/t), PV musd (C16)."""
    factor = discount(site.outlook.price.shape[0], public_rate)
    return float(factor[site.calendar.operate] @ site.payable) * long_run / 1e6
