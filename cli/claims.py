"""The command ``claims``: what the chapter claims, examined one by one."""

from typing import Annotated, Any

import typer

from ..reports.layout import Format, Table, number, table, text, whole
from .command import Code, command
from .options import Cached, InstanceName, Settings
from .output import Output
from .progress import steps
from .solving import solver_errors

_SHOWN_NOTES = 2
_FEW = 3


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    command(app, "claims")(claims)


def claims(
    out: Output,
    instance: InstanceName,
    only: Annotated[list[int] | None, typer.Option("--claim", metavar="N", help="Examine this claim only, by its number. May be repeated.")] = None,
    scenarios: Annotated[int | None, typer.Option("--scenarios", min=1, metavar="N", help="Price scenarios; default: those of the instance.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the other price regimes, and use at most 60 scenarios.")] = False,
    settings: Settings = None,
    cache: Cached = True,
) -> Code:
    """Examine the claims of the chapter: experiment, figure, verdict, and what it depends on."""
    from ..instances.loader import load
    from ..models.store import caching
    from ..solvers.claims import claims as run

    with solver_errors(), caching(cache), steps(out) as report:
        rows = run(load(instance, settings), only=only, scenarios=scenarios, quick=quick, progress=report)
    shown = rows if out.verbosity > 0 or (only and len(rows) <= _FEW) else []
    parts: list[Table | str] = [verdicts(rows), *(figures(row) for row in shown)]
    out.show(rows, [*parts, *([] if shown else ["Figures: --claim N, -v or --json."])])
    return Code.DONE


def verdicts(rows: list[dict[str, Any]]) -> Table:
    """Return the table of verdicts, with the first things that each depends on."""
    columns = (("id", "", whole), ("claim", "claim", text), ("verdict", "verdict", text), ("why", "what it rests on", text))
    return table("Claims of the chapter", columns, [{**row, "why": "; ".join(row["depends_on"][:_SHOWN_NOTES])} for row in rows])


def figures(row: dict[str, Any]) -> Table:
    """Return a claim's figure as a table: a row per product, project, tool or setting."""
    heads, records = grid(row["figure"])
    columns: tuple[tuple[str, str, Format], ...] = tuple((head, head, text if k == 0 else cell) for k, head in enumerate(heads))
    notes = [f"experiment: {row['experiment']}", *row["depends_on"]]
    return table(f"Claim {row['id']}: {row['unit']}", columns, records, notes=notes)


def grid(figure: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the heads and rows of a figure: a number, numbers by name, or rows of numbers by name."""
    if figure is None:
        return ["what"], []
    if not isinstance(figure, dict):
        return ["what", "figure"], [{"what": "figure", "figure": figure}]
    if not any(isinstance(value, dict) for value in figure.values()):
        return ["what", "figure"], [{"what": key, "figure": value} for key, value in figure.items()]
    names = list(dict.fromkeys(name for line in figure.values() for name in line))
    return ["what", *names], [{"what": key, **line} for key, line in figure.items()]


def cell(value: Any) -> str:
    """Write a cell of a figure: a count as it is, a number with four digits, a text."""
    return text(value) if isinstance(value, str) else whole(value) if isinstance(value, int) else number(value)
