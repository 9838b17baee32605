"""Change instances: a part of ``usmca`` that a peer can state, random ones without what ties products together, or with dear projects."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from pathlib import Path

import pandas as pd

OTHER_PRICE = 20_000.0
"""USD per tonne of the by-product that is no listed product."""


def untie(folder: Path) -> None:
    """Sell by-products that are listed products as an unlisted one of the same value."""
    path = folder / "byproducts.csv"
    if not path.is_file():
        return
    rows, products = pd.read_csv(path), pd.read_csv(folder / "products.csv", index_col=0)
    price = rows["product_code"].map(products["long_run_mean_usd_per_t"])
    listed = price.notna()
    rows.loc[listed, "t_per_year"] = rows.loc[listed, "t_per_year"] * price[listed] / OTHER_PRICE
    rows.loc[listed, "price_usd_per_t"] = OTHER_PRICE
    rows.loc[listed, "product_code"] = "other"
    rows.to_csv(path, index=False)


def make_dear(folder: Path) -> None:
    """Raise operating costs by half and leave nothing of the baseline, so that targets cost something."""
    projects = pd.read_csv(folder / "projects.csv")
    projects["opex_usd_per_t"] *= 1.5
    projects["b0_supply"] = 0
    projects.to_csv(folder / "projects.csv", index=False)
    (folder / "contracts.csv").unlink(missing_ok=True)


def keep_core(folder: Path) -> None:
    """Leave refined-form projects without feed, no converters and no closed contracts."""
    projects, products = pd.read_csv(folder / "projects.csv"), pd.read_csv(folder / "products.csv", index_col=0)
    projects["form_sold"] = projects["product_code"].map(products["form"])
    kept = projects.drop(columns=["feed_product_code", "feed_t_per_t", "feed_price_factor"], errors="ignore")
    kept.to_csv(folder / "projects.csv", index=False)
    for name in ("converters.csv", "contracts.csv"):
        (folder / name).unlink(missing_ok=True)


def keep_products(source: Path, folder: Path, products: Collection[str]) -> Path:
    """Copy an instance with some of its products, the projects that make them from no other product, and their rows.

    By-products that are left-out products are left out. Settings of other products and projects are too.
    """
    shutil.copytree(source, folder)
    (folder / "datapackage.json").unlink(missing_ok=True)
    tables = {path.stem: pd.read_csv(path, dtype=str, keep_default_na=False) for path in folder.glob("*.csv")}
    listed = set(tables["products"]["product_code"])
    gone = listed - set(products)
    projects = tables["projects"]
    left = projects["product_code"].isin(gone) | projects["feed_product_code"].isin(gone)
    names = set(projects.loc[left, "project_id"])
    for table, column in (("products", "product_code"), ("episodes", "product_code"), ("byproducts", "product_code"), ("contracts", "product_code")):
        tables[table] = tables[table][~tables[table][column].isin(gone)]
    for table in ("projects", "byproducts", "contracts"):
        tables[table] = tables[table][~tables[table]["project_id"].isin(names)]
    ends = tables["converters"][["input_product_code", "output_product_code"]].isin(gone)
    tables["converters"] = tables["converters"][~ends.any(axis=1)]
    square = tables["correlations"]
    tables["correlations"] = square[~square["product_code"].isin(gone)].drop(columns=[m for m in gone if m in square])
    tables["assumptions"] = tables["assumptions"][~tables["assumptions"]["scope"].isin(gone | names)]
    policy = tables["policy"]
    policy["products"] = [";".join(m for m in row.split(";") if m not in gone) for row in policy["products"]]
    tables["policy"] = policy[policy["products"] != ""]
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    club = folder / "club.toml"
    lines = [_without(line, gone | names) for line in club.read_text(encoding="utf-8").splitlines()]
    club.write_text("\n".join(line for line in lines if line is not None) + "\n", encoding="utf-8")
    return folder


def _without(line: str, gone: set[str]) -> str | None:
    """Return a line of ``club.toml`` without names that are gone; None where the line is about one of them."""
    key, _, value = (part.strip() for part in line.partition("="))
    if key == "extra_tier_c":
        return f"{key} = {json.dumps([name for name in json.loads(value) if name not in gone])}"
    return None if key in gone else line
