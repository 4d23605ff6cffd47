"""The backend: what producers and operators do with the queues of a file."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import ClassVar, Final

from alligator_core.backend import (
    FEATURES,
    TRANSACTIONS,
    Backend,
    Consumer,
    DeadLetter,
    Entry,
    Message,
    QueueSize,
    State,
)

from . import dead_letters, holders, stops, store
from .bell import Bell
from .connection import Database
from .consumer import SqliteConsumer

_PUSH_ONE: Final = "INSERT INTO pushed (seq, queue, id, priority, body) VALUES (?, ?, ?, ?, ?)"
_SIZE: Final = """
SELECT (SELECT count(*) FROM ready WHERE queue = q.no)
    + (SELECT count(*) FROM delayed WHERE queue = q.no AND due <= ?),
    (SELECT count(*) FROM delayed WHERE queue = q.no AND due > ?),
    (SELECT count(*) FROM held JOIN messages USING (seq) WHERE queue = q.no),
    (SELECT count(*) FROM dead WHERE queue = q.no)
FROM queues q WHERE q.name = ?
"""


class SqliteBackend(Backend):
    """Queues in one SQLite file; `synchronous` and `busy_timeout` (seconds) are as in the DSN."""

    name: ClassVar[str] = "sqlite"
    features = frozenset(FEATURES) - {TRANSACTIONS}

    def __init__(self, path: str, *, synchronous: str = "normal", busy_timeout: float = 30.0) -> None:
        self.path = path
        self._database = Database(path, synchronous=synchronous, busy_timeout=busy_timeout)
        self._bell = Bell()

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages in one transaction: all or none."""
        with self._database.lock:
            number = self._database.numbers.get(queue)
            if number and len(messages) == 1 and messages[0].delay <= 0:
                id, body, priority, _ = messages[0]
                self._database.run(_PUSH_ONE, store.microseconds(), number, id, priority, body)
            elif messages:
                with self._database as db:
                    store.add(db, self._database.number(queue), messages)
        self._bell.ring()

    def size(self, queue: str) -> QueueSize:
        """Count the messages of a queue by state."""
        now = store.microseconds()
        found = self._database.run(_SIZE, now, now, queue)
        return QueueSize(*found[0]) if found else QueueSize(0, 0, 0, 0)

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> Consumer:
        """Make a consumer, which opens a connection of its own."""
        return SqliteConsumer(self._database.sibling(), self._bell, queues, lease, holder)

    def holders(self, queues: Sequence[str]) -> list[str]:
        """Return the names of the holders that hold messages of these queues."""
        with self._database as db:
            return holders.names(db, queues)

    def keep_alive(self, queues: Sequence[str], holder: str, lease: float) -> None:  # noqa: ARG002
        """Extend the leases of a holder's consumers, which are those of all its queues."""
        with self._database as db:
            holders.keep_alive(db, holder, time.time() + lease)

    def stop(self, queue: str, id: str) -> bool:
        """Ask whoever has reserved a message to stop."""
        with self._database as db:
            row = store.find(db, self._database.number(queue), id)
            return row is not None and stops.add(db, row.seq)

    def close(self) -> None:
        """Close the file. It is opened again when needed."""
        self._database.close()

    def cancel(self, queue: str, id: str) -> Message | None:
        """Take a waiting message off."""
        with self._database as db:
            row = store.find(db, self._database.number(queue), id)
            if row is None or not store.take_off(db, row.seq):
                return None
            db.execute("DELETE FROM messages WHERE seq = ?", (row.seq,))
            stops.forget_ended(db)
        return Message(id, row.body, row.priority, row.left)

    def peek(self, queue: str, id: str) -> Entry | None:
        """Look at a message."""
        with self._database as db:
            row = store.find(db, self._database.number(queue), id)
            if row is None:
                return None
            held = db.execute("SELECT 1 FROM held WHERE seq = ?", (row.seq,)).fetchone()
        left = 0.0 if held else row.left
        state: State = "reserved" if held else "delayed" if left else "ready"
        return Entry(id, row.body, state, row.priority, row.deliveries, left)

    def purge(self, queue: str) -> int:
        """Remove all that waits now, in several transactions if it is much."""
        before, purged = 0, 0
        while True:
            with self._database as db:
                before = before or store.next_seq(db)
                step = store.purge(db, self._database.number(queue), before)
                stops.forget_ended(db)
            purged += step
            if step < store.AT_ONCE:
                return purged

    def dead(
        self, queue: str, ids: Collection[str] | None = None, limit: int = 100, offset: int = 0
    ) -> list[DeadLetter]:
        """List dead letters, the latest first."""
        with self._database as db:
            return dead_letters.listed(db, self._database.number(queue), ids, limit, offset)

    def requeue(self, queue: str, ids: Collection[str] | None = None) -> list[str]:
        """Move dead letters back to the queue, in one transaction."""
        with self._database as db:
            moved = dead_letters.requeue(db, self._database.number(queue), ids)
        self._bell.ring()
        return moved

    def purge_dead(self, queue: str, ids: Collection[str] | None = None) -> int:
        """Remove dead letters, in one transaction."""
        with self._database as db:
            return dead_letters.purge(db, self._database.number(queue), ids)
