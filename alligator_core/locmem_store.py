"""The store behind `locmem://`: its queues, and who holds what of them. Whoever calls has the store's lock."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from itertools import count, islice
from threading import Condition, Lock
from typing import ClassVar

from .backend import DeadLetter, Delivery, Entry, Message, QueueSize, State
from .errors import BackendError
from .locmem_lane import Agenda, Lane, token_of

# A token is a message's place in the line times this, plus how often it was handed back: new for each holder, which
# makes it the fence, and yet a released message sorts into its old place.
_PLACE = 1 << 32


class Hold:
    """What one consumer has reserved, by token, and until when. `lost` is what others got of it meanwhile."""

    __slots__ = ("expires_at", "held", "holder", "lost")

    def __init__(self, holder: str = "") -> None:
        self.holder = holder
        self.held: dict[int, Delivery] = {}
        self.lost: dict[int, Delivery] = {}
        self.expires_at = 0.0


class Queue:
    """The messages of one queue. What waits or is reserved is in `index`, by id; `stops` are those to be stopped."""

    __slots__ = ("_dead", "_delayed", "_holds", "_lanes", "_places", "index", "name", "stops")

    def __init__(self, name: str, places: Iterator[int], holds: Collection[Hold]) -> None:
        self.name = name
        self.index: dict[str, Delivery] = {}
        self.stops: set[str] = set()
        self._places = places
        self._holds = holds
        self._lanes: dict[int, Lane] = {}
        self._delayed = Agenda()
        self._dead: dict[str, tuple[DeadLetter, int]] = {}

    def add(self, message: Message, now: float) -> None:
        """Put a message at the end of the line, unless its id waits or is reserved."""
        id, body, priority, delay = message
        if id in self.index:
            return
        self.index[id] = delivery = Delivery(self.name, id, body, 1, priority, next(self._places))
        if delay > 0:
            self._delayed.add(now + delay, delivery)
        else:
            self._lane(priority).append(delivery)

    def put_back(self, delivery: Delivery, now: float, *, delay: float = 0.0, deaths: int = 0) -> None:
        """Make a reserved message wait again."""
        token, deliveries = token_of(delivery) + 1, delivery.deliveries + deaths
        self.index[delivery.id] = back = delivery._replace(token=token, deliveries=deliveries)
        if delay > 0:
            self._delayed.add(now + delay, back)
        else:
            self._lane(back.priority).put_back(back)

    def promote(self, now: float) -> float | None:
        """Make ready what is due, and return when the next one will be."""
        while (due := self._delayed.next_due()) is not None and due <= now:
            delivery = self._delayed.pop()._replace(token=next(self._places))
            self.index[delivery.id] = delivery
            lane = self._lane(delivery.priority)
            (lane.append if delivery.deliveries == 1 else lane.put_back)(delivery)
        return due

    def take(self, batch: list[Delivery], limit: int) -> bool:
        """Move ready messages into the batch, in their order; false if nothing more may be added to it."""
        return all(lane.take(batch, limit) and len(batch) < limit for lane in self._lanes.values())

    def take_out(self, id: str) -> Delivery | None:
        """Take a waiting message out of its line; None if none waits. It is in `index` still."""
        delivery = self.index.get(id)
        if delivery is None or self._is_reserved(delivery):
            return None
        if not self._delayed.take_out(delivery):
            self._lane(delivery.priority).take_out(token_of(delivery))
        return delivery

    def remove(self, id: str) -> Delivery | None:
        """Remove a waiting message; None if none waits."""
        delivery = self.take_out(id)
        if delivery is not None:
            self.end(id)
        return delivery

    def end(self, id: str) -> None:
        """Forget a message that waits in no line."""
        del self.index[id]
        self.stops.discard(id)

    def stop(self, id: str) -> bool:
        """Note that a reserved message is to be stopped; false if it isn't reserved."""
        found = self.index.get(id)
        if found is None or not self._is_reserved(found):
            return False
        self.stops.add(id)
        return True

    def look(self, id: str, now: float) -> Entry | None:
        """Describe a message that waits or is reserved."""
        found = self.index.get(id)
        if found is None:
            return None
        due = self._delayed.due(found)
        state: State = "delayed" if due is not None else "reserved" if self._is_reserved(found) else "ready"
        return Entry(id, found.body, state, found.priority, found.deliveries, due - now if due is not None else 0.0)

    def size(self) -> QueueSize:
        """Count the messages by state."""
        ready, delayed = sum(map(len, self._lanes.values())), len(self._delayed)
        return QueueSize(ready, delayed, len(self.index) - ready - delayed, len(self._dead))

    def bury(self, delivery: Delivery, reason: str, body: bytes | None) -> None:
        """Move a reserved message to the dead letters."""
        self.end(delivery.id)
        # An older dead letter of that id goes first: the order is that of burying.
        self._dead.pop(delivery.id, None)
        kept = delivery.body if body is None else body
        letter = DeadLetter(delivery.id, kept, reason, delivery.deliveries, time.time())
        self._dead[delivery.id] = letter, delivery.priority

    def dead(self, ids: Collection[str] | None, limit: int, offset: int) -> list[DeadLetter]:
        """List the dead letters, the latest first."""
        letters = (letter for letter, _ in reversed(self._dead.values()) if ids is None or letter.id in ids)
        return list(islice(letters, offset, offset + limit))

    def requeue(self, ids: Collection[str] | None) -> list[str]:
        """Move dead letters to the end of the line, the longest buried first."""
        moved = [id for id in self._dead if (ids is None or id in ids) and id not in self.index]
        for id in moved:
            letter, priority = self._dead.pop(id)
            self.add(Message(id, letter.body, priority), 0.0)
        return moved

    def purge_dead(self, ids: Collection[str] | None) -> int:
        """Remove dead letters, and return how many."""
        gone = [id for id in self._dead if ids is None or id in ids]
        for id in gone:
            del self._dead[id]
        return len(gone)

    def _lane(self, priority: int) -> Lane:
        lane = self._lanes.get(priority)
        if lane is None:
            lane = self._lanes[priority] = Lane()
            self._lanes = dict(sorted(self._lanes.items(), reverse=True))
        return lane

    def _is_reserved(self, delivery: Delivery) -> bool:
        return any(delivery.token in hold.held for hold in self._holds)


