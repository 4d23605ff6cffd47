"""Waiting for messages: blocked on the server, woken by the push itself, no longer than asked for.

A consumer that found nothing is noted as waiting in that same script, so no push can slip in between. The next push
puts a token on the consumer's own list, on which it blocks. On one server the look for messages is sent along with the
blocking command: the server goes on to it by itself, and the consumer is woken once, with the messages.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from select import POLLIN, poll
from typing import Any, Final

from redis.exceptions import AskError, NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TooLate

from alligator_core.backend import Delivery

from .client import Client
from .failures import is_passing
from .lanes import Lane, Names
from .link import Link, packed, read, send
from .pool import Pool

LONGEST: Final = 1.0
"""Seconds of one blocking command. Whatever a lost wake-up may have left lying is found then."""

_BREATH: Final = 0.05
"""Seconds to wait after an error, so that one that comes at once each time keeps nobody busy."""

_SHORT: Final = 0.25
_CRON: Final = 0.15
"""Seconds by which the server may be late with the end of a blocking command: it looks ten times a second. Shorter
waits than `_SHORT` are ended from here, in time."""


class Blocked:
    """A connection on which a lane's blocking command was sent."""

    def __init__(self, client: Client, lane: Lane) -> None:
        self.lane = lane
        self._client = client
        self._keys = [hold.key + b"w:" + hold.name.encode() for hold in lane.holds]
        self.pool: Pool = client.topology.pool_for(lane.key)
        self.connection: Link = self.pool.take()

    def send(self, seconds: float, extra: bytes = b"") -> None:
        """Block for so long, and go on with another command then."""
        send(self.connection, packed("BLPOP", *self._keys, f"{max(seconds, 0.001):.3f}") + extra)

    def can_read(self, seconds: float) -> bool:
        """Wait for the answer."""
        return bool(self.connection.can_read(seconds))

    def wake(self) -> None:
        """End the wait from here."""
        key = self._keys[0]

        def action(connection: Link, _: Pool, __: bool) -> None:
            send(connection, packed("RPUSH", key, "1") + packed("PEXPIRE", key, "10000"))
            read(connection)
            read(connection)

        self._client.use(self.lane.key, action, repeat=True)


class Waiting:
    """The waits of one consumer."""

    def __init__(self, client: Client, lanes: Sequence[Lane]) -> None:
        self._client = client
        self._lanes = lanes
        self._noted_until = 0.0
        self._looked_at = 0.0

    def note(self, milliseconds: int) -> None:
        """Remember that the lanes have this consumer noted as waiting for so long."""
        self._looked_at = time.monotonic()
        self._noted_until = self._looked_at + milliseconds / 1000 if milliseconds else 0.0

    def is_noted(self, seconds: float) -> bool:
        """Whether pushes will wake this consumer for so long, so that it needs not look first."""
        return self._noted_until > time.monotonic() + seconds

    def since_look(self, seconds: float) -> float:
        """Return what is left of so many seconds after the last look for messages."""
        return max(0.0, self._looked_at + seconds - time.monotonic())

    @property
    def pause(self) -> float:
        """Seconds until something may become ready without a push."""
        return max(0.0, min(lane.pause for lane in self._lanes) - (time.monotonic() - self._looked_at))

    def wait(self, limit: int, left: float) -> list[Delivery]:
        """Block for up to `left` seconds, or less, and return what came; it may have been woken for nothing."""
        block = min(left, LONGEST)
        try:
            if len(self._lanes) == 1:
                return self._wait_on_one(limit, block)
            self._wait_on_many(block)
        except ResponseError as exc:
            self._noted_until = 0.0
            if not (is_passing(exc) or isinstance(exc, AskError | NoScriptError)):
                raise self._client.explain(exc, maybe_applied=False) from exc
            time.sleep(min(block, _BREATH))
        except (RedisError, OSError):
            # The next look will find out whether the server is there, and say so.
            self._noted_until = 0.0
            time.sleep(min(block, _BREATH))
        return []

    def _wait_on_one(self, limit: int, block: float) -> list[Delivery]:
        [lane] = self._lanes
        blocked = Blocked(self._client, lane)
        connection = blocked.connection
        noting = noting_for(block)
        try:
            call, names = lane.pack(blocked.pool, limit, 0, noting)
            blocked.send(block, call)
            if not blocked.can_read(self._patience(block)):
                blocked.wake()
                if not blocked.can_read(self._client.settings.timeout):
                    raise TooLate("It did not end a blocking command in time.")
            woken, reply = read(connection), read(connection)
            for each in (woken, reply):
                if isinstance(each, Exception):
                    raise each
        except BaseException:
            blocked.pool.drop(connection)
            raise
        blocked.pool.give(connection)
        return self._received(lane, reply, names, noting)

    def _received(self, lane: Lane, reply: Any, names: Names, noting: int) -> list[Delivery]:
        batch = lane.receive(reply, names)
        if batch is None:
            self._noted_until = 0.0
        else:
            self.note(0 if batch else noting)
        return batch or []

    def _wait_on_many(self, block: float) -> None:
        self._noted_until = 0.0
        blocked: list[Blocked] = []
        try:
            for lane in self._lanes:
                blocked.append(Blocked(self._client, lane))
                blocked[-1].send(block)
            waiting = poll()
            for one in blocked:
                # Only a connection knows its socket; nothing of TLS can be left in it, nothing was asked before.
                waiting.register(_socket_of(one.connection), POLLIN)
            waiting.poll(self._patience(block) * 1000)
            for one in blocked:
                if not one.can_read(0):
                    one.wake()
                if not one.can_read(self._client.settings.timeout):
                    raise TooLate("It did not end a blocking command in time.")
                one.connection.read_response()
        except BaseException:
            for one in blocked:
                one.pool.drop(one.connection)
            raise
        for one in blocked:
            one.pool.give(one.connection)

    def _patience(self, block: float) -> float:
        pause = self.pause
        if pause < block:
            return pause + 0.001
        return block if block < _SHORT else block + _CRON


def noting_for(block: float) -> int:
    """Return the milliseconds to be noted as waiting, so that the next wait is covered too."""
    return round((block + LONGEST + 1.0) * 1000)


def _socket_of(connection: Link) -> Any:
    return vars(connection)["_sock"]
