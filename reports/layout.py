"""Lay tables out: numbers as text, plain aligned text for pipes and files, rich tables for terminals.

Numbers are rounded for display only. ``-`` means not applicable, ``*`` a number other than zero that rounds to zero.
Texts come from instances: control characters are escaped, and nothing is read as markup.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

MONEY, PRICE = "million 2025 USD, real", "2025 USD per t"
ABSENT, NEARLY_ZERO = "-", "*"
Format = Callable[[Any], str]


@dataclass(frozen=True)
class Column:
    """One column: its head with the unit, and the side on which it is aligned."""

    head: str
    right: bool = False


@dataclass(frozen=True)
class Table:
    """A table as text; ``empty`` is said in its place where there are no rows. Without heads it is a list of names and values."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "none"
    notes: tuple[str, ...] = ()


def table(title: str, columns: Sequence[tuple[str, str, Format]], records: Iterable[Any], empty: str = "none", notes: Sequence[str] = ()) -> Table:
    """Make a table of records.

    Args:
        title: title, with the unit if all columns share one.
        columns: key of the record, head and format of each column; texts are aligned left, all else right.
        records: mappings.
        empty: what is said where there are none.
        notes: lines below the table.
    """
    heads = tuple(Column(head, right=form is not text) for _, head, form in columns)
    rows = tuple(tuple(form(record.get(key)) for key, _, form in columns) for record in records)
    return Table(title, heads, rows, empty, tuple(notes))


# --- cells --------------------------------------------------------------------------------------------------------------


def safe(value: object) -> str:
    """Return a text in which every character that is not printable, a line end included, is escaped."""
    raw = str(value)
    return raw if raw.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in raw)


def missing(value: Any) -> bool:
    """Tell whether a cell is empty: None, not a number, or an empty text."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"


def text(value: Any) -> str:
    """Write a text."""
    return ABSENT if missing(value) else safe(value)


def fixed(digits: int, scale: float = 1.0, unit: str = "") -> Format:
    """Return a format with a fixed number of decimals and separated thousands."""

    def write(value: Any) -> str:
        if missing(value):
            return ABSENT
        number = float(value) * scale
        if math.isinf(number):
            return "no limit" if number > 0 else "-no limit"
        written = f"{number:,.{digits}f}"
        if float(written.replace(",", "")) == 0.0:
            return NEARLY_ZERO if number != 0.0 else f"0{unit}"
        return written + unit

    return write


money = fixed(1)
tonnes = fixed(0)
percent = fixed(1, 100.0, "%")


def whole(value: Any) -> str:
    """Write a whole number without separators: a year, a state, a count."""
    return ABSENT if missing(value) else str(int(value))


def price(value: Any) -> str:
    """Write USD per tonne: no decimals from 100 on, else three significant digits."""
    if missing(value) or abs(float(value)) >= 100 or float(value) == 0.0:
        return tonnes(value)
    return f"{float(value):.3g}"


def number(value: Any) -> str:
    """Write a number of any size with four significant digits."""
    if missing(value):
        return ABSENT
    size = abs(float(value))
    if size == 0.0 or not math.isfinite(size):
        return tonnes(value)
    return f"{float(value):,.{max(0, 3 - math.floor(math.log10(size)))}f}" if size >= 1e-4 else f"{float(value):.3e}"


def yes_no(value: Any) -> str:
    """Write a flag."""
    return ABSENT if missing(value) else "yes" if value else "no"


# --- plain and rich -----------------------------------------------------------------------------------------------------


def plain(content: Table) -> str:
    """Return a table as aligned text, two spaces between columns, without control sequences."""
    from rich.cells import cell_len

    heads = tuple(safe(column.head) for column in content.columns)
    if not content.rows:
        return "\n".join([f"{safe(content.title)}: {safe(content.empty)}", *(f"  {safe(note)}" for note in content.notes)])
    lines = (heads, *content.rows)
    widths = [max(cell_len(line[k]) for line in lines) for k in range(len(heads))]

    def row(cells: Sequence[str]) -> str:
        padded = []
        for cell, column, width in zip(cells, content.columns, widths, strict=True):
            blank = " " * (width - cell_len(cell))
            padded.append(blank + cell if column.right else cell + blank)
        return "  ".join(padded).rstrip()

    above = [row(heads), "  ".join("-" * width for width in widths)] if any(heads) else []
    return "\n".join([safe(content.title), *above, *map(row, content.rows), *(f"  {safe(note)}" for note in content.notes)])


def rich(content: Table) -> RenderableType:
    """Return a table for a terminal; cells are plain text, so that markup in them is shown and not obeyed."""
    from rich import box
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    notes = [Text(f"  {safe(note)}", style="dim") for note in content.notes]
    if not content.rows:
        return Group(Text.assemble((safe(content.title), "bold"), f": {safe(content.empty)}"), *notes)
    made = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(column.head for column in content.columns))
    for column in content.columns:
        made.add_column(Text(safe(column.head)), justify="right" if column.right else "left", overflow="fold")
    for cells in content.rows:
        made.add_row(*(Text(cell) for cell in cells))
    return Group(Text(safe(content.title), style="bold"), made, *notes)
