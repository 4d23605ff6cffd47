"""The worker: reserves tasks, runs them and settles them, until it is told to stop."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .child_link import enlist
from .constants import DEFAULT_LEASE
from .crew import LOOK, Crew
from .errors import BackendError
from .health import Health
from .hosted import MAX_DELIVERIES
from .intake import LONGEST_WAIT, Intake
from .keeper import Keeper
from .limits import Limits
from .observers import telling
from .pace import Pace
from .reclaim import reclaim_dead
from .runner import Interrupted
from .session import Session
from .stopping import Stopping
from .watch import Watch
from .worker_options import queue_names, seconds, seconds_above_zero, set_log_level, whole_number

if TYPE_CHECKING:
    from .board import Board
    from .gator import Gator

log = logging.getLogger("alligator.worker")


class Worker:
    """Runs the tasks of some queues, in one thread or several and on an event loop, until SIGTERM, SIGINT or `stop()`.

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
        threads: int = 1,
        async_limit: int = 100,
        max_memory: int = 0,
        health_file: str | os.PathLike[str] | None = None,
        name: str | None = None,
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
            threads: How many threads run tasks. With 1, it is the one that calls `run_forever`.
            async_limit: How many coroutines run at a time, on one event loop in a thread of its own, beside the others.
            max_memory: Stop between tasks once the process takes more bytes than that; 0 for no limit.
            health_file: A file that is touched at most once a second, as long as all is well.
            name: What it goes by in logs, instead of host and process. It need not be unique.
        """
        self.gator = gator
        self.queues = queue_names(to_consume, default=gator.queue_name)
        self.max_tasks = whole_number(0, max_tasks=max_tasks)
        self.nap_time = seconds_above_zero(nap_time=nap_time)
        self.lease = seconds_above_zero(lease=lease)
        self.grace = seconds(grace=grace)
        self.max_deliveries = whole_number(1, max_deliveries=max_deliveries)
        self.burst = burst
        self.threads = whole_number(1, threads=threads)
        self.async_limit = whole_number(1, async_limit=async_limit)
        self.max_memory = whole_number(0, max_memory=max_memory)
        self.name = name
        self.tasks_run = 0
        """How many tasks it is done with; counted when `run_forever` ends."""
        self._stopping = Stopping(self.grace)
        self._pace = Pace()
        self._board: Board | None = None
        self._health = None if health_file is None else Health(health_file)
        if log_level is not None:
            set_log_level(log_level)

    def ident(self) -> str:
        """Return the name that this worker goes by in logs."""
        return self.name or f"{socket.gethostname()}:{os.getpid()}"

    @property
    def is_supervised(self) -> bool:
        """Whether it is one of the processes of a supervisor, its process's parent. Known once it runs."""
        return self._board is not None

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
        """Called with what the function of each successful task returned, in the thread that ran it.

        For a coroutine that is the event loop's. What this raises is logged, and changes nothing.
        """

    def stop(self) -> None:
        """Tell the worker to stop as on SIGTERM. May be called from any thread or signal handler.

        A second time, it gives back at once what still runs. Called before `run_forever`, that runs nothing: so this
        is for a signal that comes while the app is imported, too.
        """
        self._stopping.request()

    def run_forever(self) -> None:
        """Work until told to stop, or until `max_tasks` or `burst` is reached; then settle, and give back the rest.

        In the main thread SIGTERM and SIGINT are the signals to stop; a second one releases what runs at once.
        A task that outlasts its `hard_timeout` ends the process with exit code 1, in whatever thread this runs; what
        is finished is settled before, and what else runs is given back.
        """
        hook = self.gator.plugins.hook
        started, stopped = telling(hook.on_worker_start), telling(hook.on_worker_stop)
        self._board = enlist(self._stopping) or self._board
        # Ctrl-C is a signal to stop, so a KeyboardInterrupt comes from a task itself.
        session = self._session(leave_on_ctrl_c=False)
        with self._stopping.on_signals(session):
            if started is not None:
                started(self)
            self.starting()
            if self._board is not None:
                self._board.ready()
            self._work_and_close(session)
            self._stopping.announce(self.interrupt)
            self.stopping()
            if stopped is not None:
                stopped(self)

    def check_and_run_task(self) -> bool:
        """Run one task, if one is ready. Returns whether there was one."""
        session = self._session()
        try:
            with Keeper(session, self.lease):
                session.reserve(1, 0)
                ran = session.run_next() is not None
                session.flush()
        finally:
            session.close()
        self.tasks_run += ran
        return ran

    def _reclaimed(self, session: Session) -> bool:
        """Give back what dead processes of this host hold; false if the backend is away."""
        try:
            reclaim_dead(session.consumer, self.gator.backend, self.queues, session.note_all)
        except BackendError:
            return False  # which reserving will say
        return True

    def _session(self, *, leave_on_ctrl_c: bool = True) -> Session:
        session = Session(
            self.gator,
            self.queues,
            lease=self.lease,
            max_deliveries=self.max_deliveries,
            leave_on_ctrl_c=leave_on_ctrl_c,
            name=self.ident(),
            board=self._board,
        )
        if type(self).result is not Worker.result:
            session.on_result = self.result
        return session

    def _work_and_close(self, session: Session) -> None:
        session.limits = Limits()
        crew = Crew(session, self._pace, threads=self.threads, async_limit=self.async_limit)
        watch = Watch(self, session, crew, self._stopping, self._health)
        with Keeper(session, self.lease, watch.look):
            try:
                self._work(session, crew)
                self._finish(session, crew)
            except Interrupted:
                log.warning("Left %s while it ran: it is given back", session.task)
            finally:
                # Whatever ended this: what is given back here is not to be started any more.
                session.closing = True
                crew.close()
                self.tasks_run += sum(hand.ran for hand in session.hands)
                session.close()

    def _work(self, session: Session, crew: Crew) -> None:
        intake = Intake(session, wait=0.0 if self.burst else min(self.nap_time, LONGEST_WAIT), health=self._health)
        # A supervisor does that for all its processes.
        reclaimed = self._board is not None
        while not session.closing:
            reclaimed = reclaimed or self._reclaimed(session)
            was_idle = crew.is_idle
            room = self._room(session, crew)
            if room <= 0:
                if was_idle:
                    return  # as many as max_tasks have run
                intake.flush_if_due()
                crew.wait(LOOK)
                continue
            came = intake.reserve(room)
            if came:
                crew.work()
            elif came == 0 and self.burst:
                if was_idle:
                    return
                crew.wait(LOOK)

    def _room(self, session: Session, crew: Crew) -> int:
        return min(crew.room(), self.max_tasks - session.taken) if self.max_tasks else crew.room()

    def _finish(self, session: Session, crew: Crew) -> None:
        session.closing = True
        session.give_back()
        while not crew.is_idle and not self._stopping.gave_up:
            crew.wait(LOOK)
            session.give_back()
