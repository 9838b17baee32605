"""Evaluate a given design: cash flows, tests and costs, no optimisation."""

from __future__ import annotations

import platform
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..instances.errors import InstanceError, Problem
from ..models.desk import Desk
from ..models.statement import Statement
from .audit import audit
from .certificate import certificate
from .design import Design
from .given import read_decisions
from .tables import all_rows, gross_outlay

if TYPE_CHECKING:
    from ..instances import Instance

MAX_BYTES = 50_000_000


def evaluate(
    instance: Instance, design: str | Path | Mapping[str, Any] | Design, *, command: str = "evaluate"
) -> Design:
    """Return all tables of a given design; its status is ``given``, nothing is proven, its arithmetic is audited.

    Args:
        instance: the instance.
        design: a ``Design``, its plain data, or a path to ``design.json`` or to a TOML file with ``[[tariffs]]``,
            ``[[contracts]]``, ``[[credits]]`` and ``[[projects]]``.
        command: what to record in the provenance.

    Raises:
        InstanceError: the given design names unknown things or lacks numbers; all mistakes at once.
    """
    began = time.monotonic()
    content, name = _content(design)
    desk = Desk(instance)
    statement = Statement(desk, read_decisions(desk, content, name))
    made = statement_design(
        statement, status="given", bound=None, gap_asked=None, seconds=time.monotonic() - began,
        bound_from="none: a given design", command=command, fixes={},
    )  # fmt: skip
    made.certificate["audit"] = "passed" if audit(made.to_dict(), instance).passed else "failed"
    return made


def statement_design(
    statement: Statement,
    *,
    status: str,
    bound: float | None,
    gap_asked: float | None,
    seconds: float,
    bound_from: str,
    command: str,
    fixes: Mapping[str, float],
    worth: Mapping[tuple[str, str], float] | None = None,
    continuous_credits: bool = False,
) -> Design:
    """Return a statement as a design with certificate and provenance; ``continuous_credits`` says that credits and strikes are off the ladders."""
    instance = statement.desk.instance
    proof = certificate(
        instance,
        status=status,
        objective=statement.objective,
        bound=bound,
        gross_outlay=gross_outlay(statement.desk, statement),
        gap_asked=gap_asked,
        seconds=seconds,
        bound_from=bound_from,
        continuous_credits=continuous_credits,
    )
    return Design.build(proof, all_rows(statement, worth), provenance(instance, command, fixes))


def provenance(instance: Instance, command: str, fixes: Mapping[str, float]) -> dict[str, Any]:
    """Return what it takes to make the design again."""
    return {
        "instance": instance.name,
        "instance_path": None if instance.path is None else str(instance.path),
        "overrides": list(instance.overrides),
        "fixes": dict(fixes),
        "seed": instance.seed,
        "schema_version": 1,
        "minclub_version": __version__,
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("pyomo", "highspy", "numpy")},
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _content(design: str | Path | Mapping[str, Any] | Design) -> tuple[Mapping[str, Any], str]:
    if isinstance(design, Design):
        return design.to_dict(), "design"
    if isinstance(design, Mapping):
        return design, "design"
    path = Path(design)
    if not path.is_file():
        raise _fault(path.name, "", "no such file", "a design.json or a TOML file", "check the path")
    if path.stat().st_size > MAX_BYTES:
        raise _fault(path.name, "", f"{path.stat().st_size} bytes", f"at most {MAX_BYTES}", "is it the right file?")
    if path.suffix.lower() == ".json":
        return Design.read(path).to_dict(), path.name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), path.name
    except ValueError as error:
        raise _fault(path.name, "", str(error), "TOML in UTF-8", "mend the file") from error


def _fault(file: str, column: str, got: str, expected: str, remedy: str) -> InstanceError:
    return InstanceError([Problem(file=file, row=None, column=column, got=got, expected=expected, remedy=remedy)])
