"""Threads that run tasks side by side."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from .bell import Bell
from .hand import Hand
from .runner import Interrupted
from .session import PASSED_ON, Session

log = logging.getLogger("alligator.worker")


class Threads:
    """Some threads, each of them a hand that takes from what a session has waiting."""

    def __init__(self, session: Session, count: int) -> None:
        self.hands = [Hand(number) for number in range(count)]
        self.low = 0
        """How few may wait before the bell is rung for more."""
        self.failure: BaseException | None = None
        """What ended one of them, which is a bug."""
        self._session = session
        self._resting: deque[tuple[Hand, Bell]] = deque()
        self._threads: list[threading.Thread] = []
        self._ended = False

    def start(self) -> None:
        """Start the threads. They are daemons: one that can't be interrupted must not keep the process."""
        for hand in self.hands:
            name = f"alligator-hand-{hand.number}"
            thread = threading.Thread(target=self._work, args=(hand,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        """Wake one that rests, if any does. It wakes the next while there is more to do than it can take.

        One after the other, because all at once would only wait for one another: fast tasks keep one thread busy.
        """
        try:
            _, bell = self._resting.popleft()
        except IndexError:
            return
        bell.ring()

    @property
    def idle(self) -> int:
        """How many rest. Those that look for something to do count as busy."""
        return len(self._resting)

    @property
    def ran(self) -> int:
        """How many messages they are done with."""
        return sum(hand.ran for hand in self.hands)

    @property
    def busy(self) -> float:
        """Seconds that these took, all together."""
        return sum(hand.busy for hand in self.hands)

    def end(self) -> None:
        """Let them end as soon as they run nothing."""
        self._ended = True
        while self._resting:
            self.wake()
        for hand, thread in zip(self.hands, self._threads, strict=True):
            if hand.delivery is None:
                thread.join(1)

    def _work(self, hand: Hand) -> None:
        bell = Bell()
        hand.thread = threading.get_ident()
        try:
            while not self._ended:
                self._run_all(hand)
                self._rest(hand, bell)
        except BaseException as exc:  # noqa: BLE001  (the worker's thread raises it)
            self.failure = exc
            self._session.bell.ring()

    def _run_all(self, hand: Hand) -> None:
        session = self._session
        waiting, resting, run_next = session.waiting, self._resting, session.run_next
        hand.since = time.monotonic()
        while not session.closing:
            if resting and len(waiting) > 1:
                self.wake()
            began = hand.since
            try:
                outcome = run_next(hand)
            except Interrupted:
                log.warning("Left %s while it ran: it is given back", hand.task)
                return
            if outcome is None:
                return
            if outcome is not PASSED_ON:
                hand.ran += 1
                hand.busy += hand.since - began
            if session.bell.awaited and len(waiting) <= self.low:
                session.bell.ring()

    def _rest(self, hand: Hand, bell: Bell) -> None:
        session, mine = self._session, (hand, bell)
        self._resting.append(mine)
        if (session.waiting and not session.closing) or self._ended:
            # It came before this one was seen to rest: nobody may have been woken for it.
            try:
                self._resting.remove(mine)
            except ValueError:
                pass  # woken in this moment
            else:
                return
        session.bell.ring()
        bell.wait()
