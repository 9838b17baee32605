"""The command ``payments``: what the state pays under each contract, by year and over the scenarios."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from ..reports.layout import MONEY, Format, Table, money, percent, price, table, text, tonnes, whole
from .command import Code, Stop, command
from .options import InstanceName, Settings
from .output import Output
from .solving import solver_errors
from .writing import check_target, write_whole

Record = dict[str, Any]
Columns = tuple[tuple[str, str, Format], ...]
AMOUNTS: Columns = (
    ("expected_musd", "expected", money), ("payment_musd", "paid", money), ("clawback_musd", "clawed back", money),
    ("p05_musd", "5%", money), ("p25_musd", "25%", money), ("p50_musd", "50%", money), ("p75_musd", "75%", money), ("p95_musd", "95%", money),
    ("probability_paying", "state pays", percent),
)  # fmt: skip
FACTS: Columns = (("contracted_t", "t", tonnes), ("strike_usd_per_t", "strike", price), ("price_usd_per_t", "price", price))
FLAT = ("project", "held", "period", "year", *(key for key, _, _ in (*FACTS, *AMOUNTS)))
NOTES = (
    "expected = paid - clawed back, mean over the scenarios; percentiles of the net amount, negative where the state receives.",
    "state pays: share of the scenarios with a net payment. Percentiles of total and PV are those of the sum, not the sum of percentiles.",
)
TOGETHER = "ALL"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    command(app, "payments")(payments)


def payments(
    out: Output,
    instance: InstanceName,
    given: Annotated[
        Path | None,
        typer.Option("--design", "-d", metavar="FILE", help="A design: .toml with decisions, or design.json. Default: the instance's closed contracts alone."),
    ] = None,
    target: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write all rows as CSV; an existing file is replaced.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the other price regimes.")] = False,
    settings: Settings = None,
) -> Code:
    """Show what the state pays under each contract by year: expected, percentiles, clawback, and what that rests on."""
    from ..instances.loader import load

    if target is not None and target.suffix.lower() != ".csv":
        raise Stop(Code.INPUT, [f"cannot write {target}: the rows are written as .csv"])
    found = load(instance, settings)
    if target is not None:
        check_target(target, [found.path, *([given] if given is not None else [])])
    with solver_errors():
        from ..solvers.payments import DesignFailed
        from ..solvers.payments import payments as run

        try:
            data = run(found, given, regimes=not quick)
        except DesignFailed as error:
            raise Stop(Code.AUDIT, [str(error)]) from error
    if target is not None:
        write_whole(target, lambda made: write_rows(data, made))
    out.show(data, tables(data, assumed=out.verbosity > 0 or len(data["contracts"]) == 1))
    if target is not None:
        out.say(f"wrote {target}")
    return Code.DONE


def tables(data: Record, *, assumed: bool) -> list[Table | str]:
    """Return the tables of every contract, of all together, and of what they rest on where that is asked."""
    contracts = data["contracts"]
    if not contracts:
        return [f"{data['instance']} has no closed contract with a known strike; name a design with --design."]
    parts: list[Table | str] = []
    for entry in contracts:
        parts += [_by_year(title(entry), entry, FACTS), *_regimes(entry["project"], entry), *([_assumptions(entry)] if assumed else [])]
    if data["together"]:
        parts += [_by_year(f"All contracts together, {MONEY}", data["together"], ()), *_regimes("All contracts", data["together"])]
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


def write_rows(data: Record, path: Path) -> None:
    """Write every row as CSV: by contract, then of all together (``ALL``), then present values under the other regimes."""
    entries = [*data["contracts"], *([{"project": TOGETHER, "held": "", **data["together"]}] if data["together"] else [])]
    rows = [{**row, "project": entry["project"], "held": entry["held"]} for entry in entries for row in _with_regimes(entry)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, FLAT, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _with_regimes(entry: Record) -> list[Record]:
    return [*records(entry), *({"period": f"PV, {name}", **row} for name, row in entry["regimes"].items())]


def _by_year(heading: str, entry: Record, facts: Columns) -> Table:
    return table(heading, (("period", "year", text), *facts, *AMOUNTS), records(entry), notes=NOTES)


def _regimes(name: str, entry: Record) -> list[Table]:
    if not entry["regimes"]:
        return []
    rows = [{"regime": "as given", **entry["pv"]}, *({"regime": regime, **row} for regime, row in entry["regimes"].items())]
    return [table(f"{name}: present value by price regime, {MONEY}", (("regime", "regime", text), *AMOUNTS), rows)]


def _assumptions(entry: Record) -> Table:
    columns: Columns = (("what", "what", text), ("value", "value", text), ("unit", "unit", text), ("origin", "from", text))
    rules = [row for row in entry["assumptions"] if row["origin"] == "rule"]
    rows = [row for row in entry["assumptions"] if row["origin"] != "rule"]
    notes = [*(f"{row['what']}: {row['value']}." for row in rules), "Sources: --json."]
    return table(f"{entry['project']}: what the payments rest on", columns, rows, notes=notes)
