"""Commands that make designs: ``solve`` and ``evaluate``."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command import Code, Stop, command
from .options import DEFAULT_GAP, Cached, DesignOut, Gap, InstanceName, Settings, TimeLimit
from .output import Output
from .progress import progress
from .writing import check_target, write_whole

if TYPE_CHECKING:
    from ..instances.instance import Instance
    from ..solvers.design import Design


_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app, "solve")(solve)
    command(app, "evaluate")(evaluate)


def solve(
    out: Output,
    instance: InstanceName,
    target: DesignOut = None,
    gap: Gap = DEFAULT_GAP,
    time_limit: TimeLimit = None,
    settings: Settings = None,
    fixes: Annotated[
        list[str] | None,
        typer.Option(
            "--fix",
            metavar="KEY=VALUE",
            help="Fix a decision: built.X=1, start.X=2031, strike.X=9000, tariff.china_linked.gallium=0.25 or credit.itc.CAN.gallium=0.1. May be repeated.",
        ),
    ] = None,
    continuous: Annotated[
        float | None,
        typer.Option("--bound-continuous", min=0.0, metavar="SECONDS", help="Also bound, for this long, every design with rates off the ladders."),
    ] = None,
    continuous_credits: Annotated[
        bool,
        typer.Option("--continuous-credits", help="Let credits take any rate up to their highest rung, and strikes seven significant digits."),
    ] = False,
    cache: Cached = True,
) -> Code:
    """Find the design of least public cost, prove it and audit it."""
    from ..instances.loader import load

    found = load(instance, settings)
    if target is not None:
        check_target(target, [found.path])
    with solver_errors():
        design = search(
            out, found, gap=gap, time_limit=time_limit, fixes=fixes, continuous=continuous, continuous_credits=continuous_credits, cache=cache
        )
    return deliver(out, design, found, target)


def search(
    out: Output,
    instance: "Instance",
    *,
    gap: float = DEFAULT_GAP,
    time_limit: float | None = None,
    fixes: list[str] | None = None,
    continuous: float | None = None,
    continuous_credits: bool = False,
    cache: bool = True,
) -> "Design":
    """Solve an instance and show progress."""
    from ..solvers.solve import solve as run

    with progress(out) as report:
        return run(
            instance,
            gap=gap,
            time_limit=time_limit,
            fixes=fixes,
            progress=report,
            continuous=continuous,
            continuous_credits=continuous_credits,
            command=command_line(),
            cache=cache,
        )


def evaluate(
    out: Output,
    instance: InstanceName,
    given: Annotated[Path, typer.Option("--design", "-d", metavar="FILE", help="A design: .toml with decisions, or design.json.")],
    target: DesignOut = None,
    settings: Settings = None,
) -> Code:
    """Work out every table of a given design, without optimising."""
    from ..instances.loader import load

    found = load(instance, settings)
    if target is not None:
        check_target(target, [found.path, given])
    with solver_errors():
        from ..solvers.evaluate import evaluate as run

        design = run(found, given, command=command_line())
    return deliver(out, design, found, target)


def deliver(out: Output, design: "Design", instance: "Instance", target: Path | None) -> Code:
    """Write a design to its file and to standard output and return the exit code.

    Raises:
        Stop: if it failed the audit (it is not written) or the file cannot be written.
    """
    from ..reports.tables import design_tables, verdict

    if design.certificate.get("audit") == "failed":
        raise Stop(Code.AUDIT, ["the design failed the audit and is not written"])
    if target is not None:
        write_whole(target, design.write)
    out.show(design.to_dict(), design_tables(design, instance))
    code = outcome(design)
    if code is not Code.DONE:
        out.say(verdict(design.certificate))
    if target is not None:
        out.say(f"wrote {target}")
    return code


def outcome(design: "Design") -> Code:
    """Return the exit code that a design's certificate stands for."""
    status = design.certificate.get("status")
    if status == "given" or design.proven:
        return Code.DONE
    return Code.INTERRUPTED if status == "interrupted" else Code.STOPPED


@contextmanager
def solver_errors() -> Iterator[None]:
    """Turn what the solvers raise on purpose into exit codes and readable reports."""
    from ..solvers.design import DesignError
    from ..solvers.explain import Infeasible
    from ..solvers.solve import AuditFailed, NoDesign

    try:
        yield
    except Infeasible as error:
        conflicts, repairs = list(error.conflicts), list(error.repairs)
        raise Stop(Code.INFEASIBLE, str(error).splitlines(), conflicts=conflicts, repairs=repairs) from error
    except NoDesign as error:
        code = Code.INTERRUPTED if getattr(error, "interrupted", False) else Code.STOPPED
        raise Stop(code, [f"{error}", "No design was found before the solve stopped; nothing is written."]) from error
    except AuditFailed as error:
        rows = [check.to_row() for check in error.report.failures]
        lines = [f"the design failed {len(rows)} checks of the audit and is not written:", *(failure(row) for row in rows[:_SHOWN])]
        lines += [f"  and {len(rows) - _SHOWN} more (--json lists all)"] if len(rows) > _SHOWN else []
        raise Stop(Code.AUDIT, lines, failures=rows) from error
    except DesignError as error:
        raise Stop(Code.INPUT, str(error).splitlines()) from error


def failure(row: dict[str, object]) -> str:
    """Write a failed check as one line."""
    return f"  {row['name']}, {row['where']}: claimed {row['claimed']}, recomputed {row['recomputed']} ({row['convention']})"


def command_line() -> str:
    """Return the command as it was typed, for the provenance of the design."""
    return shlex.join(["minclub", *sys.argv[1:]])
