"""What queues are called in RabbitMQ, and what is said of them when they are declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from alligator_core.constants import HIGHEST_PRIORITY
from alligator_core.errors import OptionError

from .settings import Settings

LONGEST: Final = 255
"""Bytes that a name may have, by the protocol."""

DEAD: Final = "(dead)"
LOCK: Final = "(lock)"

STEPS: Final = 3
"""Steps of RabbitMQ's priority for one of ours: fresh messages, those given back, those that a worker died under."""

_ODD: Final = re.compile(r"[\r\n%]")


class Place(NamedTuple):
    """One queue of RabbitMQ."""

    name: str
    arguments: Mapping[str, Any]


class Names:
    """What the queues of one DSN are called."""

    def __init__(self, settings: Settings) -> None:
        self.prefix = settings.prefix
        self._has_priority = settings.priority
        # A policy that limits queues must make RabbitMQ refuse what is new, not drop what is old.
        most = STEPS * (HIGHEST_PRIORITY + 1 if settings.priority else 1) - 1
        # A vhost may make another type where none is named.
        self._dead_arguments = {"x-queue-type": "classic", "x-overflow": "reject-publish"}
        self._arguments = {**self._dead_arguments, "x-max-priority": most}
        self._places: dict[str, Place] = {}

    def of(self, queue: str) -> Place:
        """Return the queue that keeps a queue. Raises OptionError for a name that RabbitMQ can't have."""
        place = self._places.get(queue)
        if place is None:
            place = self._places[queue] = Place(self._checked(queue), self._arguments)
        return place

    def dead(self, queue: str) -> Place:
        """Return the queue that keeps a queue's dead letters."""
        return Place(self.of(queue).name + DEAD, self._dead_arguments)

    def step(self, priority: int, deaths: int = 0, *, is_returned: bool = False) -> int:
        """Return RabbitMQ's priority for a message of ours."""
        base = STEPS * priority if self._has_priority else 0
        return base + (2 if deaths else int(is_returned))

    def _checked(self, queue: str) -> str:
        # RabbitMQ takes line breaks out of the names that it is given.
        name = self.prefix + _ODD.sub(lambda match: f"%{ord(match[0]):02X}", queue)
        size = len((name + DEAD + LOCK).encode("utf-8", "surrogatepass"))
        if size > LONGEST or not queue:
            raise OptionError(
                f"The queue {queue[:40]!r} can't be in RabbitMQ: with prefix and suffix its name has {size} bytes in "
                f"UTF-8, of {LONGEST}. Call it something shorter.",
                "queue_name",
            )
        return name
