"""A ledger: what is to become of messages, until the backend has been told."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from .backend import Consumer, Delivery, Settlement
from .errors import BackendError

if TYPE_CHECKING:
    from .board import Board

log = logging.getLogger("alligator.worker")

COALESCE = 0.01
"""Seconds that an ack waits for others at most: what a crash may repeat, against a round trip per task."""

LONGEST_PAUSE = 1.0
"""Seconds between two tries to settle, at most, while the backend fails."""


class Ledger:
    """Collects settlements, from any thread, and tells the backend of many at a time."""

    def __init__(self, consumer: Consumer, board: Board | None) -> None:
        self.consumer = consumer
        self.flush_at = 0.0
        """When the settlements that wait should be flushed; 0 if none does."""
        self._board = board
        self._settlements: list[Settlement] = []
        self._flushing = Lock()
        self._pause = COALESCE

    def note(self, settlement: Settlement) -> None:
        """Note what is to become of a message; the backend is told soon."""
        self._settlements.append(settlement)
        if not self.flush_at:
            self.flush_at = time.monotonic() + COALESCE

    def note_all(self, settlements: Sequence[Settlement]) -> None:
        """Note what is to become of some messages."""
        for settlement in settlements:
            self.note(settlement)

    def flush(self) -> None:
        """Tell the backend what became of the messages. Raises BackendError; what it wasn't told is kept."""
        with self._flushing:
            batch = self._settlements[:]
            stale = self._settled(batch) if batch else []
            # Others may have been appended meanwhile: they wait for the next flush. The order of these lines sees to
            # it that whoever appends either finds 0 and sets it, or has appended before the last look.
            del self._settlements[: len(batch)]
            self.flush_at = 0.0
            if self._settlements:
                self.flush_at = time.monotonic() + COALESCE
        if self._board is not None and batch:
            self._board.flushed([settlement.delivery.id for settlement in batch])
        for delivery in stale:
            log.warning("%s was settled too late: its lease had run out, and it may run twice", delivery.id)

    def _settled(self, batch: list[Settlement]) -> list[Delivery]:
        try:
            stale = self.consumer.settle(batch)
        except BackendError:
            # Not again after each task: the backend may be away for long, and each try may take its time.
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
            self.flush_at = time.monotonic() + self._pause
            raise
        self._pause = COALESCE
        return stale

    def try_flush(self) -> bool:
        """Flush; where the backend fails, log it and keep what it wasn't told for the next time."""
        try:
            self.flush()
        except BackendError as exc:
            log.warning("Could not settle, will try again: %s", exc)
            return False
        return True

    def release(self) -> None:
        """Settle what is done and give back at once all that isn't."""
        try:
            self._flush_at_last()
            self.consumer.close()
        except BackendError as exc:
            log.warning("Could not give back: others get it when the lease has run out: %s", exc)

    def _flush_at_last(self) -> None:
        for _ in range(5):
            if self.try_flush():
                return
            time.sleep(0.2)
        log.error("%d finished tasks could not be settled: they will run again", len(self._settlements))
