"""Lanes: the shards that one call can take from. On one server that is all of them, in a cluster each is by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from threading import Lock
from typing import Any

from alligator_core.backend import Delivery
from alligator_core.errors import BackendUnavailable

from .client import Client
from .hold import Hold
from .pool import Pool

Names = tuple[str, ...]


class Lane:
    """Some holds that are taken from together, in their order."""

    def __init__(self, client: Client, holds: Sequence[Hold], lease: int, lock: Lock) -> None:
        self.holds = list(holds)
        self.key = holds[0].key
        self.pause = 0.0
        """Seconds after the last look until something may become ready without a push."""
        self._client = client
        self._lease = lease
        self._lock = lock
        self._doubtful = False
        self._inherits = False
        self._is_waiting = False
        self._turns = any(one.queue == other.queue for one, other in pairwise(holds))

    def take(self, limit: int, got: int, wait: int) -> list[Delivery]:
        """Take messages, for a batch of `limit` that has `got` already; if none, note a wait in ms."""
        for last in (False, True):
            try:
                batch = self._take(limit, got, wait)
            except BackendUnavailable as exc:
                # What an answer spoke of that was lost is given back before it is asked for again.
                if last or not exc.maybe_applied:
                    raise
            else:
                if batch is not None:
                    return batch
        return self._take(limit, got, wait) or []

    def pack(self, pool: Pool, limit: int, got: int, wait: int) -> tuple[bytes, Names]:
        """Return the call that takes, and the names that it is made under. Once it is sent, `receive` has to follow."""
        if self._turns:
            self._turn()
        with self._lock:
            names = tuple(hold.name for hold in self.holds)
            pairs = [word for hold in self.holds for word in (hold.name, int(hold.known))]
        keys = self._client.keys(*(hold.key for hold in self.holds))
        call = pool.pack("reserve", keys, (limit, self._lease, wait, int(self._is_waiting), got, *pairs))
        self._is_waiting = wait > 0
        self._doubtful = True
        return call, names

    def receive(self, reply: Any, names: Names) -> list[Delivery] | None:
        """Note what the server handed out; None if it had declared this consumer dead."""
        with self._lock:
            self._doubtful = False
            if isinstance(reply, int):
                dead = self.holds[reply - 1]
                if dead.name == names[reply - 1]:
                    dead.died()
                return None
            for hold, name in zip(self.holds, names, strict=True):
                hold.known = hold.known or hold.name == name
            self.pause = reply[0] / 1000
            if len(reply) == 6:
                return self._add(names, *reply[1:]).copy()
            parts = [reply[i : i + 5] for i in range(1, len(reply), 5)]
            return [delivery for part in parts for delivery in self._add(names, *part)]

    def reconcile(self) -> None:
        """Give back what the server handed out in an answer that was lost."""
        if not self._doubtful:
            return
        for hold in self.holds:
            with self._lock:
                name, places = hold.name, list(hold.runs)
            self._client.call("reconcile", hold.key, name, *places, repeat=True)
        self._doubtful = self._inherits = False

    def begin_to_inherit(self) -> None:
        """Be ready for runs to be taken over; until `has_inherited`, those unknown are such."""
        if not self._inherits:
            self.reconcile()
        self._doubtful = self._inherits = True

    def has_inherited(self) -> None:
        """Note that all answers came."""
        self._doubtful = self._inherits = False

    def _take(self, limit: int, got: int, wait: int) -> list[Delivery] | None:
        self.reconcile()
        names: Names = ()

        def pack(pool: Pool) -> bytes:
            nonlocal names
            call, names = self.pack(pool, limit, got, wait)
            return call

        return self.receive(self._client.ask(self.key, pack, repeat=False), names)

    def _add(self, names: Names, number: int, place: bytes, deliveries: int, ids: Any, bodies: Any) -> list[Delivery]:
        return self.holds[number - 1].add(names[number - 1], place, deliveries, ids, bodies)

    def _turn(self) -> None:
        """Let another shard of each queue come first."""
        turned: list[Hold] = []
        for _, shards in groupby(self.holds, key=lambda hold: hold.queue):
            first, *others = shards
            turned += [*others, first]
        self.holds = turned


def lanes_of(client: Client, holds: Sequence[Hold], lease: int, lock: Lock) -> list[Lane]:
    """Sort holds into lanes."""
    if client.topology.splits:
        return [Lane(client, [hold], lease, lock) for hold in holds]
    return [Lane(client, holds, lease, lock)]
