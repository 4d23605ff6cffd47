"""Names of queues: what they are called in SQS."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from alligator_core.constants import DEFAULT_PRIORITY, HIGHEST_PRIORITY
from alligator_core.errors import OptionError

from .settings import Settings

LONGEST: Final = 80
"""Characters, by SQS; `.fifo` included."""
DEAD: Final = "-dead"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_OURS: Final = re.compile(r".*-(dead|p\d)")


class Lane(NamedTuple):
    """One queue of SQS: a queue of ours, or one priority of it, or its dead letters."""

    queue: str
    """What we call it."""
    name: str
    """What SQS calls it."""
    is_fifo: bool = False


class Names:
    """What the queues of one DSN are called."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.queue_prefix
        self._levels = settings.priorities
        self._is_fifo = settings.fifo
        self._lanes: dict[str, list[Lane]] = {}

    def lanes(self, queue: str) -> list[Lane]:
        """Return the queues that keep a queue, the highest priority first.

        Raises OptionError for a name that SQS can't have.
        """
        found = self._lanes.get(queue)
        if found is None:
            found = self._lanes[queue] = [self._lane(queue, level) for level in reversed(range(self._levels))]
        return found

    def lane(self, queue: str, priority: int = DEFAULT_PRIORITY) -> Lane:
        """Return the queue that keeps what has a priority."""
        return self.lanes(queue)[-1 - self._level(priority)]

    def dead(self, queue: str) -> Lane:
        """Return the plugin's own queue of a queue's dead letters."""
        return Lane(queue, f"{self._prefix}{queue}{DEAD}")

    def _level(self, priority: int) -> int:
        return priority * self._levels // (HIGHEST_PRIORITY + 1)

    def _lane(self, queue: str, level: int) -> Lane:
        # Whoever knows nothing of priorities puts messages where the usual one is.
        suffix = "" if level == self._level(DEFAULT_PRIORITY) else f"-p{level}"
        name = f"{self._prefix}{queue}{suffix}{'.fifo' if self._is_fifo else ''}"
        if not _PLAIN.fullmatch(queue) or _OURS.fullmatch(queue):
            raise OptionError(
                f"The queue {queue[:90]!r} can't be in SQS: a name has letters, digits, - and _, and does not end like "
                "the queues that are made beside it (-dead, -p0).",
                "queue_name",
            )
        if len(name) > LONGEST or len(self.dead(queue).name) > LONGEST:
            raise OptionError(
                f"The queue {queue[:40]!r}… would be {name[:40]!r}… in SQS, {len(name)} characters long: "
                f"{LONGEST} are possible, with its prefix, and with {DEAD!r} at its end.",
                "queue_name",
            )
        return Lane(queue, name, self._is_fifo)
