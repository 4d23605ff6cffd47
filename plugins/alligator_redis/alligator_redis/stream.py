"""Noticing a stream: messages that come faster than it pays to be woken for each.

A wake-up costs the producer's push two more commands and the consumer a round trip. One message on an idle queue is
well worth that. Of a thousand a second, it is better to let a few gather.
"""

from __future__ import annotations

import time
from typing import Final

GATHERING: Final = 0.0005
"""Seconds to let messages gather: longer than a round trip, shorter than anybody would notice in a stream."""

_CLOSE: Final = 0.002
"""Seconds between two wake-ups that may be part of a stream."""

_ENOUGH: Final = 20
"""Wake-ups so close together after which gathering is tried."""

_SOBERED: Final = 200
"""The same, once it was tried in vain: somebody may wait for each message before the next is pushed."""


class Stream:
    """What a consumer knows about how its messages come."""

    def __init__(self) -> None:
        self.is_on = False
        self._close_ones = 0
        self._enough = _ENOUGH
        self._woken_at = 0.0

    def woken(self) -> None:
        """Note a wake-up by a push."""
        now = time.monotonic()
        self._close_ones = self._close_ones + 1 if now - self._woken_at < _CLOSE else 0
        self._woken_at = now
        self.is_on = self._close_ones >= self._enough

    def gathered(self, count: int) -> None:
        """Note how many came while they were let gather."""
        self._enough = _ENOUGH if count > 1 else _SOBERED
        if count < 2:
            self.is_on = False
            self._close_ones = 0
