"""What the state pays under each contract, year by year and over the scenarios: the table that a public lender asks for (C14, C24).

The money is that of ``Site.operate``, the one that public cost, tests and payoffs use. Here it is gross: the whole payment of a
contract, also of a closed one, of which C24 counts only the change against the baseline. Offtake (C17) is not shown here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.decisions import Decisions
from ..models.desk import Desk
from ..models.statement import Statement
from .claims import SPREADS
from .claims_world import World
from .design import Design
from .evaluate import evaluate
from .given import read_decisions
from .payment_assumptions import Assumptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..instances import Instance
    from ..models.decisions import Contract

    Array = NDArray[np.float64]
    Elsewhere = Mapping[str, tuple[Desk, Sequence["Flow"]]]

Row = dict[str, Any]
PERCENTILES = (5, 25, 50, 75, 95)
CLOSED, DESIGNED = "closed", "design"
UNIT = "million 2025 USD, real"


class DesignFailed(ValueError):
    """A given design failed the audit, so that nothing is said of its payments."""


@dataclass(frozen=True)
class Flow:
    """What the state pays under one contract.

    ``money`` is musd, ``(T, S)``, negative where the state receives, and zero outside ``years``, the indices ``(k,)`` of the
    simulated years that the tenor covers. ``tonnes`` are the payable tonnes under contract, ``strike`` its real value and
    ``price`` the expected selling price, USD/t, each ``(k,)``.
    """

    project: str
    country: str
    product: str
    held: str
    start: int
    contract: Contract
    years: NDArray[np.int_]
    money: Array
    tonnes: Array
    strike: Array
    price: Array


def payments(instance: Instance, design: str | Path | Mapping[str, Any] | Design | None = None, *, regimes: bool = True) -> dict[str, Any]:
    """Return the payments of every contract by calendar year, as plain data.

    Args:
        instance: the instance.
        design: a design as ``evaluate`` takes it; its contracts and the closed ones of the instance are shown. Without one
            the closed contracts are shown, under current law.
        regimes: also give the present value under the other price regimes of the claims. An instance that brings its own
            prices has none.

    Returns:
        ``contracts``, one entry each with terms, ``years``, ``total`` (not discounted), ``pv``, ``regimes`` and
        ``assumptions``; ``together``, the same sums over all contracts, where there are two or more. Amounts are musd.

    Raises:
        InstanceError: the design names unknown things or lacks numbers; all mistakes at once.
        DesignError: a file is not a design.
        DesignFailed: the design failed the audit.
    """
    content = None if design is None else _audited(instance, design)
    desk, known = Desk(instance), Assumptions(instance)
    held = flows(desk, content)
    elsewhere = _elsewhere(instance, content) if regimes and held else {}
    return {
        "instance": instance.name,
        "instance_sha256": instance.sha256,
        "unit": UNIT,
        "scenarios": desk.market.scenarios.count,
        "base_year": int(desk.market.years[0]),
        "public_rate": desk.public_rate,
        "contracts": [_entry(desk, flow, elsewhere, known) for flow in held],
        "together": _sums(desk, held, elsewhere) if len(held) > 1 else None,
    }


def flows(desk: Desk, content: Mapping[str, Any] | None = None) -> list[Flow]:
    """Return the payments of every contract of a given design, or of the closed contracts under current law, by project."""
    statement = Statement(desk, Decisions(), club=False) if content is None else Statement(desk, read_decisions(desk, content))
    held = {key: statement.contract(key) for key in sorted(statement.builds)}
    return [_flow(statement, key, contract) for key, contract in held.items() if contract is not None]


def _flow(statement: Statement, key: str, held: Contract) -> Flow:
    plant, start = statement.plants[key], statement.builds[key]
    site = statement.site(plant, start)
    rows = held.terms.covered(site.calendar.operate.size)
    years = site.calendar.operate[rows]
    money = np.zeros(site.outlook.price.shape)
    money[years] = site.operate(rows, np.array([held.strike]), held.terms).payment[0]
    return Flow(
        project=key,
        country=plant.country,
        product=plant.product,
        held=DESIGNED if key in statement.decisions.contracts else CLOSED,
        start=start,
        contract=held,
        years=years,
        money=money,
        tonnes=1e6 * site.contracted(rows, held.terms),
        strike=held.strike * held.terms.index(rows),
        price=site.price[rows].mean(axis=1),
    )


def summary(yearly: Array) -> Row:
    """Return mean, parts, percentiles and probability of what the state pays in some years together.

    ``expected = payment - clawback``: ``payment`` is the mean of what it pays in the years in which it pays, ``clawback`` of what
    it receives in the others. Percentiles, linear between scenarios, and the probability of paying are of the net sum of the
    years: a percentile of a sum is not the sum of percentiles.

    Args:
        yearly: payments by year and scenario, musd, ``(k, S)``, discounted or not.
    """
    net, paid = yearly.sum(axis=0), np.maximum(yearly, 0.0).sum(axis=0)
    found = {"expected_musd": net.mean(), "payment_musd": paid.mean(), "clawback_musd": (paid - net).mean(), "probability_paying": (net > 0.0).mean()}
    found |= {f"p{p:02d}_musd": value for p, value in zip(PERCENTILES, np.percentile(net, PERCENTILES), strict=True)}
    return {name: float(value) for name, value in found.items()}


def present_value(desk: Desk, held: Sequence[Flow]) -> Row:
    """Return the summary of contracts together at the public rate, PV musd in the base year (C2)."""
    return summary(desk.users.factor[:, None] * _money(held))


def _money(held: Sequence[Flow]) -> Array:
    total: Array = np.sum([flow.money for flow in held], axis=0)
    return total


def _sums(desk: Desk, held: Sequence[Flow], elsewhere: Elsewhere) -> Row:
    """Return years, total, present value and regimes of contracts taken together."""
    money, covered = _money(held), np.unique(np.concatenate([flow.years for flow in held]))
    return {
        "years": [{"year": int(desk.market.years[t])} | summary(money[t : t + 1]) for t in covered],
        "total": summary(money),
        "pv": present_value(desk, held),
        "regimes": {name: present_value(there, found) for name, (there, found) in elsewhere.items() if found},
    }


def _entry(desk: Desk, flow: Flow, elsewhere: Elsewhere, known: Assumptions) -> Row:
    mine = {name: (there, [other for other in found if other.project == flow.project]) for name, (there, found) in elsewhere.items()}
    sums = _sums(desk, [flow], mine)
    facts = zip(flow.tonnes, flow.strike, flow.price, sums["years"], strict=True)
    years = [row | {"contracted_t": float(q), "strike_usd_per_t": float(k), "price_usd_per_t": float(p)} for q, k, p, row in facts]
    terms = asdict(flow.contract.terms)
    return {
        "project": flow.project,
        "country": flow.country,
        "product": flow.product,
        "held": flow.held,
        "start_year": flow.start,
        "strike_usd_per_t": flow.contract.strike,
        "start_delay_years": terms.pop("first"),
        **{name: value for name, value in terms.items() if name != "by_calendar"},
        **sums,
        "years": years,
        "assumptions": known.of(flow.project, flow.contract, flow.start, closed=flow.held == CLOSED),
    }


def _elsewhere(instance: Instance, content: Mapping[str, Any] | None) -> Elsewhere:
    """Return desk and payments under each other price regime, with as many scenarios."""
    if instance.prices is not None or instance.path is None:
        return {}
    desks = {name: World(instance, name, more).desk() for name, more in SPREADS.items()}
    return {name: (desk, flows(desk, content)) for name, desk in desks.items()}


def _audited(instance: Instance, design: str | Path | Mapping[str, Any] | Design) -> dict[str, Any]:
    """Return the plain data of a design whose arithmetic the audit found right."""
    made = evaluate(instance, design, command="payments")
    if made.certificate.get("audit") == "failed":
        raise DesignFailed("the design failed the audit; see minclub evaluate")
    return made.to_dict()
