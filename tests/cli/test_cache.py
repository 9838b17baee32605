"""The cache on the command line: the design is the same with and without, whatever happens to the file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minclub.models.store import NAME

Invoke = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the cache."""
    monkeypatch.setenv("MINCLUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def held(invoke: Invoke) -> dict[str, Any]:
    """Return what the command says of the cache."""
    found: dict[str, Any] = json.loads(invoke("cache", "--json").stdout)
    return found


def solved(invoke: Invoke, *arguments: str) -> dict[str, Any]:
    """Return the design of the tutorial without what tells the time and the command."""
    result = invoke("solve", "tutorial", "--json", *arguments)
    assert result.exit_code == 0, result.output
    design: dict[str, Any] = json.loads(result.stdout)
    del design["certificate"]["seconds"], design["provenance"]["created"], design["provenance"]["command"]
    return design


def test_designs_are_the_same_without_with_an_empty_and_with_a_full_cache(invoke: Invoke, folder: Path) -> None:
    without = solved(invoke, "--no-cache")
    assert not folder.exists()
    first = solved(invoke)
    entries = held(invoke)["entries"]
    again = invoke("solve", "tutorial", "--json", "-v")
    assert entries > 0
    assert f"cache {folder / NAME}: " in again.stderr
    assert again.stderr.rstrip().endswith(" results taken from it, 0 computed")
    assert without == first == solved(invoke)
    assert held(invoke)["entries"] == entries


def test_cache_shows_and_clears(invoke: Invoke, folder: Path) -> None:
    empty = {"path": str(folder / NAME), "entries": 0, "bytes": 0, "most_bytes": 1 << 30}
    assert held(invoke) == empty
    solved(invoke)
    assert held(invoke)["bytes"] == (folder / NAME).stat().st_size
    assert str(folder / NAME) in invoke("cache").stdout.replace("\n", "")
    result = invoke("cache", "--clear")
    assert result.exit_code == 0
    assert f"removed {folder / NAME}" in result.stderr
    assert held(invoke) == empty
    assert list(folder.iterdir()) == []


def test_a_damaged_file_costs_one_warning(invoke: Invoke, folder: Path) -> None:
    without = solved(invoke, "--no-cache")
    folder.mkdir()
    (folder / NAME).write_bytes(b"nonsense" * 1000)
    result = invoke("solve", "tutorial")
    assert result.exit_code == 0
    assert [line for line in result.stderr.splitlines() if "WARNING" in line] == [f"WARNING: the cache {folder / NAME} is not used: file is not a database"]
    assert solved(invoke) == without
    refused = invoke("cache")
    assert refused.exit_code == 2
    assert "minclub cache --clear removes it" in refused.stderr
    assert invoke("cache", "--clear").exit_code == 0
    assert solved(invoke) == without
    assert held(invoke)["entries"] > 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("frontier", "tutorial", "--over", "targets", "--from", "0.9", "--to", "1", "--points", "2"),
        ("sweep", "tutorial", "--strike", "USA_ALPHA", "--from", "8500", "--to", "9000", "--points", "2"),
        ("export", "tutorial", "--mps", "{out}/model.mps"),
        pytest.param(("picture", "tutorial", "--out", "{out}/pictures"), marks=pytest.mark.slow),
        ("claims", "tutorial", "--claim", "10", "--quick"),
    ],
)
def test_every_command_that_solves_uses_it_and_can_do_without(invoke: Invoke, folder: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    words = [word.format(out=tmp_path) for word in arguments]
    assert invoke(*words, "--no-cache").exit_code == 0
    assert not folder.exists()
    assert invoke(*words).exit_code == 0
    assert held(invoke)["entries"] > 0


def test_the_folder_is_the_system_s_where_none_is_named(process: Process, tmp_path: Path) -> None:
    homes = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE")}
    done = process("cache", "--json", env={"MINCLUB_CACHE_DIR": "", **homes})
    assert done.returncode == 0, done.stderr
    found = Path(json.loads(done.stdout)["path"])
    assert found.is_relative_to(tmp_path)
    assert "minclub" in found.parts
    assert not found.exists()
