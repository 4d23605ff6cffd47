"""The worker: reserves tasks, runs them and settles them, until it is told to stop."""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .constants import DEFAULT_LEASE
from .errors import BackendError
from .hosted import MAX_DELIVERIES
from .keeper import Keeper
from .observers import bound, notify
from .outcome import Outcome
from .pace import Pace
from .runner import Interrupted
from .session import Session
from .stopping import Stopping
from .worker_options import queue_names, seconds, seconds_above_zero, set_log_level, whole_number

if TYPE_CHECKING:
    from .gator import Gator

log = logging.getLogger("alligator.worker")

MAX_BACKOFF = 5.0
LONGEST_WAIT = 1.0
"""Seconds in one `reserve`: a longer nap consists of several, so that an idle worker hears soon that it is to stop."""


class Worker:
    """Runs the tasks of some queues, one at a time, until SIGTERM, SIGINT or `stop()`.

    Override `ident`, `starting`, `stopping`, `interrupt` or `result` to follow it.
    """

    def __init__(
        self,
        gator: Gator,
        max_tasks: int = 0,
        to_consume: str | Sequence[str] | None = None,
        nap_time: float = 1.0,
        log_level: int | str | None = None,
        *,
        lease: float = DEFAULT_LEASE,
        grace: float = 30.0,
        max_deliveries: int = MAX_DELIVERIES,
        burst: bool = False,
    ) -> None:
        """Prepare a worker; `run_forever` starts it.

        Args:
            gator: Where the tasks are.
            max_tasks: Stop after so many; 0 for no limit.
            to_consume: A queue, or several in the order of their precedence; the Gator's own by default.
            nap_time: Seconds that it waits for a task before it looks around; a push ends the wait at once.
            log_level: Level of the `alligator` logger.
            lease: Seconds after its last sign of life at which others take over what it holds.
            grace: Seconds that a running task may go on after the worker was told to stop.
            max_deliveries: How often a message may have its worker die under it before it is a dead letter.
            burst: Stop when no task is ready.
        """
        self.gator = gator
        self.queues = queue_names(to_consume, default=gator.queue_name)
        self.max_tasks = whole_number(0, max_tasks=max_tasks)
        self.nap_time = seconds_above_zero(nap_time=nap_time)
        self.lease = seconds_above_zero(lease=lease)
        self.grace = seconds(grace=grace)
        self.max_deliveries = whole_number(1, max_deliveries=max_deliveries)
        self.burst = burst
        self.tasks_run = 0
        self._stopping = Stopping(self.grace)
        self._pace = Pace()
        self._failures = 0
        if log_level is not None:
            set_log_level(log_level)

    def ident(self) -> str:
        """Return the name that this worker goes by in logs."""
        return f"{socket.gethostname()}:{os.getpid()}"

    def starting(self) -> None:
        """Called before the first task is reserved."""
        log.info("Worker %s starts on %s, queues %s", self.ident(), self.gator.dsn, ", ".join(self.queues))

    def stopping(self) -> None:
        """Called after the last task is settled."""
        log.info("Worker %s stops after %d tasks", self.ident(), self.tasks_run)

    def interrupt(self) -> None:
        """Called once when the worker was told to stop: by the keeper's thread, or at the end by its own."""
        log.info("Worker %s was told to stop: finishing what runs, within %g s", self.ident(), self.grace)

    def result(self, result: Any) -> None:
        """Called with what the function of each successful task returned."""

    def stop(self) -> None:
        """Tell the worker to stop as on SIGTERM. May be called from any thread or signal handler."""
        self._stopping.request()

    def run_forever(self) -> None:
        """Work until told to stop, or until `max_tasks` or `burst` is reached; then settle, and give back the rest.

        In the main thread SIGTERM and SIGINT are the signals to stop; a second one releases what runs at once.
        """
        hook = self.gator.plugins.hook
        started, stopped = bound(hook.on_worker_start), bound(hook.on_worker_stop)
        # Ctrl-C is a signal to stop, so a KeyboardInterrupt comes from a task itself.
        session = self._session(leave_on_ctrl_c=False)
        with self._stopping.on_signals(session):
            self.starting()
            if started is not None:
                notify(started, worker=self)
            self._work_and_close(session)
            self._stopping.announce(self.interrupt)
            if stopped is not None:
                notify(stopped, worker=self)
            self.stopping()

    def check_and_run_task(self) -> bool:
        """Run one task, if one is ready. Returns whether there was one."""
        session = self._session()
        try:
            with Keeper(session, self.lease):
                session.reserve(1, 0)
                ran = self._run(session) > 0
                session.flush()
                return ran
        finally:
            session.close()

    def _session(self, *, leave_on_ctrl_c: bool = True) -> Session:
        return Session(
            self.gator,
            self.queues,
            lease=self.lease,
            max_deliveries=self.max_deliveries,
            leave_on_ctrl_c=leave_on_ctrl_c,
        )

    def _work_and_close(self, session: Session) -> None:
        def watch() -> None:
            self._stopping.watch(session, self.interrupt)

        with Keeper(session, self.lease, watch):
            try:
                self._work(session)
            except Interrupted:
                log.warning("Left %s while it ran: it is given back", session.task)
            finally:
                session.close()

    def _work(self, session: Session) -> None:
        while not self._stopping.requested and not self._is_done():
            came = self._reserve(session)
            if came:
                started = time.monotonic()
                self._pace.record(self._run(session), time.monotonic() - started)
            elif came == 0 and self.burst:
                return

    def _reserve(self, session: Session) -> int | None:
        """Take messages in hand, and return how many; None if the backend failed or has still to be waited for."""
        wait = 0.0 if self.burst else min(self.nap_time, LONGEST_WAIT)
        try:
            if session.flush_at:
                # Acks wait for company, but no longer than they may: first look for more work just so long.
                left = session.flush_at - time.monotonic()
                if left <= 0:
                    session.flush()
                else:
                    wait = min(wait, left)
            came: int | None = session.reserve(self._limit(), wait)
            if not came and session.flush_at:
                # What is settled now may be ready again, a retry say: look once more before saying that there is none.
                session.flush()
                came = None
        except BackendError as exc:
            self._back_off(exc)
            return None
        self._failures = 0
        return came

    def _run(self, session: Session) -> int:
        """Run what is in hand; return how many that were."""
        run_next, ran = session.run_next, 0
        wants_result = type(self).result is not Worker.result
        while not self._stopping.requested:
            outcome = run_next()
            if outcome is None:
                break
            ran += 1
            if wants_result:
                self._pass_result(session, outcome)
        self.tasks_run += ran
        return ran

    def _pass_result(self, session: Session, outcome: Outcome) -> None:
        if outcome.kind == "success" and session.task is not None:
            self.result(session.task.result)

    def _limit(self) -> int:
        left = self.max_tasks - self.tasks_run if self.max_tasks else self._pace.limit
        return min(self._pace.limit, left)

    def _is_done(self) -> bool:
        return bool(self.max_tasks) and self.tasks_run >= self.max_tasks

    def _back_off(self, exc: BackendError) -> None:
        self._failures += 1
        delay = min(MAX_BACKOFF, 0.1 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        log.warning("The backend failed, trying again in %.1f s: %s", delay, exc)
        # In slices, for a signal's handler only sets a flag.
        end = time.monotonic() + delay
        while time.monotonic() < end and not self._stopping.requested:
            time.sleep(0.05)
