"""The data dictionary and ``datapackage.json``, written from the schema.

``python -m minclub.instances.datapackage`` writes docs/data.md and the datapackage.json of every shipped instance anew.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from . import catalogue, presets, schema
from .errors import Problems
from .reader import read_tables
from .schema import CLUB_FILE, Field, Table, Value

__all__ = ["PACKAGE_FILE", "dictionary", "package", "write"]

PACKAGE_FILE = "datapackage.json"
_TYPES = {"int": "integer", "year": "year", "float": "number", "bool": "boolean"}
_FORMS = {
    "id": "name",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "0 or 1",
    "year": "year",
    "list": "names separated by `;`",
    "numbers": "numbers separated by `|`",
    "schedule": "`year:rate` separated by `|`",
}


def package(folder: Path) -> dict[str, object]:
    """Describe an instance as a Frictionless data package.

    Args:
        folder: folder of an instance whose tables can be read.

    Returns:
        The content of datapackage.json; its titles and licences are those of sources.csv.
    """
    problems = Problems()
    tables = read_tables(folder, problems)
    problems.raise_if_any(f"instance {folder.name}")
    sources = {str(row.cells["id"]): row.cells for row in tables["sources"].rows}
    resources: list[dict[str, object]] = []
    for name, raw in tables.items():
        if (folder / raw.file).is_file():
            about = sources.get(raw.file, {})
            shown: dict[str, object] = {key: about[key] for key in ("title", "licence", "url") if about.get(key)}
            resources.append(_resource(name, raw.columns, shown))
    return {"profile": "tabular-data-package", "name": folder.name.lower(), "resources": resources}


def _resource(name: str, columns: Iterable[str], about: dict[str, object]) -> dict[str, object]:
    table = schema.TABLES[name]
    declared = schema.fields(name)
    fields = [_descriptor(table, column, declared.get(column) or declared["<product>"]) for column in columns]
    content: dict[str, object] = {"fields": fields, "missingValues": [""]}
    if table.key:
        content["primaryKey"] = list(table.key)
    head: dict[str, object] = {"name": name, "path": table.file, "profile": "tabular-data-resource", "encoding": "utf-8"}
    head["description"] = f"One row is {table.description}."
    return head | about | {"schema": content}


def _descriptor(table: Table, column: str, entry: Field) -> dict[str, object]:
    kind = _TYPES.get(entry.kind, "string")
    text: dict[str, object] = {"name": column, "type": kind, "description": entry.description}
    if entry.unit:
        text["unit"] = entry.unit
    if kind == "boolean":
        text |= {"trueValues": ["1", "true"], "falseValues": ["0", "false"]}
    limits: dict[str, object] = {}
    if entry.required and entry.name not in schema.fillable(table.name):
        limits["required"] = True
    if kind in ("integer", "number"):
        limits |= {name: value for name, value in (("minimum", entry.minimum), ("maximum", entry.maximum)) if value is not None}
    if entry.kind == "choice":
        limits["enum"] = list(entry.choices)
    return text | ({"constraints": limits} if limits else {})


def dictionary() -> str:
    """Write the data dictionary: every table, key and parameter, in Markdown."""
    parts = [_INTRODUCTION]
    for table in schema.TABLES.values():
        need = "Required." if table.required else "Optional."
        key = f" No two rows agree in {', '.join(f'`{name}`' for name in table.key)}." if table.key else ""
        rows = [_row(entry, _empty(table.name, entry)) for entry in schema.fields(table.name).values()]
        parts.append(f"## {table.file}\n\n{need} One row is {table.description}.{key}\n\n" + _grid("column", "empty cell", rows))
    rows = [_row(entry, _absent(entry)) for entry in schema.settings().values()]
    parts.append(f"## {CLUB_FILE}\n\n{_SETTINGS}\n\n" + _grid("key", "absent", rows))
    parts.append("## Contract presets\n\n" + _PRESETS + "\n\n" + _preset_grid())
    rows = [_row(entry, {"all": "ALL", "country": "country", "stage": "country and stage"}[entry.scope]) for entry in schema.parameters().values()]
    parts.append("## Parameters of finance.csv\n\n" + _PARAMETERS + "\n\n" + _grid("parameter", "finest row read", rows))
    return "\n\n".join(parts) + "\n"


_INTRODUCTION = """# Data dictionary

