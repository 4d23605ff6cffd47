"""Traces: what a message carries for Sentry, and the transaction of a run that goes on from there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sentry_sdk
from sentry_sdk.tracing import Span, Transaction
from sentry_sdk.tracing_utils import has_tracing_enabled

from alligator_core.gator import Gator
from alligator_core.outcome import Outcome
from alligator_core.task import Task

TRACE: Final = "sentry-trace"
BAGGAGE: Final = "sentry-baggage"
"""Not `baggage`, which may be OpenTelemetry's."""

ORIGIN: Final = "auto.queue.alligator"
STATUSES: Final = {
    "success": "ok",
    "defer": "ok",
    "discard": "ok",
    "cancelled": "cancelled",
    "expired": "deadline_exceeded",
}
"""What Sentry calls the ends of a run. The others are failures."""


def has_transactions() -> bool:
    """Say whether the app traces, by transactions."""
    options = sentry_sdk.get_client().options
    lifecycle = options.get("trace_lifecycle") or (options.get("_experiments") or {}).get("trace_lifecycle")
    return has_tracing_enabled(options) and lifecycle != "stream"


def send(gator: Gator, task: Task) -> Span | None:
    """Have a message carry the current trace; return a span to be finished when it's sent, if the app traces."""
    parent = sentry_sdk.get_current_span() if has_transactions() else None
    if parent is None:
        _carry(task, sentry_sdk.get_traceparent(), sentry_sdk.get_baggage())
        return None
    span = parent.start_child(op="queue.publish", name=task.name, origin=ORIGIN)
    _tell(span, task, gator.backend.name)
    baggage = span.to_baggage()
    _carry(task, span.to_traceparent(), baggage.serialize() if baggage else None)
    return span


def _carry(task: Task, trace: str | None, baggage: str | None) -> None:
    if trace:
        task.headers[TRACE] = trace
    if trace and baggage:
        task.headers[BAGGAGE] = baggage


def go_on(task: Task) -> Transaction:
    """Have the current scopes belong to the trace that a message carries; return a transaction of it, not started."""
    headers = task.headers if task.has_headers else {}
    carried = {"sentry-trace": headers.get(TRACE, ""), "baggage": headers.get(BAGGAGE, "")}
    name = task.name or "task"
    return sentry_sdk.continue_trace(carried, op="queue.task.alligator", name=name, source="task", origin=ORIGIN)


@contextmanager
def processing(transaction: Transaction, task: Task) -> Iterator[None]:
    """Make a run a transaction, with a span in it that says what Sentry's page about queues shows."""
    backend = None if task.gator is None else task.gator.backend.name
    with (
        sentry_sdk.start_transaction(transaction),
        sentry_sdk.start_span(op="queue.process", name=task.name, origin=ORIGIN) as span,
    ):
        _tell(span, task, backend)
        span.set_data("messaging.message.retry.count", task.attempt - 1)
        if task.enqueued_at:
            span.set_data("messaging.message.receive.latency", max(0.0, time.time() - task.enqueued_at) * 1000)
        yield


def end(transaction: Transaction, outcome: Outcome) -> None:
    """Say how a run ended."""
    status = STATUSES.get(outcome.kind, "internal_error")
    transaction.set_status(status)
    transaction.set_data("alligator.outcome", outcome.kind)


def _tell(span: Any, task: Task, backend: str | None) -> None:
    span.set_data("messaging.message.id", task.task_id)
    span.set_data("messaging.destination.name", task.queue)
    if backend is not None:
        span.set_data("messaging.system", backend)
