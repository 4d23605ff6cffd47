"""Running one task: hooks, callbacks, the function itself, and the decision about what becomes of it.

Nothing here touches a backend: a worker and `is_async=False` run tasks by the same code.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from . import constants
from .decisions import Bury, Decision, Defer, Discard, Retry
from .observers import bound, notify
from .outcome import SUCCEEDED, Outcome
from .task import Task
from .task_options import DEFAULTS

if TYPE_CHECKING:
    import asyncio

    from .gator import Gator

log = logging.getLogger("alligator.task")


CLEANING_UP = 1.0
"""Seconds that coroutines get to clean up when the worker ends."""


class Interrupted(BaseException):
    """Raised in the thread that runs a task when the worker has to leave it: no failure of the task."""


class Runner:
    """Runs tasks with the hooks that were registered when it was made."""

    def __init__(self, gator: Gator, *, leave_on_ctrl_c: bool = True) -> None:
        hook = gator.plugins.hook
        self._leave_on = (Interrupted, KeyboardInterrupt) if leave_on_ctrl_c else (Interrupted,)
        self._find = gator.policy.find
        self._before_task = bound(hook.before_task)
        self._on_failure = bound(hook.on_failure)
        self._on_success = bound(hook.on_success)
        self._on_retry = bound(hook.on_retry)
        self._on_dead = bound(hook.on_dead)
        self._after_task = bound(hook.after_task)
        self._is_plain = self._before_task is None and gator.task_class.run is Task.run
        """Nothing comes between the worker and the function: it can be called straight."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, task: Task) -> Outcome:
        """Run a task in a context of its own, so that no contextvar leaks into the next. Never raises an Exception."""
        return copy_context().run(self._run, task)

    def close(self) -> None:
        """Let go of the event loop, if a coroutine function made one necessary."""
        if self._loop is None:
            return
        from asyncio import all_tasks, wait

        # What was interrupted, or left behind by others, may clean up; but not for ever.
        left = all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._await(wait(left, timeout=CLEANING_UP))
        self._loop.close()
        self._loop = None

    def _run(self, task: Task) -> Outcome:
        try:
            if self._is_plain and task.options is DEFAULTS:
                result = task.func(*task.args, **task.kwargs)  # type: ignore[misc]
                if type(result) is CoroutineType:
                    result = self._await(result)
            else:
                result = self._attempt(task)
        except self._leave_on:
            raise
        except BaseException as exc:  # noqa: BLE001  (a task may raise SystemExit or CancelledError too)
            outcome = self._failed(task, exc)
        else:
            task.result = result
            task.status = constants.SUCCESS
            outcome = SUCCEEDED
            if self._on_success is not None:
                notify(self._on_success, task=task, result=result)
            if task.options.on_success is not None:
                self._call_back(task.options.on_success, task, result)
        if self._after_task is not None:
            notify(self._after_task, task=task, outcome=outcome)
        return outcome

    def _attempt(self, task: Task) -> Any:
        result = None  # stays so if one of the contexts suppresses what is raised
        with task.contexts():
            if self._before_task is not None:
                self._before_task(task=task)
            if task.options.on_start is not None:
                self._awaited(self._callback(task.options.on_start)(task))
            result = task.run()
            if type(result) is CoroutineType:
                result = self._await(result)
        return result

    def _awaited(self, result: Any) -> Any:
        return self._await(result) if type(result) is CoroutineType else result

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._loop.run_until_complete(coroutine)
        # `is_async=False` within a coroutine of the app: its thread can't run a second loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(copy_context().run, self._loop.run_until_complete, coroutine).result()

    def _failed(self, task: Task, error: BaseException) -> Outcome:
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
        if task.options.on_error is not None:
            self._call_back(task.options.on_error, task, error)
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
        log.warning(
            "%s %s failed at attempt %d, again in %g s: %r",
            task.name,
            task.task_id,
            task.attempt,
            decision.delay,
            error,
        )
        if self._on_retry is not None:
            notify(self._on_retry, task=task, error=error, delay=decision.delay)
        return Outcome("retry", error, delay=decision.delay)

    def _bury(self, task: Task, error: BaseException, decision: Decision) -> Outcome:
        task.status = constants.FAILED
        log.error("%s %s failed for good at attempt %d", task.name, task.task_id, task.attempt, exc_info=error)
        if self._on_dead is not None:
            notify(self._on_dead, task=task, error=error)
        return Outcome("dead", error, reason=decision.reason if isinstance(decision, Bury) else "")

    def _call_back(self, callback: Callable[..., object] | str, task: Task, value: object) -> None:
        try:
            self._awaited(self._callback(callback)(task, value))
        except (Exception, SystemExit):
            log.exception("Callback %s failed for %r; the task is not affected", callback, task)

    def _callback(self, callback: Callable[..., object] | str) -> Callable[..., object]:
        return self._find(callback).function if isinstance(callback, str) else callback


def _by_retries(task: Task, delay: float) -> Decision:
    return Retry(delay) if task.attempt <= task.retries else Bury()