class Store:
    """The queues of one backend, or of all backends of a name, and the holds of their consumers."""

    _named: ClassVar[dict[str, Store]] = {}
    _naming: ClassVar = Lock()

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self._holds: set[Hold] = set()
        self._places = count(_PLACE, _PLACE)
        self.changed = Condition()
        self._pid = os.getpid()

    @classmethod
    def named(cls, name: str) -> Store:
        """Return the one store of a name, made by whoever asks first."""
        with cls._naming:
            return cls._named.setdefault(name, cls())

    @property
    def lock(self) -> Condition:
        """The lock on all that is here. Raises BackendError in a forked child."""
        if not self.is_ours:
            raise BackendError(
                "locmem:// holds the tasks of one process only, and this is a forked child of it: what is pushed here "
                "would never be run. Use a backend that has 'shared', such as sqlite:///queue.db."
            )
        return self.changed

    @property
    def is_ours(self) -> bool:
        """Whether this is the process that made the store, not a forked child of it."""
        return os.getpid() == self._pid

    def queue(self, name: str, now: float) -> Queue:
        """Return a queue in which all that is due is ready."""
        queue = self.queues.get(name)
        if queue is None:
            queue = self.queues[name] = Queue(name, self._places, self._holds)
        queue.promote(now)
        return queue

    def renew(self, hold: Hold, expires_at: float) -> None:
        """Note a sign of life."""
        hold.expires_at = expires_at
        self._holds.add(hold)

    def reap(self, now: float) -> None:
        """Hand back what those hold whose lease has run out; each message counts the death."""
        for hold in [hold for hold in self._holds if hold.expires_at <= now]:
            self._holds.remove(hold)
            hold.lost.update(hold.held)
            self.give_back(hold, now, deaths=1)

    def give_back(self, hold: Hold, now: float, *, deaths: int = 0) -> None:
        """Make all that is held wait again."""
        for delivery in hold.held.values():
            self.queues[delivery.queue].put_back(delivery, now, deaths=deaths)
        hold.held.clear()
        self.changed.notify_all()

    def holders(self, queues: Collection[str]) -> list[str]:
        """Return the holders that hold messages of some queues."""
        return list(dict.fromkeys(hold.holder for hold in self._holds if hold.holder and _part(hold, queues)))

    def keep_alive(self, holder: str, expires_at: float) -> None:
        """Extend the leases of a holder."""
        for hold in self._holds:
            if hold.holder and hold.holder == holder:
                hold.expires_at = max(hold.expires_at, expires_at)

    def take_over(self, holder: str, taker: Hold, queues: Collection[str]) -> list[Delivery]:
        """Let one hold have what the others of a holder have of some queues; return that."""
        taken: dict[int, Delivery] = {}
        for hold in self._holds:
            if hold.holder and hold.holder == holder and hold is not taker:
                part = _part(hold, queues)
                hold.held = {token: held for token, held in hold.held.items() if token not in part}
                hold.lost.update(part)
                taken.update(part)
        taker.held.update(taken)
        return list(taken.values())

    def next_change(self, queues: list[Queue], now: float) -> float:
        """Return when, by the clock alone, a message of these queues may become ready next."""
        dues = [due for queue in queues if (due := queue.promote(now)) is not None]
        return min([*dues, *(hold.expires_at for hold in self._holds)], default=now + 3600.0)


def _part(hold: Hold, queues: Collection[str]) -> dict[int, Delivery]:
    return {token: delivery for token, delivery in hold.held.items() if delivery.queue in queues}
