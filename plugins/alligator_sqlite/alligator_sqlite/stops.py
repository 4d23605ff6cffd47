"""Requests to stop working on a message. Every function works inside a transaction of its caller's."""

from __future__ import annotations

import sqlite3
from typing import Final

HELD: Final = "SELECT id, seq FROM stops JOIN held USING (seq) JOIN messages USING (seq) WHERE consumer = ?"
"""The requests for what a consumer holds: id and seq."""

# Looked up from the side of the requests, of which there are hardly ever any: so it costs a settle nothing.
_FORGET: Final = "DELETE FROM stops WHERE NOT EXISTS (SELECT 1 FROM messages WHERE messages.seq = stops.seq)"


def add(db: sqlite3.Connection, seq: int) -> bool:
    """Note a request for a message; false if nobody holds it."""
    if db.execute("SELECT 1 FROM held WHERE seq = ?", (seq,)).fetchone() is None:
        return False
    db.execute("INSERT OR IGNORE INTO stops VALUES (?)", (seq,))
    return True


def take(db: sqlite3.Connection, consumer: int | None) -> list[str]:
    """Return the ids of what a consumer holds and is to stop, and forget the requests."""
    rows = db.execute(HELD, (consumer,)).fetchall()
    db.executemany("DELETE FROM stops WHERE seq = ?", [(seq,) for _, seq in rows])
    return [id for id, _ in rows]


def forget_ended(db: sqlite3.Connection) -> None:
    """Forget the requests for messages that are gone. Their seq may be used again, if the clock is set back."""
    db.execute(_FORGET)
