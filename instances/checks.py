"""Checks across rows and tables: identities, references and the sense of the numbers together."""

from collections.abc import Callable, Iterator

import numpy as np

from . import provenance, schema
from .errors import Problems, did_you_mean
from .instance import resolve_parameter
from .reader import RawTable, Row
from .resolve import Tables
from .schema import COUNTRIES, Value

Settings = dict[str, Value]


def _num(row: Row, column: str) -> float:
    """Return a number of a row, 0 where it is empty (then already noted)."""
    value = row.cells.get(column)
    return float(value) if isinstance(value, int | float) else 0.0


def _ids(raw: RawTable) -> set[str]:
    return {str(row.cells[raw.table.key[0]]) for row in raw.rows if row.cells.get(raw.table.key[0]) is not None}


def structure(tables: Tables, problems: Problems) -> None:
    """Check keys and references, on all rows as they stand in the files.

    Args:
        tables: raw tables before any project is left out.
        problems: receives every mistake.
    """
    known = {name: _ids(tables[name]) for name in ("products", "projects")}
    for raw in tables.values():
        _unique(raw, problems)
        _references(raw, tables, known, problems)
    _assumption_names(tables, known, problems)
    for row in tables["finance"].rows:
        name = row.cells.get("parameter")
        if name is not None and name not in schema.parameters():
            problems.add("finance.csv", row.line, "parameter", name, "a parameter that the model reads", did_you_mean(str(name), schema.parameters()))


def _unique(raw: RawTable, problems: Problems) -> None:
    first: dict[tuple[Value, ...], int] = {}
    for row in raw.rows if raw.table.key else ():
        key = tuple(row.cells.get(column) for column in raw.table.key)
        if None in key:
            continue
        if key in first:
            text = " ".join(str(part) for part in key)
            problems.add(raw.file, row.line, raw.table.key[0], f"{text} again", "each key once", f"It stands in row {first[key]} already.")
        first.setdefault(key, row.line)


def _references(raw: RawTable, tables: Tables, known: dict[str, set[str]], problems: Problems) -> None:
    for entry in schema.fields(raw.table.name).values():
        if not entry.refers or "<" in entry.name or tables[entry.refers].damaged:
            continue
        ids = known[entry.refers]
        for row in raw.rows:
            value = row.cells.get(entry.name)
            for name in value if isinstance(value, tuple) else (value,):
                if name is None or name == "" or name in ids or name in entry.choices:
                    continue
                remedy = did_you_mean(str(name), ids | set(entry.choices))
                problems.add(raw.file, row.line, entry.name, str(name), f"a row of {tables[entry.refers].file}", remedy)


def _assumption_names(tables: Tables, known: dict[str, set[str]], problems: Problems) -> None:
    columns = set(schema.fillable("products")) | set(schema.fillable("projects"))
    scopes = known["products"] | known["projects"] | {"all"}
    damaged = tables["products"].damaged or tables["projects"].damaged
    for row in tables["assumptions"].rows:
        name, scope = row.cells.get("name"), row.cells.get("scope")
        if name is not None and name not in columns and schema.setting(str(name)) is None:
            expected = "a number column of products or projects, or a key of club.toml"
            problems.add("assumptions.csv", row.line, "name", str(name), expected, did_you_mean(str(name), columns))
        if scope is not None and scope not in scopes and not damaged:
            problems.add("assumptions.csv", row.line, "scope", str(scope), "a product, a project or all", did_you_mean(str(scope), scopes))


def domain(tables: Tables, problems: Problems) -> None:
    """Check the numbers of the complete tables against each other.

    Args:
        tables: complete tables, with only the projects that take part.
        problems: receives every mistake.
    """
    for raw in tables.values():
        if "provenance" in schema.fields(raw.table.name):
            _provenance(raw, problems)
    for name in ("finance", "assumptions"):
        _ranges(tables[name], problems)
    checks: tuple[tuple[str, Callable[[Row], Iterator[tuple[str, object, str, str]]]], ...] = (
        ("projects", _project),
        ("products", _product),
        ("byproducts", _byproduct),
        ("policy", _policy),
    )
    for name, check in checks:
        file = tables[name].file
        for row in tables[name].rows:
            for column, got, expected, remedy in () if problems.touches(file, row.line) else tuple(check(row)):
                problems.add(file, row.line, column, got, expected, remedy)
    _groups(tables["projects"], problems)
    _contracts(tables, problems)
    _parameters(tables, problems)
    _correlations(tables["correlations"], _ids(tables["products"]), problems)


