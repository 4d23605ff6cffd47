"""A durable embedded backend: queues in one SQLite file, for any number of processes on one machine."""

from __future__ import annotations

import os
import sqlite3

from alligator_core.backend import Backend
from alligator_core.dsn import Dsn, one_of, seconds
from alligator_core.errors import ConfigurationError, DsnError
from alligator_core.hookspecs import hookimpl

from .backend import SqliteBackend

__all__ = ["SqliteBackend", "make_backend"]

OLDEST_SQLITE = (3, 24)
"""The first with ON CONFLICT DO NOTHING; nothing newer is used."""


@hookimpl
def make_backend(dsn: Dsn) -> Backend:
    """Build the backend of a DSN such as `sqlite:///queue.db` (relative) or `sqlite:////var/lib/app/queue.db`."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise ConfigurationError(
            f"This Python's SQLite is {sqlite3.sqlite_version}, and {str(dsn)!r} needs {wanted} or newer: "
            "use a newer Python or system library."
        )
    options = dsn.read_options(synchronous=one_of("off", "normal", "full"), busy_timeout=seconds)
    # Made absolute at once: a worker that changes its folder later (a daemon does) must keep the same file.
    return SqliteBackend(os.path.abspath(_path(dsn)), **options)


def _path(dsn: Dsn) -> str:
    path = dsn.path[1:]
    if dsn.hosts or dsn.username is not None or dsn.password is not None:
        raise DsnError(
            f"{str(dsn)!r} names a host, and sqlite is a file: write three slashes for a relative path "
            "(sqlite:///queue.db), four for an absolute one (sqlite:////var/lib/app/queue.db)."
        )
    if path in {"", ":memory:"}:
        raise DsnError(f"{str(dsn)!r} names no file: write sqlite:///queue.db, or locmem:// for queues in memory.")
    if path.endswith("/") or "\0" in path:
        raise DsnError(f"{str(dsn)!r} is not the path of a file: write sqlite:///queue.db.")
    return path
