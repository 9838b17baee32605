"""picture: figures of a solved or a given design, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minclub.reports import design_figures
from minclub.solvers.design import Design

Invoke = Callable[..., Any]


def test_a_solved_instance_is_drawn_into_a_new_folder(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"
    result = invoke("picture", "tutorial", "-o", folder, "--json")
    assert result.exit_code == 0, result.stderr
    made = [Path(path) for path in json.loads(result.stdout)["pictures"]]
    assert made
    assert sorted(folder.iterdir()) == sorted(made)
    assert all(path.read_text(encoding="utf-8").startswith("<svg") for path in made)


def test_a_given_design_is_drawn_without_a_solve(invoke: Invoke, given: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minclub.solvers.solve.solve", None)
    design = given.write(tmp_path / "design.json")
    result = invoke("picture", "--design", design, "-o", tmp_path / "pictures", "--format", "png")
    assert result.exit_code == 0, result.stderr
    assert all(Path(line).read_bytes().startswith(b"\x89PNG") for line in result.stdout.splitlines())
    assert invoke("picture", "--design", design, "-o", tmp_path, "--set", "years.end=2030").exit_code == 2


def test_failures_leave_no_file(invoke: Invoke, given: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(design: Design, folder: Path, *more: object) -> list[Path]:
        (folder / "half.svg").write_text("<svg", encoding="utf-8")
        raise OSError(28, "No space left on device")

    design = given.write(tmp_path / "design.json")
    monkeypatch.setattr(design_figures, "pictures", full)
    result = invoke("picture", "--design", design, "-o", tmp_path / "pictures")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert list((tmp_path / "pictures").iterdir()) == []
    assert invoke("picture", "--design", design, "-o", design).exit_code == 2
    assert invoke("picture", "--design", tmp_path / "none.json", "-o", tmp_path).exit_code == 2
