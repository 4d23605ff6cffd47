"""How a run ended, on its span."""

from __future__ import annotations

import traceback

from opentelemetry.trace import Span, Status, StatusCode

from alligator_core.decisions import Decision
from alligator_core.outcome import Outcome
from alligator_core.task_log import without_secrets

from .attributes import DELAY, OUTCOME, REASON


def end(span: Span, outcome: Outcome) -> None:
    """Write down what became of a run, and end its span."""
    if span.is_recording():
        span.set_attribute(OUTCOME, outcome.kind)
        _tell(span, outcome)
        if outcome.error is not None and outcome.kind in ("retry", "dead", "discard"):
            _record(span, outcome.error, is_dead=outcome.kind == "dead")
    span.end()


def _tell(span: Span, outcome: Outcome) -> None:
    said: dict[str, str | float] = {}
    if outcome.kind in ("retry", "defer"):
        said[DELAY] = outcome.delay
    if outcome.reason:
        said[REASON] = without_secrets(outcome.reason)
    if outcome.kind != "success":
        span.add_event(f"alligator.task.{outcome.kind}", said)


def _record(span: Span, error: BaseException, *, is_dead: bool) -> None:
    # What a task decides by raising Retry or Discard is no error; that nothing can be done for it any more is one.
    if isinstance(error, Decision) and not is_dead:
        return
    kind, message = _name_of(error), _message_of(error)
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {message}"))
    # Not by `span.record_exception`, which would show users and passwords of URLs.
    span.add_event(
        "exception",
        {"exception.type": kind, "exception.message": message, "exception.stacktrace": _stack_of(error)},
    )


def _name_of(error: BaseException) -> str:
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _message_of(error: BaseException) -> str:
    try:
        return without_secrets(str(error))
    except Exception:  # noqa: BLE001  (its own code)
        return ""


def _stack_of(error: BaseException) -> str:
    return without_secrets("".join(traceback.format_exception(type(error), error, error.__traceback__)))
