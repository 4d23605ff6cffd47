"""Stopping a worker: signals, the grace period, and leaving tasks that outlast it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from .crew import Crew
from .errors import BackendError, TaskTimeout
from .hand import INTERRUPT
from .runner import Interrupted
from .session import Session

log = logging.getLogger("alligator.worker")

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LAST_RESORT = 1.0
"""Seconds that a task gets to unwind when it is left."""


class Stopping:
    """A worker's way to its end: `request` starts it, `watch` sees to it that it gets there."""

    def __init__(self, grace: float) -> None:
        self.requested = False
        self.supervised = False
        """Whether a supervisor says when it is told a second time: a service manager may signal each process too."""
        self.gave_up = False
        """Whether what still runs is left behind, given back, in a process that goes on."""
        self._grace = grace
        self._deadline = float("inf")
        self._announced = False
        self._left_at: float | None = None
        self._is_raised = False
        self._main: int | None = None
        self._session: Session | None = None

    def request(self) -> None:
        """Ask for the end; a second time, ask for it now. Safe in a signal handler: it only sets fields."""
        self._deadline = 0.0 if self.requested else time.monotonic() + self._grace
        self.requested = True
        if self._session is not None:
            self._session.closing = True

    @contextmanager
    def on_signals(self, session: Session) -> Iterator[None]:
        """Make SIGTERM and SIGINT requests while the block runs; only the main thread can."""
        self._session = session
        session.closing = self.requested
        if threading.current_thread() is not threading.main_thread():
            session.main.thread = threading.get_ident()
            yield
            return

        process = os.getpid()

        def received(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
            if os.getpid() != process:
                _end_fork(signum)
                return
            if not (self.supervised and self.requested):
                self.request()
            # Only the task's own code is left this way: never a half-finished exchange with the backend. And once only,
            # for the keeper may send a signal of its own meanwhile, which would hit what cleans up.
            if time.monotonic() >= self._deadline and session.main.delivery is not None and not self._is_raised:
                self._left_at, self._is_raised = time.monotonic(), True
                raise Interrupted

        def interrupted(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
            # Never out of the other handler, which may not have noted its signal yet: the keeper sends another one.
            if not _is_within(received.__code__, frame) and session.main.take_token():
                raise TaskTimeout

        handlers = {**dict.fromkeys(SIGNALS, received), INTERRUPT: interrupted}
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        self._main = threading.get_ident()
        session.main.in_main_thread = True
        try:
            yield
        finally:
            self._main = None
            for number, handler in previous.items():
                signal.signal(number, handler)

    def announce(self, announce: Callable[[], None]) -> None:
        """Call `announce` if the end was requested, once."""
        if self.requested and not self._announced:
            self._announced = True
            announce()

    def watch(self, session: Session, crew: Crew, announce: Callable[[], None]) -> None:
        """Called by the keeper, often: give back what hasn't started, and end what outlasts the grace period."""
        if not self.requested:
            return
        self.announce(announce)
        session.give_back()
        if not session.is_busy or time.monotonic() < self._deadline:
            return
        if self._left_at is None:
            self._left_at = time.monotonic()
            self._leave(session, crew)
        elif time.monotonic() > self._left_at + LAST_RESORT:
            self._end(session)

    def _leave(self, session: Session, crew: Crew) -> None:
        for hand in session.hands:
            if hand.delivery is not None:
                log.warning("%s still runs after the grace period: it is given back", hand.task)
        crew.leave(Interrupted)
        if session.main.delivery is None:
            return
        if self._main is not None:
            signal.pthread_kill(self._main, SIGNALS[0])
        else:
            # It may be somebody else's thread, in a call that can't be ended; but others can have its task.
            session.main.interrupt(Interrupted)
            self._release(session)

    def _end(self, session: Session) -> None:
        if self.gave_up:
            return
        self.gave_up = True
        names = [str(hand.task) for hand in session.hands if hand.delivery is not None]
        if self._main is None:
            self._release(session)
            return
        log.warning("%s can't be interrupted: the process ends under it", ", ".join(names))
        self._release(session)
        logging.shutdown()
        os._exit(0)

    def _release(self, session: Session) -> None:
        session.try_flush()
        try:
            session.consumer.close()
        except BackendError as exc:
            log.warning("Could not give back: %s", exc)


def _end_fork(signum: int) -> None:
    # What a task has forked, a pool of processes say, has the handlers too; whoever tells it to end waits for that.
    signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def _is_within(code: CodeType, frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False
