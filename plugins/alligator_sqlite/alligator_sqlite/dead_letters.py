"""The dead letters. Every function works inside a transaction of its caller's."""

# ruff: noqa: S608  (only constants are put into these statements)

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator
from typing import Any, Final

from alligator_core.backend import DeadLetter

from . import store

_BURY: Final = """
INSERT OR REPLACE INTO dead (queue, id, priority, deliveries, reason, buried_at, body)
SELECT queue, id, priority, deliveries, ?, ?, ifnull(?, body) FROM messages WHERE seq = ?
"""
_LIST: Final = "SELECT no, id, body, reason, deliveries, buried_at FROM dead WHERE {} ORDER BY no DESC LIMIT ? OFFSET ?"
_REQUEUE: Final = """
INSERT INTO messages (seq, queue, id, priority, body)
SELECT ? + no, queue, id, priority, body FROM dead WHERE {} ON CONFLICT DO NOTHING
"""


def bury(db: sqlite3.Connection, seq: int, reason: str, body: bytes | None) -> None:
    """Move a message here; `body`, where given, replaces its own."""
    db.execute(_BURY, (reason, time.time(), body, seq))
    db.execute("DELETE FROM messages WHERE seq = ?", (seq,))


def listed(
    db: sqlite3.Connection, queue: int, ids: Collection[str] | None, limit: int, offset: int
) -> list[DeadLetter]:
    """Return dead letters, the latest first."""
    if ids is None:
        rows = db.execute(_LIST.format("queue = ?"), (queue, limit, offset)).fetchall()
    else:
        found = [row for which, values in _each(queue, ids) for row in db.execute(_LIST.format(which), (*values, 1, 0))]
        rows = sorted(found, reverse=True)[offset : offset + limit]
    return [DeadLetter(*row[1:]) for row in rows]


def requeue(db: sqlite3.Connection, queue: int, ids: Collection[str] | None) -> list[str]:
    """Make dead letters messages again, except where the id is taken, and return the ids moved."""
    first = store.next_seq(db)
    for which, values in _each(queue, ids):
        db.execute(_REQUEUE.format(which), (first, *values))
    store.make_ready(db, "seq >= ?", first)
    moved = [id for (id,) in db.execute("SELECT id FROM messages WHERE seq >= ?", (first,))]
    purge(db, queue, moved)
    return moved


def purge(db: sqlite3.Connection, queue: int, ids: Collection[str] | None) -> int:
    """Remove dead letters, and return how many."""
    each = _each(queue, ids)
    return sum(db.execute(f"DELETE FROM dead WHERE {which}", values).rowcount for which, values in each)


def _each(queue: int, ids: Collection[str] | None) -> Iterator[tuple[str, tuple[Any, ...]]]:
    # One statement per id: they may hold what a list in JSON would lose, such as a NUL.
    if ids is None:
        yield "queue = ?", (queue,)
    for id in ids or ():
        yield "queue = ? AND id = ?", (queue, id)
