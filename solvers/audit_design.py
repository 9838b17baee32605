"""Read a design: its decisions, and the tables of what it claims."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .audit_world import COUNTRIES, NODES, AuditRefused, Terms, World

FIRST_TABLES = ("tariffs", "contracts", "credits", "projects", "public_cost", "totals", "security", "consumers", "payoff", "binding")
TABLES = (*FIRST_TABLES, "offtake", "reserve")
VERSIONS = (1, 2)
LATEST_YEAR = 2200
NEW_COLUMNS: Mapping[str, Mapping[str, float]] = {
    "tariffs": {"reference_usd_per_t": 0.0, "adjustment_usd_per_t": 0.0},
    "contracts": {"collar": 0.0, "indexed_share": 1.0, "inflation": 0.02, "start_delay_years": 0, "rent_musd": 0.0},
    "credits": {"grant_rate": 0.0, "concessional_loan": 0},
}
"""Columns that version 1 lacks, with what their absence or null means."""
LEVEL = {"itc": "itc_rate", "ptc": "ptc_rate", "grant": "grant_rate", "loan": "concessional_loan"}


@dataclass(frozen=True)
class Design:
    """Hold a design as read: decisions, claims (rows per table), certificate and provenance.

    ``rates`` and ``references`` (USD/t) by (product, node); ``builds`` start year by project; ``contracts`` by project; ``credits`` by (country, product) and
    kind (``itc``, ``ptc``, ``grant``, ``loan``); ``offtake`` price (USD/t) by project and product.
    """

    rates: Mapping[tuple[str, str], float]
    references: Mapping[tuple[str, str], float]
    builds: Mapping[str, int]
    contracts: Mapping[str, Terms]
    credits: Mapping[tuple[str, str], Mapping[str, float]]
    offtake: Mapping[str, Mapping[str, float]]
    tables: Mapping[str, tuple[Mapping[str, Any], ...]]
    certificate: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @property
    def given(self) -> bool:
        """Tell whether the design was given for evaluation, so that no limit is enforced."""
        return self.certificate.get("status") == "given"

    @property
    def continuous(self) -> bool:
        """Tell whether the design says that its credits take any rate and its strikes seven significant digits (C14, C19)."""
        return self.certificate.get("continuous_credits") is True


class _Reader:
    """Collect all mistakes of a design before refusing it."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def number(self, table: str, row: Mapping[str, Any], column: str) -> float:
        """Read a finite number."""
        value = row.get(column)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.mistakes.append(f"{table}: {column} must be a number, got {value!r}")
            return 0.0
        return float(value)

    def whole(self, table: str, row: Mapping[str, Any], column: str, low: int, high: int) -> int:
        """Read a whole number within bounds."""
        value = self.number(table, row, column)
        if value != int(value) or not low <= value <= high:
            self.mistakes.append(f"{table}: {column} must be a whole number from {low} to {high}, got {value:g}")
            return low
        return int(value)

    def one_of(self, table: str, row: Mapping[str, Any], column: str, known: Any) -> str:
        """Read a name that must be known."""
        value = row.get(column)
        if not isinstance(value, str) or value not in known:
            self.mistakes.append(f"{table}: {column} {value!r} is unknown")
            return ""
        return value

    def done(self) -> None:
        """Refuse the design if anything was wrong."""
        if self.mistakes:
            raise AuditRefused("the design cannot be read:\n" + "\n".join(f"- {m}" for m in self.mistakes))


