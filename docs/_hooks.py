"""Pages that are generated when the documentation is built: the instance reference comes from the schema itself."""

from collections.abc import Iterable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from minclub.instances.club_fields import CLUB_FIELDS, PARAMETER_FIELDS
from minclub.instances.field import Field
from minclub.instances.schema import SCHEMA_VERSION, TABLES
from minclub.instances.table_fields import TABLE_FIELDS


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages (a hook of MkDocs)."""
    files.append(File.generated(config, "reference/instance.md", content=instance_page()))
    return files


def instance_page() -> str:
    """Return the reference of all tables, settings and finance parameters as Markdown."""
    parts = [
        f"# Instance reference\n\nSchema version {SCHEMA_VERSION}. An instance is a folder with `club.toml` and the tables below. "
        "An empty cell is unknown (C3); rules are those of the [conventions](../conventions.md).\n"
    ]
    for table in TABLES.values():
        own = [field for field in TABLE_FIELDS if field.table == table.name]
        needed = "required" if table.required else "optional"
        parts.append(f"## {table.file}\n\nOne row is {table.description}; {needed}.\n\n{field_table(own)}")
    parts.append(f"## club.toml\n\n{field_table(CLUB_FIELDS)}")
    parts.append(f"## Parameters of finance.csv\n\n{field_table(PARAMETER_FIELDS)}")
    return "\n".join(parts)


def field_table(fields: Iterable[Field]) -> str:
    """Return fields as a Markdown table."""
    rows = ["| name | value | unit | default | rule | meaning |", "|---|---|---|---|---|---|"]
    for field in fields:
        default = "required" if field.required else "" if field.default is None else f"`{field.default}`"
        cells = (f"`{field.name}`", field.expected, field.unit, default, field.convention, field.description)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"
