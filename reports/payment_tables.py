"""Tables of what the state pays under each contract, for the terminal and for pages."""

from __future__ import annotations

from typing import Any

from .layout import MONEY, Format, Table, money, percent, price, table, text, tonnes, whole

Record = dict[str, Any]
Columns = tuple[tuple[str, str, Format], ...]
AMOUNTS: Columns = (
    ("expected_musd", "expected", money), ("payment_musd", "paid", money), ("clawback_musd", "clawed back", money),
    ("p05_musd", "5%", money), ("p25_musd", "25%", money), ("p50_musd", "50%", money), ("p75_musd", "75%", money), ("p95_musd", "95%", money),
    ("probability_paying", "state pays", percent),
)  # fmt: skip
FACTS: Columns = (("contracted_t", "t", tonnes), ("strike_usd_per_t", "strike", price), ("price_usd_per_t", "price", price))
NOTES = (
    "expected = paid - clawed back, mean over the scenarios; percentiles of the net amount, negative where the state receives.",
    "state pays: share of the scenarios with a net payment. Percentiles of total and PV are those of the sum, not the sum of percentiles.",
)
RULE = "rule"


def tables(data: Record, *, assumed: bool) -> list[Table | str]:
    """Return the tables of every contract, of all together, and of what they rest on where that is asked."""
    contracts = data["contracts"]
    if not contracts:
        return [f"{data['instance']} has no closed contract with a known strike; name a design with --design."]
    parts: list[Table | str] = []
    for entry in contracts:
        parts += [by_year(title(entry), entry, FACTS), *regimes(entry["project"], entry), *([assumptions(entry)] if assumed else [])]
    if data["together"]:
        parts += [by_year(f"All contracts together, {MONEY}", data["together"], ()), *regimes("All contracts", data["together"])]
    return [*parts, *([] if assumed else ["What they rest on: -v or --json."])]


def title(entry: Record) -> str:
    """Return a contract in a line: who holds it and its terms."""
    kind = "closed contract" if entry["held"] == "closed" else "contract of the design"
    first = entry["years"][0]["year"] if entry["years"] else None
    terms = f"{price(entry['strike_usd_per_t'])} USD/t on {percent(entry['share'])} of output, {entry['tenor_years']} years from {whole(first)}"
    upside = f"{percent(entry['upside_share'])} of the excess to the state"
    return f"{entry['project']} ({entry['product']}, {entry['country']}), {kind}: {terms}, {upside}; {MONEY}, strike and price in USD/t"


def records(entry: Record) -> list[Record]:
    """Return the rows of a contract: each year, the sum of the years, and the present value."""
    years = [{**row, "period": str(row["year"])} for row in entry["years"]]
    return [*years, {"period": "total", **entry["total"]}, {"period": "PV", **entry["pv"]}]


def by_year(heading: str, entry: Record, facts: Columns) -> Table:
    """Return the yearly table of a contract, or of several together where there are no ``facts``."""
    return table(heading, (("period", "year", text), *facts, *AMOUNTS), records(entry), notes=NOTES)


def regimes(name: str, entry: Record) -> list[Table]:
    """Return the present value under each price regime, no table where there is none."""
    if not entry["regimes"]:
        return []
    rows = [{"regime": "as given", **entry["pv"]}, *({"regime": regime, **row} for regime, row in entry["regimes"].items())]
    return [table(f"{name}: present value by price regime, {MONEY}", (("regime", "regime", text), *AMOUNTS), rows)]


def assumptions(entry: Record) -> Table:
    """Return what the payments of a contract rest on; rules stand below the table."""
    columns: Columns = (("what", "what", text), ("value", "value", text), ("unit", "unit", text), ("origin", "from", text))
    rules = [row for row in entry["assumptions"] if row["origin"] == RULE]
    rows = [row for row in entry["assumptions"] if row["origin"] != RULE]
    notes = [*(f"{row['what']}: {row['value']}." for row in rules), "Sources: --json."]
    return table(f"{entry['project']}: what the payments rest on", columns, rows, notes=notes)
