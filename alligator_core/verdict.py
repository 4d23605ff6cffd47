"""What becomes of a task that failed: asked of the hooks, decided, logged and told."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from . import constants
from .decisions import Bury, Decision, Defer, Discard, Retry
from .errors import TaskCancelled, TaskTimeout
from .observers import bound, telling
from .outcome import Outcome
from .task import Task

if TYPE_CHECKING:
    from .gator import Gator

log = logging.getLogger("alligator.task")

# By these a plugin that logs failures in its own way can tell the lines that it makes needless.
FAILED_ONCE: Final = "%s %s failed at attempt %d, again in %g s: %r"
FAILED_FOR_GOOD: Final = "%s %s failed for good at attempt %d"


class Verdict:
    """Decides about failed tasks with the hooks that were registered when it was made."""

    def __init__(self, gator: Gator) -> None:
        hook = gator.plugins.hook
        self._on_failure = bound(hook.on_failure)
        self._on_retry = telling(hook.on_retry)
        self._on_dead = telling(hook.on_dead)

    def on(self, task: Task, error: BaseException) -> Outcome:
        """Decide what becomes of a task whose run raised an error, and tell the hooks. Never raises an Exception."""
        if is_cancellation(task, error):
            task.status = constants.CANCELED
            return Outcome("cancelled", error)
        try:
            decision = self._decide(task, error)
        except Decision as raised:
            decision = raised
        except (Exception, SystemExit) as raised:
            log.exception("on_failure failed for %r", task)
            error, decision = raised, _by_retries(task, 0.0)
        if isinstance(decision, Retry):
            return self._retry(task, error, decision)
        if isinstance(decision, Defer):
            task.status = constants.DELAYED
            return Outcome("defer", delay=decision.delay)
        task.error = error
        if isinstance(decision, Discard):
            task.status = constants.CANCELED
            return Outcome("discard", error, reason=decision.reason)
        return self._bury(task, error, decision)

    def _decide(self, task: Task, error: BaseException) -> Decision:
        if isinstance(error, Retry):
            return _by_retries(task, error.delay)
        if isinstance(error, Decision):
            return error
        decision = None if self._on_failure is None else self._on_failure(task=task, error=error)
        if decision is None:
            return _by_retries(task, 0.0)
        if not isinstance(decision, Decision):
            log.error("on_failure returned %r for %r: it must be Retry, Discard, Bury or None", decision, task)
            return _by_retries(task, 0.0)
        return decision

    def _retry(self, task: Task, error: BaseException, decision: Retry) -> Outcome:
        task.error = error
        task.status = constants.RETRYING
        log.warning(FAILED_ONCE, task.name, task.task_id, task.attempt, decision.delay, error)
        if self._on_retry is not None:
            self._on_retry(task, error, decision.delay)
        return Outcome("retry", error, delay=decision.delay)

    def _bury(self, task: Task, error: BaseException, decision: Decision) -> Outcome:
        task.status = constants.FAILED
        log.error(FAILED_FOR_GOOD, task.name, task.task_id, task.attempt, exc_info=error)
        if self._on_dead is not None:
            self._on_dead(task, error)
        reason = decision.reason if isinstance(decision, Bury) else ""
        return Outcome("dead", error, reason=reason or _hint(error))


def is_cancellation(task: Task, error: BaseException) -> bool:
    """Say whether an error is how a task ends that was asked to stop."""
    if not task.cancelled:
        return False
    from asyncio import CancelledError

    return isinstance(error, CancelledError | TaskCancelled) and not isinstance(error, TaskTimeout)


def _by_retries(task: Task, delay: float) -> Decision:
    return Retry(delay) if task.attempt <= task.retries else Bury()


def _hint(error: BaseException) -> str:
    # Only Python's own words say so: "signal only works in main thread of the main interpreter".
    if threading.current_thread() is threading.main_thread() or not isinstance(error, ValueError | RuntimeError):
        return ""
    if "main thread" not in (text := str(error)):
        return ""
    return f"{type(error).__name__}: {text}. It runs in a thread of the worker: use --threads 1 or --processes."
