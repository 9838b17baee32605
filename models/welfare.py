"""Public cost (C24): the one owner of what a contract or a credit costs.

Objective, reports, games and sweeps call these functions; only the audit computes them a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .cashflow import credit_flows
from .draws import Years, draws
from .subsidies import CreditLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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

    @staticmethod
    def together(batches: Sequence[Cost]) -> Cost:
        """Return several batches as one; parts that are nothing take no memory."""
        return Cost(*(_lean(np.concatenate([getattr(batch, n) for batch in batches])) for n in Cost.__dataclass_fields__))

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


def _lean(amounts: Array) -> Array:
    """Return an array, as one zero seen from everywhere if it holds nothing else."""
    return amounts if amounts.any() else np.broadcast_to(np.zeros(()), amounts.shape)


@dataclass(frozen=True)
class LevelCosts:
    """Public cost at each credit level, kept once for levels that come to the same.

    ``entries`` is a batch, ``of`` ``(L,)`` the entry of each level; -1 where a level is not on offer or not feasible.
    """

    entries: Cost
    of: NDArray[np.int_]

    @staticmethod
    def collected(parts: Sequence[tuple[NDArray[np.int_], Cost]], of: NDArray[np.int_], none: Cost) -> LevelCosts:
        """Return the costs of levels from batches with the numbers of their entries; ``of`` names each level's number, and what is missing has none.

        ``none`` is what nothing costs.
        """
        numbers = np.concatenate([np.zeros(0, dtype=int), *(number for number, _ in parts)])
        place = np.full(of.max(initial=-1) + 2, -1, dtype=np.int32)
        place[numbers] = np.arange(numbers.size)
        return LevelCosts(Cost.together([none.repeated(0), *(cost for _, cost in parts)]), place[of])

    def at(self, level: int) -> Cost:
        """Return the cost at a level that is feasible."""
        return self.entries.pick(int(self.of[level]))

    def weighed(self, weigh: Callable[[Cost], Array]) -> Array:
        """Return a weighted cost of each level, ``(L,)``, given how to weigh entries; inf where there is none."""
        values = np.append(weigh(self.entries), np.inf)
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
    factor, cal, share = discount(horizon, public_rate), site.calendar, site.plant.ptc_share
    held = contract is not None and strikes is not None
    itc, ptc = increments(level, law if held else None, horizon)
    law_rate = law.ptc if held else np.zeros(horizon)
    extra = ptc[:, :1] - law_rate[0]
    batch = max(itc.shape[0], strikes.size if held and strikes is not None else 1)
    cost = Cost.none(horizon, scenarios).repeated(batch)
    cost.credits[:, cal.build] += credit_flows(site, itc, ptc)[0]
    cost.credits[:, cal.operate[0]] += loan_subsidies(site, law, level)
    scenario, outlay, net, joint = cost.scenario, cost.scenario_outlay, *np.zeros((2, batch, scenarios))
    scenario[:] = (cost.credits @ factor)[:, None]
    for years, which in _parts(site, worst, running, contract if held else None, strikes, batch):
        found, when = draws(years, factor, law_rate), cal.operate[years.rows]
        for name, payments, receipts in (("", cost.payments, cost.receipts), ("joint_", cost.joint_payments, cost.joint_receipts)):
            paid = found.by_year(name + "paid", which)
            payments[:, when] += paid
            receipts[:, when] += paid - found.by_year(name + "net", which)
            outlay += found.by_scenario(name + "paid", which)
        cost.credits[:, when] += share * (law_rate[when] + extra) * found.by_year("cost", which)
        scenario += share * (found.by_scenario("law", which) + extra * found.by_scenario("cost", which))
        net += found.by_scenario("net", which)
        joint += found.by_scenario("joint_net", which)
    outlay += scenario
    scenario += np.maximum(0.0, net) + np.maximum(0.0, joint)
    together = np.maximum(0.0, joint.mean(axis=1))
    return replace(cost, booked=np.maximum(0.0, net.mean(axis=1)) + cost.credits @ factor + together, joint_booked=together)


def _parts(
    site: Site, worst: Site | None, running: NDArray[np.bool_] | None, contract: ContractTerms | None, strikes: Array | None, batch: int
) -> Iterator[tuple[Years, NDArray[np.int_]]]:
    """Return the years without a contract and those of its tenor, each with which of its strikes is each entry's, ``(R,)``."""
    count = site.calendar.operate.size
    rows = np.zeros(0, dtype=int) if contract is None else contract.covered(count)
    rest = np.delete(np.arange(count), rows)
    merchant = (worst or site).merchant.active[0] if running is None else running
    yield Years(site, rest, merchant[rest], worst), np.zeros(batch, dtype=int)
    if rows.size and contract is not None and strikes is not None:
        pairs = np.stack(np.broadcast_arrays(strikes, contract.upside_share))
        (chosen, shares), which = np.unique(pairs, axis=1, return_inverse=True)
        yield Years(site, rows, merchant[rows], worst, chosen, replace(contract, upside_share=shares)), np.broadcast_to(which, batch)


def loan_subsidies(site: Site, law: LawCredits, level: CreditLevel | Sequence[CreditLevel]) -> Array:
    """Return what a concessional loan costs the treasury in the first operating year at each level, musd ``(R,)`` (C15)."""
    levels = [level] if isinstance(level, CreditLevel) else level
    itc, lent = np.array([(x.itc, x.loan > 0.0) for x in levels]).T
    return lent * site.loan_subsidy(site.credit(law.itc, itc))


def increments(level: CreditLevel | Sequence[CreditLevel], law: LawCredits | None, years: int) -> tuple[Array, Array]:
    """Return the club's investment and production credit rates by year, over law if it is given, ``(R, T)`` (C15)."""
    levels = [level] if isinstance(level, CreditLevel) else level
    itc, ptc = (np.repeat(np.array([getattr(x, kind) for x in levels])[:, None], years, axis=1) for kind in ("itc", "ptc"))
    return (itc, ptc) if law is None else (itc + law.itc, ptc + law.ptc)


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
