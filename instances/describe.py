"""What is in an instance, as plain data for tables and reports."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from . import provenance, schema
from .instance import Filled, Instance
from .schema import Value

__all__ = [
    "Number",
    "ParameterValue",
    "ProvenanceCount",
    "SettingValue",
    "assumed",
    "filled",
    "numbers",
    "parameters",
    "provenance_counts",
    "settings",
    "sizes",
]

_RULE = "rule:"


@dataclass(frozen=True)
class Number:
    """One number of a table and where it comes from."""

    table: str
    row: str
    column: str
    value: str
    word: str
    source: str


@dataclass(frozen=True)
class ProvenanceCount:
    """How many numbers of a table were read, derived and assumed."""

    table: str
    read: int
    derived: int
    assumed: int

    @property
    def total(self) -> int:
        """Return the number of numbers."""
        return self.read + self.derived + self.assumed


@dataclass(frozen=True)
class SettingValue:
    """One setting, its default and its meaning."""

    key: str
    value: Value
    default: Value
    unit: str
    description: str
    convention: str


@dataclass(frozen=True)
class ParameterValue:
    """One row of finance.csv with the meaning of its parameter."""

    parameter: str
    country: str
    stage: str
    low: float | None
    base: float
    high: float | None
    unit: str
    word: str
    source: str
    description: str
    convention: str


def _frames(instance: Instance) -> dict[str, pd.DataFrame]:
    found = {name: getattr(instance, name) for name in schema.TABLES}
    return {name: frame for name, frame in found.items() if frame is not None and len(frame)}


def sizes(instance: Instance) -> dict[str, int]:
    """Count the rows of each table that has any."""
    return {name: len(frame) for name, frame in _frames(instance).items()}


def numbers(instance: Instance) -> Iterator[Number]:
    """Yield every known number of the tables that state a provenance, with its word.

    A number that an assumption filled has the assumption's word; one that a stated rule copied counts as derived. A default that means "none" is no number,
    unless the provenance names its column.
    """
    origin = {(item.table, item.row, item.column): item.provenance for item in instance.filled}
    for table, frame in _frames(instance).items():
        declared = schema.fields(table)
        if "provenance" not in declared:
            continue
        columns = {name: entry.default for name, entry in declared.items() if entry.is_number and name in frame.columns}
        for position, (key, row) in enumerate(frame.iterrows()):
            name = str(key) if schema.TABLES[table].indexed else _label(table, row, position)
            words = provenance.parse(str(row["provenance"]))
            for column, default in columns.items():
                if _known(row[column]) and (row[column] != default or column in words):
                    text = origin.get((table, name, column))
                    yield Number(table, name, column, _text(row[column]), _word(words, column, text), str(row["source"]))


def _label(table: str, row: pd.Series, position: int) -> str:
    key = schema.TABLES[table].key or tuple(name for name in ("project_id", "product_code", "start") if name in row.index)
    return " ".join(str(row[name]) for name in key) or str(position)


def _known(value: Any) -> bool:
    return len(value) > 0 if isinstance(value, tuple) else bool(pd.notna(value))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "|".join(":".join(f"{part:g}" for part in item) if isinstance(item, tuple) else f"{item:g}" for item in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _word(words: dict[str, str], column: str, text: str | None) -> str:
    if text is None:
        return provenance.word(words, column)
    return "derived" if text.startswith(_RULE) else provenance.word(provenance.parse(text), "base")


def provenance_counts(instance: Instance) -> list[ProvenanceCount]:
    """Count read, derived and assumed numbers by table, in the order of the schema."""
    counts: dict[str, Counter[str]] = {}
    for number in numbers(instance):
        counts.setdefault(number.table, Counter())[number.word] += 1
    return [ProvenanceCount(table, *(found[word] for word in provenance.WORDS)) for table, found in counts.items()]


def settings(instance: Instance) -> list[SettingValue]:
    """List the settings in force with their defaults and meanings, sorted by section as declared."""
    order = list(schema.settings())
    found = []
    for key, value in instance.settings.items():
        entry = schema.setting(key)
        if entry is not None:
            found.append((order.index(entry.name), SettingValue(key, value, entry.default, entry.unit, entry.description, entry.convention)))
    return [item for _, item in sorted(found, key=lambda pair: (pair[0], pair[1].key))]


def parameters(instance: Instance) -> list[ParameterValue]:
    """List the rows of finance.csv with the meaning of each parameter."""
    found = []
    for _, row in instance.finance.iterrows():
        entry = schema.parameters()[str(row["parameter"])]
        low, high = (float(row[name]) if pd.notna(row[name]) else None for name in ("low", "high"))
        word = provenance.word(provenance.parse(str(row["provenance"])), "base")
        place = (str(row["parameter"]), str(row["country"]), str(row["stage"]))
        found.append(ParameterValue(*place, low, float(row["base"]), high, entry.unit, word, str(row["source"]), entry.description, entry.convention))
    return found


def filled(instance: Instance) -> list[Filled]:
    """List every cell that was empty and that an assumption or a stated rule filled (C3)."""
    return list(instance.filled)


def assumed(instance: Instance) -> list[Number]:
    """List every number that rests on an assumption, filled or stated in its row."""
    return [number for number in numbers(instance) if number.word == "assumed"]
