"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
