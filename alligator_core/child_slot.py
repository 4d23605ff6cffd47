"""A slot: the place of one worker process under a supervisor, which is filled again whenever it falls empty."""

from __future__ import annotations

import logging
import signal
import time
from typing import Final

from .child_process import ChildProcess

log = logging.getLogger("alligator.supervisor")

WELL: Final = 5.0
"""Seconds after which a process counts as one that ran well, whatever ended it."""
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 30.0
PAUSE_AFTER_TASK: Final = 1.0
"""The longest pause where a task ended the process: that is no reason to keep the others waiting."""


class Slot:
    """What a supervisor knows of one of its worker processes, and of those that were in its place before."""

    def __init__(self) -> None:
        self.child: ChildProcess | None = None
        self.start_at = 0.0
        """The monotonic time from which the next one may be started."""
        self.failed_starts = 0
        """How many in a row ended before they were ready."""
        self.killed_at = 0.0
        """When the supervisor killed the process; 0 if it didn't."""
        self._deaths = 0

    def fill(self, child: ChildProcess) -> None:
        """Put a new process into the slot."""
        self.child = child
        self.killed_at = 0.0

    def kill(self, why: str) -> None:
        """Kill its process."""
        assert self.child is not None
        log.warning("Worker process %d is killed: %s", self.child.pid, why)
        self.killed_at = time.monotonic()
        self.child.signal(signal.SIGKILL)

    def empty(self, *, well: bool, by_task: bool = False) -> float:
        """Note that its process ended, and whether that was well; return the seconds until the next may start."""
        assert self.child is not None
        was_ready, now = self.child.board.is_ready(), time.monotonic()
        self.failed_starts = 0 if was_ready else self.failed_starts + 1
        well = was_ready and (well or now - self.child.started_at >= WELL)
        self._deaths = 0 if well else self._deaths + 1
        self.child = None
        pause = self._pause(PAUSE_AFTER_TASK if by_task else LONGEST_PAUSE)
        self.start_at = now + pause
        return pause

    def fail(self) -> float:
        """Note that a process could not even be started; return the seconds until the next try."""
        self._deaths += 1
        pause = self._pause(LONGEST_PAUSE)
        self.start_at = time.monotonic() + pause
        return pause

    def _pause(self, longest: float) -> float:
        # After the first the next one starts at once: it may have been chance, and what it ran waits.
        return min(longest, FIRST_PAUSE * 2 ** min(self._deaths - 2, 20)) if self._deaths > 1 else 0.0
