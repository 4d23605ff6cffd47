"""The connections of a backend: made when one is needed, used again, and never shared with a forked child."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import psycopg

from alligator_core.errors import BackendUnavailable

from . import schema
from .failures import code_of, explained, is_lost, is_passing, without_secrets
from .link import Link, Patient, Row, Statement
from .settings import Settings

T = TypeVar("T")

_INHERITED: Final[list[Link]] = []
"""What a parent process had open: kept, so that nobody closes it from here."""
_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()


class Pool:
    """Connections to one database. Everything that may fail comes out of here as an error of ours."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Final = settings
        self.tables: Final = schema.Tables(settings.schema)
        self._start()
        _POOLS.add(self)

    def _start(self) -> None:
        self._idle: list[Link] = []
        self._slots = threading.BoundedSemaphore(self.settings.max_connections)
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[Link] = weakref.WeakSet()
        self._is_ready = False

    def after_fork(self) -> None:
        """Begin anew in a child, where locks may be held by threads that aren't there."""
        _INHERITED.extend(self._open)
        self._start()

    def run(self, *statements: Statement, repeat: bool = False) -> list[list[Row]]:
        """Run statements in one transaction on any connection. `repeat`: once more if the connection fails."""

        def once() -> list[list[Row]]:
            with self._borrowed() as link:
                return self.guarded(link, lambda: link.run(*statements))

        return self.repeated(once) if repeat else once()

    def repeated(self, call: Callable[[], T]) -> T:
        """Do what may be done twice; once more on another connection if it failed for a reason that goes by."""
        try:
            return call()
        except BackendUnavailable:
            return call()

    def guarded(self, link: Link, call: Callable[[], T]) -> T:
        """Do something with a connection. Raises BackendError, and leaves no connection open of unknown state."""
        try:
            return call()
        except (psycopg.Error, OSError) as exc:
            failed = exc
        except BaseException:
            link.close()
            raise
        broken = link.is_broken or is_lost(failed, broken=False)
        if broken or not is_passing(failed):
            link.close()
        if code_of(failed) in ("42P01", "3F000"):
            self._is_ready = False  # somebody removed the tables: they are made anew
        raise explained(failed, self.settings.shown, sent=True, broken=broken) from without_secrets(failed)

    def connect(self) -> Link:
        """Return a connection of its own for whoever asks, in a database that has the tables."""
        link = self._connect()
        if not self._is_ready:
            self.guarded(link, lambda: schema.make(link, self.settings, self.tables))
            self._is_ready = True
        return link

    def make_ready(self) -> None:
        """Make sure that the tables are there."""
        if not self._is_ready:
            with self._borrowed():
                pass

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for link in idle:
            link.close()

    def _connect(self) -> Link:
        settings = self.settings
        try:
            connection = Patient.connect(autocommit=True, **settings.parameters)
        except (psycopg.Error, OSError) as exc:
            failed = exc
        else:
            return self._prepared(connection)
        raise explained(failed, settings.shown, sent=False) from without_secrets(failed)

    def _prepared(self, connection: Patient) -> Link:
        settings = self.settings
        connection.patience = settings.timeout
        link = Link(connection)
        with self._lock:
            self._open.add(link)
        self.guarded(link, lambda: schema.prepare(link, settings))
        return link

    @contextmanager
    def _borrowed(self) -> Iterator[Link]:
        if not self._slots.acquire(timeout=self.settings.timeout):
            raise BackendUnavailable(
                f"{self.settings.shown}: all {self.settings.max_connections} connections are busy: "
                "raise max_connections= in the DSN."
            )
        slots, pid = self._slots, os.getpid()
        try:
            link = self._idle_one() or self.connect()
            try:
                yield link
            finally:
                if pid == os.getpid():
                    self._give_back(link)
        finally:
            slots.release()

    def _idle_one(self) -> Link | None:
        while True:
            with self._lock:
                if not self._idle or not self._is_ready:
                    return None
                link = self._idle.pop()
            if not link.is_stale():
                return link
            link.close()

    def _give_back(self, link: Link) -> None:
        if not link.is_broken:
            with self._lock:
                self._idle.append(link)


def _after_fork() -> None:
    for pool in list(_POOLS):
        pool.after_fork()


os.register_at_fork(after_in_child=_after_fork)
