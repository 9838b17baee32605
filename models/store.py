"""A store of results on disk: one SQLite file of bytes by digest, which several processes may use at once.

Nothing here can stop a solve. A file that is locked, damaged, full or cannot be written costs one warning, and the work goes
on without it. Entries are written in batches; where they outgrow the limit, the least recently used go first.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Cache = bool | str | os.PathLike[str] | None
"""Where results are kept: a folder, True for the user's own, False for nowhere, None for what holds already."""

ENVIRONMENT = "MINCLUB_CACHE_DIR"
FORMAT = 1
NAME = f"minclub-cache-{FORMAT}.sqlite3"
MOST_BYTES = 1 << 30
MOST_OF_ONE = 1 << 26
BATCH_BYTES, BATCH_SECONDS = 1 << 25, 5.0
PATIENCE = 5.0
"""Seconds to wait for another process before the store is given up."""
USED_AGAIN = 3600
"""Seconds after which another use of an entry is written down."""
ROOM = 0.9
"""Share of the limit that is left filled when entries have to go."""

_LOG = logging.getLogger(__name__)
_TABLES = (
    "PRAGMA page_size=16384",
    "CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, used INTEGER NOT NULL, size INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS payload (key BLOB PRIMARY KEY, data BLOB NOT NULL)",
    f"PRAGMA user_version={FORMAT}",
)


@dataclass(frozen=True)
class Contents:
    """What a store holds: entries, and bytes of the file."""

    entries: int
    size: int


