"""How messages move between the tables. Every function works inside a transaction of its caller's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from alligator_core.backend import Message

RANK: Final = "2 * (9 - priority) + (deliveries = 1)"
"""The order in which a queue is served: by priority, and those that a worker died under (even ranks) before fresh ones."""

PROMOTED_AT_ONCE: Final = 10_000
"""Delayed messages made ready in one transaction, so that a million due at once don't block the file for seconds."""

LARGEST_BATCH: Final = 16 * 1024 * 1024
"""Bytes of bodies after which a batch ends, so that a worker isn't handed gigabytes."""

_ROWS: Final = 50
"""Rows of one INSERT: more are no faster, and older SQLites take 999 parameters."""

_LET_WAIT: Final = f"INSERT INTO ready SELECT queue, {RANK}, ifnull(due, seq), seq FROM messages WHERE "  # noqa: S608
_FIND: Final = """
SELECT seq, priority, deliveries, due, body FROM messages
WHERE queue = (SELECT no FROM queues WHERE name = ?) AND id = ?
"""
_HEAD: Final = """
SELECT ready.rank, ready.place, seq, id, body, deliveries, priority FROM ready JOIN messages USING (seq)
WHERE ready.queue = ? ORDER BY ready.rank, ready.place, seq LIMIT ?
"""
_UP_TO: Final = "FROM ready WHERE queue = ? AND (rank, place, seq) <= (?, ?, ?)"
_TAKE_READY: Final = f"""
DELETE FROM ready
WHERE (queue, rank, place, seq) = (SELECT queue, {RANK}, ifnull(due, seq), seq FROM messages WHERE seq = ?)
"""  # noqa: S608
_TAKE_DELAYED: Final = """
DELETE FROM delayed WHERE (queue, due, seq) = (SELECT queue, due, seq FROM messages WHERE seq = ?)
"""
_DELAY: Final = "INSERT INTO delayed SELECT queue, due, seq FROM messages WHERE "


HeadRow: TypeAlias = tuple[int, int, int, str, bytes, int, int]
"""rank, place, seq, id, body, deliveries, priority"""


class Row(NamedTuple):
    """A message as it is stored; `due` is in microseconds, None for one that was never delayed."""

    seq: int
    priority: int
    deliveries: int
    due: int | None
    body: bytes

    @property
    def left(self) -> float:
        """The seconds until it is due, 0 for one that isn't delayed."""
        return 0.0 if self.due is None else max(0.0, (self.due - microseconds()) / 1_000_000)


def microseconds(delay: float = 0.0) -> int:
    """Return the time that is `delay` seconds from now, in microseconds since the epoch."""
    return time.time_ns() // 1000 + int(delay * 1_000_000)


def next_seq(db: sqlite3.Connection) -> int:
    """Return a number above those of all messages."""
    (last,) = db.execute("SELECT max(seq) FROM messages").fetchone()
    return max(microseconds(), (last or 0) + 1)


def add(db: sqlite3.Connection, queue: int, messages: Sequence[Message]) -> None:
    """Insert messages, except those whose id is there already, and let them wait."""
    first = next_seq(db)
    rows = [
        (seq, queue, m.id, m.priority, microseconds(m.delay) if m.delay > 0 else None, m.body)
        for seq, m in enumerate(messages, first)
    ]
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        db.execute(_insert(len(part)), [value for row in part for value in row])
    make_ready(db, "seq >= ? AND due IS NULL", first)
    if any(m.delay > 0 for m in messages):
        db.execute(_DELAY + "seq >= ? AND due IS NOT NULL", (first,))


@lru_cache(maxsize=_ROWS)
def _insert(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)
    return f"INSERT INTO messages (seq, queue, id, priority, due, body) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608


def make_ready(db: sqlite3.Connection, which: str, *parameters: object) -> None:
    """Let the messages that meet a condition be reserved, each at its place."""
    db.execute(_LET_WAIT + which, parameters)


def wait_again(db: sqlite3.Connection, seq: int, delay: float) -> None:
    """Let a message be ready in `delay` seconds; at once, it is back at the place that it had."""
    if delay > 0:
        db.execute("UPDATE messages SET due = ? WHERE seq = ?", (microseconds(delay), seq))
        db.execute(_DELAY + "seq = ?", (seq,))
    else:
        make_ready(db, "seq = ?", seq)


