"""How messages move between the tables. Every function works inside a transaction of its caller's."""

# ruff: noqa: S608  (only constants are put into these statements)

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from alligator_core.backend import Message

from .schema import RANK

AT_ONCE: Final = 10_000
"""Messages that one transaction promotes or purges, so that a million of them don't block the file for seconds."""

LARGEST_BATCH: Final = 16 * 1024 * 1024
"""Bytes of bodies after which a batch ends, so that a worker isn't handed gigabytes."""

_ROWS: Final = 50
"""Rows of one INSERT: more are no faster, and older SQLites take 999 parameters."""

_MAKE_READY: Final = f"INSERT INTO ready SELECT queue, {RANK}, ifnull(due, seq), seq FROM messages WHERE "
_DELAY: Final = "INSERT INTO delayed SELECT queue, due, seq FROM messages WHERE "
_HEAD: Final = """
SELECT ready.rank, ready.place, seq, id, body, deliveries, priority FROM ready JOIN messages USING (seq)
WHERE ready.queue = ? ORDER BY ready.rank, ready.place, seq LIMIT ?
"""
_UP_TO: Final = "FROM ready WHERE queue = ? AND (rank, place, seq) <= (?, ?, ?)"
_NO_LONGER_READY: Final = f"""
DELETE FROM ready
WHERE (queue, rank, place, seq) = (SELECT queue, {RANK}, ifnull(due, seq), seq FROM messages WHERE seq = ?)
"""
_NO_LONGER_DELAYED: Final = """
DELETE FROM delayed WHERE (queue, due, seq) = (SELECT queue, due, seq FROM messages WHERE seq = ?)
"""


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
        return max(0.0, ((self.due or 0) - microseconds()) / 1_000_000)


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
    db.execute(_DELAY + "seq >= ? AND due IS NOT NULL", (first,))


@lru_cache(maxsize=_ROWS)
def _insert(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)
    return f"INSERT INTO messages (seq, queue, id, priority, due, body) VALUES {values} ON CONFLICT DO NOTHING"


def make_ready(db: sqlite3.Connection, which: str, *parameters: object) -> None:
    """Let the messages that meet a condition be reserved, each at its place."""
    db.execute(_MAKE_READY + which, parameters)


def promote(db: sqlite3.Connection, queue: int) -> None:
    """Make delayed messages ready that are due."""
    due = "SELECT due FROM delayed WHERE queue = ? AND due <= ? ORDER BY due LIMIT ?"
    values = (queue, microseconds(), AT_ONCE)
    (until,) = db.execute(f"SELECT max(due) FROM ({due})", values).fetchone()
    if until is not None:
        make_ready(db, "seq IN (SELECT seq FROM delayed WHERE queue = ? AND due <= ?)", queue, until)
        db.execute("DELETE FROM delayed WHERE queue = ? AND due <= ?", (queue, until))


def take(
    db: sqlite3.Connection, queue: int, consumer: int, limit: int, *, alone: bool
) -> tuple[list[tuple[Any, ...]], bool]:
    """Let a consumer hold the head of a queue: rank, place, seq, id, body, deliveries, priority.

    What a worker died under is taken only if the consumer has nothing else (`alone`), and nothing with it.
    The second value says whether the queue is empty now, and the next one may be served.
    """
    promote(db, queue)
    rows, is_empty = _head(db, queue, limit, alone=alone)
    if rows:
        up_to = (queue, *rows[-1][:3])
        db.execute(f"INSERT INTO held SELECT ?, seq {_UP_TO}", (consumer, *up_to))
        db.execute(f"DELETE {_UP_TO}", up_to)
    return rows, is_empty


def _head(db: sqlite3.Connection, queue: int, limit: int, *, alone: bool) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in db.execute(_HEAD, (queue, limit)):
        is_redelivered = row[5] > 1
        if is_redelivered and (rows or not alone):
            return rows, False
        rows.append(row)
        size += len(row[4])
        if is_redelivered or size >= LARGEST_BATCH:
            return rows, False
    return rows, len(rows) < limit


def find(db: sqlite3.Connection, queue: int, id: str) -> Row | None:
    """Return the message of an id, wherever it stands."""
    sql = "SELECT seq, priority, deliveries, due, body FROM messages WHERE queue = ? AND id = ?"
    row = db.execute(sql, (queue, id)).fetchone()
    return Row(*row) if row else None


