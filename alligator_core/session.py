"""A session: one consumer, the messages it has in hand, and what became of them."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from . import constants, forks
from .backend import Ack, Bury, Delivery, Release
from .bell import Bell
from .errors import AlligatorException, BackendError
from .hand import Hand
from .holder import this_process
from .ledger import COALESCE, Ledger
from .outcome import EXPIRED, SUCCEEDED, Outcome
from .runner import Interrupted, Runner
from .settling import settlement_of, storable
from .task import Task, current
from .task_line import log as task_log
from .task_line import log_end
from .task_options import DEFAULTS

if TYPE_CHECKING:
    from .board import Board
    from .gator import Gator
    from .limits import Limits

log = logging.getLogger("alligator.worker")

PASSED_ON: Final = Outcome("success", reason="on the event loop")
"""What `run_next` returns for a task that has not ended, but was passed on."""


class Session(Ledger):
    """Reserves messages, runs them and settles them together.

    One thread reserves; that one, or several others, run what is in hand; a `Keeper` looks after the rest from
    another. What they share is built on single operations of a deque and a list, which are atomic, so that none of
    them takes a lock per task.
    """

    def __init__(
        self,
        gator: Gator,
        queues: Sequence[str],
        *,
        lease: float,
        max_deliveries: int,
        leave_on_ctrl_c: bool = True,
        name: str = "",
        board: Board | None = None,
    ) -> None:
        super().__init__(gator.backend.consumer(queues, lease, this_process()), board)
        self.waiting: deque[Delivery] = deque()
        """Reserved, not started."""
        self.taken_at = 0.0
        """When they were reserved."""
        self.coroutines: deque[tuple[Delivery, Task]] = deque()
        """Passed on to the event loop, not started."""
        self.alone: deque[Delivery] = deque()
        """Reserved, not started: one that somebody died under, to run once nothing else does."""
        self.main = Hand(0)
        """The hand of the thread that reserves."""
        self.hands: list[Hand] = [self.main]
        """All that there are so far."""
        self.closing = False
        """Whether nothing may be started any more."""
        self.pass_on: Callable[[], None] | None = None
        """Called when there is something new in `coroutines`; where it is None, they are awaited one by one."""
        self.on_result: Callable[[Any], None] | None = None
        """Called with what each successful task returned."""
        self.limits: Limits | None = None
        """The time limits of what runs; where it is None, nobody looks at them."""
        self.stopped: set[str] = set()
        """Ids of what is in hand that is not to be started any more, because somebody asked for its end."""
        self.bell = Bell()
        """What the thread that reserves waits for: room, or an end."""
        self.taken = 0
        """How many messages it has reserved and not given back."""
        self.reserving = False
        """Whether it asks the backend for messages, or did and failed."""
        self.reachable = True
        """Whether the last heartbeat got through."""
        self.passed_on = 0
        """How many messages went to the event loop."""
        self.runner = Runner(gator, leave_on_ctrl_c=leave_on_ctrl_c)
        self.runner.forks = forks.count
        self._codec = gator.codec
        self._decode, self._run_task = self._codec.decode, self.runner.run_here
        self._max_deliveries = max_deliveries
        self._counting = Lock()
        self._name = name
        self._logs = self._is_watched = False
        """Whether each task is logged; whether anything is to happen when one begins or ends."""
        self._look_around()

    @property
    def task(self) -> Task | None:
        """The task that the thread which reserves ran last."""
        return self.main.task

    @property
    def is_busy(self) -> bool:
        """Whether anything runs just now. From any thread."""
        return any(hand.delivery is not None for hand in self.hands)

    def reserve(self, limit: int, wait: float) -> int:
        """Take up to `limit` messages into hand, waiting up to `wait` seconds; return how many came."""
        self.reserving = True
        batch = self.consumer.reserve(limit, wait)
        self.reserving = False
        now = time.monotonic()
        if self._board is not None:
            self._board.reserved(now)
        if batch:
            self.taken_at = now
            with self._counting:
                self.taken += len(batch)
            if self.stopped:
                # What was asked for came too late for the one before, and is not meant for another of the same id.
                self.stopped.difference_update([delivery.id for delivery in batch])
            # Where others run tasks beside this thread, it may have to wait for them.
            (self.alone if self.pass_on and batch[0].deliveries > 1 else self.waiting).extend(batch)
            self._look_around()
        return len(batch)

    def run_next(self, hand: Hand | None = None) -> Outcome | None:
        """Run the next message in hand and note its settlement.

        Returns None when there is none, and PASSED_ON for one that the event loop will run.
        """
        try:
            delivery = self.waiting.popleft()
        except IndexError:
            return None
        if hand is None:
            hand = self.main
        if delivery.deliveries > 1 and (poison := self._poison(hand, delivery)):
            return poison
        if self._board is not None:
            # Already now: to import its module, or to make its arguments, may end the process too.
            self._board.started(hand.number, delivery.id)
        try:
            task = self._decode(delivery.body, delivery.queue)
        except AlligatorException as exc:
            return self._bury(hand, delivery, Outcome("dead", exc, reason=storable(str(exc))))
        if task.is_coroutine and self.pass_on is not None:
            return self._pass_on(hand, delivery, task)
        task.deliveries = delivery.deliveries
        if current.get() is not hand:
            current.set(hand)
        hand.task = task
        hand.delivery = delivery
        is_plain = task.options is DEFAULTS
        if (self._is_watched or not is_plain) and (skipped := self._begin(hand, delivery, task)):
            return skipped
        try:
            # In a thread of its own, or with a time limit, it may have to be interrupted.
            guard = None if is_plain and not hand.thread else hand
            outcome = copy_context().run(self._run_task, task, guard)
        except BaseException:
            self._left(hand, delivery)
            raise
        finally:
            hand.delivery = None
        hand.since, began = time.monotonic(), hand.since
        if outcome is SUCCEEDED and is_plain and not self._is_watched:
            self._settlements.append(Ack(delivery))
        else:
            self._end(hand, delivery, task, outcome, hand.since - began)
        if not self.flush_at:
            self.flush_at = hand.since + COALESCE
        elif hand.since > self.flush_at and hand is self.main and not self._flushing.locked():
            # (While the keeper flushes what was there before, this one waits for more: not to be told of alone.)
            self.try_flush()
        return outcome

    async def run_soon(self, hand: Hand, delivery: Delivery, task: Task) -> None:
        """Run what was passed on, in the asyncio task that awaits this, and note its settlement."""
        current.set(hand)
        task.deliveries = delivery.deliveries
        hand.task, hand.delivery, hand.since = task, delivery, time.monotonic()
        if self._begin(hand, delivery, task):
            hand.ran += 1
            return
        try:
            outcome = await self.runner.run_soon(task, hand)
        except Interrupted:
            log.warning("Left %s while it ran: it is given back", task)
            self._left(hand, delivery)
            return
        finally:
            hand.delivery = None
        hand.ran += 1
        self._end(hand, delivery, task, outcome, time.monotonic() - hand.since)

    def give_back(self) -> int:
        """Release what is in hand and not started, and let go of what was taken ahead. Returns how many."""
        self._spare()
        released = list(self._unstarted())
        if released:
            with self._counting:
                self.taken -= len(released)
            self._settlements += [Release(delivery) for delivery in released]  # (at once: others append)
            self.try_flush()
        return len(released)

    def forget(self, lost: Sequence[Delivery]) -> None:
        """Don't start what this consumer no longer holds: another one runs it."""
        passed_on = {delivery: (delivery, task) for delivery, task in self.coroutines.copy()} if lost else {}
        for delivery in lost:
            if (
                _removed(self.waiting, delivery)
                or _removed(self.alone, delivery)
                or (delivery in passed_on and _removed(self.coroutines, passed_on[delivery]))
            ):
                with self._counting:
                    self.taken -= 1

    def stop(self, id: str) -> None:
        """See to it that a message in hand is not started any more."""
        self.stopped.add(id)
        self._is_watched = True

    def close(self) -> None:
        """Release everything, and let go of the event loop."""
        try:
            self.release()
        finally:
            self.runner.close()

    def _spare(self) -> None:
        try:
            self.consumer.spare()
        except BackendError as exc:
            log.warning("Could not give back what was taken ahead, will try again: %s", exc)

    def _begin(self, hand: Hand, delivery: Delivery, task: Task) -> Outcome | None:
        """See to what else is to happen when a task begins; return its outcome if it is not to be run at all."""
        options = task.options
        expiry = None if options is DEFAULTS else options.expiry(task.enqueued_at)
        if expiry is not None and time.time() > expiry:
            return self._skip(hand, delivery, task, EXPIRED, constants.EXPIRED)
        if self.stopped and delivery.id in self.stopped:
            self.stopped.discard(delivery.id)
            return self._skip(hand, delivery, task, Outcome("cancelled"), constants.CANCELED)
        hard_limit = 0.0 if self.limits is None else self.limits.begin(hand, task, time.monotonic())
        if self._board is not None:
            done = self._unflushed() if hard_limit else ()
            self._board.started(hand.number, delivery.id, hard_limit, done)
            if done:
                # What was flushed between these two looks was maybe not on the board yet, to be taken off there.
                self._board.flushed(set(done).difference(self._unflushed()))
        return None

    def _unflushed(self) -> list[str]:
        return [each.delivery.id for each in self._settlements.copy() if isinstance(each, Ack)]

    def _end(self, hand: Hand, delivery: Delivery, task: Task, outcome: Outcome, seconds: float) -> None:
        """Note the settlement of a task, unless it was settled from outside, and see to what else is to happen."""
        if self.limits is not None and not self.limits.end(hand):
            return
        settlement = settlement_of(self._codec, task, outcome, delivery)
        if self._board is not None:
            if isinstance(settlement, Ack):
                self._board.done(delivery.id)
            self._board.finished(hand.number, delivery.id)
        self.note(settlement)
        if self._logs:
            log_end(task, delivery, outcome, seconds, self._name)
        if self.on_result is not None and outcome is SUCCEEDED:
            self._pass_result(self.on_result, task)

    def _left(self, hand: Hand, delivery: Delivery) -> None:
        if self.limits is not None:
            self.limits.end(hand)
        if self._board is not None:
            self._board.finished(hand.number, delivery.id)

    def _skip(self, hand: Hand, delivery: Delivery, task: Task, outcome: Outcome, status: str) -> Outcome:
        task.status = status
        hand.delivery = None
        self.runner.skip(task, outcome)
        self.note(Ack(delivery))
        if self._board is not None:
            self._board.finished(hand.number, delivery.id)
        log_end(task, delivery, outcome, 0.0, self._name)
        return outcome

    def _look_around(self) -> None:
        # Once per batch, so that nothing of it is asked for each task.
        self._logs = task_log.isEnabledFor(logging.INFO)
        self._is_watched = bool(self._logs or self._board or self.on_result or self.stopped)

    def _pass_result(self, on_result: Callable[[Any], None], task: Task) -> None:
        try:
            on_result(task.result)
        except (Exception, SystemExit):
            log.exception("Worker.result failed for %r; the task is not affected", task)

    def _pass_on(self, hand: Hand, delivery: Delivery, task: Task) -> Outcome:
        if self._board is not None:
            self._board.finished(hand.number, delivery.id)
        self.coroutines.append((delivery, task))
        self.passed_on += 1
        if self.pass_on is not None:
            self.pass_on()
        return PASSED_ON

    def _unstarted(self) -> Iterator[Delivery]:
        """Take what is in hand and has not started, the last first."""
        with suppress(IndexError):
            while True:
                yield self.alone.pop()
        with suppress(IndexError):
            while True:
                yield self.coroutines.pop()[0]
        with suppress(IndexError):
            while True:
                yield self.waiting.pop()

    def _bury(self, hand: Hand, delivery: Delivery, outcome: Outcome) -> Outcome:
        log.error("%s goes to the dead letters: %s", delivery.id, outcome.reason)
        hand.task = None
        self.note(Bury(delivery, outcome.reason))
        if self._board is not None:
            self._board.finished(hand.number, delivery.id)
        return outcome

    def _poison(self, hand: Hand, delivery: Delivery) -> Outcome | None:
        # It may take this process with it: what is done must not have to be done again.
        self.try_flush()
        deaths = delivery.deliveries - 1
        if deaths < self._max_deliveries:
            return None
        return self._bury(hand, delivery, Outcome("dead", reason=f"Its worker died under it {deaths} times."))


def _removed(items: deque[Any], item: object) -> bool:
    try:
        items.remove(item)
    except ValueError:
        return False
    return True
