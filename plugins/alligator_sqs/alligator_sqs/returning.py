"""Giving back: what was received and not settled is ready again, and nobody is said to have died under it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from typing import Final

from alligator_core.errors import BackendError

from .batches import Batches, Entry, Fate
from .hold import Hold
from .memory import Known, Memory
from .names import Lane
from .posting import Posting

log = logging.getLogger("alligator.sqs")

LONGEST: Final = 12 * 3600
"""Seconds for which SQS lets anybody have a message, or keep it from others."""


def deaths_of(hold: Hold, memory: Memory) -> int:
    """Return how many died under a message.

    SQS counts receives. What is given back is sent anew where order doesn't matter, so that every receive but the last
    was a death; of a message in a FIFO queue it is remembered here. Receives that only were stages of a long delay
    are as many as its length makes possible.
    """
    known = memory.of(hold.message_id) if hold.lane.is_fifo else None
    uncounted = known.uncounted if known is not None else _stages(hold)
    return hold.envelope.deaths + max(0, hold.receives - 1 - uncounted)


def _stages(hold: Hold) -> int:
    delay = hold.envelope.delay
    if not delay:
        return 0
    return math.ceil((delay if hold.lane.is_fifo else max(1.0, delay - 900)) / LONGEST)


class Returning:
    """Gives messages back."""

    def __init__(self, batches: Batches, posting: Posting, memory: Memory) -> None:
        self._batches = batches
        self._posting = posting
        self._memory = memory

    def give_back(self, holds: Iterable[Hold]) -> None:
        """Give messages back, ready at once. Raises BackendError if that failed; their leases run out then."""
        by_lane: dict[Lane, list[Hold]] = {}
        for hold in holds:
            if hold.until > time.monotonic():
                by_lane.setdefault(hold.lane, []).append(hold)
        fates: list[Fate] = []
        for lane, held in by_lane.items():
            fates += self.released(lane, [(hold, 0.0) for hold in held])
        if error := next((fate for fate in fates if isinstance(fate, BackendError)), None):
            raise error

    def released(self, lane: Lane, holds: Sequence[tuple[Hold, float]]) -> list[Fate]:
        """Make messages of one queue ready again after so many seconds each."""
        if lane.is_fifo:
            for hold, delay in holds:
                uncounted = hold.receives - deaths_of(hold, self._memory) + hold.envelope.deaths
                self.note(hold, uncounted, None, delay)
            return self._batches.hide(lane, [(hold.handle, self.hidden_for(hold, delay)) for hold, delay in holds])
        fates: dict[Hold, Fate] = {hold: None for hold, _ in holds}
        anew: dict[Hold, Entry] = {}
        too_large: list[tuple[Hold, float]] = []
        for hold, delay in holds:
            if not hold.is_sent:
                try:
                    envelope = hold.envelope._replace(deaths=deaths_of(hold, self._memory))
                    anew[hold] = self._posting.entry(lane, envelope, delay)
                except ValueError:
                    too_large.append((hold, delay))
        if too_large:
            # Others sent it, and no queue may have room for the line that counts: so it is counted.
            hidden = self._batches.hide(
                lane, [(hold.handle, self.hidden_for(hold, delay)) for hold, delay in too_large]
            )
            fates.update(zip((hold for hold, _ in too_large), hidden, strict=True))
        sent = self._batches.send(lane, list(anew.values()), in_order=False) if anew else []
        for hold, fate in zip(anew, sent, strict=True):
            hold.is_sent = fate is None
            fates[hold] = fate
        gone = [hold for hold, _ in holds if hold.is_sent]
        if gone:
            fates.update(zip(gone, self._batches.delete(lane, [each.handle for each in gone]), strict=True))
        return [fates[hold] for hold, _ in holds]

    def note(self, hold: Hold, uncounted: int, body: bytes | None, delay: float) -> None:
        """Remember of a message in a FIFO queue what is not to be counted the next time, and what takes its place."""
        before = self._memory.of(hold.message_id)
        body = body if body is not None or before is None else before.body
        due = time.monotonic() + delay if delay else 0.0
        self._memory.note(hold.message_id, Known(uncounted, body, due))

    def hidden_for(self, hold: Hold, delay: float) -> int:
        """Return for how many seconds to hide a message that is to be ready after a delay."""
        return max(0, min(math.ceil(delay), int(hold.latest - time.monotonic())))
