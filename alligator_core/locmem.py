"""`locmem://`: queues in the memory of one process, for tests, development and small apps.

`locmem://` is a store of its own for each Gator. `locmem://name` is shared by all Gators of the process that use the
name, and lives as long as the process. Everything but `shared` and `durable` is there.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import ClassVar

from . import backend as contract
from .backend import Backend, DeadLetter, Entry, Message, QueueSize
from .dsn import Dsn
from .errors import DsnError
from .hookspecs import hookimpl
from .locmem_consumer import LocmemConsumer
from .locmem_store import Queue, Store


@hookimpl
def make_backend(dsn: Dsn) -> LocmemBackend:
    """Build the backend of `locmem://` or `locmem://name`."""
    dsn.read_options()
    if dsn.path or dsn.port or len(dsn.hosts) > 1 or dsn.username is not None or dsn.password is not None:
        raise DsnError(f"{str(dsn)!r} says more than a name: write locmem:// or locmem://name.")
    return LocmemBackend(Store.named(dsn.host) if dsn.host else Store())


class LocmemBackend(Backend):
    """Queues in the memory of this process."""

    name: ClassVar[str] = "locmem"
    features = frozenset(contract.FEATURES) - {contract.SHARED, contract.DURABLE, contract.TRANSACTIONS}

    def __init__(self, store: Store) -> None:
        self._store = store

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages that aren't queued yet."""
        now = time.monotonic()
        with self._store.lock:
            add = self._store.queue(queue, now).add
            for message in messages:
                add(message, now)
            self._store.changed.notify_all()

    def size(self, queue: str) -> QueueSize:
        """Count the messages of a queue by state."""
        with self._store.lock:
            return self._queue(queue).size()

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> LocmemConsumer:
        """Make a consumer of some queues."""
        return LocmemConsumer(self._store, queues, lease, holder)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of, and what is queued stays."""

    def ping(self) -> None:
        """Raise BackendError in a forked child."""
        with self._store.lock:
            pass

    def holders(self, queues: Sequence[str]) -> list[str]:
        """Return the names of the holders that hold messages of these queues."""
        with self._store.lock:
            return self._store.holders(queues)

    def keep_alive(self, queues: Sequence[str], holder: str, lease: float) -> None:  # noqa: ARG002
        """Extend the leases of a holder's consumers, which are those of all its queues."""
        with self._store.lock:
            self._store.keep_alive(holder, time.monotonic() + lease)

    def stop(self, queue: str, id: str) -> bool:
        """Ask whoever has reserved a message to stop."""
        with self._store.lock:
            return self._queue(queue).stop(id)

    def cancel(self, queue: str, id: str) -> Message | None:
        """Take a waiting message off and return it."""
        now = time.monotonic()
        with self._store.lock:
            found = self._store.queue(queue, now)
            entry, removed = found.look(id, now), found.remove(id)
        if entry is None or removed is None:
            return None
        return Message(id, removed.body, removed.priority, entry.ready_in)

    def peek(self, queue: str, id: str) -> Entry | None:
        """Look at a message that waits or is reserved."""
        now = time.monotonic()
        with self._store.lock:
            return self._store.queue(queue, now).look(id, now)

    def purge(self, queue: str) -> int:
        """Remove all that waits."""
        with self._store.lock:
            found = self._queue(queue)
            return sum(found.remove(id) is not None for id in list(found.index))

    def dead(
        self, queue: str, ids: Collection[str] | None = None, limit: int = 100, offset: int = 0
    ) -> list[DeadLetter]:
        """List dead letters, the latest first."""
        with self._store.lock:
            return self._queue(queue).dead(ids, limit, offset)

    def requeue(self, queue: str, ids: Collection[str] | None = None) -> list[str]:
        """Move dead letters back to the queue."""
        with self._store.lock:
            self._store.changed.notify_all()
            return self._queue(queue).requeue(ids)

    def purge_dead(self, queue: str, ids: Collection[str] | None = None) -> int:
        """Remove dead letters."""
        with self._store.lock:
            return self._queue(queue).purge_dead(ids)

    def _queue(self, name: str) -> Queue:
        return self._store.queue(name, time.monotonic())
