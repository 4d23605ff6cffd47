"""A bell that wakes the waiting consumers of the same process at once."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress


class Bell:
    """Rung by whoever makes messages ready.

    It has no lock of its own that a fork could leave taken: each waiter hangs one up, and ringing opens them.
    """

    def __init__(self) -> None:
        self.rung = 0
        """Changes with each ring, so that one between looking for work and waiting is not missed."""
        self._waiting: deque[threading.Lock] = deque()

    def ring(self) -> None:
        """Wake everyone who waits."""
        self.rung += 1
        with suppress(IndexError):
            while self._waiting:
                self._waiting.popleft().release()

    def wait(self, seconds: float) -> None:
        """Wait for a ring, or until the time is over."""
        door = threading.Lock()
        door.acquire()
        self._waiting.append(door)
        if not door.acquire(timeout=seconds):
            with suppress(ValueError):  # it was rung just now
                self._waiting.remove(door)
