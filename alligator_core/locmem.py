"""`locmem://`: queues in the memory of one process, for tests, development and small apps.

`locmem://` is a store of its own for each Gator. `locmem://name` is shared by all Gators of the process that use the
name, and lives as long as the process. Everything but `shared` and `durable` is there.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import ClassVar

from . import backend as contract
from .backend import (
    Ack,
    Backend,
    Bury,
    Consumer,
    DeadLetter,
    Delivery,
    Entry,
    Message,
    QueueSize,
    Release,
    Replace,
    Settlement,
)
from .dsn import Dsn
from .errors import DsnError
from .hookspecs import hookimpl
from .locmem_lane import token_of
from .locmem_store import Hold, Queue, Store

# A lease that begins while another consumer waits doesn't wake it: it looks again after at most this many seconds.
_NAP = 0.5


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
    features = frozenset(contract.FEATURES) - {contract.SHARED, contract.DURABLE}

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


class LocmemConsumer(Consumer):
    """One worker's hold on some queues of this process."""

    def __init__(self, store: Store, queues: Sequence[str], lease: float, holder: str = "") -> None:
        self._store = store
        self._queues = tuple(queues)
        self._lease = lease
        self._hold = Hold(holder)
        self._closed = False

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        deadline = time.monotonic() + wait
        with self._store.lock:
            while not self._closed:
                now = self._sign_of_life()
                queues = [self._store.queue(name, now) for name in self._queues]
                if batch := self._take(queues, limit):
                    return batch
                if now >= deadline:
                    break
                self._store.changed.wait(min(deadline, now + _NAP, self._store.next_change(queues, now)) - now)
        return []

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out what became of deliveries; return those that this consumer no longer held."""
        stale = []
        with self._store.lock:
            now = self._sign_of_life()
            held, store = self._hold.held, self._store
            for settlement in settlements:
                delivery = settlement.delivery
                if held.pop(token_of(delivery), None) is None:
                    self._hold.lost.pop(token_of(delivery), None)
                    stale.append(delivery)
                    continue
                if isinstance(settlement, Ack):
                    queue = store.queues[delivery.queue]
                    del queue.index[delivery.id]
                    if queue.stops:
                        queue.stops.discard(delivery.id)
                else:
                    self._settle_other(settlement, now)
        return stale

    def keep_alive(self) -> list[Delivery]:
        """Extend the lease, and hand back what dead consumers held. Returns what others got meanwhile."""
        with self._store.lock:
            self._sign_of_life()
            lost = list(self._hold.lost.values())
            self._hold.lost.clear()
        return lost

    def close(self) -> None:
        """Give back at once everything that is held."""
        # A forked child holds nothing of this, and may well run its parent's clean-up.
        if self._store.is_ours:
            with self._store.lock:
                self._closed = True
                self._store.give_back(self._hold, time.monotonic())

    def get(self, queue: str, id: str) -> Delivery | None:
        """Reserve one waiting message by its id."""
        with self._store.lock:
            if self._closed:
                return None
            found = self._store.queue(queue, self._sign_of_life())
            delivery = found.take_out(id)
            if delivery is not None:
                self._hold.held[token_of(delivery)] = delivery
            return delivery

    def take_over(self, holder: str) -> list[Delivery]:
        """Take over all that the other consumers of a holder hold of this consumer's queues."""
        with self._store.lock:
            if self._closed:
                return []
            # Before the sign of life, which would hand back what is held under a lease that has run out.
            taken = self._store.take_over(holder, self._hold, self._queues)
            self._sign_of_life()
            return taken

    def stops(self) -> list[str]:
        """Return the ids of held messages that are to be stopped."""
        with self._store.lock:
            self._sign_of_life()
            found = [each for each in self._hold.held.values() if each.id in self._store.queues[each.queue].stops]
            for each in found:
                self._store.queues[each.queue].stops.discard(each.id)
            return [each.id for each in found]

    def _sign_of_life(self) -> float:
        now = time.monotonic()
        self._store.renew(self._hold, now + self._lease)
        self._store.reap(now)
        return now

    def _take(self, queues: list[Queue], limit: int) -> list[Delivery]:
        batch: list[Delivery] = []
        all(queue.take(batch, limit) for queue in queues)
        self._hold.held.update(zip(map(token_of, batch), batch, strict=True))
        return batch

    def _settle_other(self, settlement: Release | Replace | Bury, now: float) -> None:
        delivery = settlement.delivery
        queue = self._store.queue(delivery.queue, now)
        if isinstance(settlement, Release):
            queue.put_back(delivery, now, delay=settlement.delay, deaths=int(settlement.died))
        elif isinstance(settlement, Bury):
            queue.bury(delivery, settlement.reason, settlement.body)
        else:
            queue.end(delivery.id)
            queue.add(settlement.message, now)
        self._store.changed.notify_all()
