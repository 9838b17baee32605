"""The frame of every command: common options, exit codes, and errors as one list instead of a traceback."""

import inspect
from collections.abc import Callable
from enum import IntEnum
from typing import Annotated, Any

import typer

from ..instances.errors import InstanceError
from .output import Output

__all__ = ["EXIT_CODES", "Code", "Stop", "command"]


class Code(IntEnum):
    """Exit codes."""

    DONE = 0
    INTERNAL = 1
    INPUT = 2
    INFEASIBLE = 3
    STOPPED = 4
    AUDIT = 5
    INTERRUPTED = 130


EXIT_CODES = {
    Code.DONE: "done; for solve: proven within the gap",
    Code.INTERNAL: "internal error",
    Code.INPUT: "bad input or usage",
    Code.INFEASIBLE: "infeasible: conflicts and the least repair are printed",
    Code.STOPPED: "stopped before the gap: the best design found is kept and marked; without one nothing is written",
    Code.AUDIT: "failed the audit: the design is not written",
    Code.INTERRUPTED: "interrupted: the best design found is kept and marked",
}


class Stop(Exception):
    """End a command with an exit code, lines for people and data for ``--json``."""

    def __init__(self, code: Code, lines: list[str], **data: object) -> None:
        self.code, self.lines = code, lines
        self.data: dict[str, object] = {"code": int(code), "kind": code.name.lower(), "message": "\n".join(lines), **data}
        super().__init__("\n".join(lines))


Json = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Write no progress and no remarks.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more on standard error; -vv still more.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

_COMMON: tuple[tuple[str, Any, object], ...] = (("json", Json, False), ("quiet", Quiet, False), ("verbose", Verbose, 0), ("debug", Debug, False))


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., Code]], Callable[..., Code]]:
    """Register a function as a command with the common options.

    The function takes an ``Output`` first and then its own options; it returns the exit code.
    """

    def register(function: Callable[..., Code]) -> Callable[..., Code]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        common = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind) for key, kind, default in _COMMON]
        parameters = [*(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own), *common]

        def run(*, json: bool, quiet: bool, verbose: int, debug: bool, **given: object) -> None:
            out = Output(json, -1 if quiet else verbose, debug)
            raise typer.Exit(int(guarded(function, out, given)))

        run.__doc__ = function.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(run)
        return function

    return register


def guarded(function: Callable[..., Code], out: Output, given: dict[str, object]) -> Code:
    """Run a command and turn every exception into an exit code and a readable report."""
    try:
        with out.logging():
            return function(out, **given)
    except Stop as stop:
        return _report(out, stop)
    except InstanceError as error:
        problems = [{key: getattr(p, key) for key in ("file", "row", "column", "got", "expected", "remedy")} for p in error.problems]
        return _report(out, Stop(Code.INPUT, str(error).splitlines(), problems=problems))
    except KeyboardInterrupt:
        return _report(out, Stop(Code.INTERRUPTED, ["interrupted; nothing was written"]))
    except Exception as error:
        hint = [] if out.debug else ["Run the command again with --debug to see where."]
        return _report(out, Stop(Code.INTERNAL, [f"internal error: {type(error).__name__}: {error}", *hint]))


def _report(out: Output, stop: Stop) -> Code:
    out.traceback()
    out.fail(stop.lines, stop.data)
    return stop.code
