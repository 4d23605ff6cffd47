"""How many messages to reserve at a time: about 50 ms of work, by what the last tasks took."""

from __future__ import annotations

from typing import Final

WORK_IN_HAND: Final = 0.05
MAX_BATCH: Final = 500


class Pace:
    """Measures how long tasks take, and says how many to take next.

    It starts with one and at most doubles, so that a queue of slow tasks is never hoarded on a guess.
    """

    def __init__(self) -> None:
        self.limit = 1

    def record(self, tasks: int, seconds: float) -> None:
        """Note that a batch of tasks took so many seconds."""
        if tasks:
            fitting = WORK_IN_HAND * tasks / max(seconds, 1e-6)
            self.limit = max(1, min(int(fitting), self.limit * 2, MAX_BATCH))
