"""Read evidence rows, mark where numbers come from, and write instance tables.

The evidence is trusted and versioned: a row or column that is missing is a fault of the build, reported as ``KeyError``.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from . import schema

EVIDENCE = Path(__file__).parent / "evidence"
CLUB_COUNTRIES = schema.COUNTRIES

Row = dict[str, str]

_TAG = r"(?:^|;\s*){name}(?: revised)?:\s*(read|derived|assumed|estimated)"


def read_rows(folder: Path, name: str) -> list[Row]:
    """Read a table of the evidence as text, in file order.

    Args:
        folder: folder of the evidence.
        name: table without ``.csv``.
    """
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return [{key: value.strip() for key, value in row.items()} for row in csv.DictReader(stream)]


def write_rows(folder: Path, table: str, rows: Iterable[Mapping[str, str]]) -> Path:
    """Write a table of the instance: columns of the schema, UTF-8, LF.

    Args:
        folder: folder of the instance.
        table: name of the table in the schema.
        rows: cells by column; a column that is left out stays empty.

    Raises:
        ValueError: if a row has a column that the schema does not know.
    """
    columns = [name for name in schema.fields(table) if "<" not in name]
    path = folder / f"{table}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_square(folder: Path, table: str, codes: Sequence[str], values: Sequence[Sequence[float]]) -> Path:
    """Write a square table with the codes as first column and as header.

    Args:
        folder: folder of the instance.
        table: name of the table; its first column is ``product_code``.
        codes: row and column names.
        values: one row of numbers per code.
    """
    path = folder / f"{table}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["product_code", *codes])
        for code, row in zip(codes, values, strict=True):
            writer.writerow([code, *(plain(value) for value in row)])
    return path


def plain(value: float, digits: int = 6) -> str:
    """Write a number in plain digits, without exponent or trailing zeros.

    Args:
        value: the number.
        digits: significant digits kept.
    """
    text = format(Decimal(f"{value:.{digits}g}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(text: str) -> float:
    """Read a number; an empty cell counts as 0 (only for cells whose blank means none)."""
    return float(text) if text else 0.0


def word(provenance: str, name: str, default: str = "assumed") -> str:
    """Find the provenance word of a column in the free text of the evidence.

    Args:
        provenance: ``column:word reason`` parts separated by semicolons.
        name: the column, or the key that the evidence uses for it.
        default: word where the evidence says nothing.

    Returns:
        ``read``, ``derived`` or ``assumed``; an estimate counts as derived.
    """
    found = re.search(_TAG.format(name=re.escape(name)), provenance)
    if found is None:
        return default
    return "derived" if found[1] == "estimated" else found[1]


def provenance_text(words: Mapping[str, str]) -> str:
    """Join provenance words as ``column:word; column:word``."""
    return "; ".join(f"{name}:{tag}" for name, tag in words.items())
