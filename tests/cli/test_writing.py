"""Writing is whole or not at all, keeps permissions, follows links and never replaces an input."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from minclub.cli.command import Code, Stop
from minclub.cli.writing import check_target, write_whole


def test_an_existing_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    target.write_text("old", encoding="utf-8")

    def write(path: Path) -> None:
        path.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"

    write_whole(target, write)
    assert target.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.posix
def test_who_reads_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    target.write_text("old", encoding="utf-8")
    with target.open(encoding="utf-8") as reader:
        write_whole(target, lambda path: path.write_text("new", encoding="utf-8"))
        assert reader.read() == "old"


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "design.json"
    target.write_text("old", encoding="utf-8")

    def broken(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_whole(target, broken)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Stop, match=r"cannot write .*x\.json: No space left on device") as stop:
        write_whole(tmp_path / "x.json", full)
    assert stop.value.code is Code.INPUT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.posix
def test_permissions_follow_the_umask_or_the_old_file_and_links_are_followed(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        fresh = tmp_path / "fresh.json"
        write_whole(fresh, lambda path: path.write_text("x", encoding="utf-8"))
        assert stat.S_IMODE(fresh.stat().st_mode) == 0o640
    finally:
        os.umask(mask)
    fresh.chmod(0o604)
    link = tmp_path / "link.json"
    link.symlink_to(fresh)
    write_whole(link, lambda path: path.write_text("y", encoding="utf-8"))
    assert link.is_symlink()
    assert fresh.read_text(encoding="utf-8") == "y"
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o604


def test_devices_are_written_and_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def replaced(made: Path, target: Path) -> Path:
        raise AssertionError(f"{target} would be replaced")

    monkeypatch.setattr(Path, "replace", replaced)
    device, contents = Path(os.devnull), []

    def write(path: Path) -> None:
        path.write_text("x", encoding="utf-8")
        contents.append(path.read_text(encoding="utf-8"))

    check_target(device)
    write_whole(device, write)
    assert contents == ["x"]
    assert stat.S_ISCHR(device.stat().st_mode)


@pytest.mark.parametrize(
    ("name", "words"), [("", "it is a folder"), ("none/x.json", "there is no folder"), ("case/club.toml", "it is an input"), ("given.json", "it is an input")]
)
def test_refused_targets(tmp_path: Path, name: str, words: str) -> None:
    case = tmp_path / "case"
    case.mkdir()
    for path in (case / "club.toml", tmp_path / "given.json"):
        path.write_text("", encoding="utf-8")
    with pytest.raises(Stop, match=words):
        check_target(tmp_path / name, [case, tmp_path / "given.json"])


def test_a_design_beside_its_instance_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "design.json").write_text("", encoding="utf-8")
    check_target(tmp_path / "design.json", [tmp_path])
