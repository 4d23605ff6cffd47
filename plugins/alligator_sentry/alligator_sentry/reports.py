"""Reports: what Sentry is told of a failure, and of the task that failed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import sentry_sdk
from sentry_sdk.utils import event_from_exception

from alligator_core.shown_arguments import Redact, shown_arguments
from alligator_core.task import Task
from alligator_core.verdict import FAILED_FOR_GOOD

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

MECHANISM: Final = {"type": "alligator", "handled": False}


def describe(scope: sentry_sdk.Scope, task: Task, worker: str | None, redact: Redact | None) -> None:
    """Have all events of a scope say which task they belong to; with its arguments, if there is a redaction."""
    scope.set_transaction_name(task.name, source="task")
    scope.set_tags(
        {
            "alligator.task": task.name,
            "alligator.task_id": task.task_id,
            "alligator.queue": task.queue,
            "alligator.attempt": str(task.attempt),
        }
    )
    known: dict[str, Any] = {
        "task": task.name,
        "task_id": task.task_id,
        "queue": task.queue,
        "attempt": task.attempt,
        "retries": task.retries,
        "deliveries": task.deliveries,
        "enqueued_at": task.enqueued_at,
    }
    scope.set_context("alligator", known if worker is None else {**known, "worker": worker})
    if redact is not None:
        scope.set_context("arguments", shown_arguments(task, redact))
    scope.add_event_processor(_adopt)


def report(error: BaseException, level: str) -> None:
    """Send a failure, as an event of the current scopes."""
    client = sentry_sdk.get_client()
    event, hint = event_from_exception(error, client_options=client.options, mechanism=dict(MECHANISM))
    event["level"] = level  # type: ignore[typeddict-item]
    sentry_sdk.capture_event(event, hint=hint)


def _adopt(event: Event, hint: Hint) -> Event:
    """Make a report of the event that Sentry made of the worker's own line about a failure.

    That line comes first, and Sentry takes the same exception but once: the report that follows is dropped.
    """
    record = hint.get("log_record")
    if not isinstance(record, logging.LogRecord) or record.msg != FAILED_FOR_GOOD:
        return event
    for key in ("logentry", "logger", "extra"):
        event.pop(key, None)  # type: ignore[misc]
    for value in event.get("exception", {}).get("values", ())[-1:]:
        value.setdefault("mechanism", {}).update(MECHANISM)
    return event