class Store:
    """Bytes by digest in a folder; nothing is made there before there is something to write."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        """Name the folder; ``most_bytes`` bounds what the entries take together."""
        self.path, self.most_bytes = folder / NAME, most_bytes
        self.usable, self.hits, self.misses = True, 0, 0
        self._connection: sqlite3.Connection | None = None
        self._process, self._damaged = os.getpid(), False
        self._pending: dict[bytes, bytes] = {}
        self._waiting, self._since = 0, time.monotonic()
        self._again: set[bytes] = set()

    def get(self, key: bytes) -> bytes | None:
        """Return what is stored under a key, None if nothing is."""
        found = self._pending.get(key)
        if found is None and self._is_usable():
            try:
                found = self._read(key)
            except (sqlite3.Error, OSError) as error:
                self.give_up(error)
        self.hits, self.misses = self.hits + (found is not None), self.misses + (found is None)
        return found

    def put(self, key: bytes, data: bytes) -> None:
        """Store bytes under a key; they are written with the next batch."""
        if not self._is_usable() or len(data) > min(MOST_OF_ONE, self.most_bytes):
            return
        self._pending[key] = data
        self._waiting += len(data)
        if self._waiting >= BATCH_BYTES or time.monotonic() - self._since >= BATCH_SECONDS:
            self.flush()

    def damaged(self, why: object) -> None:
        """Say that the entry last got is not what was stored: it counts as missing, and what is put there next replaces it."""
        self.hits, self.misses = self.hits - 1, self.misses + 1
        self._warn_of_damage(why)

    def give_up(self, error: Exception) -> None:
        """Say why the store is of no use, and go on without."""
        self.usable, self._pending = False, {}
        _LOG.warning("the cache %s is not used: %s", self.path, error)

    def flush(self) -> None:
        """Write what waits."""
        if (self._pending or self._again) and self._is_usable():
            try:
                self._write()
            except (sqlite3.Error, OSError) as error:
                self.give_up(error)
        self._pending, self._waiting, self._since, self._again = {}, 0, time.monotonic(), set()

    def close(self) -> None:
        """Write what waits and close the file; the next use opens it again."""
        self.flush()
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def contents(self) -> Contents:
        """Return what the file holds, nothing where there is none.

        Raises:
            OSError: it cannot be read.
        """
        if not self.path.is_file():
            return Contents(0, 0)
        try:
            count = self._open().execute("SELECT count(*) FROM entry").fetchone()[0]
        except sqlite3.Error as error:
            raise OSError(f"{self.path}: {error}") from error
        finally:
            self.close()
        return Contents(count, self.path.stat().st_size)

    def __del__(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            with suppress(sqlite3.Error):
                self._connection.close()

    def clear(self) -> None:
        """Remove the file.

        Raises:
            OSError: it cannot be removed.
        """
        self._pending, self._again = {}, set()
        self.close()
        for tail in ("", "-journal", "-wal", "-shm"):
            self.path.with_name(self.path.name + tail).unlink(missing_ok=True)

    def _warn_of_damage(self, why: object) -> None:
        if not self._damaged:
            _LOG.warning("an entry of the cache %s is damaged (%s); it is made anew", self.path, why)
        self._damaged = True

    def _is_usable(self) -> bool:
        return self.usable and self._process == os.getpid()

    def _open(self) -> sqlite3.Connection:
        """Return the connection; folder and file are made if there is none."""
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, FORMAT):
                raise OSError(f"it has format {version}, not {FORMAT}")
            for statement in _TABLES if version == 0 else ():
                self._connection.execute(statement)
        return self._connection

    def _read(self, key: bytes) -> bytes | None:
        if self._connection is None and not self.path.is_file():
            return None
        query = "SELECT used, crc, data FROM entry JOIN payload USING (key) WHERE key = ? AND length(data) <= ?"
        row = self._open().execute(query, (key, MOST_OF_ONE)).fetchone()
        if row is None:
            return None
        used, crc, data = row
        if zlib.crc32(data, zlib.crc32(key)) != crc:
            self._warn_of_damage("wrong checksum")
            return None
        if time.time() - used >= USED_AGAIN:
            self._again.add(key)
        return bytes(data)

    def _write(self) -> None:
        """Write what waits in one transaction."""
        connection, now = self._open(), int(time.time())
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._make_room(connection)
            connection.executemany("UPDATE entry SET used = ? WHERE key = ?", [(now, key) for key in self._again])
            rows = [(key, now, len(data), zlib.crc32(data, zlib.crc32(key))) for key, data in self._pending.items()]
            connection.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO payload VALUES (?, ?)", self._pending.items())
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Remove the entries that were not used for longest where the limit would be passed."""
        coming = sum(map(len, self._pending.values()))
        over = connection.execute("SELECT coalesce(sum(size), 0) FROM entry").fetchone()[0] + coming - self.most_bytes
        if over <= 0:
            return
        over += int((1.0 - ROOM) * self.most_bytes)
        gone = []
        for key, size in connection.execute("SELECT key, size FROM entry ORDER BY used, key"):
            gone.append((key,))
            over -= size
            if over <= 0:
                break
        for table in ("entry", "payload"):
            connection.executemany(f"DELETE FROM {table} WHERE key = ?", gone)


_CURRENT: ContextVar[Store | None] = ContextVar("store", default=None)


def current() -> Store | None:
    """Return the store that holds for what is made here, None if there is none."""
    return _CURRENT.get()


def folder() -> Path:
    """Return the user's folder for results: ``MINCLUB_CACHE_DIR``, else what the system gives for caches."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("minclub", appauthor=False)


@contextmanager
def caching(cache: Cache = True) -> Iterator[Store | None]:
    """Keep results in a store during a ``with`` block, and take them from there.

    Args:
        cache: a folder; True for the user's own; False for no store; None for the one that holds already, if any.
    """
    if cache is None:
        yield current()
        return
    store = None if cache is False else Store(folder() if cache is True else Path(cache))
    before = _CURRENT.set(store)
    try:
        yield store
    finally:
        _CURRENT.reset(before)
        if store is not None:
            store.close()
            _LOG.info("cache %s: %d results taken from it, %d computed", store.path, store.hits, store.misses)


def caches(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function's keyword ``cache`` say where results are kept while it runs (see ``caching``)."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with caching(kwargs.get("cache")):  # type: ignore[arg-type]
            return function(*args, **kwargs)

    return run
