"""Changing an instance for one run: ``caps.CAN.2031=300``, ``projects.X.capex_musd=100``, ``finance.debt_share.MEX=0.5``."""

from collections.abc import Iterable, Mapping

from . import schema
from .errors import Problems, did_you_mean
from .instance import resolve_parameter
from .reader import RawSettings, RawTable, Row, read_setting
from .resolve import Assumptions, Tables, assumptions, resolved
from .schema import COUNTRIES, STAGES, Field, Value
from .values import ValueProblem, parse_native

OVERRIDE = "override"
_KEYED = ("projects", "products", "converters", "policy", "contracts")
_UNSET = "none"

Given = Mapping[str, object] | Iterable[str] | None
Pair = tuple[str, object]


def pairs(given: Given, problems: Problems) -> list[Pair]:
    """Split overrides into keys and values; of a repeated key the last counts.

    Args:
        given: a mapping, or texts ``key=value``.
        problems: receives texts without ``=``.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [(str(key).strip(), value) for key, value in given.items()]
    found: dict[str, object] = {}
    for text in [given] if isinstance(given, str) else given:
        key, sep, value = str(text).partition("=")
        if not sep or not key.strip():
            problems.add(OVERRIDE, None, "", text, "key=value", "Example: caps.CAN.2031=300.")
            continue
        found.pop(key.strip(), None)
        found[key.strip()] = value.strip()
    return list(found.items())


def as_text(given: list[Pair]) -> tuple[str, ...]:
    """Write overrides back as ``key=value`` texts."""

    def text(value: object) -> str:
        if isinstance(value, list | tuple):
            return ";".join(str(item) for item in value)
        return str(value).lower() if isinstance(value, bool) else str(value)

    return tuple(f"{key}={text(value)}" for key, value in given)


def apply_settings(raw: RawSettings, given: list[Pair], problems: Problems) -> list[Pair]:
    """Apply the overrides of settings and return the others. ``none`` removes a key that has no default.

    Args:
        raw: the settings read, changed in place.
        given: overrides.
        problems: receives every mistake.
    """
    others = []
    for key, value in given:
        head = key.partition(".")[0]
        if head in schema.TABLES:
            others.append((key, value))
            continue
        entry = schema.setting(key)
        if entry is not None and str(value).lower() == _UNSET and not entry.required and entry.default is None:
            raw.values.pop(key, None)
        elif entry is None:
            known = [*(name for name in schema.setting_names(("<product>",)) if "<year>" not in name), *schema.TABLES]
            problems.add(OVERRIDE, None, key[:80], "an unknown key", "a key of club.toml or of a table", did_you_mean(key, known))
        else:
            read_setting(raw, key, value, OVERRIDE, problems)
    return others


def apply_tables(tables: Tables, given: list[Pair], problems: Problems) -> set[tuple[str, str]]:
    """Apply the overrides of table cells, finance parameters and assumptions.

    A value equal to the one in force changes nothing; any other is marked ``assumed (override)`` in the provenance.

    Args:
        tables: raw tables, changed in place.
        given: overrides whose first part names a table.
        problems: receives every mistake.

    Returns:
        (name, scope) of the assumptions that were changed.
    """
    changed: set[tuple[str, str]] = set()
    for key, value in given:
        head, *parts = key.split(".")
        if head in _KEYED and len(parts) == 2:
            _cell(tables[head], assumptions(tables), parts[0], parts[1], value, problems)
        elif head == "finance" and 1 <= len(parts) <= 3:
            _finance(tables["finance"], parts, value, problems)
        elif head == "assumptions" and len(parts) >= 2:
            _assumption(tables, ".".join(parts[:-1]), parts[-1], value, changed, problems)
        else:
            forms = "table.row.column for " + ", ".join(_KEYED) + "; finance.parameter[.country][.stage]; assumptions.name.scope"
            problems.add(OVERRIDE, None, key[:80], "a key that names no cell", forms)
    return changed


def _parsed(key: str, entry: Field, value: object, problems: Problems) -> Value:
    try:
        return parse_native(entry, value)
    except ValueProblem:
        problems.add(OVERRIDE, None, key, value, entry.expected)
        return None


def _mark(row: Row, column: str) -> None:
    row.cells["provenance"] = f"{row.cells.get('provenance') or ''}; {column}:assumed (override)".removeprefix("; ")


def _cell(raw: RawTable, known: Assumptions, ident: str, column: str, value: object, problems: Problems) -> None:
    name, key = raw.table.name, raw.table.key[0]
    rows = {str(row.cells.get(key)): row for row in raw.rows}
    entry = schema.fields(name).get(column)
    full = f"{name}.{ident}.{column}"
    if ident not in rows:
        problems.add(OVERRIDE, None, full, f"unknown {key} {ident}", f"a row of {raw.file}", did_you_mean(ident, rows))
        return
    if entry is None or column == key:
        problems.add(OVERRIDE, None, full, f"unknown column {column}", f"a column of {raw.file}", did_you_mean(column, set(schema.fields(name)) - {key}))
        return
    new = _parsed(full, entry, value, problems)
    if new is not None and new != resolved(known, name, rows[ident], entry):
        rows[ident].cells[column] = new
        if entry.is_number:
            _mark(rows[ident], column)


def _finance(raw: RawTable, parts: list[str], value: object, problems: Problems) -> None:
    name, *where = parts
    full = ".".join(["finance", *parts])
    entry = schema.parameters().get(name)
    if entry is None:
        problems.add(OVERRIDE, None, full, f"unknown parameter {name}", "a finance parameter", did_you_mean(name, schema.parameters()))
        return
    country = next((part for part in where if part in COUNTRIES), "ALL")
    stage = next((part for part in where if part in STAGES), "all")
    if unknown := [part for part in where if part not in (country, stage)]:
        words = (*COUNTRIES, *STAGES)
        problems.add(OVERRIDE, None, full, unknown[0], "a country or a stage", did_you_mean(unknown[0], words))
        return
    new = _parsed(full, entry, value, problems)
    table = {(str(r.cells["parameter"]), str(r.cells["country"]), str(r.cells["stage"])): r for r in raw.rows if r.cells.get("parameter")}
    values = {place: float(base) for place, r in table.items() if isinstance(base := r.cells.get("base"), int | float)}
    now = resolve_parameter(values, name, None if country == "ALL" else country, None if stage == "all" else stage)
    if new is None or new == now:
        return
    if now is None:
        places = ", ".join(".".join(place) for place in values if place[0] == name)
        problems.add(OVERRIDE, None, full, "no row that this could replace", f"one of {places}" if places else "a parameter of finance.csv")
        return
    row = table.get((name, country, stage))
    if row is None:
        row = Row(0, {"parameter": name, "country": country, "stage": stage, "provenance": "assumed (override)"})
        raw.rows.append(row)
    row.cells["base"] = new
    row.cells["low"] = row.cells["high"] = None
    _mark(row, "base")


def _assumption(tables: Tables, name: str, scope: str, value: object, changed: set[tuple[str, str]], problems: Problems) -> None:
    raw = tables["assumptions"]
    full = f"assumptions.{name}.{scope}"
    columns = {**schema.fillable("products"), **schema.fillable("projects")}
    if name not in columns:
        problems.add(OVERRIDE, None, full, f"unknown name {name}", "a column of products or projects", did_you_mean(name, columns))
        return
    ids = {str(row.cells.get(schema.TABLES[table].key[0])) for table in ("products", "projects") for row in tables[table].rows} | {"all"}
    if scope not in ids:
        problems.add(OVERRIDE, None, full, f"unknown scope {scope}", "a product, a project or all", did_you_mean(scope, ids))
        return
    new = _parsed(full, columns[name], value, problems)
    rows = assumptions(tables).rows
    row = rows.get((name, scope))
    in_force = row or rows.get((name, "all"))
    if new is None or (in_force is not None and in_force.cells.get("base") == float(str(float(new)) if isinstance(new, int | float) else "nan")):
        return
    if row is None:
        row = Row(0, {"name": name, "scope": scope, "provenance": "assumed (override)", "reason": OVERRIDE})
        raw.rows.append(row)
    row.cells["base"] = float(new) if isinstance(new, int | float) else None
    row.cells["low"] = row.cells["high"] = None
    _mark(row, "base")
    changed.add((name, scope))