This page is written from the schema by `python -m minclub.instances.datapackage`; edit the schema, not the page.

An instance is a folder with `club.toml` and CSV tables. Files are UTF-8 and at most 20 MB, with at most 100,000 rows and 20,000 characters in a cell. Numbers are plain
digits: `1200.5`, never `1,200.5`. Names hold letters, digits, `_` and `-`. Columns may stand in any order, and optional ones may be left out.

An empty cell is unknown (C3). Where the table below says *assumption*, the row of assumptions.csv with the column's name fills it: the row whose scope is the project
or product itself, then the project's product, then `all`. Where nothing fills a number that is needed, the instance is refused."""

_SETTINGS = f"""Required. The part of a key before the dot is its section. `<product>` stands for a product, `<country>` for {", ".join(schema.COUNTRIES)}, `<node>` for
{" or ".join(schema.NODES)}, `<year>` for a year and `<name>` for a name of one's own."""

_PRESETS = """`contract.preset` names a precedent. Its terms hold where neither club.toml nor an override sets the key. They are kept in `instances/presets.toml`
with their sources; *a* marks what is assumed. What a preset gives as `upside_share` may exceed the parameter `upside_share_max` (C13)."""

_PARAMETERS = """The model reads the most specific row: country and stage, then country, then stage, then `ALL` and `all`.
Every parameter needs a row that fits each project; a parameter marked ALL needs a row for `ALL` and `all`."""


def _preset_grid() -> str:
    lines = ["| preset | " + " | ".join(f"`{term}`" for term in presets.TERMS) + " | what it is |", "|" + " --- |" * (len(presets.TERMS) + 2)]
    for preset in presets.presets().values():
        cells = [_plain(preset.terms[term]) + (" *a*" if preset.provenance[term].startswith("assumed") else "") for term in presets.TERMS]
        lines.append(f"| `{preset.name}` | " + " | ".join(cells) + f" | {preset.title} |")
    return "\n".join(lines)


def _empty(table: str, entry: Field) -> str:
    if entry.same_as:
        last = f"as `{entry.same_as}`"
    elif entry.required:
        last = "error"
    else:
        last = "unknown" if entry.default is None else _default(entry)
    return f"assumption or {last}" if entry.name in schema.fillable(table) else last


def _absent(entry: Field) -> str:
    if entry.required:
        return "error"
    return "not set" if entry.default is None else _default(entry)


def _default(entry: Field) -> str:
    return _plain(entry.default)


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value) + "]" if value else "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "none"


def _row(entry: Field, empty: str) -> tuple[str, ...]:
    form = " ".join(f"`{word}`" for word in entry.choices) if entry.kind == "choice" else _FORMS[entry.kind]
    if entry.refers:
        form = " or ".join([f"row of {schema.TABLES[entry.refers].file}", *(f"`{word}`" for word in entry.choices)])
        form = f"{form}, several by `;`" if entry.kind == "list" else form
    bounds = [f"> {entry.above:g}"] if entry.above is not None else []
    bounds += [f">= {entry.minimum:g}"] if entry.minimum is not None else []
    bounds += [f"<= {entry.maximum:g}"] if entry.maximum is not None else []
    return f"`{entry.name}`", form, entry.unit, ", ".join(bounds), empty, entry.convention, entry.description


def _grid(first: str, empty: str, rows: Iterable[tuple[str, ...]]) -> str:
    head = (first, "form", "unit", "bounds", empty, "rule", "meaning")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows])


def write(folder: Path) -> Path:
    """Write datapackage.json into the folder of an instance and return its path."""
    path = folder / PACKAGE_FILE
    path.write_text(json.dumps(package(folder), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Write docs/data.md and the datapackage.json of every shipped instance."""
    docs = Path(__file__).resolve().parent.parent / "docs"
    (docs / "data.md").write_text(dictionary(), encoding="utf-8")
    for name in catalogue.names():
        write(catalogue.root() / name)


if __name__ == "__main__":
    main()
