"""Forks: no connection may be open while this process is forked.

SQLite's locks belong to the process, and the library remembers them: a child that was forked with a connection open
believes that it holds them. What it writes on any connection, its own as well, is lost without a word once the parent
closes the file. So all are closed before a fork; parent and child open them again when they need them.
See https://www.sqlite.org/howtocorrupt.html, "Carrying an open database connection across a fork()".
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Database

_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_lock = threading.RLock()


def watch(database: Database) -> None:
    """Close a database before each fork of this process, as long as it lives."""
    with _lock:
        _databases.add(database)


def _before() -> None:
    _lock.acquire()
    for database in _databases:
        database.lock.acquire()
        database.close()


def _after_in_parent() -> None:
    for database in _databases:
        database.lock.release()
    _lock.release()


def _after_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    for database in _databases:
        database.become_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
