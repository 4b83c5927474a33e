"""One SQLite file that threads and processes share, and the key-value store kept in one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..schemas.errors import ConfigError, StepwellError

T = TypeVar("T")

MEMORY = ":memory:"
"""A path that means no file: the data lives and dies with the connection, and a forked child gets a copy."""
WAIT_SECONDS = 60.0
"""How long a writer waits for another process to be done."""
_AT_ONCE = 500
"""Parameters of one statement: SQLite's own limit was 999 until version 3.32."""


class Database:
    """A connection that is opened when first used and serves all threads of the process, one at a time; a forked
    child opens its own. Writes of several processes queue up. `schema` is run once, when it is opened.

    Raises ConfigError when the file cannot be opened or is no database, StepwellError when SQLite fails later on.
    """

    def __init__(self, path: str | Path, schema: str) -> None:
        self.path = str(path)
        self._schema = schema
        self._lock = threading.RLock()
        self._pid = 0
        self._connection: Any = None

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._using() as connection:
            rows: list[tuple[Any, ...]] = connection.execute(query, parameters).fetchall()
            return rows

    def read_many(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """`query` holds one `{}`, which becomes a list of placeholders; run as often as there are values for."""
        rows = []
        for start in range(0, len(values), _AT_ONCE):
            some = values[start : start + _AT_ONCE]
            rows += self.read(query.format(",".join("?" * len(some))), some)
        return rows

    def write(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run `query` once for each row, all or none."""
        self.change(lambda connection: connection.executemany(query, rows))

    def change(self, work: Callable[[Any], T]) -> T:
        """Do several things as one transaction, which no other process's comes between."""
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
            return result

    def close(self) -> None:
        """Close the file. A later use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            # A forked child must leave its parent's connection alone: closing it would drop the parent's locks.
            if connection is not None and self._pid == os.getpid():
                connection.close()

    def __del__(self) -> None:
        self.close()

    @contextmanager
    def _using(self) -> Iterator[Any]:
        import sqlite3  # heavy: only when a file is used

        with self._lock:
            if self._connection is None or (self._pid != os.getpid() and self.path != MEMORY):
                if self._connection is not None:
                    _ORPHANS.append(self._connection)
                self._connection, self._pid = self._connect(sqlite3), os.getpid()
            try:
                yield self._connection
            except sqlite3.Error as error:
                hint = "is there space left, and may the file be written?"
                raise StepwellError(f"the database {self.path} failed: {error}", hint=hint) from error

    def _connect(self, sqlite3: Any) -> Any:
        try:
            if self.path != MEMORY:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                # Readers then never wait for a writer. A file system without shared memory quietly keeps its own mode.
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.executescript(self._schema)
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"the database {self.path} cannot be used: {error}",
                hint="name a file that may be written, or a new one",
            ) from None
        return connection


# Connections that a fork left behind. Let go, they would be closed by the child; see Database.close.
_ORPHANS: list[Any] = []


class SQLiteStore:
    """Keys and bytes in one SQLite file, safe across threads and processes.

    `max_bytes` bounds the values' sum (None: no bound): what was written first goes first.
    """

    def __init__(self, path: str | Path, *, max_bytes: int | None = None) -> None:
        self._max = max_bytes
        self._database = Database(
            path, "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL)"
        )

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The values of the keys that are there."""
        return dict(self._database.read_many("SELECT key, value FROM entries WHERE key IN ({})", keys))

    def set_many(self, items: Mapping[str, bytes]) -> None:
        def work(connection: Any) -> None:
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", items.items())
            if self._max is not None:
                connection.execute(_FORGET, (self._max,))

        self._database.change(work)

    def close(self) -> None:
        self._database.close()


# The newest entries whose sizes add up to the bound stay.
_FORGET = """
DELETE FROM entries WHERE rowid IN (
    SELECT rowid FROM (SELECT rowid, SUM(LENGTH(value)) OVER (ORDER BY rowid DESC) AS size FROM entries) WHERE size > ?
)
"""
