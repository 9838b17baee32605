"""Evaluate a given design: cash flows, tests and costs, no optimisation."""

from __future__ import annotations

import platform
import time
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..instances.errors import InstanceError, Problem
from ..models.contracts import ContractTerms
from ..models.decisions import Contract, Decisions
from ..models.desk import Desk
from ..models.market import COUNTRIES
from ..models.statement import Statement
from ..models.subsidies import NO_CREDIT, CreditLevel
from .audit import audit
from .certificate import certificate
from .design import Design
from .tables import all_rows, gross_outlay

if TYPE_CHECKING:
    from ..instances import Instance

MAX_BYTES = 50_000_000
PARTS: dict[str, dict[str, type]] = {
    "tariffs": {"product": str, "node": str, "rate": float},
    "contracts": {
        "project": str, "strike_usd_per_t": float, "share": float, "tenor_years": int, "upside_share": float,
    },
    "credits": {"country": str, "product": str, "itc_rate": float, "ptc_rate": float},
    "offtake": {"project": str, "product": str, "price_usd_per_t": float},
    "projects": {"project": str},
}  # fmt: skip


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
) -> Design:
    """Return a statement as a design with certificate and provenance."""
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _fault(path.name, "", str(error), "TOML in UTF-8", "mend the file") from error


def _fault(file: str, column: str, got: str, expected: str, remedy: str) -> InstanceError:
    return InstanceError([Problem(file=file, row=None, column=column, got=got, expected=expected, remedy=remedy)])


class _Rows:
    """Reads the rows of a given design and collects all mistakes."""

    def __init__(self, content: Mapping[str, Any], file: str) -> None:
        self.content, self.file, self.problems = content, file, []  # type: ignore[var-annotated]

    def fail(self, where: str, got: object, expected: str, remedy: str) -> None:
        """Note one mistake."""
        self.problems.append(
            Problem(file=self.file, row=None, column=where, got=str(got), expected=expected, remedy=remedy)
        )

    def table(self, part: str) -> list[Mapping[str, Any]]:
        """Return the rows of one part whose cells have the right kinds."""
        rows = self.content.get(part, [])
        if not isinstance(rows, list) or not all(isinstance(r, Mapping) for r in rows):
            self.fail(part, type(rows).__name__, "a list of tables", f"write [[{part}]]")
            return []
        good = []
        for number, row in enumerate(rows, start=1):
            bad = [name for name, kind in PARTS[part].items() if not _fits(row.get(name), kind)]
            for name in bad:
                kind = PARTS[part][name].__name__
                self.fail(f"{part}[{number}].{name}", row.get(name), f"a {kind}", f"give {name}")
            if not bad:
                good.append(row)
        return good

    def known(self, where: str, value: str, names: object) -> bool:
        """Say whether a name is known; note it if not."""
        if value in names:  # type: ignore[operator]
            return True
        self.fail(where, value, "a name of the instance", "see minclub describe")
        return False


def _fits(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) if kind is float else isinstance(value, kind)


def read_decisions(desk: Desk, content: Mapping[str, Any], file: str = "design") -> Decisions:
    """Read the decisions of a given design.

    Raises:
        InstanceError: unknown names or missing numbers, all at once.
    """
    rows = _Rows(content, file)
    borders: dict[str, dict[str, float]] = {}
    references: dict[str, float] = {}
    for row in rows.table("tariffs"):
        if rows.known("tariffs.product", row["product"], desk.market.products) and rows.known(
            "tariffs.node", row["node"], ("china_linked", "market")
        ):
            borders.setdefault(row["product"], {})[row["node"]] = float(row["rate"])
            references[row["product"]] = max(references.get(row["product"], 0.0), float(row.get("reference_usd_per_t") or 0.0))
    builds: dict[str, int] = {}
    for row in rows.table("projects"):
        key = row["project"]
        if not rows.known("projects.project", key, desk.plants) or not row.get("built", 1):
            continue
        if key not in desk.baseline.builds:
            builds[key] = int(row.get("start_year") or desk.plants[key].earliest)
    contracts: dict[str, Contract] = {}
    for row in rows.table("contracts"):
        key = row["project"]
        if not rows.known("contracts.project", key, desk.plants):
            continue
        terms = ContractTerms(
            int(row["tenor_years"]),
            float(row["share"]),
            float(row["upside_share"]),
            collar=float(row.get("collar") or 0.0),
            indexed_share=float(row.get("indexed_share", 1.0)),
            inflation=float(row.get("inflation") or 0.0),
            first=int(row.get("start_delay_years") or 0),
        )
        contracts[key] = Contract(float(row["strike_usd_per_t"]), terms)
        if key not in desk.baseline.builds:
            builds.setdefault(key, int(row.get("start_year") or desk.plants[key].earliest))
    credits = {}
    for row in rows.table("credits"):
        if rows.known("credits.country", row["country"], COUNTRIES) and rows.known(
            "credits.product", row["product"], desk.market.products
        ):
            credits[row["country"], row["product"]] = CreditLevel(
                float(row["itc_rate"]), float(row["ptc_rate"]), float(row.get("grant_rate") or 0.0), float(row.get("concessional_loan") or 0.0)
            )
    for row in rows.table("offtake"):
        if rows.known("offtake.project", row["project"], desk.plants) and rows.known("offtake.product", row["product"], desk.market.products):
            pair = desk.plants[row["project"]].country, desk.plants[row["project"]].product
            multiple = float(row["price_usd_per_t"]) / desk.market.long_run[row["product"]]
            credits[pair] = replace(credits.get(pair, NO_CREDIT), offtake=multiple)
    if rows.problems:
        raise InstanceError(rows.problems)
    tariffs = dict.fromkeys(desk.market.products, desk.unprotected) | {
        m: replace(desk.unprotected, market=r.get("market", 0.0), china=r.get("china_linked", 0.0), reference=references.get(m, 0.0))
        for m, r in borders.items()
    }
    return Decisions(tariffs, builds, contracts, credits)
