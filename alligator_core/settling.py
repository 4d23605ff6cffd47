"""From outcome to settlement: what the backend is told about each delivery."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from . import backend
from .errors import AlligatorException
from .outcome import Outcome
from .task import Task

if TYPE_CHECKING:
    from .codec import Codec

log = logging.getLogger("alligator.task")

MAX_REASON = 8000
"""Characters of a dead letter's reason: an exception's text may be of any length."""


def settlement_of(codec: Codec, task: Task, outcome: Outcome, delivery: backend.Delivery) -> backend.Settlement:
    """Return the ack decision for a task that ran: every outcome has exactly one."""
    if outcome.kind in ("success", "discard", "expired", "cancelled"):
        return backend.Ack(delivery)
    if outcome.kind == "defer":
        return backend.Release(delivery, _possible(task, outcome.delay))
    attempt = task.attempt + 1 if outcome.kind == "retry" else 1
    try:
        body = _small_enough(task, codec.again(delivery.body, delivery.queue, attempt=attempt, headers=task.headers))
    except AlligatorException as exc:
        # A header that can't be encoded or is too long, say: the delivered message is still there to be kept.
        return backend.Bury(delivery, storable(f"It can't be put back for another attempt: {exc}"))
    if outcome.kind == "retry":
        delay = _possible(task, outcome.delay)
        return backend.Replace(delivery, backend.Message(delivery.id, body, delivery.priority, delay))
    return backend.Bury(delivery, reason_of(task, outcome), body)


def reason_of(task: Task, outcome: Outcome) -> str:
    """Return the reason that a dead letter gets: a line for the eye, then the traceback."""
    summary, trace = ("unknown", "") if outcome.error is None else _shown(outcome.error)
    summary = outcome.reason or summary
    reason = f"{summary[:1000]} (attempt {task.attempt} of {task.retries + 1})\n\n{trace[-MAX_REASON:]}".strip()
    return storable(reason)


def _possible(task: Task, delay: float) -> float:
    """Return a delay that the task's backend can hold: a longer one is shortened, and that is logged."""
    if not delay or task.gator is None:
        return delay
    store = task.gator.backend
    longest = store.limits.max_delay if backend.DELAY in store.features else 0.0
    if delay > longest:
        log.warning("%r runs again in %g s, not in %g: the %s backend holds no more", task, longest, delay, store.name)
    return min(delay, longest)


def _small_enough(task: Task, body: bytes) -> bytes:
    if task.gator is not None:
        task.gator.check_size(body)
    return body


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
