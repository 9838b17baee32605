"""The generated pages are those that stand in docs, and name everything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minclub.cli.reference import SCHEMA, write_pages
from minclub.solvers.design import COLUMNS


@pytest.mark.parametrize("name", ["cli.md", "design-json.md"])
def test_pages_are_up_to_date(root: Path, tmp_path: Path, name: str) -> None:
    write_pages(tmp_path)
    fresh, standing = ((folder / name).read_text(encoding="utf-8") for folder in (tmp_path, root / "docs"))
    assert fresh == standing, "run: python -m minclub.cli.reference docs"


def test_the_schema_has_the_columns_of_the_design() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    found = {name: tuple(entry["items"]["properties"]) for name, entry in schema["properties"].items() if "items" in entry}
    assert {name: set(columns) for name, columns in found.items()} == {name: set(columns) for name, columns in COLUMNS.items()}


def test_every_row_of_a_page_has_the_cells_of_its_head(root: Path) -> None:
    for name in ("cli.md", "design-json.md"):
        width = 0
        for line in (root / "docs" / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("|"):
                cells = line.replace("\\|", "").count("|")
                width = width or cells
                assert cells == width, line
            else:
                width = 0
