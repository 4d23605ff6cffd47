"""Noticing a stream: messages that come faster than it pays to look for each.

A look costs the consumer a round trip, and the producer a part of the core that both may share. One message on an idle
queue is well worth that. Of thousands a second, it is better to let some gather.
"""

from __future__ import annotations

import time
from typing import Final

_FIRST: Final = 0.002
"""Seconds to let messages gather at first, longer than a round trip, to see whether there is a stream at all."""

_GATHERING: Final = 0.008
"""Seconds to let them gather in a stream."""

_HANDFUL: Final = 16
"""How many have to come in that time for it to be worth it; and what a look brings that could have waited."""

_FEW: Final = 4
"""How many have to come at first."""

_CLOSE: Final = 0.002
"""Seconds between two looks that may be part of a stream."""

_ENOUGH: Final = 20
"""Looks so close together, each with a few messages, after which gathering is tried."""

_SOBERED: Final = 200
"""The same, once it was tried in vain: somebody may wait for each message before the next is pushed."""


class Stream:
    """What a consumer knows about how its messages come."""

    def __init__(self) -> None:
        self.is_on = False
        self.pause = 0.0
        """Seconds to let messages gather before the next look, counted from the last one."""
        self._close_ones = 0
        self._enough = _ENOUGH
        self._came_at = 0.0

    def came(self, count: int, limit: int) -> None:
        """Note what a look brought that asked for up to `limit`."""
        if self.is_on:
            self._gathered(count, limit)
            return
        now = time.monotonic()
        is_part = now - self._came_at < _CLOSE and 0 < count < min(limit, _HANDFUL)
        self._came_at = now
        self._close_ones = self._close_ones + 1 if is_part else 0
        if self._close_ones >= self._enough:
            self.is_on = True
            self.pause = _FIRST

    def _gathered(self, count: int, limit: int) -> None:
        if count >= limit:
            self.pause = 0.0  # There is a backlog: on with it.
        elif count >= (_HANDFUL if self.pause == _GATHERING else _FEW):
            self.pause = _GATHERING
            self._enough = _ENOUGH
        else:
            if self.pause == _FIRST:
                self._enough = _SOBERED
            self.is_on = False
            self.pause = 0.0
            self._close_ones = 0
