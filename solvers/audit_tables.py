"""Recompute a design as a whole and lay the numbers out like the tables of ``design.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from .audit_bank import Bank
from .audit_border import adjustments
from .audit_case import Case
from .audit_checks import Check, Layout, Value, compare_table, same
from .audit_cost import shares
from .audit_effects import payoff
from .audit_market import availability
from .audit_strike import least_strike, net_payments
from .audit_world import COUNTRIES, NODES, FloatArray, Project

Table = dict[tuple[Any, ...], dict[str, Value]]

VARIANTS = ("with", "without")
BANK_COLUMNS = {
    "npv_musd": "C12a",
    "irr": "C12a",
    "cvar_musd": "C12b",
    "cover_bank": "C12c",
    "cover_bank_required": "C12c",
    "cover_downside": "C12c",
    "llcr_dump": "C12c",
    "passes": "C12",
}
LAYOUTS = (
    Layout(
        "tariffs",
        ("product", "node"),
        dict.fromkeys(("baseline_rate", *(f"baseline_rate_{c.lower()}" for c in COUNTRIES)), "C6") | {"adjustment_usd_per_t": "C18"},
        ("product", "node"),
    ),
    Layout("contracts", ("project",), dict.fromkeys(("product", "country", "rent_musd"), "C14"), ("project",)),
    Layout(
        "projects",
        ("project",),
        {
            **dict.fromkeys(("country", "product"), "C4"),
            **dict.fromkeys(("built", "in_baseline"), "C27"),
            "contract": "C14",
            "capital_pv_musd": "C12b",
            **{f"{name}_{v}": rule for v in VARIANTS for name, rule in BANK_COLUMNS.items()},
        },
        ("project",),
    ),
    Layout("public_cost", ("country", "item", "year"), {"value_musd": "C24"}, ("country", "item"), absent=0.0),
    Layout("totals", ("country", "item"), {"pv_musd": "C24"}, ("country", "item")),
    Layout(
        "security",
        ("product", "year"),
        {
            **dict.fromkeys(("demand_t", "need_t", "state"), "C8"),
            **dict.fromkeys(("secured_t", "share", "target", "must_come_from_china_t"), "C22"),
        },
        ("product",),
    ),
    Layout("consumers", ("scope", "product", "country"), {"rise": "C23", "cap": "C23"}, ("scope", "product", "country")),
    Layout("payoff", ("country", "part"), {"pv_musd": "C25"}, ("country", "part")),
    Layout(
        "offtake",
        ("project", "product"),
        dict.fromkeys(("country", "tenor_years", "tonnes_at_start", "payments_pv_musd", "receipts_pv_musd"), "C17"),
        ("project", "product"),
    ),
    Layout("reserve", ("product",), dict.fromkeys(("months", "stock_t_end_year", "purchase_usd_per_t", "carry_pv_musd"), "C17"), ("product",)),
)


def tables(case: Case) -> dict[str, Table]:
    """Return the recomputed tables by name, each by key."""
    return {
        "tariffs": _tariffs(case),
        "contracts": {(code,): _contract(case, case.world.projects[code]) for code in case.design.contracts},
        "projects": _projects(case),
        "public_cost": _public_cost(case),
        "totals": _totals(case),
        "security": _security(case),
        "consumers": _consumers(case),
        "payoff": _payoff(case),
        "offtake": _offtake(case),
        "reserve": _reserve(case),
    }


def compare_all(case: Case, tolerance: float) -> list[Check]:
    """Compare every table of the design with the recomputed one."""
    mine = tables(case)
    found: list[Check] = []
    for layout in LAYOUTS:
        found += compare_table(layout, case.design.tables[layout.name], mine[layout.name], tolerance)
    return [*found, *_balanced(case, tolerance)]


def _balanced(case: Case, tolerance: float) -> list[Check]:
    """Check that the side payments which the design claims sum to nothing over the members (C24)."""
    claimed = [row.get("pv_musd") for row in case.design.tables["totals"] if row.get("item") == "side_payment" and row.get("country") in COUNTRIES]
    if not claimed:
        return []
    total = sum(float(value) for value in claimed if isinstance(value, int | float))
    return [same("sum of side payments", "ALL", total, 0.0, tolerance, "C24")]


def _tariffs(case: Case) -> Table:
    """Return a row for each measure of the design and for each node with an adjustment."""
    found: Table = {}
    adjusted = {(m, node): float(a) for m in case.world.products for node, a in zip(NODES, adjustments(case.world, m), strict=True)}
    for product, node in {**case.design.rates, **{key: a for key, a in adjusted.items() if a > 0.0}}:
        law = case.world.products[product].law[NODES.index(node)]
        found[product, node] = {"baseline_rate": float(law.max()), "adjustment_usd_per_t": adjusted[product, node]}
        found[product, node] |= {f"baseline_rate_{c.lower()}": float(rate) for c, rate in zip(COUNTRIES, law, strict=True)}
    return found


def _contract(case: Case, project: Project) -> dict[str, Value]:
    """Return a row of a contract; its rent where strikes are by class and a least strike exists."""
    row: dict[str, Value] = {"product": project.product, "country": COUNTRIES[project.country], "rent_musd": 0.0}
    if case.world.setting("contract.strike_by", "project") == "class":
        option, terms = case.option(project), case.design.contracts[project.code]
        least = least_strike(case.where, project, option, terms)
        if least is None:
            del row["rent_musd"]
        else:
            at_least = replace(option, contract=replace(terms, strike=least))
            row["rent_musd"] = net_payments(case.where, project, option) - net_payments(case.where, project, at_least)
    return row


def _projects(case: Case) -> Table:
    """Return a row for each built project, and for each other that the design gives figures for."""
    found: Table = {}
    claimed = {row.get("project"): row for row in case.design.tables["projects"]}
    for code, p in case.world.projects.items():
        row = claimed.get(code, {})
        built = code in case.design.builds
        if not built and not row and code not in case.b0.builds:
            continue
        found[code,] = {
            "country": COUNTRIES[p.country],
            "product": p.product,
            "built": int(built),
            "in_baseline": int(code in case.b0.builds),
            "contract": int(code in case.design.contracts),
        }
        if built or any(row.get(f"{name}_{v}") is not None for v in VARIANTS for name in BANK_COLUMNS):
            for variant in VARIANTS:
                judged = case.judged(p, variant)
                found[code,]["capital_pv_musd"] = judged.capital_pv
                found[code,] |= _bank_row(judged, variant, row.get(f"irr_{variant}"))
    return found


def _bank_row(judged: Bank, variant: str, claimed_irr: Any) -> dict[str, Value]:
    return {
        f"npv_musd_{variant}": judged.npv,
        f"irr_{variant}": nearest_irr(judged.flow, claimed_irr),
        f"cvar_musd_{variant}": judged.tail,
        f"cover_bank_{variant}": judged.cover_bank,
        f"cover_bank_required_{variant}": judged.cover_required,
        f"cover_downside_{variant}": judged.cover_downside,
        f"llcr_dump_{variant}": judged.llcr_dump,
        f"passes_{variant}": int(judged.passes),
    }


RATES = np.concatenate([1.0 - np.geomspace(1.999, 1.99, 10), np.arange(-0.985, 0.5, 0.005), np.geomspace(0.5, 100.0, 90)])
"""Rates between which an internal rate of return is sought."""


@lru_cache(maxsize=4)
def _grid_factors(years: int) -> FloatArray:
    """Return the discount factors at all rates of the grid, shape (rates, years)."""
    return (1.0 + RATES[:, None]) ** -np.arange(years, dtype=float)


def nearest_irr(flow: FloatArray, claimed: Any) -> float | None:
    """Return the internal rate of return of an expected flow that is nearest to the claimed one.

    Rates from -99.9% to 10,000% are searched. Without a claim the lowest rate from 0 on is meant, if there is one: a return below 0 may be left out.
    """
    years = np.arange(len(flow), dtype=float)

    def npv(rate: float) -> float:
        return float(flow @ (1.0 + rate) ** -years)

    values = _grid_factors(len(flow)) @ flow
    before, after = values[:-1], values[1:]
    roots = [_bisect(npv, float(RATES[i]), float(RATES[i + 1])) for i in np.flatnonzero(before * after < 0.0)]
    roots += [float(RATES[i]) for i in np.flatnonzero((before == 0.0) & (after != 0.0))]
    if isinstance(claimed, int | float):
        return min(roots, key=lambda r: abs(r - claimed), default=None)
    return min((r for r in roots if r >= 0.0), default=None)


def _bisect(function: Any, low: float, high: float) -> float:
    rising = function(high) > 0.0
    while low < (middle := 0.5 * (low + high)) < high:
        if (function(middle) > 0.0) == rising:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def _public_cost(case: Case) -> Table:
    cost = case.cost
    items = {
        "contract_payments": cost.payments,
        "contract_receipts": cost.receipts,
        "credits": cost.credits,
        "border_revenue": cost.border,
        "offtake_payments": cost.bought,
        "offtake_receipts": cost.regained,
        "reserve_carry": cost.carry,
    }
    years = range(case.world.base, case.world.base + case.world.horizon)
    return {
        (c, item, year): {"value_musd": float(values[i, t])} for item, values in items.items() for i, c in enumerate(COUNTRIES) for t, year in enumerate(years)
    }


def _totals(case: Case) -> Table:
    cost = case.cost
    found: Table = {}
    parts = {"outlay": cost.outlay_pv, "booked": cost.booked_pv, "net": cost.net_pv}
    if shares(case.world) is not None:
        parts |= {"hosted": cost.hosted_pv, "pool_share": cost.pool_pv, "side_payment": cost.pool_pv - cost.hosted_pv}
    for item, values in parts.items():
        found |= {(c, item): {"pv_musd": float(values[i])} for i, c in enumerate(COUNTRIES)}
        found["ALL", item] = {"pv_musd": float(values.sum())}
    found["ALL", "cvar_cost"] = {"pv_musd": cost.cvar}
    found["ALL", "worst5_outlay"] = {"pv_musd": cost.worst5}
    return found


def _security(case: Case) -> Table:
    """Return rows for the claimed product-years, and for every year with a target."""
    world = case.world
    wanted = {(row.get("product"), row.get("year")) for row in case.design.tables["security"]}
    first = int(world.setting("years.target", 2035))
    found: Table = {}
    for m in world.products:
        target = world.setting(f"targets.{m}")
        balance, reach, safe, path = case.balance[m], availability(world, m), case.secured[m], case.scene.path[m]
        for t in range(world.horizon):
            year, measured = world.base + t, first <= world.base + t <= world.end
            if (m, year) not in wanted and not (measured and target is not None):
                continue
            demand = float(balance.demand[t])
            found[m, year] = {
                "demand_t": demand,
                "secured_t": float(safe[t]),
                "share": float(safe[t]) / demand if demand > 0.0 else None,
                "need_t": float(balance.need[t]),
                "state": int(path[t]),
                "must_come_from_china_t": max(0.0, float(balance.need[t] - reach[t])),
            }
            if measured:
                found[m, year]["target"] = target
    return found


def _consumers(case: Case) -> Table:
    by_product, baskets = case.rises
    found: Table = {("product", m, "ALL"): {"rise": rise} for m, rise in by_product.items() if rise is not None or _claims_rise(case, m)}
    found |= {("basket", None, c): {"rise": float(baskets[i])} for i, c in enumerate(COUNTRIES)}
    for (scope, _, _), row in found.items():
        switch, key = ("users_product", "caps.product_price") if scope == "product" else ("users_basket", "caps.basket")
        if case.world.switch(switch):
            row["cap"] = case.world.setting(key)
    return found


def _claims_rise(case: Case, product: str) -> bool:
    return any(row.get("product") == product for row in case.design.tables["consumers"])


def _payoff(case: Case) -> Table:
    design, before = (case.built, case.scene, case.balance), (case.b0_built, case.b0.scene, case.b0.balance)
    parts: Mapping[str, FloatArray] = payoff(case.world, design, before, case.cost, case.stocks)
    return {(c, part): {"pv_musd": float(values[i])} for part, values in parts.items() for i, c in enumerate(COUNTRIES)}


def _offtake(case: Case) -> Table:
    """Return a row for each project and product bought."""
    found: Table = {}
    for b in case.built:
        for product, deal in b.cash.operation.offtake.items():
            paid, repaid = (float(case.world.pv(flow.mean(axis=0), first=b.cash.first)) for flow in (deal.paid, deal.repaid))
            found[b.project.code, product] = {
                "country": COUNTRIES[b.project.country],
                "tenor_years": int(case.world.setting("procurement.tenor_years", 10)),
                "tonnes_at_start": float(deal.tonnes[0]),
                "payments_pv_musd": paid,
                "receipts_pv_musd": repaid,
            }
    return found


def _reserve(case: Case) -> Table:
    world, last = case.world, case.world.end - case.world.base
    return {
        (m,): {
            "months": held.months,
            "stock_t_end_year": float(held.stock[last]),
            "purchase_usd_per_t": held.price,
            "carry_pv_musd": float(world.pv(held.carry)),
        }
        for m, held in case.reserves.items()
        if held.months > 0.0
    }
