"""Commands that check: ``audit`` and ``doctor``."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ..reports.layout import Table, number, table, text, whole
from .command import Code, Stop, command
from .output import Output


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app, "audit")(audit)
    command(app, "doctor")(show_doctor)


def audit(
    out: Output,
    design: Annotated[Path, typer.Argument(metavar="DESIGN", help="A design.json.")],
    instance: Annotated[str | None, typer.Option("--instance", metavar="INSTANCE", help="The instance; default: the one that the design names.")] = None,
) -> Code:
    """Recompute every number of a design with a second program and compare."""
    from ..instances.loader import load
    from ..solvers.audit import AuditRefused
    from ..solvers.audit import audit as run

    try:
        report = run(design, None if instance is None else load(instance, _overrides(design)))
    except AuditRefused as error:
        raise Stop(Code.INPUT, str(error).splitlines()) from error
    rows = report.to_rows()
    failed = [row for row in rows if not row["passed"]]
    shown = rows if out.verbosity > 0 else failed
    parts: list[Table | str] = [_counts(rows), *([_checks(shown, "All checks" if out.verbosity > 0 else "Checks that failed")] if shown else [])]
    parts.append(f"{design}: {'passed' if report.passed else 'FAILED'}: {len(rows) - len(failed)} of {len(rows)} checks agree")
    out.show({"passed": report.passed, "checks": rows}, parts)
    return Code.DONE if report.passed else Code.AUDIT


def _overrides(design: Path) -> list[str]:
    """Return the overrides that a design was made with, so that another copy of its instance hashes alike."""
    from ..solvers.design import Design, DesignError

    try:
        given = Design.read(design).provenance.get("overrides") or ()
    except DesignError as error:
        raise Stop(Code.INPUT, str(error).splitlines()) from error
    return [str(item) for item in given]


def _counts(rows: list[dict[str, Any]]) -> Table:
    total: Counter[str] = Counter(str(row["convention"]) for row in rows)
    passed: Counter[str] = Counter(str(row["convention"]) for row in rows if row["passed"])
    records = [{"rule": rule or "rows", "checks": count, "agree": passed[rule]} for rule, count in sorted(total.items(), key=lambda pair: _rule(pair[0]))]
    return table("Audit by rule of the conventions", (("rule", "rule", text), ("checks", "checks", whole), ("agree", "agree", whole)), records)


def _rule(name: str) -> tuple[int, str]:
    digits = "".join(c for c in name if c.isdigit())
    return (int(digits) if digits else 0, name)


def _checks(rows: list[dict[str, Any]], title: str) -> Table:
    columns = (
        ("name", "check", text), ("where", "where", text), ("claimed", "in the design", _cell), ("recomputed", "recomputed", _cell),
        ("verdict", "verdict", text), ("convention", "rule", text),
    )  # fmt: skip
    notes = ["limit: the limit and the value that must keep it."]
    return table(title, columns, [{**row, "verdict": "agrees" if row["passed"] else "FAILED"} for row in rows], notes=notes)


def _cell(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else text(value)


def show_doctor(out: Output) -> Code:
    """Check that this installation can do the work."""
    from .doctor import doctor

    checks = doctor()
    sound = all(check.status != "failed" for check in checks)
    columns = (("name", "check", text), ("status", "status", text), ("detail", "detail", text))
    closing = "This installation is sound." if sound else "This installation is NOT sound."
    out.show({"sound": sound, "checks": [asdict(c) for c in checks]}, [table("Installation", columns, [asdict(c) for c in checks]), closing])
    return Code.DONE if sound else Code.INTERNAL
