"""Pandas frames and the content hash from complete tables."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from . import schema
from .reader import RawTable
from .schema import Field, Value


def frame(raw: RawTable) -> pd.DataFrame:
    """Build the frame of a complete table, with the columns of the schema in its order.

    Numbers are float64 (NaN where unknown), whole numbers int64 where every cell must be known and float64 otherwise, truth values bool, everything else object:
    texts are "" where empty, lists are tuples.
    """
    table = raw.table
    if table.name == "correlations":
        return _square(raw)
    columns = {entry.name: _column(entry, [row.cells.get(entry.name) for row in raw.rows]) for entry in schema.fields(table.name).values()}
    result = pd.DataFrame(columns)
    return result.set_index(table.key[0]) if table.indexed else result


def _column(entry: Field, values: list[Value]) -> pd.Series:
    always = entry.required or entry.default is not None
    if entry.kind == "bool":
        return pd.Series([bool(value) for value in values], dtype=bool)
    if entry.kind in ("int", "year") and always:
        return pd.Series([0 if value is None else value for value in values], dtype=np.int64)
    if entry.kind in ("int", "year", "float"):
        return pd.Series([np.nan if value is None else value for value in values], dtype=np.float64)
    empty: Value = () if entry.kind in ("list", "numbers", "schedule") else ""
    cells = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        cells[position] = empty if value is None else value
    return pd.Series(cells, dtype=object)


def _square(raw: RawTable) -> pd.DataFrame:
    names = [str(row.cells.get("product_code")) for row in raw.rows]
    values = [[row.cells.get(name) for name in names] for row in raw.rows]
    return pd.DataFrame(np.array(values, dtype=np.float64).reshape(len(names), len(names)), index=pd.Index(names, name="product_code"), columns=names)


def content_hash(settings: Mapping[str, Value], tables: Mapping[str, RawTable]) -> str:
    """Return the SHA-256 of the resolved content.

    The serialisation is JSON: settings sorted by key, and for each table its rows in file order with the columns in schema order. How the files are laid out
    (order of columns, quoting, line ends, comments, columns left out) does not enter.
    """
    content: dict[str, object] = {"schema_version": schema.SCHEMA_VERSION, "settings": dict(sorted(settings.items()))}
    for name, raw in tables.items():
        columns = [column for column in schema.fields(name) if "<" not in column]
        columns += sorted(set(raw.columns) - set(columns))
        content[name] = [[row.cells.get(column) for column in columns] for row in raw.rows]
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
