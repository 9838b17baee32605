"""Commands that solve many instances at once: ``frontier`` moves one limit, ``sweep`` one strike."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from ..reports.layout import MONEY, Format, Table, fixed, money, number, table, text, whole
from .command import Code, command
from .options import DEFAULT_GAP, Cached, Gap, InstanceName, Settings, TimeLimit, not_nan
from .output import Output
from .progress import steps
from .solving import solver_errors
from .writing import check_rows, show_rows

if TYPE_CHECKING:
    from ..instances.instance import Instance
    from ..solvers.frontier import Frontier
    from ..solvers.sweep import Sweep

Made = TypeVar("Made", "Frontier", "Sweep")
Report = Callable[[str, int, int], None]

First = Annotated[float, typer.Option("--from", metavar="VALUE", callback=not_nan, help="The first value.")]
Last = Annotated[float, typer.Option("--to", metavar="VALUE", callback=not_nan, help="The last value.")]
Points = Annotated[int, typer.Option("--points", min=1, max=10_000, metavar="N", help="How many values, evenly spread.")]
RowsOut = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the rows as CSV; an existing file is replaced.")]

_SHARES: tuple[tuple[str, str, Format], ...] = (("gap", "gap", fixed(2, 100.0, "%")), ("status", "status", text))
_MONEY: tuple[tuple[str, str, Format], ...] = (("objective_musd", "objective", money), ("bound_musd", "bound", money))
_REST: tuple[tuple[str, str, Format], ...] = (
    ("built", "built", whole),
    ("contracts", "contracts", whole),
    ("booked_musd", "booked", money),
    ("outlay_musd", "outlay", money),
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app, "frontier")(frontier)
    command(app, "sweep")(sweep)


def frontier(
    out: Output,
    instance: InstanceName,
    over: Annotated[
        Literal["basket", "country_caps", "worst5_outlay", "targets"],
        typer.Option("--over", metavar="LIMIT", help="basket (values are shares), or country_caps, worst5_outlay or targets (multiples of the instance's)."),
    ],
    first: First,
    last: Last,
    points: Points = 50,
    target: RowsOut = None,
    gap: Gap = DEFAULT_GAP,
    time_limit: TimeLimit = None,
    settings: Settings = None,
    cache: Cached = True,
) -> Code:
    """Show the least public cost as one limit moves: the users' basket, the budgets, or the security targets."""
    from ..solvers.frontier import frontier as run

    def work(found: "Instance", report: Report) -> "Frontier":
        return run(found, over, spread(first, last, points), gap=gap, time_limit=time_limit, progress=report, cache=cache)

    made = _made(out, instance, settings, target, work)
    return _deliver(out, made, frontier_tables(made), target)


def sweep(
    out: Output,
    instance: InstanceName,
    project: Annotated[str, typer.Option("--strike", metavar="PROJECT", help="The project, built under a contract at each strike.")],
    first: First,
    last: Last,
    points: Points = 33,
    target: RowsOut = None,
    gap: Gap = DEFAULT_GAP,
    time_limit: TimeLimit = None,
    settings: Settings = None,
    cache: Cached = True,
) -> Code:
    """Show the least public cost as the strike of one project moves."""
    from ..solvers.sweep import strikes as run

    def work(found: "Instance", report: Report) -> "Sweep":
        return run(found, project, spread(first, last, points), gap=gap, time_limit=time_limit, progress=report, cache=cache)

    made = _made(out, instance, settings, target, work)
    columns = (("strike", "strike", number), *_MONEY, *_SHARES, *_REST)
    parts = [table(f"Least public cost by strike of {project} (USD per t), {MONEY}", columns, made.table().to_dict("records"))]
    return _deliver(out, made, parts, target)


def spread(first: float, last: float, points: int) -> list[float]:
    """Return evenly spread values, both ends included; one point is the first value."""
    return [first + (last - first) * k / max(1, points - 1) for k in range(points)]


def frontier_tables(made: "Frontier") -> list[Table | str]:
    """Return the points as a table, and a line on where designs end."""
    limit: Format = fixed(2, 100.0, "%") if made.over == "basket" else number
    columns = (("limit", made.over, limit), *_MONEY, *_SHARES, *_REST, ("binds", "binds", text))
    parts: list[Table | str] = [table(f"Least public cost by {made.over}, {MONEY}", columns, made.table().to_dict("records"))]
    if made.infeasible_to is not None and made.feasible_from is not None:
        parts.append(f"No design at {made.infeasible_to:.5g}; a design is known at {made.feasible_from:.5g}.")
    return parts


def _made(out: Output, instance: str, settings: Settings, target: Path | None, work: "Callable[[Instance, Report], Made]") -> Made:
    """Load the instance, check the file of the rows, and do the work with its steps shown."""
    from ..instances.loader import load

    found = load(instance, settings)
    check_rows(target, [found.path])
    with solver_errors(), steps(out) as report:
        return work(found, report)


def _deliver(out: Output, made: "Frontier | Sweep", parts: list[Any], target: Path | None) -> Code:
    """Write and show the rows; the exit code says whether all are proven."""
    rows = made.table()
    show_rows(out, made.to_dict(), parts, target, lambda path: rows.to_csv(path, index=False, lineterminator="\n"))
    if made.proven:
        return Code.DONE
    out.say("NOT PROVEN: see the column status")
    return Code.INTERRUPTED if (rows["status"] == "interrupted").any() else Code.STOPPED
