"""The plugin: which spans begin and end at which hook."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from opentelemetry import baggage, context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NoOpTracerProvider, ProxyTracerProvider, Span, SpanKind, TracerProvider

from alligator_core import __version__, hookimpl
from alligator_core.errors import OptionError
from alligator_core.observers import harmless
from alligator_core.outcome import Outcome
from alligator_core.task import Task

from .attributes import OUTCOME, PROCESS, SEND, of_processing, of_sending
from .ending import end

if TYPE_CHECKING:
    from alligator_core.gator import Gator
    from alligator_core.worker import Worker

RELATIONS: Final = ("parent", "link")
NO_SDK: Final = (NoOpTracerProvider, ProxyTracerProvider)
GIVEN_BACK: Final = "given back"
"""The outcome of a run that was left when its worker stopped: another worker runs the task again."""


class Run(NamedTuple):
    """A run of a task that has not ended yet, and the thread in which it began."""

    span: Span
    thread: int


class Tracing:
    """The plugin: `Gator(…, plugins=[Tracing(relation="link")])`."""

    def __init__(
        self, *, relation: str = "parent", tracer_provider: TracerProvider | None = None, flush_timeout: float = 5.0
    ) -> None:
        """Prepare the tracer; what it does with spans is up to the SDK that the app sets up, before or after this.

        Args:
            relation: "parent" makes a run a child of the span that enqueued its task, in the same trace, and links it;
                "link" gives each run a trace of its own, with nothing but the link.
            tracer_provider: Another one than the global one.
            flush_timeout: Seconds that a worker which stops waits for its spans to be exported.

        Raises OptionError for another relation.
        """
        if relation not in RELATIONS:
            raise OptionError(f"relation={relation!r}: it must be parent or link.", "relation")
        self._is_child = relation == "parent"
        self._provider = tracer_provider
        self._flush_timeout = flush_timeout
        self._tracer = trace.get_tracer("alligator_opentelemetry", __version__, tracer_provider)
        self._has_sdk = tracer_provider is not None
        self._sent: WeakKeyDictionary[Task, Span] = WeakKeyDictionary()
        self._runs: WeakKeyDictionary[Task, Run] = WeakKeyDictionary()
        self._workers: WeakKeyDictionary[Gator, str] = WeakKeyDictionary()

    @hookimpl(trylast=True)
    @harmless
    def before_enqueue(self, gator: Gator, task: Task) -> None:
        """Begin the span of a message, and have the message carry it; last, when nobody leaves it out any more."""
        if not task.options.is_async:
            return  # Nothing is sent: the run finds the caller's span where it is.
        if self._is_idle() and not context.get_current():
            return
        links, is_carried = self._creation_of(task)
        span = self._tracer.start_span(
            f"{SEND} {task.queue}", kind=SpanKind.PRODUCER, attributes=of_sending(gator, task), links=links
        )
        if not is_carried and (span.get_span_context().is_valid or baggage.get_all()):
            propagate.inject(task.headers, trace.set_span_in_context(span))
        if span.is_recording():
            self._sent[task] = span

    @hookimpl
    def after_enqueue(self, task: Task) -> None:
        """End the span of a message."""
        span = self._sent.pop(task, None)
        if span is not None:
            span.end()

    @hookimpl
    def on_worker_start(self, worker: Worker) -> None:
        """Remember what the worker is called."""
        self._workers[worker.gator] = worker.ident()

    @hookimpl
    def on_worker_stop(self, worker: Worker) -> None:
        """End the spans of what was left, and have all of them exported."""
        for task, run in list(self._runs.items()):
            if task.gator is worker.gator:
                run.span.set_attribute(OUTCOME, GIVEN_BACK)
                run.span.end()
        self._flush()

    @hookimpl(tryfirst=True)
    @harmless
    def before_task(self, task: Task) -> None:
        """Begin the span of a run, in whose context the function and all other hooks are."""
        if self._is_idle() and not task.has_headers:
            return
        span, around = self._begin(task)
        if span is not trace.INVALID_SPAN or around is not context.get_current():
            # Nobody takes this back: each run has a context of its own.
            context.attach(trace.set_span_in_context(span, around))
        if span is not trace.INVALID_SPAN:
            self._runs[task] = Run(span, threading.get_ident())

    @hookimpl
    def after_task(self, task: Task, outcome: Outcome) -> None:
        """End the span of a run, or make one for what was not run here."""
        run = self._runs.pop(task, None)
        if run is not None:
            end(run.span, outcome)
        elif outcome.kind != "success" and not self._is_idle():
            end(self._begin(task)[0], outcome)
        if run is not None and run.thread != threading.get_ident():
            self._flush()  # it outlasted its hard limit, and the process ends under it

    def _is_idle(self) -> bool:
        """Say whether there is no SDK (yet), so that spans lead nowhere and needn't be made."""
        if not self._has_sdk:
            # Once there is one, there is no other.
            self._has_sdk = type(trace.get_tracer_provider()) not in NO_SDK
        return not self._has_sdk

    def _begin(self, task: Task) -> tuple[Span, Context]:
        here = context.get_current()
        carried = propagate.extract(task.headers, here) if task.has_headers else here
        ambient, creation = trace.get_current_span(here), trace.get_current_span(carried)
        links = []
        if creation is not ambient:
            links.append(Link(creation.get_span_context()))
            if not self._is_child:
                carried = trace.set_span_in_context(ambient, carried)
            elif ambient.get_span_context().is_valid:
                links.append(Link(ambient.get_span_context()))
        worker = self._workers.get(task.gator) if task.gator is not None else None
        span = self._tracer.start_span(
            f"{PROCESS} {task.queue}",
            carried,
            kind=SpanKind.CONSUMER,
            attributes=of_processing(task, worker),
            links=links,
        )
        return span, carried

    def _creation_of(self, task: Task) -> tuple[list[Link], bool]:
        """Return links to the context that the app gave the message itself, and whether it did."""
        if not task.has_headers:
            return [], False
        given = trace.get_current_span(propagate.extract(task.headers, Context())).get_span_context()
        return ([Link(given)], True) if given.is_valid else ([], False)

    def _flush(self) -> None:
        # It is a method of the SDK's: the API has none.
        flush = getattr(self._provider or trace.get_tracer_provider(), "force_flush", None)
        if flush is not None:
            flush(int(self._flush_timeout * 1000))
