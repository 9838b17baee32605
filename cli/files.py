"""Commands that write files for other programs: ``export`` and ``picture``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
