"""The consumer of `locmem://`: one worker's hold on some queues of this process."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .backend import Ack, Bury, Consumer, Delivery, Release, Replace, Settlement
from .locmem_lane import token_of
from .locmem_store import Hold, Queue, Store

# A lease that begins while another consumer waits doesn't wake it: it looks again after at most this many seconds.
_NAP = 0.5


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
