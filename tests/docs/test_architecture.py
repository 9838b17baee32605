"""The page of the architecture names every module of the rooms once, and none that does not exist."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOMS = ("instances", "models", "solvers", "reports", "cli")


def named(root: Path) -> dict[str, list[str]]:
    """Return by room the names in the column of files: modules, families like ``club*.py``, other files and folders."""
    found: dict[str, list[str]] = {}
    room = ""
    for line in (root / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| room"):
            where, files, *_ = (cell.strip() for cell in line.strip("|").split(" | "))
            room = where.strip("`/") or room
            found.setdefault(room, []).extend(re.findall(r"`([^`]+)`", files))
    return found


def test_rooms_of_the_table_are_those_of_the_package(root: Path) -> None:
    assert tuple(named(root)) == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_is_named_once(root: Path, room: str) -> None:
    names = named(root)[room]
    modules = [path.name for path in (root / room).glob("*.py") if path.name != "__init__.py"]
    times = {module: sum(fnmatchcase(module, name) for name in names) for module in modules}
    assert {module: count for module, count in times.items() if count != 1} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_exists_and_is_named_once(root: Path, room: str) -> None:
    names = named(root)[room]
    assert [name for name in names if not list((root / room).glob(name.rstrip("/")))] == []
    assert [name for name, count in Counter(names).items() if count > 1] == []
