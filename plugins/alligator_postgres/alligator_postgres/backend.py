"""The backend: what producers and operators do to the queues."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from alligator_core.backend import (
    FEATURES,
    TRANSACTIONS,
    Backend,
    Consumer,
    DeadLetter,
    Entry,
    Limits,
    Message,
    QueueSize,
)
from alligator_core.errors import OptionError, PushError

from .borrowed import Borrowed
from .consumer import PostgresConsumer
from .dead_letters import DeadLetters
from .link import Row, Statement
from .pool import Pool
from .statements import Statements, is_storable

CHUNK: Final = 32 * 1024 * 1024
"""Bytes of bodies in one statement: the server takes 1 GiB."""
PORTION: Final = 10_000
"""Messages that are removed in one step, so that no lock is held for long."""


class PostgresBackend(Backend):
    """Queues in the tables of a PostgreSQL schema."""

    name = "postgres"
    features = frozenset(FEATURES)
    limits = Limits()

    def __init__(self, pool: Pool | Borrowed) -> None:
        self._pool = pool
        self._fill = pool.tables.fill
        self._push, self._push_one = self._fill(_PUSH), self._fill(_PUSH_ONE)
        self._statements = Statements(pool.tables)
        self._dead = DeadLetters(pool)

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages, all of them in one transaction."""
        _check(queue, messages)
        if messages:
            self._pool.run(*[self._added(queue, chunk) for chunk in _chunks(messages)], repeat=True)

    def size(self, queue: str) -> QueueSize:
        """Count messages."""
        [[row]] = self._run(_SIZE, queue, queue, repeat=True)
        return QueueSize(*row)

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> Consumer:
        """Make a consumer, which connects when it first reserves."""
        for queue in queues:
            _check(queue, ())
        if isinstance(self._pool, Borrowed):
            raise self.unsupported(TRANSACTIONS, "consumer()")
        return PostgresConsumer(self._pool, self._statements, self._dead, queues, lease, holder)

    def using(self, connection: object) -> Backend:
        """Do everything by a psycopg connection of the app, as part of its transaction."""
        if isinstance(self._pool, Borrowed):
            raise self.unsupported(TRANSACTIONS, "using() within using()")
        return PostgresBackend(Borrowed(self._pool, connection))

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._pool.close()

    def ping(self) -> None:
        """Ask the server for an answer."""
        self._pool.run(Statement(b"SELECT 1"))

    def holders(self, queues: Sequence[str]) -> list[str]:
        """Return the names of those that hold messages."""
        [rows] = self._run(_HOLDERS, list(queues), repeat=True)
        return [row[0] for row in rows]

    def keep_alive(self, queues: Sequence[str], holder: str, lease: float) -> None:
        """Extend the leases of a holder."""
        if holder:
            self._run(_KEEP_ALIVE, lease, holder, list(queues), repeat=True)

    def stop(self, queue: str, id: str) -> bool:
        """Ask for the end of a reserved message."""
        if not is_storable(queue + id):
            return False
        [rows] = self._run(_STOP, queue, id, repeat=True)
        return bool(rows)

    def cancel(self, queue: str, id: str) -> Message | None:
        """Take a waiting message off."""
        if not is_storable(queue + id):
            return None
        [rows] = self._run(_CANCEL, queue, id)
        return Message(*rows[0]) if rows else None

    def peek(self, queue: str, id: str) -> Entry | None:
        """Look at a message."""
        if not is_storable(queue + id):
            return None
        [rows] = self._run(_PEEK, queue, id, repeat=True)
        return Entry(*rows[0]) if rows else None

    def purge(self, queue: str) -> int:
        """Remove what waits, in portions."""
        total, count = 0, PORTION
        while count == PORTION:
            [[(count,)]] = self._run(_PURGE, queue, PORTION)
            total += count
        return total

    def dead(
        self, queue: str, ids: Collection[str] | None = None, limit: int = 100, offset: int = 0
    ) -> list[DeadLetter]:
        """List dead letters."""
        return self._dead.listed(queue, ids, limit, offset)

    def requeue(self, queue: str, ids: Collection[str] | None = None) -> list[str]:
        """Move dead letters back."""
        return self._dead.requeue(queue, ids)

    def purge_dead(self, queue: str, ids: Collection[str] | None = None) -> int:
        """Remove dead letters."""
        return self._dead.purge(queue, ids)

    def _added(self, queue: str, messages: Sequence[Message]) -> Statement:
        channel = self._pool.tables.channel(queue)
        if len(messages) == 1:
            [message] = messages
            return Statement(self._push_one, (queue, *message, message.delay, channel))
        ids, bodies, priorities, delays = (list(column) for column in zip(*messages, strict=True))
        return Statement(self._push, (queue, ids, bodies, priorities, delays, channel))

    def _run(self, text: str, *arguments: object, repeat: bool = False) -> list[list[Row]]:
        return self._pool.run(Statement(self._fill(text), arguments), repeat=repeat)


