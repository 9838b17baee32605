"""Strict reading of the files of an instance: bounded, UTF-8, and with every mistake noted by file, row and column."""

import csv
import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import schema
from .errors import Problems, did_you_mean, shown
from .schema import CLUB_FILE, Field, Table, Value
from .values import ValueProblem, parse_native, parse_text

MAX_FILE_BYTES = 20_000_000
MAX_TOML_BYTES = 1_000_000
MAX_ROWS = 100_000
MAX_CELL = 20_000
MAX_FILES = 200
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_.\"'\-]+)\s*=")


@dataclass
class Row:
    """A row of a table while it is being read: its line in the file (0 if it was added) and its values, None if empty."""

    line: int
    cells: dict[str, Value]


@dataclass
class RawTable:
    """A table while it is being read; ``damaged`` says that some of its rows or keys could not be read."""

    table: Table
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    damaged: bool = False

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.table.file


@dataclass
class RawSettings:
    """The settings while they are being read: values and the line of each key."""

    values: dict[str, Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def read_text(folder: Path, name: str, problems: Problems, limit: int = MAX_FILE_BYTES) -> str | None:
    """Read a text file of an instance without trusting it.

    Refused: links that leave the folder, anything but a regular file, too many bytes (before they are read), NUL bytes, another encoding than UTF-8, nothing.

    Returns:
        The text without a byte order mark, or None if the file was refused.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            problems.add(name, None, "", "a link that leaves the folder", "a file inside the folder of the instance")
            return None
        if not path.is_file():
            problems.add(name, None, "", "no regular file", "a file")
            return None
        size = path.stat().st_size
        if size > limit:
            problems.add(name, None, "", f"{size:,} bytes", f"at most {limit:,} bytes", "Split the data or leave out what the model does not read.")
            return None
        data = path.read_bytes()
    except OSError as error:
        problems.add(name, None, "", f"a file that cannot be read ({error.strerror})", "a readable file")
        return None
    return _decode(name, data, problems)


def _decode(name: str, data: bytes, problems: Problems) -> str | None:
    if data.startswith(_UTF16):
        problems.add(name, None, "", "UTF-16 text", "UTF-8 text", "Save the file as CSV UTF-8.")
        return None
    if b"\0" in data:
        problems.add(name, data[: data.index(b"\0")].count(b"\n") + 1, "", "a NUL byte", "text", "The file is damaged or no text.")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problems.add(name, line, "", f"the byte 0x{data[error.start]:02x}", "UTF-8 text", "Save the file as UTF-8.")
        return None
    if not text.strip():
        problems.add(name, None, "", "an empty file", "a header and rows" if name.endswith(".csv") else "settings")
        return None
    return text


def read_tables(folder: Path, problems: Problems) -> dict[str, RawTable]:
    """Read every table of an instance; tables without a file come back empty.

    Args:
        folder: the folder of the instance.
        problems: receives every mistake.
    """
    present = _present(folder, problems)
    tables = {}
    for name, table in schema.TABLES.items():
        columns = tuple(column for column in schema.fields(name) if "<" not in column)
        tables[name] = RawTable(table, columns)
        if table.file in present:
            text = read_text(folder, table.file, problems)
            tables[name] = RawTable(table, columns, damaged=True) if text is None else _parse_table(table, text, problems)
        elif table.required:
            tables[name].damaged = True
            problems.add(table.file, None, "", "no file", "a table of this name", f"One row is {table.description}.")
    return tables


def _present(folder: Path, problems: Problems) -> set[str]:
    known = {table.file for table in schema.TABLES.values()}
    names = sorted(path.name for path in folder.iterdir())
    if len(names) > MAX_FILES:
        problems.add(".", None, "", f"{len(names)} files in the folder", f"at most {MAX_FILES}", "Is this the folder of an instance?")
        return set()
    for name in names:
        if name.lower().endswith(".csv") and name not in known:
            problems.add(name, None, "", "an unknown table", "a table of the schema", did_you_mean(name, known))
    return known & set(names)


def _records(text: str, file: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of each record that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 0
    try:
        for cells in reader:
            start, line = line + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                yield start, cells
    except csv.Error as error:
        problems.add(file, line + 1, "", f"a line that is no CSV ({error})", "cells separated by commas, quotes closed")


def _parse_table(table: Table, text: str, problems: Problems) -> RawTable:
    records = _records(text, table.file, problems)
    first = next(records, None)
    if first is None:
        if not problems.count(table.file):
            problems.add(table.file, None, "", "no header", "a header and rows")
        return RawTable(table, (), damaged=True)
    header = [cell.strip() for cell in first[1]]
    columns = _columns(table, header, first[0], problems)
    raw = RawTable(table, tuple(columns))
    before = problems.count(table.file)
    for count, (line, cells) in enumerate(records, start=1):
        if count > MAX_ROWS:
            problems.add(table.file, line, "", f"more than {MAX_ROWS:,} rows", f"at most {MAX_ROWS:,} rows")
            break
        if len(cells) != len(header):
            problems.add(table.file, line, "", f"{len(cells)} cells", f"{len(header)} cells, as in the header", "Quote cells that contain commas.")
            raw.damaged = True
            continue
        raw.rows.append(Row(line, _cells(table, header, columns, line, cells, problems)))
    unread = problems.count(table.file) > before and any(row.cells.get(column) is None for row in raw.rows for column in table.key)
    raw.damaged = raw.damaged or unread or not raw.rows or set(table.key) - set(columns) != set()
    if table.required and not raw.rows:
        problems.add(table.file, None, "", "a header only", "at least one row", f"One row is {table.description}.")
    return raw


def _columns(table: Table, header: list[str], line: int, problems: Problems) -> dict[str, Field]:
    """Match the header with the schema; repeated, unknown and missing columns are noted."""
    declared = schema.fields(table.name)
    free = declared.get("<product>")
    columns: dict[str, Field] = {}
    for name in header:
        if name in columns:
            problems.add(table.file, line, name[:64], "the column twice", "each column once")
        elif name in declared and "<" not in name:
            columns[name] = declared[name]
        elif free is not None and name:
            columns[name] = free
        else:
            problems.add(table.file, line, name[:64], "an unknown column", "a column of the schema", did_you_mean(name, set(declared) - set(header)))
    for name, entry in declared.items():
        if entry.required and "<" not in name and name not in columns:
            problems.add(table.file, line, name, "no such column", f"a column with {entry.description}")
    return columns


def _cells(table: Table, header: list[str], columns: dict[str, Field], line: int, cells: list[str], problems: Problems) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, text in zip(header, cells, strict=True):
        entry = columns.get(name)
        if entry is None or name in values:
            continue
        values[name] = None
        if len(text) > MAX_CELL:
            problems.add(table.file, line, name, f"a cell of {len(text):,} characters", f"at most {MAX_CELL:,} characters")
        elif text.strip():
            try:
                values[name] = parse_text(entry, text)
            except ValueProblem as error:
                problems.add(table.file, line, name, shown(text), entry.expected, _sentence(str(error)))
    return values


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def read_settings(folder: Path, problems: Problems) -> RawSettings:
    """Read club.toml into dotted keys, each checked against its own field only.

    Args:
        folder: the folder of the instance.
        problems: receives every mistake.
    """
    raw = RawSettings()
    text = read_text(folder, CLUB_FILE, problems, MAX_TOML_BYTES)
    if text is None:
        return raw
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"line (\d+)", str(error))
        problems.add(CLUB_FILE, int(match[1]) if match else None, "", f"text that is no TOML ({error})", "TOML")
        return raw
    except (RecursionError, ValueError):
        problems.add(CLUB_FILE, None, "", "text that is no TOML (nested too deeply or a number too long)", "TOML")
        return raw
    raw.lines = _lines(text)
    for key, value in _flat(tree, ""):
        read_setting(raw, key, value, CLUB_FILE, problems)
    return raw


def read_setting(raw: RawSettings, key: str, value: object, file: str, problems: Problems) -> None:
    """Check one setting and keep it.

    Args:
        raw: the settings that receive it.
        key: dotted key.
        value: typed value or text.
        file: where it was given, for messages.
        problems: receives every mistake.
    """
    entry = schema.setting(key)
    line = raw.lines.get(key) if file == CLUB_FILE else None
    if entry is None:
        known = [name for name in schema.setting_names(("<product>",)) if "<year>" not in name]
        problems.add(file, line, key[:80], "an unknown key", "a key of club.toml", did_you_mean(key, known))
        return
    try:
        raw.values[key] = parse_native(entry, value)
    except ValueProblem as error:
        problems.add(file, line, key, shown(value), entry.expected, _sentence(str(error)))


def _flat(tree: dict[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and prefix.count(".") < 4:
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _lines(text: str) -> dict[str, int]:
    """Map dotted keys to their lines, well enough for messages."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = header[1].replace('"', "") + "."
        elif assignment := _ASSIGNMENT.match(line):
            key = assignment[1].replace('"', "").replace("'", "")
            lines.setdefault(f"{section}{key}", number)
    return lines
