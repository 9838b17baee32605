"""The program ``minclub``: its commands, and the texts of ``--help``.

Nothing heavy is imported here or in the modules of the commands: each command imports what it needs when it runs.
"""

import contextlib
import io
import sys
from typing import Annotated

import typer

from .. import __version__
from .cache import register as register_cache
from .claims import register as register_claims
from .command import EXIT_CODES
from .data import register as register_data
from .designs import register as register_designs
from .files import register as register_files
from .frontier import register as register_frontier
from .payments import register as register_payments
from .solving import register as register_solving

__all__ = ["app", "main"]

_EPILOG = "Exit codes:\n\n\b\n" + "\n".join(f"{int(code):>4}  {text}" for code, text in EXIT_CODES.items())

app = typer.Typer(
    name="minclub",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
    epilog=_EPILOG,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"minclub {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    """Design a North American critical-minerals club at least public cost.

    Results go to standard output, progress and remarks to standard error. Money is in million 2025 USD (real) unless a head says otherwise.
    """


for _register in (
    register_data,
    register_solving,
    register_frontier,
    register_payments,
    register_claims,
    register_designs,
    register_files,
    register_cache,
):
    _register(app)


def main() -> None:
    """Run the program on ``sys.argv`` and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, io.UnsupportedOperation, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app(prog_name="minclub")
