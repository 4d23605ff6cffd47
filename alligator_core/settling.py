"""From outcome to settlement: what the backend is told about each delivery."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from . import backend
from .errors import AlligatorException
from .outcome import Outcome
from .task import Task

if TYPE_CHECKING:
    from .codec import Codec

MAX_REASON = 8000
"""Characters of a dead letter's reason: an exception's text may be of any length."""


def settlement_of(codec: Codec, task: Task, outcome: Outcome, delivery: backend.Delivery) -> backend.Settlement:
    """Return the ack decision for a task that ran: every outcome has exactly one."""
    if outcome.kind in ("success", "discard"):
        return backend.Ack(delivery)
    if outcome.kind == "defer":
        return backend.Release(delivery, outcome.delay)
    attempt = task.attempt + 1 if outcome.kind == "retry" else 1
    try:
        body = codec.again(delivery.body, attempt=attempt, headers=task.headers)
    except AlligatorException as exc:
        # A header that can't be encoded, say: the delivered message is still there to be kept.
        return backend.Bury(delivery, storable(f"It can't be put back for another attempt: {exc}"))
    if outcome.kind == "retry":
        return backend.Replace(delivery, backend.Message(delivery.id, body, delivery.priority, outcome.delay))
    return backend.Bury(delivery, reason_of(task, outcome), body)


def reason_of(task: Task, outcome: Outcome) -> str:
    """Return the reason that a dead letter gets: a line for the eye, then the traceback."""
    summary, trace = ("unknown", "") if outcome.error is None else _shown(outcome.error)
    summary = outcome.reason or summary
    reason = f"{summary[:1000]} (attempt {task.attempt} of {task.retries + 1})\n\n{trace[-MAX_REASON:]}".strip()
    return storable(reason)


def _shown(error: BaseException) -> tuple[str, str]:
    try:
        summary = "".join(traceback.format_exception_only(type(error), error)).strip()
        return summary, "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception:  # noqa: BLE001  (what is shown of an error may be its own code)
        return f"{type(error).__qualname__}, which can't be shown", ""


def storable(reason: str) -> str:
    """Return a reason as any store can keep it: of some length, and without half characters.

    Those stand in the name of a file that is not UTF-8, say, and an error may quote it.
    """
    return reason[: 2 * MAX_REASON].encode("utf-8", "backslashreplace").decode()