def promote(db: sqlite3.Connection, queue: int) -> None:
    """Make delayed messages ready that are due."""
    due = "SELECT due FROM delayed WHERE queue = ? AND due <= ? ORDER BY due LIMIT ?"
    parameters = (queue, microseconds(), PROMOTED_AT_ONCE)
    (until,) = db.execute(f"SELECT max(due) FROM ({due})", parameters).fetchone()  # noqa: S608
    if until is not None:
        make_ready(db, "seq IN (SELECT seq FROM delayed WHERE queue = ? AND due <= ?)", queue, until)
        db.execute("DELETE FROM delayed WHERE queue = ? AND due <= ?", (queue, until))


def take(db: sqlite3.Connection, queue: int, consumer: int, limit: int, *, first: bool) -> tuple[list[HeadRow], bool]:
    """Let a consumer hold the head of a queue, and say whether the queue is empty then.

    One that a worker died under is taken only as the `first` of a batch, and alone.
    """
    promote(db, queue)
    rows, is_all = _head(db, queue, limit, first=first)
    if rows:
        up_to = (queue, *rows[-1][:3])
        db.execute(f"INSERT INTO held SELECT ?, seq {_UP_TO}", (consumer, *up_to))
        db.execute(f"DELETE {_UP_TO}", up_to)
    return rows, is_all


def _head(db: sqlite3.Connection, queue: int, limit: int, *, first: bool) -> tuple[list[HeadRow], bool]:
    rows: list[HeadRow] = []
    size = 0
    for row in db.execute(_HEAD, (queue, limit)):
        redelivered = row[5] > 1
        if redelivered and (rows or not first):
            return rows, False
        rows.append(row)
        size += len(row[4])
        if redelivered or size >= LARGEST_BATCH:
            return rows, False
    return rows, len(rows) < limit


def find(db: sqlite3.Connection, queue: str, id: str) -> Row | None:
    """Return the message of an id, wherever it stands."""
    row = db.execute(_FIND, (queue, id)).fetchone()
    return Row(*row) if row else None


def take_off(db: sqlite3.Connection, row: Row) -> bool:
    """Take a message from those that wait, delayed or not. False if it doesn't wait."""
    from_ready = db.execute(_TAKE_READY, (row.seq,)).rowcount
    return from_ready > 0 or db.execute(_TAKE_DELAYED, (row.seq,)).rowcount > 0


def purge(db: sqlite3.Connection, queue: int) -> int:
    """Remove all messages that wait, and return how many."""
    for state in ("ready", "delayed"):
        db.execute(f"DELETE FROM messages WHERE seq IN (SELECT seq FROM {state} WHERE queue = ?)", (queue,))  # noqa: S608
    return sum(db.execute(f"DELETE FROM {state} WHERE queue = ?", (queue,)).rowcount for state in ("ready", "delayed"))  # noqa: S608


def replace(db: sqlite3.Connection, seq: int, message: Message) -> None:
    """Swap a message that is held no more for another one, which waits as if it were pushed now."""
    sql = "UPDATE messages SET body = ?, priority = ?, deliveries = 1, due = ? WHERE seq = ?"
    db.execute(sql, (message.body, message.priority, microseconds(), seq))
    wait_again(db, seq, message.delay)


def reap(db: sqlite3.Connection, living: int | None) -> bool:
    """Hand back what consumers held whose lease ran out, except the living one. Says whether there were any."""
    expired = db.execute(
        "SELECT no FROM consumers WHERE expires <= ? AND no IS NOT ?", (time.time(), living)
    ).fetchall()
    for (no,) in expired:
        give_back(db, no, died=True)
    return bool(expired)


def give_back(db: sqlite3.Connection, consumer: int, *, died: bool) -> None:
    """End a consumer: what it held is ready again, and counted if it died under it."""
    held = "seq IN (SELECT seq FROM held WHERE consumer = ?)"
    if died:
        db.execute(f"UPDATE messages SET deliveries = deliveries + 1 WHERE {held}", (consumer,))  # noqa: S608
    make_ready(db, held, consumer)
    db.execute("DELETE FROM held WHERE consumer = ?", (consumer,))
    db.execute("DELETE FROM consumers WHERE no = ?", (consumer,))
