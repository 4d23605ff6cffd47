"""A session: one consumer, the messages it has in hand, and what became of them."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from .backend import Ack, Bury, Delivery, Release, Settlement
from .errors import AlligatorException, BackendError
from .outcome import SUCCEEDED, Outcome
from .runner import Runner
from .settling import settlement_of, storable
from .task import Task

if TYPE_CHECKING:
    from .gator import Gator

log = logging.getLogger("alligator.worker")

COALESCE = 0.01
"""Seconds that an ack waits for others at most: what a crash may repeat, against a round trip per task."""


LONGEST_PAUSE = 1.0
"""Seconds between two tries to settle, at most, while the backend fails."""


class Session:
    """Reserves messages, runs them one at a time and settles them together.

    One thread works (`reserve`, `run`); a `Keeper` looks after the rest from another. What they share is built on
    single operations of a deque and a list, which are atomic, so that the working thread takes no lock per task.
    """

    def __init__(
        self, gator: Gator, queues: Sequence[str], *, lease: float, max_deliveries: int, leave_on_ctrl_c: bool = True
    ) -> None:
        self.consumer = gator.backend.consumer(queues, lease)
        self.waiting: deque[Delivery] = deque()
        """Reserved, not started."""
        self.taken_at = 0.0
        """When they were reserved."""
        self.running: Delivery | None = None
        self.flush_at = 0.0
        """When the settlements that wait should be flushed; 0 if none does."""
        self.task: Task | None = None
        """The task that ran last."""
        self._codec = gator.codec
        self._runner = Runner(gator, leave_on_ctrl_c=leave_on_ctrl_c)
        self._decode, self._run_task = self._codec.decode, self._runner.run
        self._max_deliveries = max_deliveries
        self._settlements: list[Settlement] = []
        self._flushing = Lock()
        self._pause = COALESCE

    def reserve(self, limit: int, wait: float) -> int:
        """Take up to `limit` messages into hand, waiting up to `wait` seconds; return how many came."""
        self.waiting.extend(self.consumer.reserve(limit, wait))
        self.taken_at = time.monotonic()
        return len(self.waiting)

    def run_next(self) -> Outcome | None:
        """Run the next message in hand and note its settlement; None when there is none."""
        try:
            delivery = self.waiting.popleft()
        except IndexError:
            return None
        if delivery.deliveries > 1 and (poison := self._poison(delivery)):
            return poison
        try:
            task = self._decode(delivery.body, delivery.queue)
        except AlligatorException as exc:
            return self._bury(delivery, Outcome("dead", exc, reason=storable(str(exc))))
        self.task = task
        task.deliveries = delivery.deliveries
        self.running = delivery
        try:
            outcome = self._run_task(task)
        finally:
            self.running = None
        self._note(Ack(delivery) if outcome is SUCCEEDED else settlement_of(self._codec, task, outcome, delivery))
        return outcome

    def give_back(self) -> int:
        """Release what is in hand and not started. Returns how many."""
        released = 0
        while True:
            try:
                self._settlements.append(Release(self.waiting.pop()))
            except IndexError:
                break
            released += 1
        if released:
            self.try_flush()
        return released

    def forget(self, lost: Sequence[Delivery]) -> None:
        """Don't start what this consumer no longer holds: another one runs it."""
        for delivery in lost:
            try:
                self.waiting.remove(delivery)
            except ValueError:
                continue

    def flush(self) -> None:
        """Tell the backend what became of the messages. Raises BackendError; what it wasn't told is kept."""
        with self._flushing:
            count = len(self._settlements)
            if not count:
                return
            batch = self._settlements[:count]
            try:
                stale = self.consumer.settle(batch)
            except BackendError:
                # Not again after each task: the backend may be away for long, and each try may take its time.
                self._pause = min(LONGEST_PAUSE, 2 * self._pause)
                self.flush_at = time.monotonic() + self._pause
                raise
            self._pause = COALESCE
            # Others may have been appended meanwhile: they wait for the next flush. The order of these lines sees to
            # it that whoever appends either finds 0 and sets it, or has appended before the last look.
            del self._settlements[:count]
            self.flush_at = 0.0
            if self._settlements:
                self.flush_at = time.monotonic() + COALESCE
        for delivery in stale:
            log.warning("%s was settled too late: its lease had run out, and it may run twice", delivery.id)

    def try_flush(self) -> bool:
        """Flush; where the backend fails, log it and keep what it wasn't told for the next time."""
        try:
            self.flush()
        except BackendError as exc:
            log.warning("Could not settle, will try again: %s", exc)
            return False
        return True

    def close(self) -> None:
        """Settle what is done and give back at once all that isn't."""
        try:
            self._flush_at_last()
            self.consumer.close()
        except BackendError as exc:
            log.warning("Could not give back: others get it when the lease has run out: %s", exc)
        finally:
            self._runner.close()

    def _flush_at_last(self) -> None:
        for _ in range(5):
            if self.try_flush():
                return
            time.sleep(0.2)
        log.error("%d finished tasks could not be settled: they will run again", len(self._settlements))

    def _note(self, settlement: Settlement) -> None:
        self._settlements.append(settlement)
        now = time.monotonic()
        if not self.flush_at:
            self.flush_at = now + COALESCE
        elif now > self.flush_at:
            self.try_flush()

    def _bury(self, delivery: Delivery, outcome: Outcome) -> Outcome:
        log.error("%s goes to the dead letters: %s", delivery.id, outcome.reason)
        self.task = None
        self._note(Bury(delivery, outcome.reason))
        return outcome

    def _poison(self, delivery: Delivery) -> Outcome | None:
        # It may take this process with it: what is done must not have to be done again.
        self.try_flush()
        deaths = delivery.deliveries - 1
        if deaths < self._max_deliveries:
            return None
        return self._bury(delivery, Outcome("dead", reason=f"Its worker died under it {deaths} times."))
