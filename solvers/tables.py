"""From a statement to the rows of a design's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.market import COUNTRIES
from ..models.master import read_limits
from ..models.payoff import payoffs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..models.desk import Desk
    from ..models.projects import Plant
    from ..models.statement import Statement, Tested

Row = dict[str, Any]


def all_rows(statement: Statement, worth: Mapping[tuple[str, str], float] | None = None) -> dict[str, list[Row]]:
    """Return the rows of every table; ``worth`` gives shadow prices by (constraint, where)."""
    return {
        "tariffs": tariffs(statement),
        "contracts": contracts(statement),
        "credits": credits(statement),
        "offtake": offtake(statement),
        "reserve": reserve(statement),
        "projects": projects(statement),
        "public_cost": public_cost(statement),
        "totals": totals(statement),
        "security": security(statement),
        "consumers": consumers(statement),
        "payoff": payoff(statement),
        "binding": binding(statement, worth or {}),
    }


def tariffs(statement: Statement) -> list[Row]:
    """Return one row per product and node, also where nothing changes (C6)."""
    market, rows = statement.desk.market, []
    for m in market.products:
        border = statement.decisions.border(m)
        laws = [market.law(m, c) for c in COUNTRIES]
        for node, rate, law in (
            ("china_linked", border.china, [x.china for x in laws]),
            ("market", border.market, [x.market for x in laws]),
        ):
            row: Row = {"product": m, "node": node, "rate": rate, "baseline_rate": max(law)}
            row |= {f"baseline_rate_{c.lower()}": x for c, x in zip(COUNTRIES, law, strict=True)}
            side, schedule = node.removesuffix("_linked"), market.schedules[m]
            row["reference_usd_per_t"] = border.reference if side in schedule.covers else 0.0
            row["adjustment_usd_per_t"] = border.standard * schedule.to_standard[side]
            rows.append(row)
    return rows


def contracts(statement: Statement) -> list[Row]:
    """Return the contracts of the design (C14)."""
    plants = statement.desk.plants
    return [
        {
            "project": key,
            "product": plants[key].product,
            "country": plants[key].country,
            "strike_usd_per_t": held.strike,
            "share": held.terms.share,
            "tenor_years": held.terms.tenor_years,
            "upside_share": held.terms.upside_share,
            "start_year": statement.builds[key],
            "collar": held.terms.collar,
            "indexed_share": held.terms.indexed_share,
            "inflation": held.terms.inflation,
            "start_delay_years": held.terms.first,
            "rent_musd": statement.rent(key),
        }
        for key, held in sorted(statement.decisions.contracts.items())
    ]


def credits(statement: Statement) -> list[Row]:
    """Return the club's credits, grants and concessional loans that are not zero (C15)."""
    return [
        {"country": c, "product": m, "itc_rate": level.itc, "ptc_rate": level.ptc, "grant_rate": level.grant, "concessional_loan": int(level.loan)}
        for (c, m), level in sorted(statement.decisions.credits.items())
        if level.pays
    ]


def offtake(statement: Statement) -> list[Row]:
    """Return what the club buys from each project, stream by stream (C17)."""
    rows: list[Row] = []
    factor = statement.desk.users.factor
    for key, start in sorted(statement.builds.items()):
        site = statement.site(statement.plants[key], start)
        for stream, bought in zip(site.aid.streams, site.purchases if site.aid.streams else (), strict=True):
            flow = np.where(statement.running(key), bought, 0.0)
            paid, got = ((factor[site.calendar.operate] @ part).mean() for part in (np.maximum(flow, 0.0), np.maximum(-flow, 0.0)))
            rows.append(
                {
                    "project": key,
                    "country": site.plant.country,
                    "product": stream.product,
                    "price_usd_per_t": stream.price,
                    "tenor_years": site.aid.tenor,
                    "tonnes_at_start": float(site.bought(stream)[0]),
                    "payments_pv_musd": float(paid),
                    "receipts_pv_musd": float(got),
                }
            )
    return rows


def reserve(statement: Statement) -> list[Row]:
    """Return the stocks that the joint reserve holds (C17)."""
    desk, rows = statement.desk, []
    end = int(np.searchsorted(desk.market.years, int(desk.instance.settings["years.end"])))
    for m, rung in statement.reserve.items():
        months = float(desk.reserve.rungs[rung])
        if months > 0.0:
            rows.append(
                {
                    "product": m,
                    "months": months,
                    "stock_t_end_year": float(desk.reserve.stock(m, rung)[end]),
                    "purchase_usd_per_t": desk.reserve.purchase_price(m, rung),
                    "carry_pv_musd": float(desk.reserve.carry(m, rung) @ desk.users.factor),
                }
            )
    return rows


