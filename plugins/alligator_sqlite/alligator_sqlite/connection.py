"""One SQLite file, and a connection to it that threads may share."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, TypeVar

from alligator_core.errors import BackendError

from . import failures, forks, schema

T = TypeVar("T")

LOG_SIZE: Final = 16 * 1024 * 1024
"""Bytes of the write-ahead log after which the disk is synced, its pages go into the file, and it starts anew."""

LOG_LIMIT: Final = LOG_SIZE * 5 // 4
"""Bytes of the log at which it is made to start anew, if everyone must wait for a moment."""

LOG_CHECKED_EVERY: Final = 64
"""Transactions of a connection between two looks at the size of the log."""

PRAGMAS: Final = (
    "PRAGMA cache_size = -8000",
    # Without it, SQLite as Debian builds it overwrites what is deleted with zeros, and writes those pages too.
    "PRAGMA secure_delete = OFF",
    f"PRAGMA wal_autocheckpoint = {LOG_SIZE // schema.PAGE_SIZE}",
    f"PRAGMA journal_size_limit = {LOG_SIZE}",
)


class Database:
    """A file and one connection, opened when first needed and again after `close`.

    As a context manager it is a write transaction: alone in the file, committed at the end or else undone. Errors of
    SQLite come out as BackendError.
    """

    def __init__(self, path: str, *, synchronous: str = "normal", busy_timeout: float = 30.0) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.forks = 0
        """How many forks lie between this process and the one that made it."""
        self.numbers: dict[str, int] = {}
        """The numbers of queues, as far as they are known."""
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._opened = 0
        self._count = 0
        forks.watch(self)

    def sibling(self) -> Database:
        """Return another connection to the same file, with the same options."""
        return Database(self.path, synchronous=self._synchronous, busy_timeout=self._busy_timeout)

    def __enter__(self) -> sqlite3.Connection:
        self.lock.acquire()
        try:
            return self._patiently(self._begun)
        except BaseException as exc:
            self.__exit__(type(exc), exc, None)
            raise

    def __exit__(self, kind: object, exc: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if exc is None:
                self._connected().execute("COMMIT")
                self._limit_log()
        except sqlite3.Error as error:
            exc = error
        try:
            if exc is not None:
                self._undo(exc)
        finally:
            self.lock.release()
        if isinstance(exc, sqlite3.Error):
            raise failures.explained(exc, self.path) from exc

    def run(self, sql: str, *parameters: object) -> list[Any]:
        """Run one statement, alone in its transaction, and return its rows."""
        with self.lock:
            try:
                rows = self._patiently(lambda: self._connected().execute(sql, parameters).fetchall())
                self._limit_log()
                return rows
            except sqlite3.Error as exc:
                self._undo(exc)
                raise failures.explained(exc, self.path) from exc

    def number(self, name: str) -> int:
        """Return the number of a queue, given one if it has none yet. Only inside a transaction."""
        if name not in self.numbers:
            db = self._connected()
            db.execute("INSERT INTO queues (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            self.numbers[name] = db.execute("SELECT no FROM queues WHERE name = ?", (name,)).fetchone()[0]
        return self.numbers[name]

    def version(self) -> tuple[int, int]:
        """Return a value that changes when another connection has changed the file."""
        ((changes,),) = self.run("PRAGMA data_version")
        return self._opened, changes

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self.lock:
            connection, self._connection = self._connection, None
            self.numbers.clear()
            if connection is not None:
                connection.close()

    def become_child(self) -> None:
        """Start anew in a forked child, where only the forking thread lives on."""
        self.lock = threading.RLock()
        self.forks += 1
        # There is one if whoever forked told Python afterwards only. Not closed: that would harm the parent.
        self._inherited, self._connection = self._connection, None

    def __del__(self) -> None:
        if getattr(self, "_connection", None):
            self.close()

    def _begun(self) -> sqlite3.Connection:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        return connection

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._inherited is not None:
                raise BackendError(
                    f"{self.path!r} was open while this process was forked by other means than os.fork: "
                    "close the Gator before the fork, or make it after."
                )
            self._connection = self._open()
            self._opened += 1
        return self._connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            schema.prepare(connection, self.path)
            for pragma in (f"PRAGMA synchronous = {self._synchronous}", *PRAGMAS):
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    def _patiently(self, run: Callable[[], T]) -> T:
        # SQLite's own patience waits up to 100 ms between two tries, in lockstep with the other waiters.
        deadline = 0.0
        while True:
            try:
                return run()
            except sqlite3.Error as exc:
                deadline = deadline or time.monotonic() + self._busy_timeout
                if not failures.is_busy(exc) or time.monotonic() >= deadline:
                    raise
            time.sleep(random.uniform(0.0002, 0.004))  # noqa: S311

    def _limit_log(self) -> None:
        # SQLite starts the log anew by itself only when nobody else is at work just then. Under load that may never
        # be, and each commit syncs the disk in vain.
        self._count += 1
        if self._count % LOG_CHECKED_EVERY:
            return
        with suppress(OSError, sqlite3.Error):  # the transaction is over, and was not at fault
            if os.path.getsize(f"{self.path}-wal") > LOG_LIMIT:
                self._restart_log(self._connected())

    def _restart_log(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA busy_timeout = 100").fetchall()
        deadline = time.monotonic() + 0.1
        while db.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] and time.monotonic() < deadline:
            time.sleep(0.001)
        db.execute("PRAGMA busy_timeout = 0").fetchall()

    def _undo(self, exc: BaseException) -> None:
        self.numbers.clear()
        if isinstance(exc, sqlite3.Error):
            self.close()  # that undoes all, and the next one finds out what is in the file now
        elif self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