def _provenance(raw: RawTable, problems: Problems) -> None:
    columns = [entry.name for entry in schema.fields(raw.table.name).values() if entry.name not in ("provenance", "source")]
    for row in raw.rows:
        text = row.cells.get("provenance")
        if not isinstance(text, str):
            continue
        try:
            named = provenance.parse(text)
        except ValueError:
            problems.add(raw.file, row.line, "provenance", text, "read, derived or assumed, or column:word parts separated by ;")
            continue
        for name in set(named) - {provenance.ROW} - set(columns):
            problems.add(raw.file, row.line, "provenance", f"a word for {name}", "columns of this table", did_you_mean(name, columns))


def _ranges(raw: RawTable, problems: Problems) -> None:
    for row in raw.rows:
        low, base, high = (row.cells.get(column) for column in ("low", "base", "high"))
        if base is None:
            continue
        if (low is not None and _num(row, "low") > _num(row, "base")) or (high is not None and _num(row, "high") < _num(row, "base")):
            problems.add(raw.file, row.line, "base", f"low {low}, base {base}, high {high}", "low <= base <= high")


def _project(row: Row) -> Iterator[tuple[str, object, str, str]]:
    year = _num(row, "expansion_year")
    if (_num(row, "expansion_capex_musd") or _num(row, "expansion_capacity_t_per_year")) and not 1 <= year <= _num(row, "life_years"):
        yield "expansion_year", int(year), "an operating year from 1 to life_years", "The row has an expansion."
    if row.cells.get("feed_product_code"):
        for column in ("feed_t_per_t", "feed_price_factor"):
            if not _num(row, column):
                yield column, row.cells.get(column), "a number above 0", "The row names a feed_product_code."
    if _num(row, "public_loan_musd") and not _num(row, "public_loan_tenor_years"):
        yield "public_loan_tenor_years", 0, "at least 1", "The row has a public loan."
    if row.cells.get("b0_supply") is True and row.cells.get("available") is False:
        yield "available", 0, "1", "A project with b0_supply is built in every design."


def _product(row: Row) -> Iterator[tuple[str, object, str, str]]:
    if _num(row, "non_china_supply_t") > _num(row, "world_supply_t"):
        yield "non_china_supply_t", _num(row, "non_china_supply_t"), "at most world_supply_t", "The whole cannot be less than its part."
    if _num(row, "kappa_fast") < _num(row, "kappa_slow"):
        yield "kappa_fast", _num(row, "kappa_fast"), "at least kappa_slow", "Exchange the two speeds."
    for kind in ("dump", "restrict"):
        if _num(row, f"{kind}_length_years") < _num(row, f"{kind}_ramp_years"):
            yield f"{kind}_length_years", _num(row, f"{kind}_length_years"), f"at least {kind}_ramp_years", "The length includes the ramp."
    for country in (name.lower() for name in COUNTRIES):
        direct, embodied = f"demand_direct_2025_t_{country}", f"demand_embodied_2025_t_{country}"
        if row.cells.get(embodied) is not None and _num(row, embodied) < _num(row, direct):
            yield embodied, _num(row, embodied), f"at least {direct}", "Embodied demand includes direct demand."


def _byproduct(row: Row) -> Iterator[tuple[str, object, str, str]]:
    if row.cells.get("product_code") == "other" and row.cells.get("price_usd_per_t") is None:
        yield "price_usd_per_t", "an empty cell", "a price", "Only a listed product takes its price from the model."


def _policy(row: Row) -> Iterator[tuple[str, object, str, str]]:
    kind = row.cells.get("kind")
    if kind not in ("itc", "ptc", "demand_premium"):
        return
    schedule = row.cells.get("phase_schedule") or ()
    rates = [float(pair[1]) for pair in schedule if isinstance(pair, tuple)] if isinstance(schedule, tuple) else []
    if kind != "demand_premium" and _num(row, "rate") > 1:
        yield "rate", _num(row, "rate"), "a share of at most 1", ""
    if kind != "demand_premium" and any(rate > 1 for rate in rates):
        yield "phase_schedule", str(schedule), "shares of at most 1", ""
    if row.cells.get("end_year") is not None and _num(row, "end_year") < _num(row, "start_year"):
        yield "end_year", int(_num(row, "end_year")), "a year not before start_year", ""


def _groups(raw: RawTable, problems: Problems) -> None:
    first: dict[str, Row] = {}
    for row in raw.rows:
        group = str(row.cells.get("exclusive_group") or "")
        if not group or row.cells.get("b0_supply") is not True:
            continue
        if group in first:
            text = f"{first[group].cells.get('project_id')} and {row.cells.get('project_id')} both with b0_supply in group {group}"
            problems.add(raw.file, row.line, "exclusive_group", text, "at most one project of a group", "Both would be built in every design.")
        first.setdefault(group, row)


