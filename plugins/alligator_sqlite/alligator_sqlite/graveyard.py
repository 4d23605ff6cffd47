"""The dead letters. Every function works inside a transaction of its caller's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from itertools import chain
from typing import Final

from alligator_core.backend import DeadLetter

from . import store

_BURY: Final = """
INSERT OR REPLACE INTO dead (queue, id, priority, deliveries, reason, buried_at, body)
SELECT queue, id, priority, deliveries, ?, ?, ifnull(?, body) FROM messages WHERE seq = ?
"""
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
    sql = "SELECT no, id, body, reason, deliveries, buried_at FROM dead WHERE {} ORDER BY no DESC LIMIT ? OFFSET ?"
    if ids is None:
        found = db.execute(sql.format("queue = ?"), (queue, limit, offset)).fetchall()
    else:
        each = (db.execute(sql.format("queue = ? AND id = ?"), (queue, id, 1, 0)).fetchall() for id in set(ids))
        found = sorted(chain.from_iterable(each), reverse=True)[offset : offset + limit]
    return [DeadLetter(*row[1:]) for row in found]


def requeue(db: sqlite3.Connection, queue: int, ids: Collection[str] | None) -> list[str]:
    """Make dead letters messages again, except where the id is taken, and return the ids moved."""
    first = store.next_seq(db)
    for which, parameters in _each(queue, ids):
        db.execute(_REQUEUE.format(which), (first, *parameters))
    store.make_ready(db, "seq >= ?", first)
    moved = "SELECT id FROM messages WHERE seq >= ?"
    db.execute(f"DELETE FROM dead WHERE queue = ? AND id IN ({moved})", (queue, first))  # noqa: S608
    return [id for (id,) in db.execute(moved, (first,))]


def purge(db: sqlite3.Connection, queue: int, ids: Collection[str] | None) -> int:
    """Remove dead letters, and return how many."""
    return sum(
        db.execute(f"DELETE FROM dead WHERE {which}", parameters).rowcount for which, parameters in _each(queue, ids)
    )  # noqa: S608


def _each(queue: int, ids: Collection[str] | None) -> list[tuple[str, tuple[object, ...]]]:
    # One statement per id: they are few, and may hold whatever JSON and LIKE trip over.
    if ids is None:
        return [("queue = ?", (queue,))]
    return [("queue = ? AND id = ?", (queue, id)) for id in ids]