def read_file(path: Path) -> Mapping[str, Any]:
    """Read ``design.json``.

    Raises:
        AuditRefused: if the file cannot be read or holds no object.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AuditRefused(f"{path}: cannot be read as a design: {error}") from error
    if not isinstance(raw, dict):
        raise AuditRefused(f"{path}: a design is a JSON object")
    return raw


def check_shape(raw: Mapping[str, Any]) -> None:
    """Refuse anything that is not a design of a known version.

    Raises:
        AuditRefused: with all mistakes at once.
    """
    reader = _Reader()
    version = raw.get("schema_version")
    if isinstance(version, bool) or version not in VERSIONS:
        reader.mistakes.append(f"schema_version must be one of {', '.join(map(str, VERSIONS))}, got {version!r}")
    for name in ("certificate", "provenance"):
        if not isinstance(raw.get(name), Mapping):
            reader.mistakes.append(f"{name} must be an object")
    for name in TABLES:
        rows = raw.get(name, () if version == 1 and name not in FIRST_TABLES else None)
        if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
            reader.mistakes.append(f"{name} must be a list of rows")
    reader.done()


def latest_start(raw: Mapping[str, Any]) -> int:
    """Return the latest start year of a design, at most ``LATEST_YEAR``; 0 if nothing is built."""
    years = [row.get("start_year") for row in raw["projects"]]
    return max([0, *(min(int(y), LATEST_YEAR) for y in years if isinstance(y, int | float) and math.isfinite(y))])


def read_design(raw: Mapping[str, Any], world: World) -> Design:
    """Read the decisions of a design against an instance.

    Raises:
        AuditRefused: with all mistakes at once: unknown names, missing numbers, years out of range, rows that appear twice.
    """
    tables = {name: tuple(_filled(name, row) for row in raw.get(name, ())) for name in TABLES}
    reader = _Reader()
    builds: dict[str, int] = {}
    for row in tables["projects"]:
        code = reader.one_of("projects", row, "project", world.projects)
        if code and reader.whole("projects", row, "built", 0, 1):
            _once(reader, "projects", code, builds)
            builds[code] = reader.whole("projects", row, "start_year", world.base, LATEST_YEAR)
    rates: dict[tuple[str, str], float] = {}
    references: dict[tuple[str, str], float] = {}
    for row in tables["tariffs"]:
        key = (reader.one_of("tariffs", row, "product", world.products), reader.one_of("tariffs", row, "node", NODES))
        _once(reader, "tariffs", key, rates)
        rates[key] = reader.number("tariffs", row, "rate")
        references[key] = reader.number("tariffs", row, "reference_usd_per_t")
    credits: dict[tuple[str, str], Mapping[str, float]] = {}
    for row in tables["credits"]:
        key = (reader.one_of("credits", row, "country", COUNTRIES), reader.one_of("credits", row, "product", world.products))
        _once(reader, "credits", key, credits)
        credits[key] = {kind: reader.number("credits", row, column) for kind, column in LEVEL.items()}
    contracts = _contracts(tables["contracts"], world, reader, builds)
    offtake = _offtake(tables["offtake"], world, reader, builds)
    reader.done()
    return Design(rates, references, builds, contracts, credits, offtake, tables, raw["certificate"], raw["provenance"])


Rows = tuple[Mapping[str, Any], ...]


def _contracts(rows: Rows, world: World, reader: _Reader, builds: Mapping[str, int]) -> dict[str, Terms]:
    found: dict[str, Terms] = {}
    for row in rows:
        code = reader.one_of("contracts", row, "project", world.projects)
        _once(reader, "contracts", code, found)
        delay = reader.whole("contracts", row, "start_delay_years", 0, 100)
        terms = Terms(
            strike=reader.number("contracts", row, "strike_usd_per_t"),
            share=reader.number("contracts", row, "share"),
            upside=reader.number("contracts", row, "upside_share"),
            tenor=reader.whole("contracts", row, "tenor_years", 1, 100),
            start=reader.whole("contracts", row, "start_year", world.base, LATEST_YEAR) + delay,
            collar=reader.number("contracts", row, "collar"),
            indexed=reader.number("contracts", row, "indexed_share"),
            inflation=reader.number("contracts", row, "inflation"),
            delay=delay,
        )
        if code and code not in builds:
            reader.mistakes.append(f"contracts: {code} holds a contract and is not built")
        if code:
            found[code] = terms
    return found


def _offtake(rows: Rows, world: World, reader: _Reader, builds: Mapping[str, int]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        code = reader.one_of("offtake", row, "project", world.projects)
        product = reader.one_of("offtake", row, "product", world.products)
        prices = found.setdefault(code, {})
        _once(reader, "offtake", product, prices)
        prices[product] = reader.number("offtake", row, "price_usd_per_t")
        if code and code not in builds:
            reader.mistakes.append(f"offtake: {code} sells to the club and is not built")
    return found


def _filled(table: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
    absent = {column: value for column, value in NEW_COLUMNS.get(table, {}).items() if row.get(column) is None}
    return {**row, **absent}


def _once(reader: _Reader, table: str, key: Any, found: Mapping[Any, Any]) -> None:
    if key in found:
        reader.mistakes.append(f"{table}: {key} appears twice")
