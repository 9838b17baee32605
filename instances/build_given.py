"""Contracts as they were signed, each as a small instance: one product, one project, the contract given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .build_tables import Row, write_rows

TABLES = ("projects", "products", "policy", "finance", "episodes", "assumptions")
Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Given:
    """Describe how an instance is cut from ``usmca``.

    Attributes:
        name: name of the instance.
        project: its row of ``usmca``.
        country: host country; only its law and finance parameters are kept.
        credits: rows of ``policy.csv`` that apply.
        project_cells: cells of the project that differ, with their provenance words.
        product_cells: cells of the product that differ, with their provenance words.
    """

    name: str
    project: str
    country: str
    credits: tuple[str, ...]
    project_cells: Mapping[str, tuple[str, str]]
    product_cells: Mapping[str, tuple[str, str]]


MP_MATERIALS = Given(
    name="mp_materials_2025",
    project="US_REE_MOUNTAINPASS",
    country="USA",
    credits=("US_45X",),
    project_cells={
        "project_id": ("MOUNTAIN_PASS", ""),
        "name": ("Mountain Pass", ""),
        "dev_status": ("operating", ""),
        "capacity_t_per_year": ("7065", "read"),
        "earliest_start_year": ("2026", "assumed"),
        "build_years": ("1", ""),
        "ramp": ("0.57|0.8|1", "derived"),
        "sustaining_musd_per_year": ("5.9", "assumed"),
        "sunk_capex_share": ("0", "assumed"),
        "b0_supply": ("0", ""),
    },
    product_cells={"spot_usd_per_t": ("69000", "read"), "existing_refined_t_usa": ("0", "derived"), "non_china_supply_t": ("3865", "derived")},
)
"""The whole mine instead of its increment: run rate at the end of 2025 (4,000 of 7,065 t), sustaining capital by capacity; the price of 2025."""

NOUVEAU_MONDE = Given(
    name="nouveau_monde_2026",
    project="GR_MATAWINIE",
    country="CAN",
    credits=("CA_CTM_ITC",),
    project_cells={"project_id": ("MATAWINIE", ""), "exclusive_group": ("", "")},
    product_cells={},
)
"""The mine alone: the offtake buys flake, and the anode plant has no investment decision."""

GIVEN = (MP_MATERIALS, NOUVEAU_MONDE)


def given_tables(item: Given, usmca: Tables) -> dict[str, list[Row]]:
    """Cut the tables of ``usmca`` down to one agreement.

    Args:
        item: the agreement.
        usmca: rows by table.
    """
    project = next(row for row in usmca["projects"] if row["project_id"] == item.project)
    code = project["product_code"]
    product = next(row for row in usmca["products"] if row["product_code"] == code)
    return {
        "projects": [_changed(project, item.project_cells)],
        "products": [_changed(product, item.product_cells)],
        "policy": [{**row, "products": code} for row in usmca["policy"] if row["instrument_id"] in item.credits],
        "finance": [row for row in usmca["finance"] if row["country"] in ("ALL", item.country)],
        "episodes": [row for row in usmca["episodes"] if row["product_code"] == code],
        "assumptions": [row for row in usmca["assumptions"] if "." not in row["name"] and row["scope"] in ("all", code)],
    }


def _changed(row: Row, cells: Mapping[str, tuple[str, str]]) -> Row:
    words = dict(part.split(":") for part in row["provenance"].split("; ")) | {name: word for name, (_, word) in cells.items() if word}
    return row | {name: value for name, (value, _) in cells.items()} | {"provenance": "; ".join(f"{name}:{word}" for name, word in words.items())}


def build(out: Path, usmca: Tables) -> list[Path]:
    """Write the generated tables of all agreements.

    Args:
        out: folder that receives the folders of the instances.
        usmca: rows of ``usmca`` by table.

    Returns:
        The files written.
    """
    written: list[Path] = []
    for item in GIVEN:
        folder = out / item.name
        folder.mkdir(parents=True, exist_ok=True)
        tables = given_tables(item, usmca)
        written += [write_rows(folder, name, tables[name]) for name in TABLES]
    return written
