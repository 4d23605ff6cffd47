"""What a consumer holds, by the connection that it came by."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from alligator_core.backend import Delivery

from .envelope import Envelope
from .link import Link


class Hold(NamedTuple):
    """The token of a delivery. The numbers of connections are never used again: that is the fence."""

    link: int
    tag: int
    envelope: Envelope


class Held:
    """A connection, and what is held by it."""

    def __init__(self, link: Link, number: int) -> None:
        self.link = link
        self.number = number
        self.deliveries: dict[int, Delivery] = {}

    def has(self, delivery: Delivery) -> bool:
        """Whether this very delivery is still held."""
        hold = delivery.token
        return isinstance(hold, Hold) and hold.link == self.number and hold.tag in self.deliveries

    def acks(self, tags: Collection[int]) -> Iterator[tuple[int, bool]]:
        """Return how to ack some of what is held: as much as possible in one go, the others one by one."""
        last, singles, is_first = 0, [], True
        for tag in sorted(self.deliveries):
            if tag not in tags:
                is_first = False
            elif is_first:
                last = tag
            else:
                singles.append(tag)
        if last:
            yield last, True
        for tag in singles:
            yield tag, False
