"""The store on disk: what goes in comes out, the oldest go first, and no trouble with the file reaches the caller."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sqlite3
import time
from pathlib import Path

import pytest

from minclub.models import store as room
from minclub.models.store import NAME, Store, caches, caching, current, folder

ONE, TWO = b"1" * 20, b"2" * 20


def filled(where: Path, **entries: bytes) -> Store:
    """Return a store with entries that are on the disk, under keys of 20 bytes."""
    made = Store(where)
    for name, data in entries.items():
        made.put(name.encode().ljust(20), data)
    made.close()
    return made


def key(name: str) -> bytes:
    """Return the key of an entry of ``filled``."""
    return name.encode().ljust(20)


@pytest.fixture(autouse=True)
def watched(caplog: pytest.LogCaptureFixture) -> None:
    """Catch all that the store says."""
    caplog.set_level(logging.INFO, logger="minclub")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- what goes in comes out ---------------------------------------------------------------------------------------------


def test_entries_are_found_before_and_after_they_are_written(tmp_path: Path) -> None:
    made = Store(tmp_path / "deep" / "er")
    assert made.get(ONE) is None
    assert not made.path.parent.exists()
    made.put(ONE, b"one")
    assert (made.get(ONE), made.get(TWO)) == (b"one", None)
    made.close()
    again = Store(tmp_path / "deep" / "er")
    assert (again.get(ONE), again.get(TWO)) == (b"one", None)
    assert (again.hits, again.misses) == (1, 1)
    assert again.contents().entries == 1
    assert again.contents().size == again.path.stat().st_size > 0
    again.close()


def test_batches_are_written_by_size_and_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    made = Store(tmp_path)
    monkeypatch.setattr(made, "_write", lambda: written.append(len(made._pending)))
    monkeypatch.setattr(room, "BATCH_BYTES", 10)
    made.put(ONE, b"12345")
    assert written == []
    made.put(TWO, b"12345")
    assert written == [2]
    monkeypatch.setattr(room, "BATCH_SECONDS", 0.0)
    made.put(ONE, b"1")
    assert written == [2, 1]


def test_clear_removes_the_file_and_what_waits(tmp_path: Path) -> None:
    made = filled(tmp_path, a=b"a")
    (tmp_path / f"{NAME}-journal").touch()
    (tmp_path / "mine.txt").touch()
    made.put(ONE, b"one")
    made.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert made.get(ONE) is None
    assert made.contents().entries == made.contents().size == 0


# --- room ---------------------------------------------------------------------------------------------------------------


def test_the_least_recently_used_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, now = Store(tmp_path, most_bytes=1000), [0.0]
    monkeypatch.setattr(room.time, "time", lambda: now[0])
    for name in "abcd":
        now[0] += 10_000.0
        made.put(key(name), name.encode() * 200)
        made.flush()
    now[0] += 10_000.0
    assert made.get(key("a")) == b"a" * 200
    made.flush()
    made.put(key("e"), b"e" * 300)
    made.flush()
    assert {name for name in "abcde" if made.get(key(name)) is not None} == {"a", "c", "d", "e"}
    held = made._open().execute("SELECT sum(size) FROM entry").fetchone()[0]
    assert held <= 1000
    assert made._open().execute("SELECT count(*) FROM payload").fetchone()[0] == 4
    made.close()


def test_what_is_too_large_alone_is_not_kept(tmp_path: Path) -> None:
    made = Store(tmp_path, most_bytes=1000)
    made.put(ONE, b"x" * 1001)
    made.close()
    assert not made.path.exists()


def test_the_file_stays_near_its_limit(tmp_path: Path) -> None:
    made = Store(tmp_path, most_bytes=1_000_000)
    for number in range(60):
        made.put(number.to_bytes(20), os.urandom(100_000))
        if number % 5 == 4:
            made.flush()
    made.close()
    assert 700_000 < made.contents().size < 1_500_000
    made.close()


# --- trouble ------------------------------------------------------------------------------------------------------------


def survives(made: Store, caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Use a store that is in trouble: it forgets and warns once."""
    for _ in range(2):
        assert made.get(ONE) is None
        made.put(ONE, b"one")
        made.flush()
        assert made.get(ONE) is None
    assert not made.usable
    assert len(warnings(caplog)) == 1
    assert text in warnings(caplog)[0]
    assert str(made.path) in warnings(caplog)[0]
    made.close()


def test_a_file_that_is_no_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / NAME).write_bytes(b"nonsense" * 1000)
    survives(Store(tmp_path), caplog, "not a database")
    with pytest.raises(OSError, match="not a database"):
        Store(tmp_path).contents()
    Store(tmp_path).clear()
    assert filled(tmp_path, a=b"a").get(key("a")) == b"a"


