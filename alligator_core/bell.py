"""A bell: what one thread waits for, and any other may ring."""

from __future__ import annotations

import threading


class Bell:
    """Wakes the one thread that waits for it. Rung before that, it ends the next wait at once; twice is once.

    A tenth of the price of a `threading.Condition`, and safe to ring in a signal handler.
    """

    __slots__ = ("_lock", "awaited")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.awaited = False
        """Whether somebody waits just now."""

    def ring(self) -> None:
        """End the wait."""
        try:
            self._lock.release()
        except RuntimeError:
            return  # it rings already

    def wait(self, timeout: float = -1) -> bool:
        """Wait for the bell, up to `timeout` seconds, without end by default; return whether it rang."""
        self.awaited = True
        try:
            return self._lock.acquire(timeout=timeout)
        finally:
            self.awaited = False
