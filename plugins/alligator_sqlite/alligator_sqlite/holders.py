"""Who holds messages, by the names of their processes. Every function works inside a transaction of its caller's."""

# ruff: noqa: S608  (only placeholders are put into these statements)

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

_ON: Final = "FROM messages JOIN queues ON queues.no = queue WHERE messages.seq = held.seq AND name IN ({})"
_HOLDERS: Final = f"""
SELECT DISTINCT holder FROM consumers WHERE holder != ''
AND EXISTS (SELECT 1 FROM held WHERE consumer = consumers.no AND EXISTS (SELECT 1 {_ON}))
"""
_KEEP_ALIVE: Final = "UPDATE consumers SET expires = max(expires, ?) WHERE holder = ? AND holder != ''"
_HELD: Final = """
SELECT name, id, body, deliveries, priority, seq FROM held JOIN messages USING (seq) JOIN queues ON queues.no = queue
WHERE consumer = ? AND name IN ({}) ORDER BY seq
"""
_MOVE: Final = f"UPDATE held SET consumer = ? WHERE consumer = ? AND EXISTS (SELECT 1 {_ON})"


def names(db: sqlite3.Connection, queues: Sequence[str]) -> list[str]:
    """Return the holders that hold messages of some queues."""
    return [holder for (holder,) in db.execute(_HOLDERS.format(_places(queues)), tuple(queues))]


def keep_alive(db: sqlite3.Connection, holder: str, expires: float) -> None:
    """Extend the leases of a holder's consumers."""
    db.execute(_KEEP_ALIVE, (expires, holder))


def take_over(db: sqlite3.Connection, holder: str, taker: int, queues: Sequence[str]) -> list[tuple[Any, ...]]:
    """Let a consumer hold what the others of a holder hold of some queues, and end those.

    Returns rows of queue, id, body, deliveries, priority, seq.
    """
    others = db.execute(
        "SELECT no FROM consumers WHERE holder = ? AND holder != '' AND no != ?", (holder, taker)
    ).fetchall()
    taken: list[tuple[Any, ...]] = []
    for (other,) in others:
        taken += db.execute(_HELD.format(_places(queues)), (other, *queues))
        db.execute(_MOVE.format(_places(queues)), (taker, other, *queues))
        _end(db, other)
    return taken


def _end(db: sqlite3.Connection, consumer: int) -> None:
    """End a consumer; what it holds of other queues stays held, under a number that nobody settles by."""
    if db.execute("SELECT 1 FROM held WHERE consumer = ?", (consumer,)).fetchone():
        heir = db.execute(
            "INSERT INTO consumers (expires, holder) SELECT expires, holder FROM consumers WHERE no = ?", (consumer,)
        ).lastrowid
        db.execute("UPDATE held SET consumer = ? WHERE consumer = ?", (heir, consumer))
    db.execute("DELETE FROM consumers WHERE no = ?", (consumer,))


def _places(queues: Sequence[str]) -> str:
    return ", ".join("?" * len(queues))