def test_a_file_cut_short(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = filled(tmp_path, **{f"k{n}": os.urandom(50_000) for n in range(9)})
    made.path.write_bytes(made.path.read_bytes()[:40_000])
    made = Store(tmp_path)
    assert [made.get(key(f"k{n}")) for n in range(9)] == [None] * 9
    made.put(ONE, b"one")
    made.close()
    assert len(warnings(caplog)) == 1


def test_a_file_of_another_format(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = filled(tmp_path, a=b"a")
    with sqlite3.connect(made.path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    survives(Store(tmp_path), caplog, "format 99, not 1")


def test_a_file_without_its_tables(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = filled(tmp_path, a=b"a")
    with sqlite3.connect(made.path) as connection:
        connection.execute("DROP TABLE payload")
    connection.close()
    survives(Store(tmp_path), caplog, "no such table")


def test_a_locked_file(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    other = sqlite3.connect(filled(tmp_path, a=b"a").path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    survives(Store(tmp_path), caplog, "locked")
    other.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    survives_writing(Store(tmp_path / "file" / "folder"), caplog)


@pytest.mark.posix
def test_a_folder_that_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody makes files among the open ones, not even the superuser."""
    survives_writing(Store(Path("/dev/fd")), caplog)


def survives_writing(made: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Use a store that holds nothing and cannot be written."""
    assert made.get(ONE) is None
    assert made.usable
    made.put(ONE, b"one")
    made.flush()
    assert made.get(ONE) is None
    made.close()
    assert len(warnings(caplog)) == 1


def test_a_file_that_can_only_be_read_still_serves(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    made = filled(tmp_path, a=b"a")
    made._open().execute("PRAGMA query_only=1")
    assert made.get(key("a")) == b"a"
    assert warnings(caplog) == []
    made.put(ONE, b"one")
    made.flush()
    assert "readonly" in warnings(caplog)[0]
    made.close()


def test_a_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = filled(tmp_path, a=b"a")
    made._open().execute("PRAGMA max_page_count=1")
    made.put(ONE, os.urandom(10_000_000))
    made.flush()
    assert "full" in warnings(caplog)[0]
    made.close()
    assert Store(tmp_path).get(key("a")) == b"a"


def test_a_damaged_entry_is_missing_and_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = filled(tmp_path, a=b"aaaa", b=b"bbbb", c=b"cccc")
    with sqlite3.connect(made.path) as connection:
        connection.execute("UPDATE payload SET data = x'00000000' WHERE key = ?", (key("a"),))
        connection.execute("UPDATE payload SET data = x'00' WHERE key = ?", (key("b"),))
        connection.execute("UPDATE payload SET data = (SELECT data FROM payload WHERE key = ?) WHERE key = ?", (key("a"), key("c")))
    connection.close()
    made = Store(tmp_path)
    assert [made.get(key(name)) for name in "abc"] == [None] * 3
    assert (made.hits, made.misses) == (0, 3)
    assert len(warnings(caplog)) == 1
    made.put(key("a"), b"new")
    made.close()
    assert made.get(key("a")) == b"new"
    made.close()


def test_a_child_made_by_fork_leaves_the_file_alone(tmp_path: Path) -> None:
    made = filled(tmp_path, a=b"a")
    made._process = -1
    made.put(ONE, b"one")
    assert made.get(key("a")) is None
    made.close()
    assert Store(tmp_path).contents().entries == 1


# --- several processes --------------------------------------------------------------------------------------------------


def worker(where: Path, number: int) -> None:
    """Write entries of its own and some that all write, and read both back."""
    made = Store(where)
    for step in range(150):
        for name in (f"{number}-{step}", f"all-{step}"):
            found = made.get(key(name))
            assert found in (None, name.encode() * 5000)
            made.put(key(name), name.encode() * 5000)
        if step % 10 == 9:
            made.flush()
    made.close()
    if not made.usable:
        raise SystemExit(1)


def test_processes_share_a_file(tmp_path: Path) -> None:
    crowd = [multiprocessing.get_context("spawn").Process(target=worker, args=(tmp_path, number)) for number in range(3)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(120)
    assert [process.exitcode for process in crowd] == [0, 0, 0]
    made = Store(tmp_path)
    names = [f"{number}-{step}" for number in (0, 1, 2, "all") for step in range(150)]
    assert all(made.get(key(name)) == name.encode() * 5000 for name in names)
    assert made.contents().entries == len(names)
    made.close()


# --- which store holds --------------------------------------------------------------------------------------------------


def test_caching_says_which_store_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("MINCLUB_CACHE_DIR", str(tmp_path / "own"))
    assert current() is None
    with caching() as mine:
        assert mine is not None
        assert current() is mine
        assert mine.path.parent == tmp_path / "own"
        with caching(None) as same:
            assert same is mine
        with caching(False) as none:
            assert none is current() is None
        with caching(tmp_path / "other") as other:
            assert other is current()
            assert other is not None
            other.put(ONE, b"one")
        assert current() is mine
    assert current() is None
    assert Store(tmp_path / "other").get(ONE) == b"one"
    assert "0 results taken from it" in caplog.text


def test_a_function_takes_the_store_as_a_keyword(tmp_path: Path) -> None:
    @caches
    def work(number: int, *, cache: room.Cache = None) -> tuple[int, Store | None]:
        """Return what holds."""
        return number, current()

    assert work(1) == (1, None)
    number, used = work(2, cache=tmp_path)
    assert number == 2
    assert used is not None
    assert used.path == tmp_path / NAME
    with caching(tmp_path) as mine:
        assert work(3) == (3, mine)
        assert work(4, cache=False) == (4, None)
    assert work.__doc__ == "Return what holds."


def test_the_folder_is_the_one_named_else_the_system_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINCLUB_CACHE_DIR", "somewhere")
    assert folder() == Path("somewhere")
    for value in ("", None):
        monkeypatch.delenv("MINCLUB_CACHE_DIR") if value is None else monkeypatch.setenv("MINCLUB_CACHE_DIR", value)
        assert folder().is_absolute()
        assert "minclub" in folder().parts


def test_a_use_is_written_down_once_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, now = filled(tmp_path, a=b"a"), time.time()
    for later, changed in ((10.0, False), (7200.0, True)):
        monkeypatch.setattr(room.time, "time", lambda later=later: now + later)
        before = made._open().execute("SELECT used FROM entry").fetchone()[0]
        made.get(key("a"))
        made.flush()
        after = made._open().execute("SELECT used FROM entry").fetchone()[0]
        assert (after != before) == changed
    made.close()
