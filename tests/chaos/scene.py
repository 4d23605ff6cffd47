"""A scene: one store, one mode, some workers and a producer, while something is done to them."""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from alligator_core.backend import UNIQUE
from alligator_core.errors import AlligatorException, BackendUnavailable
from alligator_core.gator import Gator

from . import tasks
from .clock import set_clock
from .history import EVERYONE, History
from .inprocess import WorkerThread
from .modes import Mode
from .processes import WorkerProcess
from .stores import Store

T = TypeVar("T")

LEASE = 3.0
PATIENCE = 60.0
"""Seconds until what is waited for counts as hanging."""


class Hanging(Exception):
    """Something did not happen in time."""


class Scene:
    """Everything a fault needs. Close it in the end."""

    def __init__(self, store: Store, mode: Mode, folder: Path, seed: int) -> None:
        self.store = store
        self.mode = mode
        self.folder = folder
        self.rng = random.Random(seed)
        self.history = History(folder / "history")
        self.gator = Gator(store.dsn, plugins=[])
        self.worker_dsn = store.dsn
        self.lease = LEASE
        self.options: dict[str, float] = {"grace": 20.0}
        self.steps = folder / "steps"
        self.steps.mkdir()
        self.clock = store.clock if store.has_file else folder / "clock-of-workers"
        self.workers: list[WorkerProcess | WorkerThread] = []
        self.expected_dead: set[int] = set()
        self.garbage = 10_000
        """How many messages are garbage where they are."""
        self.problems: list[str] = []
        self._numbers = 0
        self._producers: list[threading.Thread] = []
        self._endings: list[Callable[[], object]] = []
        self._is_over = threading.Event()

    # Workers

    def start(self, count: int = 0) -> None:
        """Start workers: by default two that run tasks, which takes one supervisor."""
        for _ in range(count or (1 if self.mode.is_supervised else 2)):
            self.workers.append(self._new_worker())

    def tend(self) -> None:
        """Start a new worker for each that ended by itself, as a service manager does."""
        for worker in [worker for worker in self.processes if not worker.is_running]:
            self.replace(worker)

    def replace(self, worker: WorkerProcess) -> None:
        """Start a new worker for one that is gone."""
        worker.close()
        self.workers[self.workers.index(worker)] = self._new_worker()

    def dismiss(self, worker: WorkerProcess) -> None:
        """Leave a worker to its end: no other one takes its place."""
        self.workers.remove(worker)
        self.at_end(worker.close)

    @property
    def processes(self) -> list[WorkerProcess]:
        """The workers that are processes."""
        return [worker for worker in self.workers if isinstance(worker, WorkerProcess)]

    def worker_of(self, pid: int) -> WorkerProcess:
        """Return the worker that a process belongs to."""
        return next(worker for worker in self.processes if pid == worker.pid or pid in worker.children())

    def _new_worker(self) -> WorkerProcess | WorkerThread:
        options: dict[str, Any] = {"lease": self.lease, **self.options}
        if not self.store.is_shared:
            return WorkerThread(self.gator, {**options, **self.mode.options})
        arguments = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        environment = {
            **os.environ,
            "CHAOS_DSN": self.worker_dsn,
            "CHAOS_HISTORY": self.history.path,
            "CHAOS_STEPS": str(self.steps),
            "CHAOS_CLOCK": str(self.clock),
        }
        return WorkerProcess([*arguments, *self.mode.arguments], environment, self.folder / "log", self.history)

    # Tasks

    def push(self, func: Callable[..., Any], seconds: float = 0.0, **options: Any) -> int:
        """Enqueue one task, again and again until it is certain, and return its number."""
        self._numbers += 1
        number = self._numbers
        self.history.note("pushing", number)
        make = self.gator.options(task_id=str(number), **options)

        def enqueue() -> object:
            try:
                return make.task(func, self.history.path, number, seconds)
            except BackendUnavailable as exc:
                if exc.maybe_applied and UNIQUE not in self.gator.backend.features:
                    self.history.note("doubtful", number)  # it may be there twice soon
                raise

        self.insist(enqueue)
        self.history.note("pushed", number)
        return number

    def cancel(self, number: int) -> None:
        """Take a task off the queue, if it isn't too late."""
        try:
            if self.gator.cancel(str(number)):
                self.history.note("canceled", number)
        except AlligatorException:
            self.history.note("canceling", number)  # perhaps it is done, and the answer was lost

    def produce(
        self, count: int = 200, rate: float = 150.0, seconds: float | None = None, *, mixed: bool = True
    ) -> None:
        """Start to enqueue tasks, so many a second: mostly plain ones, some that fail once, are delayed or canceled.

        By default they take so long that two workers fall behind.
        """
        seconds = 0.015 * self.mode.hands if seconds is None else seconds
        thread = threading.Thread(target=self._produce, args=(count, rate, seconds, mixed), daemon=True)
        self._producers.append(thread)
        thread.start()

    def produce_by(self, dsn: str) -> None:
        """Enqueue by another DSN from now on."""
        self.gator.close()
        self.gator = Gator(dsn, plugins=[])

    def _produce(self, count: int, rate: float, seconds: float, mixed: bool) -> None:
        for turn in range(count):
            if self._is_over.wait(1 / rate):
                return
            kind = turn % 20 if mixed else 0
            if kind == 5:
                self.push(tasks.stumble, seconds, retries=3)
            elif kind == 10:
                self.push(self.mode.work, seconds, delay_by=0.5, priority=turn % 10)
            elif kind == 15:
                self.cancel(self.push(self.mode.work, seconds, delay_by=0.3))
            else:
                self.push(self.mode.work, seconds)

    def set_clock_of_workers(self, ahead: float) -> None:
        """Set the wall clock of the workers."""
        set_clock(self.clock, ahead)

    # Waiting

    def pause(self, least: float, most: float) -> None:
        """Wait for a time that isn't in step with anything: else a task would come back just before each kill, and be
        called poison."""
        end = time.monotonic() + self.rng.uniform(least, most)
        while time.monotonic() < end:
            time.sleep(0.02)
            self.tend()

    def until(self, condition: Callable[[], T], what: str) -> T:
        """Wait until a condition is true, and return its value. Raises Hanging."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if value := condition():
                return value
            if time.monotonic() > deadline:
                raise Hanging(f"not so after {PATIENCE:g} s: {what}")
            time.sleep(0.02)
            self.tend()

    def insist(self, action: Callable[[], T]) -> T:
        """Do something until the store takes it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return action()
            except AlligatorException:
                if self._is_over.is_set() or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def started(self, number: int, *, but_not_by: int = 0) -> int:
        """Wait until a task has started, and return the id of the process."""

        def runner() -> int:
            runs = (event for event in self.history.events() if event[:2] == ("started", number))
            return next((event.pid for event in runs if event.pid != but_not_by), 0)

        return self.until(runner, f"task {number} starts")

    def busy(self) -> int:
        """Wait until a process runs a task, and return its id."""

        def runner() -> int:
            latest: dict[int, str] = {}
            for event in self.history.events():
                latest[event.pid] = event.kind
            return next((pid for pid, kind in reversed(latest.items()) if kind == "started"), 0)

        return self.until(runner, "a task runs")

    def drain(self) -> None:
        """Wait until every task is accounted for, and nothing is left in the store, as long as it gets on."""
        for thread in self._producers:
            while thread.is_alive():
                begun = self._numbers
                self.until(lambda: self._numbers > begun or not thread.is_alive(), "another task is pushed")  # noqa: B023
        fewest = self._left()
        while fewest:
            self.until(lambda: self._left() < fewest, "the queue is empty")  # noqa: B023
            fewest = self._left()

    def _left(self) -> float:
        try:
            return sum(self.gator.size()[:3]) or self.store.unseen()
        except AlligatorException:
            return math.inf

    @contextmanager
    def hurt(self) -> Iterator[None]:
        """Note that the store can't be reached, or not well, while the block runs."""
        self.history.note("hurt", pid=EVERYONE)
        try:
            yield
        finally:
            self.history.note("healed", pid=EVERYONE)

    def close(self) -> None:
        """End all workers and the store."""
        self._is_over.set()
        for worker in self.workers:
            worker.close()
        for thread in self._producers:
            thread.join(PATIENCE)
        self.gator.close()
        self.store.close()
        for end in reversed(self._endings):
            end()

    def at_end(self, end: Callable[[], object]) -> None:
        """Let something be done when all else is ended."""
        self._endings.append(end)
