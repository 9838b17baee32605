"""Arguments and options that several commands share."""

import math
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_GAP = 0.001


def not_nan(value: float | None) -> float | None:
    """Refuse what is not a number: it passes every comparison with a bound."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is not a number")
    return value


InstanceName = Annotated[str, typer.Argument(metavar="INSTANCE", help="A shipped name or the path of a folder with club.toml.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting or a cell for this run, e.g. caps.CAN.2031=300 or projects.X.capex_musd=100. May be repeated.",
    ),
]
DesignOut = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the design as JSON; an existing file is replaced.")]
Gap = Annotated[float, typer.Option("--gap", min=0.0, max=1.0, metavar="SHARE", callback=not_nan, help="Stop when proven within this share of the objective.")]
Cached = Annotated[bool, typer.Option("--cache/--no-cache", help="Keep what plants cost on disk, for later solves (minclub cache).")]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", min=0.0, metavar="SECONDS", callback=not_nan, help="Stop after this time.")]
