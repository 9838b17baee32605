"""The reference pages of the command line and of ``design.json``, generated from the program and the schema.

``python -m minclub.cli.reference docs`` writes ``cli.md`` and ``design-json.md`` into the folder ``docs``.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typer.main import get_command

from .command import EXIT_CODES
from .main import app

SCHEMA = Path(__file__).resolve().parent.parent / "reports" / "schemas" / "design.schema.json"
COMMON = ("json", "quiet", "verbose", "debug", "help")

_CLI_HEAD = """# Command line

This page is generated from the program. `INSTANCE` is a shipped name (`minclub list`) or the path of a folder with `club.toml`.

Results go to standard output, progress and remarks to standard error. On a terminal, tables are drawn and a line shows stage, objective, bound and gap;
in a pipe or a file they are plain aligned text. `NO_COLOR` turns colours off. In tables `-` means not applicable and `*` a number other than zero that
rounds to zero; numbers are rounded for display only, `--json` has them in full.

A file is written whole or not at all, and an existing one is replaced, except the input of the command. An error is reported as one list, with file, row,
column, what was got, what is expected and how to mend it. With `--json` it stands on standard output as `{"error": {...}}`.
"""

_DESIGN_HEAD = """# design.json

This page is generated from `reports/schemas/design.schema.json` (JSON Schema 2020-12). Money is in million 2025 USD, real; prices are in 2025 USD per
tonne; rates and shares are fractions. Rules are those of the [conventions](conventions.md). A number that does not apply or is unknown is `null`.

`minclub solve INSTANCE -o design.json` writes it, `minclub audit design.json` checks it, and `minclub evaluate INSTANCE --design design.json` works it
out again. A file whose `schema_version` is newer than the program is refused.
"""


def cli_page() -> str:
    """Return the reference of all commands as Markdown."""
    commands: Mapping[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    codes = "\n".join(f"| {int(code)} | {meaning} |" for code, meaning in EXIT_CODES.items())
    any_command = next(iter(commands.values()))
    common = [p for p in any_command.params if p.name in COMMON]
    parts = [
        _CLI_HEAD,
        f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n",
        f"## Options of every command\n\n{_options(common)}",
        *(_command(name, found) for name, found in commands.items()),
    ]
    return "\n".join(parts)


def _command(name: str, found: Any) -> str:
    own = [p for p in found.params if p.name not in COMMON]
    arguments = [p for p in own if p.param_type_name == "argument"]
    usage = " ".join(["minclub", name, *(_label(p) for p in arguments), "[OPTIONS]"])
    return f"## minclub {name}\n\n{found.help}\n\n```console\n$ {usage}\n```\n" + (f"\n{_options(own)}" if own else "")


def _label(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _options(parameters: list[Any]) -> str:
    rows = ["| option | value | default | meaning |", "|---|---|---|---|"]
    for p in parameters:
        argument = p.param_type_name == "argument"
        names = f"`{_label(p)}`" if argument else ", ".join(f"`{name}`" for name in [*sorted(p.opts, key=len, reverse=True), *p.secondary_opts])
        flag = not argument and (p.is_flag or p.count)
        default = "required" if p.required else _default(p, flag)
        cells = (names, "" if flag or argument else f"`{_label(p)}`", default, p.help or "")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _default(parameter: Any, flag: bool) -> str:
    """Write a default: the word that is on of a pair, nothing for other flags."""
    if flag:
        pair = parameter.secondary_opts
        return f"`{(parameter.opts if parameter.default else pair)[0]}`" if pair else ""
    return "" if parameter.default in (None, ()) else f"`{parameter.default}`"


def design_page(schema: Mapping[str, Any]) -> str:
    """Return the reference of design.json as Markdown."""
    parts = [_DESIGN_HEAD]
    for name, entry in schema["properties"].items():
        if "items" in entry:
            parts.append(f"## {name}\n\n{entry['description']} A list of rows:\n\n{_fields(entry['items']['properties'])}")
        elif "properties" in entry:
            parts.append(f"## {name}\n\n{entry['description']}\n\n{_fields(entry['properties'])}")
        else:
            parts.append(f"## {name}\n\n`{entry['const']}`: {entry['description']}.\n")
    return "\n".join(parts)


def _fields(properties: Mapping[str, Any]) -> str:
    rows = ["| name | value | meaning |", "|---|---|---|"]
    for name, entry in properties.items():
        if "enum" in entry:
            kind = ", ".join("`null`" if value is None else f"`{value}`" for value in entry["enum"])
        else:
            kind = " or ".join([entry["type"]] if isinstance(entry["type"], str) else entry["type"])
        rows.append(f"| `{name}` | {kind} | {entry['description'].replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def write_pages(folder: Path) -> None:
    """Write both pages into a folder."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for name, content in (("cli.md", cli_page()), ("design-json.md", design_page(schema))):
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
