"""The consumer: reserving, and keeping what is held."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread
from typing import Final

from alligator_core.backend import Consumer, Delivery, Release, Replace, Settlement
from alligator_core.errors import BackendError

from .batches import TEN, Batches
from .hold import Hold
from .intake import Intake
from .names import Lane
from .queues import Queues
from .returning import Returning
from .settings import Settings
from .settling import Settling, settled
from .shelf import Shelf

log = logging.getLogger("alligator.sqs")

LINGER: Final = 2.0
"""Seconds that a reserve whose consumer was closed waits for its polls to end, after its own time."""


class SqsConsumer(Consumer):
    """One worker's hold on some queues.

    While there is plenty, requests that don't wait bring as many tens as are wanted, several at once. Once there
    is less, one long poll for each queue waits in the background, over as many calls of `reserve` as it takes.
    """

    def __init__(
        self,
        settings: Settings,
        queues: Queues,
        batches: Batches,
        intake: Intake,
        settling: Settling,
        returning: Returning,
        lanes: Sequence[Lane],
    ) -> None:
        self._settings = settings
        self._queues = queues
        self._batches = batches
        self._intake = intake
        self._settling = settling
        self._returning = returning
        self._lanes = list(lanes)
        self._shelf = Shelf(self._lanes)
        self._done: set[Hold] = set()
        self._changing = Lock()
        self._polls: dict[Lane, Thread] = {}
        self._arrived = Event()
        self._trouble: BackendError | None = None
        self._is_plenty = True
        self._width = 1
        """How many requests at once: where all of them come back full, twice as many the next time."""
        self._is_ready = False
        self._closed = False

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        deadline = time.monotonic() + wait
        self._look_around()
        while not self._closed:
            self._arrived.clear()
            self._raise_trouble()
            batch = self._shelf.take(limit)
            if not batch and (self._is_plenty or wait <= 0):
                batch = self._sweep(limit)
            if batch:
                return batch if not self._closed else []
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._poll(limit)
            self._arrived.wait(left)
        for poll in list(self._polls.values()):
            poll.join(max(0.0, deadline - time.monotonic()) + LINGER)
        return []

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out what became of some deliveries, and return the stale ones."""
        with self._changing:
            cases, stale = settled(settlements, self._shelf.held)
            stale = [each for each in stale if each.token not in self._done]
            if not cases:
                return stale
            fates, lost = self._settling.settle(cases, self._intake.lease)
            for hold in lost:
                self._shelf.settled(hold)
            stale += [cases[hold].delivery for hold in cases if hold in lost]
            errors = [fate for fate in fates.values() if fate is not None]
            for hold, fate in fates.items():
                if fate is None:
                    self._let_go(hold, cases[hold])
                    if errors:
                        self._done.add(hold)
            self._arrived.set()
            if errors:
                raise errors[0] if isinstance(errors[0], BackendError) else BackendError(f"SQS refused: {errors[0]}")
            self._done.clear()
            return stale

    def keep_alive(self) -> list[Delivery]:
        """Extend all that is held, and return what was lost."""
        trouble = self._trouble
        if trouble is not None:
            raise trouble
        held = dict(self._shelf.held)
        lost, error = self._settling.extended(list(held), self._intake.lease)
        # What was settled meanwhile is not lost.
        gone = [held[hold] for hold in lost if hold in self._shelf.held]
        for hold in lost:
            self._shelf.settled(hold)
        if error is not None:
            raise error
        return gone

    def spare(self) -> None:
        """Give back what was received and not handed out."""
        self._give_back(self._shelf.spare)

    def close(self) -> None:
        """Give back everything that is held."""
        self._closed = True
        self._arrived.set()
        self._give_back(self._shelf.clear)

    def _look_around(self) -> None:
        """See to it, once, that the queues and their dead letters have a place: not when the first task fails."""
        if not self._is_ready:
            for lane in self._lanes:
                self._queues.url(lane)
            for queue in dict.fromkeys(lane.queue for lane in self._lanes):
                self._queues.dead(queue)
            self._is_ready = True

    def _sweep(self, limit: int) -> list[Delivery]:
        """Take what there is in the first queue that has something, by several requests at once."""
        for lane in self._lanes:
            if self._shelf.blocks(lane, is_one_group=self._settings.group == "queue"):
                continue
            wanted = self._intake.limit(limit)
            requests = min(self._width, max(1, wanted // TEN))
            calls = [(lane, min(TEN, wanted), 0)] * requests
            answers = self._batches.each(self._intake.receive, calls)
            holds = [hold for answer in answers if not isinstance(answer, BaseException) for hold in answer]
            if not holds and (error := next((each for each in answers if isinstance(each, BaseException)), None)):
                raise error
            self._accept(lane, holds)
            is_full = len(holds) >= requests * min(TEN, wanted)
            self._width = min(self._settings.threads, 2 * self._width) if is_full else 1
            # With several queues the first of them is to be asked first, whatever comes from the others.
            self._is_plenty = is_full or (len(self._lanes) > 1 and bool(holds))
            if batch := self._shelf.take(limit):
                return batch
        return []

    def _poll(self, limit: int) -> None:
        """Have one request wait at each queue where none does."""
        for lane in self._lanes:
            if lane in self._polls or self._shelf.blocks(lane, is_one_group=self._settings.group == "queue"):
                continue
            count = min(TEN, self._intake.limit(limit))
            poll = Thread(target=self._wait_at, args=(lane, count), name=f"alligator-poll-{lane.name}", daemon=True)
            self._polls[lane] = poll
            poll.start()

    def _wait_at(self, lane: Lane, count: int) -> None:
        try:
            holds = self._intake.receive(lane, count, self._intake.longest_wait(self._settings.wait))
            self._accept(lane, holds)
            self._is_plenty = self._is_plenty or len(holds) >= count
        except BackendError as exc:
            self._trouble = exc
        except Exception as exc:
            log.exception("A poll of %s failed", lane.name)
            self._trouble = BackendError(f"{self._settings.shown}: a poll of {lane.name!r} failed: {exc!r}")
        finally:
            self._polls.pop(lane, None)
            self._arrived.set()

    def _accept(self, lane: Lane, holds: list[Hold]) -> None:
        if not holds:
            return
        if self._closed:
            self._give_back(lambda: holds)
            return
        self._shelf.put(self._intake.sorted_out(lane, holds))
        if self._has_ended():
            # Closed between these two looks.
            self._give_back(self._shelf.clear)

    def _let_go(self, hold: Hold, settlement: Settlement) -> None:
        behind: list[Hold] = []
        if hold.group and isinstance(settlement, Release | Replace):
            # What is behind it must not get before it.
            behind = self._shelf.behind(hold)
        self._shelf.settled(hold)
        if behind:
            self._give_back(lambda: behind)

    def _has_ended(self) -> bool:
        return self._closed

    def _give_back(self, taken: Callable[[], list[Hold]]) -> None:
        holds = taken()
        if holds:
            self._returning.give_back(holds)

    def _raise_trouble(self) -> None:
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble
