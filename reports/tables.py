"""The printed design: what it decides, what it costs whom, what it reaches, and how far it is proven.

Each function turns a ``Design`` (and the instance, where names and long-run prices are wanted) into tables of text. Money is in million 2025 USD,
real; prices in 2025 USD per tonne. Every number is read from the design: none is computed here but sums of its rows and ratios of two shown numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .layout import MONEY, PRICE, Format, Table, missing, money, number, percent, plain, price, safe, table, text, tonnes, whole, yes_no

if TYPE_CHECKING:
    import pandas as pd

    from ..instances.instance import Instance
    from ..solvers.design import Design

__all__ = ["design_tables", "headline", "plain_text", "verdict"]

NEAR = 0.1
COUNTRIES = ("USA", "CAN", "MEX")
Record = Mapping[str, Any]

_CONSTRAINTS = {
    "security": "supply target",
    "country_cap": "cap on a country's outlay in a year",
    "users_product": "cap on the price rise of a product",
    "users_basket": "cap on the price rise of the basket",
    "worst5_outlay": "cap on the outlay of the worst 5% of scenarios",
}


BORDER = (("reference_usd_per_t", f"reference price, {PRICE}"), ("adjustment_usd_per_t", f"adjustment for standards, {PRICE}"))


def design_tables(design: Design, instance: Instance | None = None) -> list[Table | str]:
    """Return the printed design, headline first.

    Args:
        design: the design.
        instance: gives names and long-run prices; without it those cells are not applicable.
    """
    return [
        *headline(design),
        tariffs(design),
        contracts(design, instance),
        credits(design),
        *procurement(design),
        builds(design, instance),
        public_cost(design),
        security(design),
        consumers(design),
        payoff(design),
        binding(design),
    ]


def plain_text(design: Design, instance: Instance | None = None) -> str:
    """Return the printed design as plain text."""
    return "\n\n".join(plain(part) if isinstance(part, Table) else safe(part) for part in design_tables(design, instance)) + "\n"


# --- headline -----------------------------------------------------------------------------------------------------------


def verdict(certificate: Record) -> str:
    """Say in words how far a design is proven (C31)."""
    status, bound = certificate.get("status"), certificate.get("bound_musd")
    if status == "given":
        return "Given, not optimised: evaluated as stated. No limit is enforced and no bound is claimed."
    if certificate.get("proven"):
        return f"Proven: no design of this instance has an objective below {money(bound)} {MONEY}."
    early = {"interrupted": "it was interrupted", "time_limit": "the time limit ended it", "plan_limit": "too many plans could still matter"}
    why = f"{early.get(str(status), 'it stopped early')} before the gap was reached"
    if status == "class_strikes":
        why = "the bound is that of one strike per project, and one per class costs more"
    known = "no bound is known" if missing(bound) else f"the objective of the best design may be as low as {money(bound)} {MONEY}"
    return f"NOT PROVEN: {why}; {known}. This is the best design found."


def headline(design: Design) -> list[Table | str]:
    """Return status, objective, bound, gap, time and audit, and what they mean."""
    loose = design.certificate.get("bound_continuous_musd")
    found, origin = design.certificate, design.provenance
    gap = found.get("gap")
    checked = {"passed": "passed: a second program recomputed every number", "failed": "FAILED", "not run": "not run"}
    rows = [
        ("status", text(found.get("status"))),
        ("objective", f"{money(found.get('objective_musd'))} {MONEY}"),
        ("bound", money(found.get("bound_musd"))),
        *([] if missing(loose) else [("without ladders", f"no design below {money(loose)}, whatever the rates")]),
        ("gap", f"{_share(gap)} (asked: {_share(found.get('gap_asked'))})"),
        ("time", f"{number(found.get('seconds'))} s"),
        ("audit", checked.get(str(found.get("audit")), text(found.get("audit")))),
    ]
    title = f"Design of instance {text(origin.get('instance'))}"
    changed = [*_texts(origin.get("overrides")), *(f"fixed {item}" for item in _texts(origin.get("fixes")))]
    columns = (("item", "", text), ("value", "", text))
    body = table(title, columns, [{"item": item, "value": value} for item, value in rows], notes=[f"changed: {', '.join(changed)}"] if changed else [])
    return [body, verdict(found)]


def _share(value: Any) -> str:
    """Write a gap with two significant digits."""
    return "-" if missing(value) else "0%" if float(value) == 0.0 else f"{float(value) * 100:.2g}%"


def _texts(value: Any) -> list[str]:
    """Return overrides or fixes as ``key=value`` texts, whether they are a list or a mapping."""
    if isinstance(value, Mapping):
        return [f"{key}={item}" for key, item in value.items()]
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


# --- decisions ----------------------------------------------------------------------------------------------------------


def tariffs(design: Design) -> Table:
    """Return the harmonised rates that lift some member's own rate."""
    laws = tuple(f"baseline_rate_{c.lower()}" for c in COUNTRIES)
    changed = [
        row
        for row in _records(design.tariffs)
        if any(_given(row[name]) for name, _ in BORDER) or any(not missing(row[law]) and row["rate"] > row[law] for law in laws)
    ]
    columns: tuple[Any, ...] = (
        ("product", "product", text),
        ("node", "on imports from", text),
        ("rate", "harmonised rate", percent),
        *((law, f"law {c}", percent) for law, c in zip(laws, COUNTRIES, strict=True)),
        *((name, title, price) for name, title in BORDER if any(_given(row[name]) for row in changed)),
    )
    notes = ["Each member levies the higher of its law and the harmonised rate. Every rate that is not shown stays at law."]
    return table("Tariffs that change", columns, changed, "none: every rate stays at law", notes if changed else ())


def contracts(design: Design, instance: Instance | None = None) -> Table:
    """Return contracts with their strikes next to long-run prices."""
    long_run = _long_run(instance)
    rows = []
    for row in _records(design.contracts):
        level = long_run.get(row["product"])
        rows.append({**row, "long_run": level, "ratio": row["strike_usd_per_t"] / level if level else None})
    columns = (
        ("project", "project", text),
        ("country", "country", text),
        ("product", "product", text),
        ("strike_usd_per_t", f"strike, {PRICE}", price),
        ("long_run", f"long-run price, {PRICE}", price),
        ("ratio", "strike / long-run", percent),
        ("share", "share of output", percent),
        ("upside_share", "upside share", percent),
        ("tenor_years", "years", whole),
        ("start_year", "from", whole),
    )
    return table("Contracts for difference", columns, rows)


def credits(design: Design) -> Table:
    """Return the club's credit increments."""
    columns: tuple[Any, ...] = (
        ("country", "country", text),
        ("product", "product", text),
        ("itc_rate", "investment credit over law, share of capital", percent),
        ("ptc_rate", "production credit over law, share of operating cost", percent),
    )
    rows = _records(design.credits)
    columns += (("grant_rate", "grant to early-stage work, share of capital", percent),) if any(_given(r["grant_rate"]) for r in rows) else ()
    columns += (("concessional_loan", "concessional loan", yes_no),) if any(_given(r["concessional_loan"]) for r in rows) else ()
    return table("Credits", columns, rows, "none over law")


def procurement(design: Design) -> list[Table]:
    """Return what the club buys and what it holds, where it does (C17)."""
    bought = (
        ("project", "project", text),
        ("product", "product", text),
        ("price_usd_per_t", f"price, {PRICE}", price),
        ("tonnes_at_start", "tonnes in the first year", whole),
        ("tenor_years", "years", whole),
        ("payments_pv_musd", "PV payments", money),
        ("receipts_pv_musd", "PV receipts", money),
    )
    held = (
        ("product", "product", text),
        ("months", "months of demand", whole),
        ("stock_t_end_year", "tonnes in the end year", whole),
        ("purchase_usd_per_t", f"purchase price, {PRICE}", price),
        ("carry_pv_musd", "PV carry", money),
    )
    parts = ((f"Offtake of defence products, {MONEY}", bought, design.offtake), (f"Joint reserve, {MONEY}", held, design.reserve))
    return [table(title, columns, _records(frame)) for title, columns, frame in parts if len(frame)]


def builds(design: Design, instance: Instance | None = None) -> Table:
    """Return the plants that are built, by country."""
    names = {} if instance is None else {str(key): value for key, value in instance.projects["name"].items()}
    built = [{**row, "name": names.get(row["project"])} for row in _records(design.projects) if row["built"]]
    built.sort(key=lambda row: (_position(row["country"]), row["in_baseline"], row["product"], row["project"]))
    columns = (
        ("country", "country", text),
        ("project", "project", text),
        ("name", "name", text),
        ("product", "product", text),
        ("start_year", "from", whole),
        ("in_baseline", "also without the club", yes_no),
        ("contract", "contract", yes_no),
        ("npv_musd_without", "NPV without support", money),
        ("npv_musd_with", "NPV with support", money),
        ("irr_with", "IRR with support", percent),
    )
    return table(f"Plants that are built, {MONEY}", columns, built)


# --- consequences -------------------------------------------------------------------------------------------------------


def public_cost(design: Design) -> Table:
    """Return outlay, booked and net public cost by country, and the tail of all three together (C24, C26)."""
    found = {(row["country"], row["item"]): row["pv_musd"] for row in _records(design.totals)}
    items = ("outlay", "booked", "net")
    rows = [{"country": c, **{item: found.get((c, item)) for item in items}} for c in (*COUNTRIES, "ALL")]
    columns = (("country", "country", text), *((item, item, money) for item in items))
    notes = [
        "outlay: contract payments and credits. booked: each contract at its expected net payment, not below 0, and credits. net: outlay less receipts "
        "and border revenue.",
        f"Mean cost of the worst scenarios (CVaR): {money(found.get(('ALL', 'cvar_cost')))}. "
        f"Mean outlay of the worst 5% of scenarios: {money(found.get(('ALL', 'worst5_outlay')))}.",
    ]
    if ("USA", "side_payment") in found:
        paid = ", ".join(f"{c} {money(found.get((c, 'side_payment')))}" for c in COUNTRIES)
        notes.append(f"Side payments between treasuries, paid to the others (positive) or received (negative): {paid}.")
    return table(f"Public cost over the baseline, present value, {MONEY}", columns, rows, notes=notes)


