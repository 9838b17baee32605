"""The DoD agreement with MP Materials of July 2025 as a small instance: one product, one project, the contract given."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .build_tables import Row, write_rows

NAME = "mp_materials_2025"
PRODUCT, PROJECT = "ndpr_oxide", "MOUNTAIN_PASS"
TABLES = ("projects", "products", "policy", "finance", "episodes", "assumptions")

_PROJECT: Row = {
    "project_id": PROJECT,
    "name": "Mountain Pass",
    "dev_status": "operating",
    "capacity_t_per_year": "7065",
    "earliest_start_year": "2026",
    "build_years": "1",
    "ramp": "0.57|0.8|1",
    "sustaining_musd_per_year": "5.9",
    "sunk_capex_share": "0",
    "b0_supply": "0",
}
"""The whole mine instead of its increment: year-end run rate of 2025 (4,000 of 7,065 t), sustaining capital by capacity."""

_PROJECT_WORDS = {
    "capacity_t_per_year": "read",
    "earliest_start_year": "assumed",
    "ramp": "derived",
    "sustaining_musd_per_year": "assumed",
    "sunk_capex_share": "assumed",
}
_PRODUCT: Row = {"spot_usd_per_t": "69000", "existing_refined_t_usa": "0", "non_china_supply_t": "3865"}
"""The price of 2025, when the agreement was signed; the mine is a project and not existing supply."""

_PRODUCT_WORDS = {"spot_usd_per_t": "read", "existing_refined_t_usa": "derived", "non_china_supply_t": "derived"}


def mp_tables(usmca: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Cut the tables of ``usmca`` down to the agreement.

    Args:
        usmca: rows by table.
    """
    project = next(row for row in usmca["projects"] if row["project_id"] == "US_REE_MOUNTAINPASS")
    product = next(row for row in usmca["products"] if row["product_code"] == PRODUCT)
    credit = next(row for row in usmca["policy"] if row["instrument_id"] == "US_45X")
    return {
        "projects": [_changed(project, _PROJECT, _PROJECT_WORDS)],
        "products": [_changed(product, _PRODUCT, _PRODUCT_WORDS)],
        "policy": [{**credit, "products": PRODUCT}],
        "finance": [row for row in usmca["finance"] if row["country"] in ("ALL", "USA")],
        "episodes": [row for row in usmca["episodes"] if row["product_code"] == PRODUCT],
        "assumptions": [row for row in usmca["assumptions"] if "." not in row["name"] and row["scope"] == "all"],
    }


def _changed(row: Row, values: Row, words: Mapping[str, str]) -> Row:
    old = dict(part.split(":") for part in row["provenance"].split("; "))
    return {**row, **values, "provenance": "; ".join(f"{name}:{word}" for name, word in {**old, **words}.items())}


def build(out: Path, usmca: Mapping[str, Sequence[Row]]) -> list[Path]:
    """Write the generated tables of the instance.

    Args:
        out: folder that receives the folder of the instance.
        usmca: rows of ``usmca`` by table.

    Returns:
        The files written.
    """
    folder = out / NAME
    folder.mkdir(parents=True, exist_ok=True)
    tables = mp_tables(usmca)
    return [write_rows(folder, name, tables[name]) for name in TABLES]
