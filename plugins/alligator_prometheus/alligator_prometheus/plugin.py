"""The plugin: what it counts at each step of a task."""

from __future__ import annotations

import logging
import os
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Final

from alligator_core import hookimpl
from alligator_core.backend import Backend
from alligator_core.errors import OptionError
from alligator_core.outcome import Outcome
from alligator_core.task import Task

from .endpoint import Endpoint
from .layout import BUCKETS, ENQUEUED, FINISHED, STARTED, WAIT, Layout, Rows, add
from .sizes import Sizes
from .tally import Row, Tally

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from alligator_core.worker import Worker

    from .shelf import Shelf

log = logging.getLogger("alligator.plugins.prometheus")

VARIABLE: Final = "ALLIGATOR_PROMETHEUS"
"""The environment's PORT or ADDRESS:PORT, for a plugin that was given none."""
LOOPBACK: Final = "127.0.0.1"


run: ContextVar[tuple[Task, Row, float] | None] = ContextVar("run", default=None)
"""The run that is in progress here: its task, where that is counted, and when it began."""


class Prometheus:
    """The plugin: `Gator(…, plugins=[Prometheus(port=9464)])`. It is a collector too, for a registry of the app's."""

    def __init__(
        self,
        *,
        port: int | None = None,
        address: str = LOOPBACK,
        by_task: bool = True,
        buckets: Sequence[float] = BUCKETS,
        max_series: int = 300,
    ) -> None:
        """Prepare to count.

        Args:
            port: Where workers serve the metrics by HTTP. By default that is what ALLIGATOR_PROMETHEUS says, as PORT
                or ADDRESS:PORT, and without it nowhere.
            address: The address to serve on; by default that of this host for itself alone.
            by_task: Whether there is a series for each task's name, not only for each queue.
            buckets: The bounds of the histograms, in seconds.
            max_series: How many pairs of queue and task a process tells apart; what comes later is `other`.

        Raises OptionError for what none of these can be.
        """
        if port is not None and not 0 <= port <= 65535:
            raise OptionError(f"port={port!r}: it must be 0 to 65535.", "port")
        if max_series < 1:
            raise OptionError(f"max_series={max_series!r}: it must be 1 or more.", "max_series")
        self._port, self._address, self._by_task = port, address, by_task
        self._layout = Layout(buckets)
        self._max_series = max_series
        self._bounds, self._run = self._layout.bounds, self._layout.run
        self._tally = Tally(self._layout, max_series)
        self._sizes = Sizes(self._queues)
        self._changing = Lock()
        self._workers: list[Worker] = []
        self._shelf: Shelf | None = None
        self._endpoint: Endpoint | None = None

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics of this process, and of all that share an endpoint with it."""
        from .metrics import metric_of_sizes, metrics_of

        rows = self._rows()
        yield from metrics_of(self._layout, rows, by_task=self._by_task)
        yield metric_of_sizes(self._sizes.get())

    def describe(self) -> Iterable[Metric]:
        """Yield the metrics without numbers, for a registry that looks for names that are taken."""
        from .metrics import metric_of_sizes, metrics_of

        yield from metrics_of(self._layout, {}, by_task=self._by_task)
        yield metric_of_sizes({})

    @hookimpl
    def after_enqueue(self, task: Task) -> None:
        """Count it."""
        self._row_of(task)[ENQUEUED] += 1

    @hookimpl
    def on_worker_start(self, worker: Worker) -> None:
        """Serve the metrics, with the first worker of the process."""
        with self._changing:
            self._workers.append(worker)
            where = self._where()
            if self._endpoint is None and where is not None:
                self._serve(*where, is_supervised=worker.is_supervised)

    @hookimpl
    def on_worker_stop(self, worker: Worker) -> None:
        """Stop serving, with the last worker of the process."""
        with self._changing:
            self._workers.remove(worker)
            if self._endpoint is not None and not self._workers:
                self._endpoint.close()
                self._endpoint = None

    @hookimpl(tryfirst=True)
    def before_task(self, task: Task) -> None:
        """Count it, and how long it waited."""
        try:
            row = self._row_of(task)
            row[STARTED] += 1
            if task.attempt == 1 and task.enqueued_at:
                self._observe(row, WAIT, time.time() - task.enqueued_at)
            run.set((task, row, time.perf_counter()))
        except Exception:
            # What a deciding hook raises is the task's failure, and a counter is no reason to fail one.
            log.exception("%r is not counted", task)

    @hookimpl(trylast=True)
    def after_task(self, task: Task, outcome: Outcome) -> None:
        """Count what became of it, and how long it ran."""
        now = run.get()
        if now is None or now[0] is not task:  # nobody saw the run: it had expired, or was ended from outside
            self._row_of(task)[FINISHED[outcome.kind]] += 1
            return
        _, row, began = now
        row[FINISHED[outcome.kind]] += 1
        self._observe(row, self._run, time.perf_counter() - began)

    def _row_of(self, task: Task) -> Row:
        name = task.name if self._by_task else ""
        try:
            return self._tally.mine.rows[task.queue][name]  # type: ignore[no-any-return]
        except (AttributeError, KeyError):
            return self._tally.open(task.queue, name)

    def _observe(self, row: Row, place: int, seconds: float) -> None:
        if seconds > 0:  # a clock may be set back
            row[place] += seconds
        row[place + 1 + bisect_left(self._bounds, seconds)] += 1

    def _rows(self) -> Rows:
        rows = self._tally.rows()
        if self._shelf is not None:
            for key, row in self._shelf.rows_of_others().items():
                add(rows, key, row)
        return rows

    def _queues(self) -> dict[str, Backend]:
        return {queue: worker.gator.backend for worker in self._workers for queue in worker.queues}

    def _where(self) -> tuple[str, int] | None:
        if self._port is not None:
            return self._address, self._port
        if not (said := os.environ.get(VARIABLE, "").strip()):
            return None
        address, _, port = said.rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise OptionError(f"{VARIABLE}={said!r}: it must be PORT or ADDRESS:PORT.")
        return address.strip("[]") or self._address, int(port)

    def _serve(self, address: str, port: int, *, is_supervised: bool) -> None:
        if is_supervised and self._shelf is None:
            self._share()
        shelf = self._shelf
        take_lead, give_up = (lambda: True, lambda: None) if shelf is None else (shelf.take_lead, shelf.give_up_lead)
        self._endpoint = Endpoint(address, port, self, take_lead, give_up)
        self._endpoint.start()

    def _share(self) -> None:
        from .shelf import Shelf

        try:
            shelf = Shelf(self._layout, os.getppid(), self._max_series)
            shelf.merge_the_dead()
        except OSError as exc:
            log.error("Numbers can't be shared with other worker processes, each shows its own: %s", exc)
            return
        self._tally.move(shelf.new_row)
        self._shelf = shelf