def _check(queue: str, messages: Sequence[Message]) -> None:
    if not is_storable(queue):
        raise OptionError(f"queue {queue!r}: PostgreSQL can store no NUL and no lone surrogates in it.", "queue_name")
    refused = [message.id for message in messages if not is_storable(message.id)]
    if refused:
        raise PushError(dict.fromkeys(refused, "PostgreSQL can store no NUL and no lone surrogates in an id"))


def _chunks(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    start = size = 0
    for index, message in enumerate(messages):
        if size and size + len(message.body) > CHUNK:
            yield messages[start:index]
            start, size = index, 0
        size += len(message.body)
    yield messages[start:]


_PUSH_ONE: Final = """
WITH added AS (
    INSERT INTO {messages} (queue, id, body, priority, ready_at, delayed, rank) VALUES
    (%s, %s, %b, %s, statement_timestamp() + %s::float8 * interval '1 second', %s::float8 > 0, 0)
    ON CONFLICT (queue, id) DO NOTHING RETURNING queue
){rung}"""
# In the order of their ids, or two pushes of the same ones may wait for each other.
_PUSH: Final = """
WITH added AS (
    INSERT INTO {messages} (queue, id, body, priority, ready_at, delayed, rank)
    SELECT %s, id, body, priority, statement_timestamp() + delay * interval '1 second', delay > 0, rank
    FROM unnest(%s::text[], %b::bytea[], %s::smallint[], %s::float8[])
        WITH ORDINALITY AS pushed(id, body, priority, delay, rank) ORDER BY id, rank
    ON CONFLICT (queue, id) DO NOTHING RETURNING queue
){rung}"""
_SIZE: Final = """
SELECT count(*) FILTER (WHERE consumer IS NULL AND (NOT delayed OR ready_at <= statement_timestamp())),
    count(*) FILTER (WHERE consumer IS NULL AND delayed AND ready_at > statement_timestamp()),
    count(consumer), (SELECT count(*) FROM {dead} WHERE queue = %s)
FROM {messages} WHERE queue = %s"""
_HOLDERS: Final = """
SELECT DISTINCT holder FROM {consumers} AS c
WHERE holder <> '' AND EXISTS (SELECT FROM {messages} WHERE consumer = c.number AND queue = ANY (%s))"""
_KEEP_ALIVE: Final = """
UPDATE {consumers} AS c SET expires = greatest(expires, statement_timestamp() + %s * interval '1 second')
WHERE holder = %s AND EXISTS (SELECT FROM {messages} WHERE consumer = c.number AND queue = ANY (%s))"""
_STOP: Final = "UPDATE {messages} SET stop = true WHERE queue = %s AND id = %s AND consumer IS NOT NULL RETURNING id"
_CANCEL: Final = """
DELETE FROM {messages} WHERE queue = %s AND id = %s AND consumer IS NULL RETURNING id, body, priority, {waits}"""
_PEEK: Final = """
SELECT id, body, CASE WHEN consumer IS NOT NULL THEN 'reserved'
    WHEN delayed AND ready_at > statement_timestamp() THEN 'delayed' ELSE 'ready' END, priority, deliveries,
    {waits} FROM {messages} WHERE queue = %s AND id = %s"""
_PURGE: Final = """
WITH purged AS (DELETE FROM {messages} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {messages} WHERE queue = %s AND consumer IS NULL LIMIT %s FOR UPDATE)) RETURNING 1)
SELECT count(*) FROM purged"""
