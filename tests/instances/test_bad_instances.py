"""Every broken instance gives one complete list of its mistakes, by file, row and column."""

import csv
import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minclub.instances import InstanceError, load, reader
from minclub.instances.catalogue import root

CASES = Path(__file__).resolve().parents[1] / "bad_instances"
NAMES = sorted(path.name for path in CASES.iterdir())


def _set_cell(path: Path, row: int, column: str, value: str) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    if column not in lines[0]:
        lines[0].append(column)
        for line in lines[1:]:
            line.append("")
    lines[row - 1][lines[0].index(column)] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def _assemble(name: str, folder: Path) -> dict[str, Any]:
    case = tomllib.loads((CASES / name / "case.toml").read_text(encoding="utf-8"))
    shutil.copytree(root() / "tutorial", folder)
    for file in case.get("remove", ()):
        (folder / file).unlink()
    for path in (CASES / name).iterdir():
        if path.name != "case.toml":
            shutil.copyfile(path, folder / path.name)
    for cell in case.get("cell", ()):
        _set_cell(folder / cell["file"], cell["row"], cell["column"], cell["value"])
    for edit in case.get("text", ()):
        text = (folder / edit["file"]).read_text(encoding="utf-8")
        assert edit["old"] in text, "the tutorial no longer holds the text that this case changes"
        (folder / edit["file"]).write_text(text.replace(edit["old"], edit["new"], 1), encoding="utf-8")
    for edit in case.get("append", ()):
        with (folder / edit["file"]).open("a", encoding="utf-8") as file:
            file.write(edit["line"] + "\n")
    return case


@pytest.fixture
def tutorial(tmp_path: Path) -> Path:
    return Path(shutil.copytree(root() / "tutorial", tmp_path / "copy"))


@pytest.mark.parametrize("name", NAMES)
def test_broken_instance_gives_the_complete_list(name: str, tmp_path: Path) -> None:
    case = _assemble(name, tmp_path / "instance")
    with pytest.raises(InstanceError) as caught:
        load(tmp_path / "instance")
    problems = caught.value.problems
    expected = case["expect"]
    assert sorted((item["file"], item.get("column", "")) for item in expected) == sorted((p.file, p.column) for p in problems), str(caught.value)
    for item in expected:
        found = [p for p in problems if (p.file, p.column) == (item["file"], item.get("column", "")) and item.get("row", p.row) == p.row]
        assert found, f"no problem at {item}:\n{caught.value}"
        assert all(word in str(found[0]) for word in item["words"]), f"{item['words']} not in: {found[0]}"


def test_there_are_enough_cases() -> None:
    assert len(NAMES) >= 25
    assert all((CASES / name / "case.toml").is_file() for name in NAMES)


def _only_problem(folder: Path) -> Any:
    with pytest.raises(InstanceError) as caught:
        load(folder)
    assert len(caught.value.problems) == 1, str(caught.value)
    return caught.value.problems[0]


def test_huge_file_is_refused_before_it_is_read(tutorial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tutorial / "episodes.csv").open("wb") as file:
        file.truncate(reader.MAX_FILE_BYTES + 1)
    read = Path.read_bytes

    def guarded(path: Path) -> bytes:
        assert path.name != "episodes.csv", "the file was read"
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    problem = _only_problem(tutorial)
    assert (problem.file, problem.row) == ("episodes.csv", None)
    assert "20,000,001 bytes" in problem.got


def test_too_many_rows(tutorial: Path) -> None:
    row = "alpha,dump,2020,2021,1,1,x,-0.5,,read,\n"
    text = "product_code,kind,start,end,from_price,to_price,unit,change,cause,provenance,source\n" + row * (reader.MAX_ROWS + 1)
    (tutorial / "episodes.csv").write_text(text, encoding="utf-8")
    problem = _only_problem(tutorial)
    assert (problem.file, problem.row) == ("episodes.csv", reader.MAX_ROWS + 2)
    assert "100,000 rows" in problem.got


@pytest.mark.parametrize(("length", "words"), [(reader.MAX_CELL + 1, "20,001 characters"), (200_000, "no CSV")])
def test_too_long_a_cell(tutorial: Path, length: int, words: str) -> None:
    with (tutorial / "finance.csv").open("a", encoding="utf-8") as file:
        file.write(f"care_share,USA,all,0.1,share,assumed,{'x' * length}\n")
    problem = _only_problem(tutorial)
    assert problem.file == "finance.csv"
    assert words in problem.got


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000, "a." * 5_000 + "b = 1"])
def test_toml_that_exhausts_the_parser(tutorial: Path, text: str) -> None:
    (tutorial / "club.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InstanceError):
        load(tutorial)


def test_link_out_of_the_folder_is_refused(tutorial: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    shutil.move(tutorial / "assumptions.csv", outside)
    (tutorial / "assumptions.csv").symlink_to(outside)
    with pytest.raises(InstanceError) as caught:
        load(tutorial)
    assert "a link that leaves the folder" in str(caught.value)


@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", os.mkdir)], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused(tutorial: Path, make: Callable[[Path], None]) -> None:
    make(tutorial / "episodes.csv")
    assert "no regular file" in _only_problem(tutorial).got


def test_a_file_full_of_mistakes_lists_a_bounded_number(tutorial: Path) -> None:
    text = "product_code,kind,start,end,from_price,to_price,unit,change,cause,provenance,source\n" + "alpha,x,2020,2021,1,1,x,-0.5,,read,\n" * 5_000
    (tutorial / "episodes.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InstanceError) as caught:
        load(tutorial)
    assert len(caught.value.problems) == 201
    assert "more problems" in caught.value.problems[-1].got


def test_nothing_but_instance_error_for_any_bytes(tutorial: Path) -> None:
    for junk in (b"\xff", b"\x00", b'"', b",", b"\r", b"=", b"[", b"\xef\xbb\xbf", b"a\n" * 3):
        for name in ("club.toml", "projects.csv", "prices.csv", "correlations.csv"):
            before = (tutorial / name).read_bytes() if (tutorial / name).exists() else None
            (tutorial / name).write_bytes(junk)
            with pytest.raises(InstanceError):
                load(tutorial)
            (tutorial / name).unlink()
            if before is not None:
                (tutorial / name).write_bytes(before)
