"""A design as tables: pandas frames in memory, ``design.json`` on disk."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

SCHEMA_VERSION = 2
COLUMNS: dict[str, tuple[str, ...]] = {
    "tariffs": (
        "product", "node", "rate", "baseline_rate", "baseline_rate_usa", "baseline_rate_can", "baseline_rate_mex",
        "reference_usd_per_t", "adjustment_usd_per_t",
    ),
    "contracts": (
        "project", "product", "country", "strike_usd_per_t", "share", "tenor_years", "upside_share", "start_year",
        "collar", "indexed_share", "inflation", "start_delay_years", "rent_musd",
    ),
    "credits": ("country", "product", "itc_rate", "ptc_rate", "grant_rate", "concessional_loan"),
    "offtake": (
        "project", "country", "product", "price_usd_per_t", "tenor_years", "tonnes_at_start", "payments_pv_musd", "receipts_pv_musd",
    ),
    "reserve": ("product", "months", "stock_t_end_year", "purchase_usd_per_t", "carry_pv_musd"),
    "projects": (
        "project", "country", "product", "built", "in_baseline", "start_year", "contract",
        "npv_musd_with", "npv_musd_without", "irr_with", "irr_without", "cvar_musd_with", "cvar_musd_without",
        "cover_bank_with", "cover_bank_without", "cover_bank_required_with", "cover_bank_required_without",
        "cover_downside_with", "cover_downside_without", "llcr_dump_with", "llcr_dump_without",
        "passes_with", "passes_without", "capital_pv_musd",
    ),
    "public_cost": ("country", "item", "year", "value_musd"),
    "totals": ("country", "item", "pv_musd"),
    "security": ("product", "year", "demand_t", "secured_t", "share", "target", "need_t", "state", "must_come_from_china_t"),
    "consumers": ("scope", "product", "country", "rise", "cap"),
    "payoff": ("country", "part", "pv_musd"),
    "binding": ("constraint", "where", "value", "limit", "slack", "worth_musd_per_unit", "unit"),
}  # fmt: skip


ADDED_IN_2: dict[str, dict[str, Any]] = {
    "tariffs": {"reference_usd_per_t": 0.0, "adjustment_usd_per_t": 0.0},
    "contracts": {"collar": 0.0, "indexed_share": 1.0, "inflation": 0.0, "start_delay_years": 0, "rent_musd": 0.0},
    "credits": {"grant_rate": 0.0, "concessional_loan": 0},
    "offtake": {},
    "reserve": {},
}


class DesignError(ValueError):
    """A file is not a design that this version can read."""


@dataclass(frozen=True)
class Design:
    """A design with its certificate, tables and provenance."""

    certificate: dict[str, Any]
    tariffs: pd.DataFrame
    contracts: pd.DataFrame
    credits: pd.DataFrame
    offtake: pd.DataFrame
    reserve: pd.DataFrame
    projects: pd.DataFrame
    public_cost: pd.DataFrame
    totals: pd.DataFrame
    security: pd.DataFrame
    consumers: pd.DataFrame
    payoff: pd.DataFrame
    binding: pd.DataFrame
    provenance: dict[str, Any]

    @staticmethod
    def build(certificate: dict[str, Any], rows: dict[str, list[dict[str, Any]]], provenance: dict[str, Any]) -> Design:
        """Make a design from lists of rows."""
        frames = {name: pd.DataFrame(rows.get(name, []), columns=list(columns)) for name, columns in COLUMNS.items()}
        return Design(certificate=certificate, provenance=provenance, **frames)

    @property
    def proven(self) -> bool:
        """Say whether the design was proven within the gap asked."""
        return bool(self.certificate.get("proven"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON: no NaN, numbers as Python's own."""
        content: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
        for part in fields(self):
            value = getattr(self, part.name)
            content[part.name] = _plain(value.to_dict("records") if isinstance(value, pd.DataFrame) else value)
        return content

    @staticmethod
    def from_dict(content: dict[str, Any]) -> Design:
        """Read plain data.

        Raises:
            DesignError: a part is missing or the schema is newer than this version reads.
        """
        version = content.get("schema_version")
        if not isinstance(version, int) or version < 1:
            raise DesignError("not a design: schema_version is missing")
        if version > SCHEMA_VERSION:
            raise DesignError(f"schema_version {version} is newer than {SCHEMA_VERSION}; update minclub")
        if version == 1:
            content = content | _from_version_1(content)
        missing = [name for name in (*COLUMNS, "certificate", "provenance") if name not in content]
        if missing:
            raise DesignError(f"not a whole design: {', '.join(missing)} missing")
        return Design.build(content["certificate"], {name: content[name] for name in COLUMNS}, content["provenance"])

    def write(self, path: str | Path) -> Path:
        """Write ``design.json`` in one step: the file is whole or absent."""
        target = Path(path)
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".minclub-") as folder:
            made = Path(folder) / "design.json"
            made.write_text(text, encoding="utf-8", newline="\n")
            made.replace(target.resolve())
        return target

    @staticmethod
    def read(path: str | Path) -> Design:
        """Read ``design.json``.

        Raises:
            DesignError: the file is not a design.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DesignError(f"{path}: {error}") from error
        if not isinstance(content, dict):
            raise DesignError(f"{path}: not a design")
        return Design.from_dict(content)


def _from_version_1(content: dict[str, Any]) -> dict[str, Any]:
    """Return the parts that version 2 added or widened, with the values that stand for "not used"."""
    found: dict[str, Any] = {"offtake": [], "reserve": []}
    for part, defaults in ADDED_IN_2.items():
        rows = content.get(part)
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            found[part] = [defaults | row for row in rows]
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