def projects(statement: Statement) -> list[Row]:
    """Return every project with and without support (C12)."""
    return [_project(statement, plant) for plant in statement.desk.plants.values()]


def _project(statement: Statement, plant: Plant) -> Row:
    built = plant.id in statement.builds
    row: Row = {
        "project": plant.id,
        "country": plant.country,
        "product": plant.product,
        "built": int(built),
        "in_baseline": int(plant.id in statement.desk.baseline.builds),
        "start_year": statement.builds.get(plant.id),
        "contract": int(plant.id in statement.decisions.contracts),
    }
    for suffix, support in (("with", True), ("without", False)):
        row |= _tested(statement.tested(plant, support=support), suffix)
    start = statement.start(plant)
    if start is not None:
        cal = statement.desk.outlooks.calendar(plant, start)
        rate = plant.terms.debt_rate
        row["capital_pv_musd"] = float((cal.capital * (1.0 + rate) ** -cal.build.astype(float)).sum())
    return row


def _tested(found: Tested | None, suffix: str) -> Row:
    names = {
        "npv_musd": "npv", "irr": "irr", "cvar_musd": "cvar", "cover_bank": "bank_cover",
        "cover_bank_required": "bank_required", "cover_downside": "downside_cover", "llcr_dump": "dump_cover",
    }  # fmt: skip
    row: Row = {f"{name}_{suffix}": getattr(found, part) if found else None for name, part in names.items()}
    row[f"passes_{suffix}"] = int(found.passes) if found else None
    return row


def public_cost(statement: Statement) -> list[Row]:
    """Return expected public cost by member, item and year, undiscounted increments over the baseline (C24)."""
    years, rows, quotas = statement.desk.market.years, [], statement.desk.reserve.shares
    for k, c in enumerate(COUNTRIES):
        cost = statement.member_costs[k]
        carry = quotas[k] * statement.reserve_cost.joint_payments
        items = {
            "contract_payments": cost.payments,
            "contract_receipts": cost.receipts,
            "credits": cost.credits,
            "offtake_payments": cost.joint_payments - carry,
            "offtake_receipts": cost.joint_receipts,
            "reserve_carry": carry,
            "border_revenue": statement.revenue_gain[k],
        }
        for item, values in items.items():
            rows += [
                {"country": c, "item": item, "year": int(y), "value_musd": float(v)}
                for y, v in zip(years, values, strict=True)
                if v != 0.0
            ]
    return rows


def totals(statement: Statement) -> list[Row]:
    """Return outlay, booked and net cost by member and together, what a pool moves, and the tails, PV musd (C24, C26)."""
    factor, rows = statement.desk.users.factor, []
    sums = np.zeros(3)
    for k, c in enumerate(COUNTRIES):
        cost = statement.member_costs[k]
        outlay = float(cost.outlay @ factor)
        net = outlay - float(cost.income @ factor) - float(statement.revenue_gain[k] @ factor)
        values = np.array([outlay, float(cost.booked), net])
        sums += values
        rows += [_total(c, item, v) for item, v in zip(("outlay", "booked", "net"), values, strict=True)]
    rows += [_total("ALL", item, v) for item, v in zip(("outlay", "booked", "net"), sums, strict=True)]
    rows += side_payments(statement)
    rows.append(_total("ALL", "cvar_cost", statement.cvar_cost))
    rows.append(_total("ALL", "worst5_outlay", statement.worst_outlay))
    return rows


def side_payments(statement: Statement) -> list[Row]:
    """Return what a pool moves between treasuries, PV musd: no rows where hosts pay (C24).

    Of contract payments less receipts plus credits: what a member hosts, the share of the pool that it bears, and the difference, which
    it pays to the others (positive) or gets from them (negative). Offtake and reserve go by quota and border revenue stays national.
    """
    if statement.shares is None:
        return []
    factor, hosts = statement.desk.users.factor, [statement.member_cost(c) for c in COUNTRIES]
    hosted, borne = (np.array([float((c.hosted - c.receipts) @ factor) for c in costs]) for costs in (hosts, statement.member_costs))
    parts = {"hosted": hosted, "pool_share": borne, "side_payment": borne - hosted}
    rows = [_total(c, item, float(values[k])) for item, values in parts.items() for k, c in enumerate(COUNTRIES)]
    return rows + [_total("ALL", item, float(values.sum())) for item, values in parts.items()]


