"""What a worker's keeper looks at besides the lease: its end, time limits, requests to stop, memory, health."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from .backend import STOP
from .crew import Crew
from .errors import BackendError
from .memory import resident_bytes
from .overdue import Overdue
from .session import Session
from .stopping import Stopping

if TYPE_CHECKING:
    from .health import Health
    from .worker import Worker

log = logging.getLogger("alligator.worker")

LONG = 0.5
"""Seconds that something must have run before the backend is asked whether it is to stop, and between two questions."""
MEMORY_EVERY = 1.0


class Watch:
    """Called by the keeper at each look, in its thread."""

    def __init__(self, worker: Worker, session: Session, crew: Crew, stopping: Stopping, health: Health | None) -> None:
        self._worker = worker
        self._session, self._crew, self._stopping, self._health = session, crew, stopping, health
        self._overdue = Overdue(worker.gator, session).end_process
        self._asks_for_stops = STOP in worker.gator.backend.features
        self._next_stops = self._next_memory = 0.0

    def look(self) -> None:
        """Do whatever is due, what matters most first."""
        now = time.monotonic()
        self._stopping.watch(self._session, self._crew, self._worker.interrupt)
        if self._session.limits is not None:
            self._session.limits.watch(now, self._overdue)
        if self._worker.max_memory and now >= self._next_memory:
            self._next_memory = now + MEMORY_EVERY
            self._look_at_memory(self._worker.max_memory)
        if self._asks_for_stops and now >= self._next_stops and self._runs_something_long(now):
            self._next_stops = now + LONG
            self._ask_for_stops()
        if self._health is not None and self._session.reachable and not self._session.reserving:
            self._health.note()  # all hands are full: there is no other sign of life

    def _look_at_memory(self, most: int) -> None:
        if self._session.closing or (used := resident_bytes()) <= most:
            return
        log.warning("The process takes %d bytes, above max_memory=%d: it stops between tasks", used, most)
        self._session.closing = True

    def _runs_something_long(self, now: float) -> bool:
        return any(hand.delivery is not None and now - hand.since > LONG for hand in self._session.hands)

    def _ask_for_stops(self) -> None:
        try:
            for id in self._session.consumer.stops():
                self._stop(id)
        except BackendError as exc:
            log.warning("Could not ask what is to stop, will try again: %s", exc)

    def _stop(self, id: str) -> None:
        for hand in self._session.hands:
            delivery, task = hand.delivery, hand.task
            # The second look is for a hand that went on to something else meanwhile.
            if delivery is not None and delivery.id == id and hand.delivery is delivery and task is not None:
                log.info("%s was asked to stop", task)
                task.cancelled = True
                self._crew.loop.cancel(hand, delivery)
                return
        self._session.stop(id)
