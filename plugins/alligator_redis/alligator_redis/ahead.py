"""Reserving ahead: a look that is sent before anybody asks for what it brings.

In the drain of a long queue a worker and its server would otherwise take turns. This way the server gathers the next
messages while the worker runs those it has.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from redis.exceptions import RedisError

from alligator_core.backend import Delivery

from .client import Client, put_away
from .lanes import Lane, Names
from .link import Link, send
from .pool import Pool

WORTH: Final = 250
"""Messages that a look has to bring for the next one to be sent ahead: where tasks are short, and many wait."""


class Ahead:
    """The look of one lane that was sent ahead, if any. What it brings is held by the lane's consumer already."""

    def __init__(self, client: Client, lane: Lane) -> None:
        self._client = client
        self._lane = lane
        self._lock = Lock()
        self._sent: tuple[Pool, Link, Names] | None = None
        self._left: list[Delivery] = []

    def follow(self, batch: list[Delivery], limit: int) -> None:
        """Send the next look, if it is likely to bring as much as the last one."""
        if len(batch) < max(limit, WORTH) or self._left or self._sent:
            return
        try:
            sent = self._send(limit)
        except (RedisError, OSError):
            # The lane knows that it may be owed an answer, and gives back then what that spoke of.
            return
        with self._lock:
            self._sent = sent

    def receive(self, limit: int) -> list[Delivery]:
        """Return what the look brought, up to so many at a time; nothing if there was none, or its answer was lost."""
        with self._lock:
            left, self._left = self._left, []
        batch = left or self._answer()
        self.keep(batch[limit:])
        return batch[:limit]

    def keep(self, batch: list[Delivery]) -> None:
        """Have what was received once more, before anything that is received later."""
        if batch:
            with self._lock:
                self._left = batch + self._left

    def drop(self) -> None:
        """Don't wait for the answer: the consumer is closed, and with that all it speaks of is given back."""
        sent = self._take()
        self._left = []
        if sent is not None:
            sent[0].drop(sent[1])

    def _answer(self) -> list[Delivery]:
        sent = self._take()
        if sent is None:
            return []
        pool, connection, names = sent
        try:
            reply = connection.read_response()
        except BaseException as exc:
            put_away(connection, pool, exc)
            if isinstance(exc, RedisError | OSError):
                return []
            raise
        pool.give(connection)
        return self._lane.receive(reply, names) or []

    def _send(self, limit: int) -> tuple[Pool, Link, Names] | None:
        pool = self._client.topology.pool_for(self._lane.key)
        connection = pool.take_idle()
        if connection is None:
            return None
        call, names = self._lane.pack(pool, limit, 0, 0)
        try:
            send(connection, call)
        except BaseException:
            pool.drop(connection)
            raise
        return pool, connection, names

    def _take(self) -> tuple[Pool, Link, Names] | None:
        with self._lock:
            sent, self._sent = self._sent, None
        return sent