def _contracts(tables: Tables, problems: Problems) -> None:
    projects = {str(row.cells.get("project_id")): row.cells for row in tables["projects"].rows}
    for row in tables["contracts"].rows:
        project = projects.get(str(row.cells.get("project_id")))
        if project is None:
            continue
        for column in ("country", "product_code"):
            if row.cells.get(column) != project.get(column) and None not in (row.cells.get(column), project.get(column)):
                problems.add("contracts.csv", row.line, column, str(row.cells.get(column)), f"{project.get(column)}, as in the project's row")
        if row.cells.get("in_b0") is True:
            for column in ("strike_usd_per_t", "tenor_years"):
                if row.cells.get(column) is None and ("contracts.csv", row.line, column) not in problems.places:
                    problems.add("contracts.csv", row.line, column, "an empty cell", "a number", "A contract in force of a project needs it.")


def _parameters(tables: Tables, problems: Problems) -> None:
    raw = tables["finance"]
    values: dict[tuple[str, str, str], float] = {}
    for row in raw.rows:
        place = tuple(str(row.cells.get(column)) for column in raw.table.key)
        entry, base = schema.parameters().get(place[0]), row.cells.get("base")
        values[place[0], place[1], place[2]] = _num(row, "base")
        if entry is None or not isinstance(base, int | float):
            continue
        low, high = entry.minimum, entry.maximum
        if (low is not None and base < low) or (high is not None and base > high) or (entry.above is not None and base <= entry.above):
            problems.add(raw.file, row.line, "base", base, entry.expected, f"This is {place[0]}.")
    if not raw.rows or raw.damaged:
        return
    pairs = sorted({(str(row.cells.get("country")), str(row.cells.get("stage"))) for row in tables["projects"].rows})
    for name, entry in schema.parameters().items():
        missing = [" ".join(pair) for pair in pairs if not _found(values, name, entry.scope, *pair)]
        if missing or (not pairs and not any(key[0] == name for key in values)):
            remedy = "Add a row ALL, all." if entry.scope == "all" else "Add a row for it, or for ALL and all."
            problems.add(raw.file, None, name, "no row for " + ", ".join(missing) if missing else "no row", entry.description, remedy)


def _found(values: dict[tuple[str, str, str], float], name: str, scope: str, country: str, stage: str) -> bool:
    if scope == "all":
        return resolve_parameter(values, name, None, None) is not None
    if name == "mining_duty_rate" and stage == "refinery":
        return True
    return resolve_parameter(values, name, country, stage if scope == "stage" else None) is not None


def _correlations(raw: RawTable, products: set[str], problems: Problems) -> None:
    names = [str(row.cells.get("product_code")) for row in raw.rows]
    others = [column for column in raw.columns if column != "product_code"]
    if not names and not others:
        return
    if sorted(names) != sorted(others):
        problems.add(raw.file, None, "", f"columns {', '.join(others)}", f"the products of the rows: {', '.join(names)}", "The table must be square.")
        return
    for column in others:
        if column not in products:
            problems.add(raw.file, 1, column, column, "a product", did_you_mean(column, products))
    if any(row.cells.get(name) is None for row in raw.rows for name in names):
        for row in raw.rows:
            for name in names:
                if row.cells.get(name) is None and (raw.file, row.line, name) not in problems.places:
                    problems.add(raw.file, row.line, name, "an empty cell", "a correlation from -1 to 1")
        return
    matrix = np.array([[_num(row, name) for name in names] for row in raw.rows])
    lines = {name: row.line for name, row in zip(names, raw.rows, strict=True)}
    for i, j in zip(*np.nonzero(~np.isclose(matrix, matrix.T, atol=1e-9)), strict=True):
        if i < j:
            problems.add(raw.file, lines[names[i]], names[j], f"{matrix[i, j]:g}, but {matrix[j, i]:g} across", "a symmetric table")
    for i in np.flatnonzero(~np.isclose(np.diag(matrix), 1)):
        problems.add(raw.file, lines[names[i]], names[i], f"{matrix[i, i]:g}", "1 on the diagonal")
    if np.linalg.eigvalsh((matrix + matrix.T) / 2).min() < -1e-8:
        problems.add(raw.file, None, "", "correlations that cannot hold together", "a positive semi-definite table", "Lower the largest of them.")
