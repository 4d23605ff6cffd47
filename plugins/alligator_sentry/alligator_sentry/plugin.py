"""The plugin: a scope for each run, and a report of what failed."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import sentry_sdk
from sentry_sdk.tracing import Span, Transaction

from alligator_core import Decision, hookimpl
from alligator_core.errors import OptionError
from alligator_core.observers import harmless
from alligator_core.outcome import Outcome
from alligator_core.shown_arguments import Redact, mask_secrets
from alligator_core.task import Task

from . import traces
from .reports import describe, report

if TYPE_CHECKING:
    from alligator_core.gator import Gator
    from alligator_core.worker import Worker

FAILURES: Final = ("last", "all")


@dataclass(eq=False)
class Run:
    """A run of a task in one context: what is open there until it ends."""

    task: Task
    transaction: Transaction | None = None
    thread: int = field(default_factory=threading.get_ident)
    open: ExitStack = field(default_factory=ExitStack)


here: ContextVar[Run | None] = ContextVar("here", default=None)
"""The run that is in progress here. Each has a context of its own, so that nobody has to take this back."""


class Sentry:
    """The plugin: `Gator(…, plugins=[Sentry(failures="all")])`."""

    def __init__(
        self,
        *,
        failures: str = "last",
        arguments: bool = False,
        redact: Redact = mask_secrets,
        traces: bool = True,
        flush_timeout: float = 2.0,
    ) -> None:
        """Say what to report; where to is set up by `sentry_sdk.init`, before or after this.

        Args:
            failures: "last" reports a task that is not tried again; "all" reports every run that failed, as warnings
                as long as it is.
            arguments: Whether the arguments are shown.
            redact: Takes an argument's name and value, and returns what is shown of it; by default those that are
                named like a secret are masked.
            traces: Whether messages carry the trace that they belong to.
            flush_timeout: Seconds that a worker which stops waits for its events to be sent.

        Raises OptionError for other failures.
        """
        if failures not in FAILURES:
            raise OptionError(f"failures={failures!r}: it must be last or all.", "failures")
        self._reports_all = failures == "all"
        self._redact = redact if arguments else None
        self._traces = traces
        self._flush_timeout = flush_timeout
        self._sent: WeakKeyDictionary[Task, Span] = WeakKeyDictionary()
        self._runs: WeakKeyDictionary[Task, Run] = WeakKeyDictionary()
        self._workers: WeakKeyDictionary[Gator, str] = WeakKeyDictionary()

    @hookimpl(trylast=True)
    @harmless
    def before_enqueue(self, gator: Gator, task: Task) -> None:
        """Have the message carry the current trace."""
        if self._traces and task.options.is_async and sentry_sdk.is_initialized():
            span = traces.send(gator, task)
            if span is not None:
                self._sent[task] = span

    @hookimpl
    def after_enqueue(self, task: Task) -> None:
        """Finish the span of a message."""
        span = self._sent.pop(task, None)
        if span is not None:
            span.finish()

    @hookimpl
    def on_worker_start(self, worker: Worker) -> None:
        """Remember what the worker is called."""
        self._workers[worker.gator] = worker.ident()

    @hookimpl
    def on_worker_stop(self) -> None:
        """Have all events sent."""
        sentry_sdk.flush(timeout=self._flush_timeout)

    @hookimpl(tryfirst=True)
    @harmless
    def before_task(self, task: Task) -> None:
        """Begin a scope, in which the function and all other hooks are, and a transaction if the app traces."""
        if not sentry_sdk.is_initialized():
            return
        run = self._begin(task)
        self._runs[task] = run
        if self._traces:
            transaction = traces.go_on(task)
            if traces.has_transactions():
                run.transaction = transaction
                run.open.enter_context(traces.processing(transaction, task))

    @hookimpl(tryfirst=True)
    @harmless
    def on_failure(self, task: Task) -> None:
        """Begin a scope if there is none: the run was ended from outside, and this is another thread or process."""
        if sentry_sdk.is_initialized() and not _is_here(task):
            self._begin(task)

    @hookimpl
    def on_retry(self, error: BaseException) -> None:
        """Report a failure that isn't the last, if that was asked for."""
        self._report(error, "warning")

    @hookimpl
    def on_dead(self, error: BaseException) -> None:
        """Report the last failure."""
        if sentry_sdk.is_initialized():
            report(error, "error")

    @hookimpl
    def after_task(self, task: Task, outcome: Outcome) -> None:
        """End the scope and the transaction."""
        if outcome.kind == "discard" and outcome.error is not None:
            self._report(outcome.error, "warning")
        run, ended = self._runs.pop(task, None), here.get()
        if run is not None and run.transaction is not None:
            traces.end(run.transaction, outcome)
        if ended is not None and ended.task is task:
            ended.open.close()
        if run is not None and run.thread != threading.get_ident():
            # It outlasted its hard limit, and the process ends under it.
            if run.transaction is not None:
                run.transaction.finish()
            sentry_sdk.flush(timeout=self._flush_timeout)

    def _begin(self, task: Task) -> Run:
        run = Run(task)
        scope = run.open.enter_context(sentry_sdk.isolation_scope())
        scope.clear_breadcrumbs()
        here.set(run)
        worker = self._workers.get(task.gator) if task.gator is not None else None
        describe(scope, task, worker, self._redact)
        return run

    def _report(self, error: BaseException, level: str) -> None:
        # What a task decides by raising Retry or Discard is no failure.
        if self._reports_all and not isinstance(error, Decision) and sentry_sdk.is_initialized():
            report(error, level)


def _is_here(task: Task) -> bool:
    run = here.get()
    return run is not None and run.task is task
