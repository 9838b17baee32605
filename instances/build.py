"""Make the tables of ``usmca`` and of the contracts as signed from the evidence: ``python -m minclub.instances.build``.

The result depends on nothing but the evidence and this code: same bytes on every machine. ``club.toml``, ``sources.csv``, ``given.toml`` and the
README files are written by hand.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import build_given
from .build_assumptions import assumption_rows
from .build_corrections import corrected
from .build_finance import finance_rows
from .build_law import policy_rows
from .build_products import product_rows
from .build_projects import byproduct_rows, contract_rows, converter_rows, project_rows
from .build_tables import EVIDENCE, Row, read_rows, write_rows, write_square

HOME = Path(__file__).parent
GENERATED = ("projects", "products", "byproducts", "converters", "policy", "contracts", "finance", "episodes", "assumptions")

SPODUMENE_TO_CARBONATE = 0.9
"""Assumed correlation: the price of concentrate is a share of the carbonate price (rule P4)."""

Tables = Mapping[str, Sequence[Row]]


def usmca_tables(evidence: Path = EVIDENCE) -> dict[str, list[Row]]:
    """Map the evidence to the tables of ``usmca``.

    Args:
        evidence: folder of the evidence.

    Returns:
        Rows by table.
    """
    rows = {name: corrected(name, read_rows(evidence, name)) for name in ("projects", "products", "converters", "policy", "contracts")}
    products = product_rows(rows["products"], read_rows(evidence, "price_history"), read_rows(evidence, "standards"))
    prices = {row["product_code"]: float(row["long_run_mean_usd_per_t"]) for row in products}
    return {
        "projects": project_rows(rows["projects"], prices),
        "products": products,
        "byproducts": byproduct_rows(read_rows(evidence, "byproducts")),
        "converters": converter_rows(rows["converters"]),
        "policy": policy_rows(rows["policy"], rows["products"]),
        "contracts": contract_rows(rows["contracts"]),
        "finance": finance_rows(read_rows(evidence, "finance")),
        "episodes": episode_rows(read_rows(evidence, "episodes")),
        "assumptions": assumption_rows(),
    }


def episode_rows(evidence: Sequence[Row]) -> list[Row]:
    """Map the price falls and restrictions that happened."""
    columns = ("product_code", "kind", "start", "end", "from_price", "to_price", "unit", "change", "cause", "source")
    return [{name: row[name] for name in columns} | {"provenance": _episode_word(row)} for row in evidence]


def _episode_word(row: Row) -> str:
    return "derived" if row["source"].startswith(("own estimate", "derived")) else "read"


def correlations(evidence: Path = EVIDENCE) -> tuple[list[str], list[list[float]]]:
    """Return codes and correlations of the products with an estimate, spodumene added next to carbonate.

    Args:
        evidence: folder of the evidence.
    """
    rows = read_rows(evidence, "return_correlations")
    codes = [row["product_code"] for row in rows]
    values = [[float(row[code]) for code in codes] for row in rows]
    carbonate = codes.index("lithium_carbonate")
    added = [SPODUMENE_TO_CARBONATE * row[carbonate] for row in values]
    square = [[*row, extra] for row, extra in zip(values, added, strict=True)]
    return [*codes, "spodumene_concentrate"], [*square, [*added, 1.0]]


def build(out: Path = HOME, evidence: Path = EVIDENCE) -> list[Path]:
    """Write the generated tables of all instances.

    Args:
        out: folder that holds or receives the folders of the instances.
        evidence: folder of the evidence.

    Returns:
        The files written.
    """
    tables = usmca_tables(evidence)
    folder = out / "usmca"
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_rows(folder, name, tables[name]) for name in GENERATED]
    written.append(write_square(folder, "correlations", *correlations(evidence)))
    return written + build_given.build(out, tables)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the build from the command line.

    Args:
        arguments: words after the command; default those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m minclub.instances.build", description="Make the tables of usmca and of the contracts as signed from the evidence."
    )
    parser.add_argument("--out", type=Path, default=HOME, help="folder that receives the instances (default: the package)")
    for path in build(parser.parse_args(arguments).out):
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
