"""Delays: queues in which a message waits for a power of two of the unit, one after the other.

RabbitMQ lets messages expire at the head of a queue only: one that waits for an hour would hold up one that waits for
a second. So each queue here has one time for all, and the time of a message is put together from them, by its binary
digits: they are its routing key, and an exchange for each digit sends it into the queue of that digit, or on to the
next exchange. The last one knows the queue it belongs to by a header. All of it is done by the server.
The queues are quorum queues with at-least-once dead-lettering (RabbitMQ 3.10): from any other kind a message that
expires while the server is killed can be lost on its way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from .link import Link
from .names import Place

UNIT: Final = 0.125
"""Seconds."""

DIGITS: Final = 25
"""The longest wait of one queue is 24 days then: RabbitMQ has a limit at 49."""

LONGEST: Final = UNIT * (2**DIGITS - 1)
"""Seconds."""

HEADER: Final = "alligator-queue"


class Delays:
    """The exchanges and queues by which messages wait, made as they are needed."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._made: set[object] = set()

    def entrance(self, delay: float) -> tuple[str, str]:
        """Return the exchange and the routing key for a delay in seconds: rounded up to units."""
        units = _units(delay)
        return self._exchange(units.bit_length() - 1), ".".join(f"{units:0{DIGITS}b}")

    def prepare(self, link: Link, place: Place, delay: float) -> None:
        """Make what a message of that queue and delay needs to find its way."""
        units = _units(delay)
        for digit in range(units.bit_length()):
            self._make(link, digit, has_queue=bool(units >> digit & 1))
        if place.name not in self._made:
            self.lead_to(link, place)

    def lead_to(self, link: Link, place: Place) -> None:
        """Have messages whose time is up find a queue."""
        link.declare_exchange(self._exchange(-1), "headers")
        link.bind(place.name, self._exchange(-1), "", {"x-match": "all", HEADER: place.name})
        self._made.add(place.name)

    def forget_places(self, names: Iterable[str]) -> None:
        """Lead messages to these queues anew when it is needed next."""
        self._made.difference_update(names)

    def forget(self) -> None:
        """Make everything anew when it is needed next."""
        self._made = set()

    def _make(self, link: Link, digit: int, *, has_queue: bool) -> None:
        exchange, following = self._exchange(digit), self._exchange(digit - 1)
        if digit not in self._made:
            link.declare_exchange(following, "topic" if digit else "headers")
            link.declare_exchange(exchange, "topic")
            link.bind_exchange(following, exchange, _pattern(digit, "0"))
            self._made.add(digit)
        if has_queue and (digit, "queue") not in self._made:
            place = self._queue(digit)
            link.declare([place])
            link.bind(place.name, exchange, _pattern(digit, "1"))
            self._made.add((digit, "queue"))

    def _queue(self, digit: int) -> Place:
        arguments = {
            "x-queue-type": "quorum",
            "x-message-ttl": int(UNIT * 1000) << digit,
            "x-dead-letter-exchange": self._exchange(digit - 1),
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        return Place(f"{self._prefix}(delay {UNIT * 2**digit:g} s)", arguments)

    def _exchange(self, digit: int) -> str:
        return f"{self._prefix}(due)" if digit < 0 else f"{self._prefix}(delay {UNIT * 2**digit:g} s)"


def _units(delay: float) -> int:
    return max(1, math.ceil(delay / UNIT - 1e-6))


def _pattern(digit: int, value: str) -> str:
    """Return what routing keys match that have this value at a digit."""
    return ".".join(value if place == digit else "*" for place in reversed(range(DIGITS)))
