"""Turning raw tables into complete ones: assumptions fill empty cells, then stated rules and defaults (C3)."""

from dataclasses import dataclass, field

from . import schema
from .errors import Problems, did_you_mean
from .instance import Filled
from .reader import RawSettings, RawTable, Row
from .schema import CLUB_FILE, Field, Value
from .values import ValueProblem, parse_native

Tables = dict[str, RawTable]


@dataclass
class Assumptions:
    """Rows of assumptions.csv by (name, scope), and which of them filled a cell."""

    rows: dict[tuple[str, str], Row]
    used: set[tuple[str, str]] = field(default_factory=set)

    def find(self, table: str, row: Row, column: str) -> Row | None:
        """Find the row that fills a cell: own id first, then a project's product, then ``all``.

        Args:
            table: ``products`` or ``projects``.
            row: the row with the empty cell.
            column: the empty column.
        """
        for scope in (row.cells.get(schema.TABLES[table].key[0]), row.cells.get("product_code"), "all"):
            found = self.rows.get((column, str(scope)))
            if found is not None and found.cells.get("base") is not None:
                self.used.add((column, str(scope)))
                return found
        return None


def assumptions(tables: Tables) -> Assumptions:
    """Index the assumptions of an instance; of repeated rows the first counts."""
    rows: dict[tuple[str, str], Row] = {}
    for row in tables["assumptions"].rows:
        rows.setdefault((str(row.cells.get("name")), str(row.cells.get("scope"))), row)
    return Assumptions(rows)


def resolved(known: Assumptions, table: str, row: Row, entry: Field) -> Value:
    """Return the value that a cell will have: its own, the assumed one, the copied one or the default."""
    value = row.cells.get(entry.name)
    if value is None and entry.name in schema.fillable(table):
        found = known.find(table, row, entry.name)
        value = found.cells["base"] if found else None
    if value is None and entry.same_as:
        return resolved(known, table, row, schema.fields(table)[entry.same_as])
    return entry.default if value is None else value


def complete(tables: Tables, problems: Problems) -> tuple[list[Filled], Assumptions]:
    """Fill every cell that can be filled and note those that stay empty but are required.

    Args:
        tables: raw tables, changed in place.
        problems: receives every mistake.

    Returns:
        What was filled by an assumption or by a copying rule, and the assumptions with their use.
    """
    known = assumptions(tables)
    filled: list[Filled] = []
    for name, raw in tables.items():
        declared = [entry for entry in schema.fields(name).values() if "<" not in entry.name]
        for row in raw.rows:
            for entry in declared:
                if row.cells.get(entry.name) is None:
                    _fill(raw, row, entry, known, filled, problems)
    return filled, known


def _fill(raw: RawTable, row: Row, entry: Field, known: Assumptions, filled: list[Filled], problems: Problems) -> None:
    name = raw.table.name
    key = str(row.cells.get(raw.table.key[0])) if raw.table.key else ""
    value, provenance = entry.default, ""
    if entry.name in schema.fillable(name) and (found := known.find(name, row, entry.name)):
        provenance = str(found.cells.get("provenance") or "")
        try:
            value = parse_native(entry, found.cells["base"])
        except ValueProblem:
            problems.add("assumptions.csv", found.line, "base", found.cells["base"], f"{entry.expected}, as {name}.{entry.name}")
            return
    elif entry.same_as:
        value, provenance = row.cells.get(entry.same_as), f"rule: as {entry.same_as}"
    row.cells[entry.name] = value
    if provenance and isinstance(value, int | float):
        filled.append(Filled(name, key, entry.name, float(value), provenance))
    if value is None and entry.required and entry.name in raw.columns and (raw.file, row.line, entry.name) not in problems.places:
        remedy = f"Fill the cell or add a row `{entry.name}` to assumptions.csv." if entry.name in schema.fillable(name) else ""
        problems.add(raw.file, row.line, entry.name, "an empty cell", entry.expected, remedy)


def complete_settings(raw: RawSettings, problems: Problems) -> dict[str, Value]:
    """Add the defaults of all keys without pattern; note required keys that are missing and a newer format.

    Args:
        raw: the settings read.
        problems: receives every mistake.
    """
    values: dict[str, Value] = {}
    if not raw.values and problems:
        return values
    for name, entry in schema.settings().items():
        if "<" in name:
            continue
        values[name] = raw.values.get(name, entry.default)
        if entry.required and values[name] is None and (CLUB_FILE, raw.lines.get(name), name) not in problems.places:
            problems.add(CLUB_FILE, None, name, "no such key", entry.expected, f"It gives the {entry.description}.")
    values.update(raw.values)
    version = values.get("schema_version")
    if isinstance(version, int) and version > schema.SCHEMA_VERSION:
        problems.add(CLUB_FILE, raw.lines.get("schema_version"), "schema_version", version, f"at most {schema.SCHEMA_VERSION}", "Update minclub.")
    return values


def select_law(tables: Tables, settings: dict[str, Value], problems: Problems, lines: dict[str, int]) -> None:
    """Keep the policy rows of the law vintage asked for, and those of every vintage.

    Args:
        tables: raw tables, changed in place.
        settings: complete settings.
        problems: receives a vintage that no row has.
        lines: lines of the settings, for messages.
    """
    key = "data.law_vintage"
    chosen, rows = settings.get(key), tables["policy"].rows
    known = {str(row.cells["law_vintage"]) for row in rows if row.cells.get("law_vintage")}
    if chosen is not None and chosen not in known and (known or chosen != schema.settings()[key].default):
        problems.add(CLUB_FILE, lines.get(key), key, str(chosen), "a law_vintage of policy.csv", did_you_mean(str(chosen), known))
    tables["policy"].rows = [row for row in rows if row.cells.get("law_vintage") in (None, "", chosen)]


def select(tables: Tables, settings: dict[str, Value], problems: Problems, lines: dict[str, int]) -> set[str]:
    """Keep the projects whose tier takes part, named exceptions and baseline supply, and the rows that belong to them.

    Args:
        tables: raw tables, changed in place.
        settings: complete settings.
        problems: receives unknown tiers and names.
        lines: lines of the settings, for messages.

    Returns:
        The ids of the projects left out.
    """
    tiers, extra = str(settings.get("data.tiers", "ABC")), settings.get("data.extra_tier_c") or ()
    if not tiers or set(tiers) - set("ABC"):
        problems.add(CLUB_FILE, lines.get("data.tiers"), "data.tiers", tiers, "one or more of the letters A, B and C")
        tiers = "ABC"
    names = {str(value) for value in extra} if isinstance(extra, tuple) else set()
    ids = {str(row.cells.get("project_id")) for row in tables["projects"].rows}
    known = ids | {str(row.cells.get("product_code")) for row in tables["products"].rows}
    for name in sorted(names - known):
        problems.add(CLUB_FILE, lines.get("data.extra_tier_c"), "data.extra_tier_c", name, "a product or a project", did_you_mean(name, known))

    def takes_part(row: Row) -> bool:
        cells = row.cells
        tier = cells.get("data_tier")
        return tier is None or str(tier) in tiers or cells.get("b0_supply") is True or bool({cells.get("product_code"), cells.get("project_id")} & names)

    out = {str(row.cells.get("project_id")) for row in tables["projects"].rows if not takes_part(row)}
    tables["projects"].rows = [row for row in tables["projects"].rows if str(row.cells.get("project_id")) not in out]
    for name, column in (("byproducts", "project_id"), ("contracts", "project_id"), ("assumptions", "scope")):
        tables[name].rows = [row for row in tables[name].rows if row.cells.get(column) not in out]
    return out