def _total(country: str, item: str, value: float) -> Row:
    return {"country": country, "item": item, "pv_musd": float(value)}


def security(statement: Statement) -> list[Row]:
    """Return need, state and secured tonnes by product and year up to the end year (C8, C22)."""
    desk, market = statement.desk, statement.desk.market
    rows = []
    for m in market.products:
        target = desk.instance.settings.get(f"targets.{m}")
        for t, year in enumerate(market.years):
            if year > int(desk.instance.settings["years.end"]):
                break
            demand, secured, need = market.demand[m][t], statement.secured[m][t], statement.needs[m][t]
            inside = year >= int(desk.instance.settings["years.target"])
            rows.append(
                {
                    "product": m,
                    "year": int(year),
                    "demand_t": float(demand),
                    "secured_t": float(secured),
                    "share": float(secured / demand) if demand > 0.0 else None,
                    "target": float(target) if target is not None and inside else None,
                    "need_t": float(need),
                    "state": int(statement.paths[m][t]),
                    "must_come_from_china_t": float(max(0.0, need - market.availability[m][t])),
                }
            )
    return rows


def consumers(statement: Statement) -> list[Row]:
    """Return price rises against their caps: by product for the club, the basket by member (C23)."""
    users = statement.desk.users
    rows: list[Row] = [
        {
            "scope": "product",
            "product": m,
            "country": "ALL",
            "rise": users.rise(m, setting),
            "cap": _finite(users.product_cap),
        }
        for m, setting in statement.settings.items()
    ]
    burden = np.sum([users.burden(m, s) for m, s in statement.settings.items()], axis=0)
    rows += [
        {
            "scope": "basket",
            "product": None,
            "country": c,
            "rise": float(burden[k] / users.basket[k]) if users.basket[k] > 0.0 else 0.0,
            "cap": _finite(users.basket_cap),
        }
        for k, c in enumerate(COUNTRIES)
    ]
    return rows


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def payoff(statement: Statement) -> list[Row]:
    """Return each member's payoff against the baseline by part (C25)."""
    parts = payoffs(statement.desk, statement)
    return [
        {"country": c, "part": part, "pv_musd": float(values[k])}
        for part, values in parts.items()
        for k, c in enumerate(COUNTRIES)
    ]


def binding(statement: Statement, worth: Mapping[tuple[str, str], float]) -> list[Row]:
    """Return the demands within a tenth of their limit or with a price: value, limit, slack, worth of one more unit."""
    desk = statement.desk
    limits = read_limits(desk)
    rows: list[Row] = []

    def add(constraint: str, where: str, value: float, limit: float, unit: str) -> None:
        if np.isfinite(limit):
            slack = abs(limit - value)
            price = worth.get((constraint, where), 0.0)
            if price or slack <= 0.1 * max(abs(limit), 1e-9):
                rows.append(
                    {
                        "constraint": constraint,
                        "where": where,
                        "value": float(value),
                        "limit": float(limit),
                        "slack": float(limit - value),
                        "worth_musd_per_unit": float(price),
                        "unit": unit,
                    }
                )

    for k, c in enumerate(COUNTRIES):
        outlay = statement.member_costs[k].outlay
        for t in np.flatnonzero(np.isfinite(limits.outlay[k])):
            add("country_cap", f"{c} {desk.market.years[t]}", float(outlay[t]), float(limits.outlay[k, t]), "musd/y")
    for row in consumers(statement):
        cap = row["cap"]
        where = row["product"] or row["country"]
        if row["rise"] is not None:
            add(f"users_{row['scope']}", where, row["rise"], np.inf if cap is None else cap, "share")
    add("worst5_outlay", "ALL", statement.worst_outlay, limits.worst, "musd")
    _targets(statement, worth, rows)
    return rows


def _targets(statement: Statement, worth: Mapping[tuple[str, str], float], rows: list[Row]) -> None:
    table = security(statement)
    for m in statement.desk.market.products:
        mine = [r for r in table if r["product"] == m and r["target"] is not None]
        if not mine:
            continue
        tight = min(mine, key=lambda r: r["share"] - r["target"])
        rows.append(
            {
                "constraint": "security",
                "where": f"{m} {tight['year']}",
                "value": tight["share"],
                "limit": tight["target"],
                "slack": tight["share"] - tight["target"],
                "worth_musd_per_unit": worth.get(("security", m)),
                "unit": "point of demand (0.01)",
            }
        )


def gross_outlay(desk: Desk, statement: Statement) -> float:
    """Return the PV outlay of the three members, musd (the scale of C31's gap)."""
    return float(statement.total.outlay @ desk.users.factor)