def security(design: Design) -> Table:
    """Return, per product with a target, the year in which least of demand is secured (C22)."""
    tight: dict[str, dict[str, Any]] = {}
    for row in _records(design.security):
        if not missing(row["target"]) and not missing(row["share"]):
            best = tight.get(row["product"])
            if best is None or row["share"] - row["target"] < best["share"] - best["target"]:
                tight[row["product"]] = row
    rows = [{**row, "met": row["share"] >= row["target"] - 1e-6} for row in tight.values()]
    columns = (
        ("product", "product", text),
        ("year", "tightest year", whole),
        ("target", "target", percent),
        ("share", "secured", percent),
        ("met", "met", yes_no),
        ("secured_t", "secured, t", tonnes),
        ("demand_t", "demand, t", tonnes),
        ("must_come_from_china_t", "must come from China, t", tonnes),
    )
    return table("Security: share of demand that plants in the club secure", columns, rows, "no targets")


def consumers(design: Design) -> Table:
    """Return the price rises that users meet, next to their caps (C23)."""
    rows = []
    for row in _records(design.consumers):
        basket = row["scope"] == "basket"
        if basket or not _is_zero(row["rise"]):
            rows.append({**row, "what": "basket" if basket else row["product"], "who": "club" if row["country"] == "ALL" else row["country"]})
    columns = (("what", "price of", text), ("who", "for users in", text), ("rise", "rise over the baseline", percent), ("cap", "cap", percent))
    return table("Users: price rises, mean over scenarios", columns, rows, notes=["Products that are not shown keep their price."])


def payoff(design: Design) -> Table:
    """Return each member's payoff by part (C25)."""
    found = {(row["country"], row["part"]): row["pv_musd"] for row in _records(design.payoff)}
    parts = sorted(dict.fromkeys(part for _, part in found), key=lambda part: part == "total")
    countries = [c for c in (*COUNTRIES, "ALL") if any(key[0] == c for key in found)]
    rows = [{"country": c, **{part: found.get((c, part)) for part in parts}} for c in countries]
    columns = (("country", "country", text), *((part, part, money) for part in parts))
    return table(f"Payoff against the baseline, present value, {MONEY}", columns, rows)


def binding(design: Design) -> Table:
    """Return the demands with a price or within a tenth of their limits, and what one more unit of the limit is worth."""
    rows = []
    for row in sorted(_records(design.binding), key=_tightness):
        if _tightness(row) > (True, NEAR):
            continue
        share = str(row["unit"]).startswith("share")
        shown: Format = percent if share else number
        worth = row["worth_musd_per_unit"]
        rows.append(
            {
                "constraint": _CONSTRAINTS.get(str(row["constraint"]), row["constraint"]),
                "where": row["where"],
                **{key: shown(row[key]) for key in ("value", "limit", "slack")},
                "worth": number(worth / 100 if share and not missing(worth) else worth),
                "unit": "1 point" if share else f"1 {row['unit']}",
            }
        )
    columns = (
        ("constraint", "demand", text),
        ("where", "where", text),
        *((key, key, _written) for key in ("value", "limit", "slack")),
        ("worth", "worth, million 2025 USD", _written),
        ("unit", "per", text),
    )
    return table(
        "What binds, or is within a tenth of its limit", columns, rows, notes=["worth: public cost saved by one more unit of the limit."] if rows else ()
    )


def _written(value: str) -> str:
    """Pass on a number that is a text already, aligned like a number."""
    return value


def _tightness(row: Record) -> tuple[bool, float]:
    """Sort demands with a price first, then by slack relative to the limit."""
    worth, limit, slack = row["worth_musd_per_unit"], row["limit"], row["slack"]
    relative = math.inf if missing(slack) or missing(limit) else abs(slack) / max(abs(limit), 1e-9)
    return (missing(worth) or worth == 0.0, relative)


# --- helpers ------------------------------------------------------------------------------------------------------------


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _given(value: Any) -> bool:
    return not _is_zero(value)


def _is_zero(value: Any) -> bool:
    return missing(value) or abs(float(value)) < 1e-12


def _position(country: str, order: Sequence[str] = COUNTRIES) -> int:
    return order.index(country) if country in order else len(order)


def _long_run(instance: Instance | None) -> dict[str, float]:
    if instance is None:
        return {}
    from ..instances.price_process import long_run_prices

    return long_run_prices(instance)
