"""What an instance holds, declared once: it drives reading, defaults, the data dictionary and the data package.

The declarations stand in ``table_fields`` and ``club_fields``; this module looks them up.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .club_fields import CLUB_FIELDS, PARAMETER_FIELDS
from .field import CLUB, COUNTRIES, STAGES, Field, Kind, Value
from .table_fields import TABLE_FIELDS

__all__ = ["CLUB", "COUNTRIES", "NODES", "SCHEMA_VERSION", "STAGES", "TABLES", "Field", "Kind", "Table", "Value"]

SCHEMA_VERSION = 1
CLUB_FILE = "club.toml"


@dataclass(frozen=True)
class Table:
    """Describe a table: its rows in words, its key and whether it must be there.

    ``indexed`` says that the frame is indexed by its first column; otherwise the index is plain.
    """

    name: str
    description: str
    key: tuple[str, ...]
    required: bool = False
    indexed: bool = False

    @property
    def file(self) -> str:
        """Name of the file in the folder of the instance."""
        return f"{self.name}.csv"


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("projects", "a project that can be built", ("project_id",), required=True, indexed=True),
        Table("products", "a traded product", ("product_code",), required=True, indexed=True),
        Table("byproducts", "a by-product stream of a project", ()),
        Table("converters", "an existing plant that turns one form into another", ("converter_id",), indexed=True),
        Table("policy", "an instrument of current law", ("instrument_id",), indexed=True),
        Table("contracts", "a contract in force or a precedent", ("contract_id",), indexed=True),
        Table("finance", "a value of a finance parameter", ("parameter", "country", "stage"), required=True),
        Table("episodes", "a price fall or a restriction that happened", ()),
        Table("correlations", "correlations of one product's log returns with the others'", ("product_code",), indexed=True),
        Table("assumptions", "a value that fills empty cells", ("name", "scope")),
        Table("prices", "a price path that replaces the drawn scenarios", ("scenario", "product", "year")),
        Table("sources", "a data file or a source, with its licence", ("id",)),
    )
}

_BY_TABLE: dict[str, dict[str, Field]] = {name: {} for name in TABLES}
for _entry in TABLE_FIELDS:
    _BY_TABLE[_entry.table][_entry.name] = _entry
_SETTINGS = {entry.name: entry for entry in CLUB_FIELDS}
_PARAMETERS = {entry.name: entry for entry in PARAMETER_FIELDS}
NODES = ("china_linked", "market")
_IDENTIFIER = r"[A-Za-z0-9_\-]+"
_PLACEHOLDERS = {"<product>": _IDENTIFIER, "<name>": _IDENTIFIER, "<country>": "|".join(COUNTRIES), "<node>": "|".join(NODES), "<year>": r"\d{4}"}


def _pattern(name: str) -> re.Pattern[str]:
    text = re.escape(name)
    for word, expression in _PLACEHOLDERS.items():
        text = text.replace(re.escape(word), f"({expression})")
    return re.compile(text)


_PATTERNS = tuple((_pattern(entry.name), entry) for entry in CLUB_FIELDS if "<" in entry.name)


def fields(table: str) -> dict[str, Field]:
    """Return the columns of a table by name (``<product>`` stands for the product columns of ``correlations``)."""
    return _BY_TABLE[table]


def settings() -> dict[str, Field]:
    """Return the keys of club.toml by dotted name, patterns included."""
    return _SETTINGS


def parameters() -> dict[str, Field]:
    """Return the finance parameters that the model reads."""
    return _PARAMETERS


def setting(key: str) -> Field | None:
    """Find the declaration of a dotted key, through the patterns too; None if there is none."""
    if key in _SETTINGS and "<" not in key:
        return _SETTINGS[key]
    return next((entry for pattern, entry in _PATTERNS if pattern.fullmatch(key)), None)


def setting_names(products: Iterable[str]) -> list[str]:
    """List the dotted keys that an instance with these products may set, with ``<year>`` and ``<name>`` left as they are."""
    ways = {"<product>": tuple(products), "<country>": COUNTRIES, "<node>": NODES}
    names = list(_SETTINGS)
    for word, values in ways.items():
        names = [name.replace(word, value) for name in names for value in (values if word in name else (word,))]
    return names


def fillable(table: str) -> dict[str, Field]:
    """Return the single-number columns of products or projects that an assumption can fill (C3)."""
    if table not in ("products", "projects"):
        return {}
    return {name: entry for name, entry in fields(table).items() if entry.kind in ("float", "int", "year", "bool")}
