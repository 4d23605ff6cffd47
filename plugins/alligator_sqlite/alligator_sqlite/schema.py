"""The tables, and the version of them that a file says it has.

A message is one row of `messages` from its push to its end. Where it stands is said by exactly one row elsewhere, in
`ready`, `delayed` or `held`: narrow tables, so that reserving and giving back never rewrite a body.
"""

# ruff: noqa: S608  (only constants are put into these statements)

from __future__ import annotations

import sqlite3
from typing import Final

from alligator_core.errors import BackendError

APPLICATION_ID: Final = int.from_bytes(b"Algt", "big")
VERSION: Final = 2

PAGE_SIZE: Final = 2048
"""Bytes. A push changes three pages, and each is written whole: half of SQLite's default is a quarter faster."""

RANK: Final = "2 * (9 - priority) + (deliveries = 1)"
"""The order in which a queue is served: by priority, then what a worker died under (even ranks) before the rest."""

TABLES: Final = (
    "CREATE TABLE queues (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # seq: when it was pushed, in microseconds of the clock, but always above all others there are; so it is the
    # order of pushing even if the clock is set back. due: when a delayed message is or was due, NULL for others.
    """CREATE TABLE messages (seq INTEGER PRIMARY KEY, queue INTEGER NOT NULL, id TEXT NOT NULL,
        priority INTEGER NOT NULL, deliveries INTEGER NOT NULL DEFAULT 1, due INTEGER, body BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX messages_id ON messages (queue, id)",
    # place: the message's due, or else its seq.
    """CREATE TABLE ready (queue INTEGER, rank INTEGER, place INTEGER, seq INTEGER,
        PRIMARY KEY (queue, rank, place, seq)) WITHOUT ROWID""",
    """CREATE TABLE delayed (queue INTEGER, due INTEGER, seq INTEGER,
        PRIMARY KEY (queue, due, seq)) WITHOUT ROWID""",
    # A consumer's number is never used again: one that was declared dead can't be mistaken for a living one.
    # holder: the name of the process that it is for, empty if nobody gave one.
    """CREATE TABLE consumers (no INTEGER PRIMARY KEY AUTOINCREMENT, expires REAL NOT NULL,
        holder TEXT NOT NULL DEFAULT '')""",
    "CREATE TABLE held (consumer INTEGER, seq INTEGER, PRIMARY KEY (consumer, seq)) WITHOUT ROWID",
    # Messages that whoever holds them is asked to stop working on.
    "CREATE TABLE stops (seq INTEGER PRIMARY KEY)",
    """CREATE TABLE dead (no INTEGER PRIMARY KEY, queue INTEGER NOT NULL, id TEXT NOT NULL, priority INTEGER NOT NULL,
        deliveries INTEGER NOT NULL, reason TEXT NOT NULL, buried_at REAL NOT NULL, body BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX dead_id ON dead (queue, id)",
    "CREATE INDEX dead_queue ON dead (queue)",
    # A push of one message is an INSERT into this view: a single statement is a quarter cheaper than a transaction.
    "CREATE VIEW pushed AS SELECT seq, queue, id, priority, body FROM messages",
    f"""CREATE TRIGGER push INSTEAD OF INSERT ON pushed BEGIN
        INSERT INTO messages (seq, queue, id, priority, body)
        VALUES (max(new.seq, (SELECT ifnull(max(seq), 0) + 1 FROM messages)), new.queue, new.id, new.priority, new.body)
        ON CONFLICT DO NOTHING;
        INSERT INTO ready SELECT queue, {RANK}, seq, seq FROM messages
        WHERE changes() = 1 AND seq = last_insert_rowid(); END""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)


def prepare(connection: sqlite3.Connection, path: str) -> None:
    """Create the tables in an empty file. Raises BackendError, before anything is changed, for a file of others."""
    is_new = _is_empty(connection, path)
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")  # of a file that has pages already, it changes nothing
    journal = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if journal != "wal":
        raise BackendError(f"{path!r} can't be shared by processes (its journal is {journal!r}): use a local disk.")
    if is_new:
        _create(connection, path)


def _create(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if _is_empty(connection, path):  # else another process was faster
        for statement in TABLES:
            connection.execute(statement)
    connection.execute("COMMIT")


def _is_empty(connection: sqlite3.Connection, path: str) -> bool:
    application, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
        " FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if application == APPLICATION_ID and version == VERSION:
        return False
    if application == APPLICATION_ID:
        remedy = "upgrade alligator-sqlite" if version > VERSION else "let an older alligator-sqlite run what is in it"
        raise BackendError(
            f"{path!r} has the format {version}, and this alligator-sqlite knows {VERSION}: "
            f"{remedy}, or name another file."
        )
    if application or version or tables:
        raise BackendError(f"{path!r} is a database of another application: name another file.")
    return True
