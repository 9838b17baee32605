"""The command ``payments``: what the state pays under each contract, by year and over the scenarios."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from ..reports.payment_tables import AMOUNTS, FACTS, records, tables
from .command import Code, Stop, command
from .options import InstanceName, Settings
from .output import Output
from .solving import solver_errors
from .writing import check_rows, show_rows

Record = dict[str, Any]
FLAT = ("project", "held", "period", "year", *(key for key, _, _ in (*FACTS, *AMOUNTS)))
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
    """Show what the state pays under each contract for difference by year: expected, percentiles, clawback, and what that rests on."""
    from ..instances.loader import load

    found = load(instance, settings)
    check_rows(target, [found.path, *([given] if given is not None else [])])
    with solver_errors():
        from ..solvers.payments import DesignFailed
        from ..solvers.payments import payments as run

        try:
            data = run(found, given, regimes=not quick)
        except DesignFailed as error:
            raise Stop(Code.AUDIT, [str(error)]) from error
    shown = tables(data, assumed=out.verbosity > 0 or len(data["contracts"]) == 1)
    show_rows(out, data, shown, target, lambda made: write_rows(data, made))
    return Code.DONE


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
