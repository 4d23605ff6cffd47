"""The hands of a worker together: who runs what it has reserved, and for how much there is room."""

from __future__ import annotations

import time
from contextlib import suppress

from .loop import Loop
from .pace import Pace
from .session import PASSED_ON, Session
from .threads import Threads

LOOK = 0.1
"""Seconds after which whoever waits for the hands looks for himself."""


class Crew:
    """The thread that reserves, or several others in its place, and an event loop beside them."""

    def __init__(self, session: Session, pace: Pace, *, threads: int, async_limit: int) -> None:
        self.loop = Loop(session, async_limit, first_number=threads)
        self.threads = Threads(session, threads) if threads > 1 else None
        self._session = session
        self._pace = pace
        self._coroutines = 0
        """How many of those that came last, one after the other, were coroutines."""
        self._seen = (0, 0, 0.0)
        session.pass_on = self.loop.wake
        session.runner.elsewhere = self.loop.run
        if self.threads is not None:
            session.hands += self.threads.hands
            self.threads.start()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in hand. Only the thread that reserves can rely on it."""
        return not self._session.alone and self._runs_nothing()

    def room(self) -> int:
        """Return how many messages to reserve next: for the hands that are free, and a little ahead of them.

        Raises what ended a hand.
        """
        session = self._session
        self._raise_failure()
        if session.alone or (session.coroutines and self.loop.room <= 0):
            return 0
        # Nobody knows what comes next: it starts with one coroutine, and goes on with twice as many as came.
        coroutines = max(0, min(2 * self._coroutines, self.loop.room))
        if self.threads is None:
            return coroutines if self._coroutines else self._pace.limit
        return self._room_of(self.threads, coroutines)

    def work(self) -> None:
        """See to it that what is in hand is run: here and now, or by others."""
        if self._session.alone:
            self._work_alone()
        elif self.threads is None:
            self._run_all()
        else:
            self._measure(self.threads)
            self.threads.wake()

    def wait(self, timeout: float) -> None:
        """Wait until something has changed, up to `timeout` seconds. Raises what ended a hand."""
        self._session.bell.wait(timeout)
        self._raise_failure()

    def leave(self, error: type[BaseException]) -> None:
        """Have the threads and coroutines leave what they run, by raising an error in them. From any thread."""
        for hand in self.threads.hands if self.threads is not None else ():
            hand.interrupt(error)
        self.loop.leave()

    def close(self) -> None:
        """Let the hands go."""
        if self.threads is not None:
            self.threads.end()
        self.loop.close()

    def _run_all(self) -> None:
        session = self._session
        run_next, passed_on, ran = session.run_next, 0, 0
        session.main.since = started = time.monotonic()
        while not session.closing:
            outcome = run_next()
            if outcome is None:
                break
            if outcome is PASSED_ON:
                passed_on += 1
            else:
                ran += 1
        session.main.ran += ran
        self._pace.record(ran, time.monotonic() - started)
        self._coroutines = 0 if ran else self._coroutines + passed_on

    def _work_alone(self) -> None:
        # What somebody died under may take this process with it: nothing else is to run beside it.
        session = self._session
        while session.alone and not session.closing and not self._runs_nothing():
            self.wait(LOOK)
        with suppress(IndexError):
            while True:  # one by one: what the keeper gives back meanwhile must not be in both
                session.waiting.append(session.alone.popleft())
        if session.waiting:
            self.work()
        else:
            # It was given back for somebody who has nothing else to do, and that one should be the first to ask.
            self.wait(LOOK)
        while not self.is_idle and not session.closing:
            self.wait(LOOK)

    def _raise_failure(self) -> None:
        for failure in (self.loop.failure, None if self.threads is None else self.threads.failure):
            if failure is not None:
                raise failure

    def _runs_nothing(self) -> bool:
        # Asked in the order in which messages go from one to the next.
        threads = self.threads
        if self._session.waiting or (threads is not None and threads.idle < len(threads.hands)):
            return False
        return self.loop.is_idle

    def _room_of(self, threads: Threads, coroutines: int) -> int:
        idle, waiting = threads.idle, len(self._session.waiting)
        ahead = self._pace.limit if self._pace.limit > 1 else 0
        threads.low = ahead // 2
        if not idle and (waiting > threads.low or threads.ran == self._seen[0]):
            return 0  # enough is in hand, or all of them run something long
        return max(idle, ahead, coroutines if idle else 0) - waiting

    def _measure(self, threads: Threads) -> None:
        ran, passed_on, busy = threads.ran, self._session.passed_on, threads.busy
        ran_before, passed_on_before, busy_before = self._seen
        self._seen = ran, passed_on, busy
        self._pace.record(ran - ran_before, (busy - busy_before) / len(threads.hands))
        self._coroutines = 0 if ran > ran_before else self._coroutines + passed_on - passed_on_before
