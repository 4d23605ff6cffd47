"""A worker process's hold on some queues."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import groupby
from threading import Lock
from typing import Final

from alligator_core.backend import Consumer, Delivery, Release, Settlement
from alligator_core.errors import BackendUnavailable

from .ahead import Ahead
from .client import Client
from .hold import Hold
from .inheriting import Inheriting
from .lanes import Lane, lanes_of
from .link import milliseconds
from .names import Names
from .settling import Operation, Sheet, Sorting
from .stream import Stream
from .waiting import Waiting, noting_for

MOST: Final = 1000
"""Messages in one call, so that the server is never busy with one for long."""


class RedisConsumer(Consumer):
    """Takes messages in batches, each held under a name of its own in each shard until settled or reaped."""

    def __init__(self, client: Client, names: Names, queues: Sequence[str], lease: float, holder: str = "") -> None:
        self._client = client
        self._names = names
        self._holder = holder
        self._lease = milliseconds(lease)
        self._lock = Lock()
        self._holds = [Hold(queue, key, holder) for queue in dict.fromkeys(queues) for key in names.shards(queue)]
        self._lanes = lanes_of(client, self._holds, self._lease, self._lock)
        self._waiting = Waiting(client, self._lanes)
        self._inheriting = Inheriting(client, self._lanes, self._lease, self._lock)
        self._ahead = Ahead(client, self._lanes[0]) if len(self._lanes) == 1 else None
        self._pid = os.getpid()
        self._closed = False
        self._stream = Stream()

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        deadline = time.monotonic() + wait
        limit, left = min(limit, MOST), wait
        batch = self._ahead_of(limit)
        looks = left <= 0 or not self._waiting.is_noted(min(left, 1.0))
        while not (batch or self._closed) and limit > 0:
            if looks:
                batch = self._look(limit, left)
            left = deadline - time.monotonic()
            if batch or left <= 0 or self._closed:
                break
            batch = self._waiting.wait(limit, left)
            left = deadline - time.monotonic()
            if batch:
                self._stream.came(len(batch), limit)
            if batch or left <= 0:
                break
            looks = not self._waiting.is_noted(min(left, 1.0))
        if self._closed:
            self._give_back()
            return []
        if self._ahead is not None:
            self._ahead.follow(batch, limit)
        return batch

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out what became of deliveries; return those that this consumer no longer held."""
        sorting = Sorting(self._holds)
        sorting.add_all(settlements)
        stale = sorting.foreign
        for sheet in sorting.sheets():
            for chunk in sheet.chunks():
                stale += self._settle(sheet, chunk)
        if len(stale) > 1:
            order = {id(settlement[0]): number for number, settlement in enumerate(settlements)}
            stale.sort(key=lambda delivery: order[id(delivery)])
        return stale

    def keep_alive(self) -> list[Delivery]:
        """Extend the lease, and hand back what dead consumers held. Returns what others got meanwhile."""
        lost: list[Delivery] = []
        for hold in self._holds:
            name = hold.name
            alive = self._client.call("keep_alive", hold.key, name, self._lease, int(hold.known), repeat=True)
            with self._lock:
                if not alive and hold.name == name:
                    hold.died()
                lost += hold.lost
                hold.lost = []
        return lost

    def close(self) -> None:
        """Give back at once everything that is held."""
        # A forked child holds nothing of this, and may well run its parent's clean-up.
        if os.getpid() == self._pid:
            self._closed = True
            self._give_back()

    def spare(self) -> None:
        """Give back what was taken ahead."""
        while self._ahead is not None and (batch := self._ahead.receive(MOST)):
            try:
                self.settle([Release(delivery) for delivery in batch])
            except BaseException:
                self._ahead.keep(batch)
                raise

    def get(self, queue: str, id: str) -> Delivery | None:
        """Reserve one waiting message by its id."""
        hold = self._hold(queue, self._names.shard(queue, id.encode()))
        while not self._closed:
            name = hold.name
            reply = self._client.call("get", hold.key, id, name, self._lease, int(hold.known))
            with self._lock:
                if reply is None:
                    return None
                if reply != 0:
                    place, deliveries, body = reply
                    hold.known = True
                    [delivery] = hold.add(name, place, deliveries, [id.encode()], [body])
                    break
                if hold.name == name:
                    hold.died()
        if self._closed:
            self._give_back()
            return None
        return delivery

    def take_over(self, holder: str) -> list[Delivery]:
        """Take over what the other consumers of a holder hold, all that is on one shard in one step."""
        taken: list[Delivery] = []
        self.spare()
        try:
            if not self._closed:
                taken = self._inheriting.take_over(holder)
        except BaseException:
            # The next reserve has to look, and by that to give back what nobody heard of.
            self._waiting.note(0)
            raise
        if self._closed:
            self._give_back()
            return []
        return taken

    def stops(self) -> list[str]:
        """Return the ids of held messages that are to be stopped."""
        found: list[str] = []
        for hold in self._holds:
            name = hold.name
            if ids := self._client.call("stops", hold.key, name, repeat=True):
                with self._lock:
                    # Not of what was taken ahead, say: nobody could stop that yet.
                    known = hold.ids()
                heard = [id for id in map(bytes.decode, ids) if id in known]
                if heard:
                    # Forgotten only now: the answer might have been lost.
                    self._client.call("stops", hold.key, name, *heard, repeat=True)
                found += heard
        return found

    def _ahead_of(self, limit: int) -> list[Delivery]:
        """Return what was taken ahead."""
        batch = self._ahead.receive(limit) if self._ahead is not None else []
        if batch:
            self._waiting.note(0)
        return batch

    def _look(self, limit: int, wait: float) -> list[Delivery]:
        """Take what there is; in a stream, what has come since the last look, which was some time ago."""
        if self._stream.pause and wait > 0:
            pause = min(self._waiting.since_look(self._stream.pause), wait)
            time.sleep(pause)
            wait -= pause
        batch = self._take(limit, wait)
        self._stream.came(len(batch), limit)
        return batch

    def _take(self, limit: int, wait: float) -> list[Delivery]:
        batch: list[Delivery] = []
        noting = noting_for(min(wait, 1.0)) if wait > 0 else 0
        for lane in self._in_turn():
            batch += lane.take(limit, len(batch), 0 if batch else noting)
            if len(batch) >= limit or (batch and batch[-1].deliveries > 1):
                break
        self._waiting.note(0 if batch else noting)
        return batch

    def _in_turn(self) -> list[Lane]:
        """Return the lanes in the order of their queues, and the shards of a queue in turn."""
        if len(self._lanes) > len({lane.holds[0].queue for lane in self._lanes}):
            by_queue = groupby(self._lanes, key=lambda lane: lane.holds[0].queue)
            self._lanes[:] = [lane for _, (first, *others) in by_queue for lane in (*others, first)]
        return self._lanes

    def _settle(self, sheet: Sheet, chunk: list[Operation]) -> list[Delivery]:
        hold, settings = sheet.hold, self._client.settings
        words = [word for operation in chunk for word in operation.words]
        age = milliseconds(settings.dead_age)
        for last in (False, True):
            try:
                late = self._client.call("settle", hold.key, sheet.name, settings.max_dead, age, *words)
                break
            except BackendUnavailable as exc:
                if exc.maybe_applied:
                    hold.suspects.update(delivery.id for operation in chunk for delivery in operation.deliveries)
                if last or not exc.maybe_applied:
                    raise
        with self._lock:
            return self._settled(hold, chunk, late)

    def _settled(self, hold: Hold, chunk: list[Operation], late: list[int]) -> list[Delivery]:
        stale: list[Delivery] = []
        # What was spoken of before, in a call whose answer was lost, was done then: unless the consumer died meanwhile.
        done = hold.suspects if late and late[0] and chunk[0].run.name == hold.name else set()
        for number, which in zip(late[1::2], late[2::2], strict=True):
            stale += [each for each in chunk[number - 1].late(which) if each.id not in done]
        for operation in chunk:
            if operation.is_all:
                hold.finished(operation.run)
            else:
                hold.settled(operation.run, [delivery.id for delivery in operation.deliveries])
        if hold.suspects:
            hold.suspects.difference_update(each.id for operation in chunk for each in operation.deliveries)
        if hold.lost and stale:
            gone = {id(delivery) for delivery in stale}
            hold.lost = [delivery for delivery in hold.lost if id(delivery) not in gone]
        return stale

    def _hold(self, queue: str, key: bytes) -> Hold:
        for hold in self._holds:
            if hold.key == key:
                return hold
        hold = Hold(queue, key, self._holder)
        self._holds.append(hold)
        return hold

    def _give_back(self) -> None:
        if self._ahead is not None:
            self._ahead.drop()
        for hold in self._holds:
            self._client.call("close", hold.key, hold.name, repeat=True)
            with self._lock:
                hold.clear()