def take_one(db: sqlite3.Connection, queue: int, consumer: int, id: str) -> Row | None:
    """Let a consumer hold the message of an id, if it waits; before it is due, it counts as due now."""
    row = find(db, queue, id)
    if row is None or not take_off(db, row.seq):
        return None
    db.execute("UPDATE messages SET due = ? WHERE seq = ? AND due > ?", (microseconds(), row.seq, microseconds()))
    db.execute("INSERT INTO held VALUES (?, ?)", (consumer, row.seq))
    return row


def take_off(db: sqlite3.Connection, seq: int) -> bool:
    """Take a message from those that wait, delayed or not. False if it doesn't wait."""
    return any(db.execute(sql, (seq,)).rowcount for sql in (_NO_LONGER_READY, _NO_LONGER_DELAYED))


def purge(db: sqlite3.Connection, queue: int, before: int) -> int:
    """Remove some of the messages that wait and have a seq `before` that; return how many, 0 if there are none."""
    removed = 0
    for state, key in (("ready", "queue, rank, place, seq"), ("delayed", "queue, due, seq")):
        sql = f"SELECT {key} FROM {state} WHERE queue = ? AND seq < ? LIMIT ?"
        rows = db.execute(sql, (queue, before, AT_ONCE)).fetchall()
        db.executemany("DELETE FROM messages WHERE seq = ?", [row[-1:] for row in rows])
        db.executemany(f"DELETE FROM {state} WHERE ({key}) = ({', '.join('?' * len(key.split()))})", rows)
        removed += len(rows)
    return removed


def release(db: sqlite3.Connection, seq: int, delay: float) -> None:
    """Let a message wait again: for `delay` seconds, or ready at the place that it had."""
    if delay > 0:
        db.execute("UPDATE messages SET due = ? WHERE seq = ?", (microseconds(delay), seq))
        db.execute(_DELAY + "seq = ?", (seq,))
    else:
        make_ready(db, "seq = ?", seq)


def count_death(db: sqlite3.Connection, seq: int) -> None:
    """Note that a worker died under a message."""
    db.execute("UPDATE messages SET deliveries = deliveries + 1 WHERE seq = ?", (seq,))


def replace(db: sqlite3.Connection, seq: int, message: Message) -> None:
    """Swap a message for another one, which waits as if it were pushed now; nobody is to stop that."""
    db.execute("DELETE FROM stops WHERE seq = ?", (seq,))
    sql = "UPDATE messages SET body = ?, priority = ?, deliveries = 1, due = ? WHERE seq = ?"
    db.execute(sql, (message.body, message.priority, microseconds(), seq))
    release(db, seq, message.delay)


def let_go(db: sqlite3.Connection, consumer: int, seq: int) -> None:
    """End a consumer's hold on a message."""
    db.execute("DELETE FROM held WHERE consumer = ? AND seq = ?", (consumer, seq))


def remove(db: sqlite3.Connection, consumer: int, seqs: Sequence[int]) -> None:
    """Remove messages, all different, that a consumer holds."""
    (held,) = db.execute("SELECT count(*) FROM held WHERE consumer = ?", (consumer,)).fetchone()
    # All that it holds, as is usual, can be told without a list of them.
    is_all = held == len(seqs)
    some, parameters = ("", ()) if is_all else (" AND seq IN (SELECT value FROM json_each(?))", (json.dumps(seqs),))
    which = f"FROM held WHERE consumer = ?{some}"
    db.execute(f"DELETE FROM messages WHERE seq IN (SELECT seq {which})", (consumer, *parameters))
    db.execute(f"DELETE {which}", (consumer, *parameters))


def give_back(db: sqlite3.Connection, consumer: int, *, died: bool) -> None:
    """End a consumer: what it held is ready again, and counted if it died under it."""
    held = "seq IN (SELECT seq FROM held WHERE consumer = ?)"
    if died:
        db.execute(f"UPDATE messages SET deliveries = deliveries + 1 WHERE {held}", (consumer,))
    make_ready(db, held, consumer)
    db.execute("DELETE FROM held WHERE consumer = ?", (consumer,))
    db.execute("DELETE FROM consumers WHERE no = ?", (consumer,))
