"""Running one task: hooks, callbacks and the function itself, as a plain call or as a coroutine.

Nothing here touches a backend: a worker and `is_async=False` run tasks by the same code.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

from . import constants, forks
from .decisions import Decision
from .hand import Hand
from .observers import asking, telling
from .outcome import SUCCEEDED, Outcome
from .task import Current, Task, current
from .task_options import DEFAULTS
from .verdict import Verdict, is_cancellation

if TYPE_CHECKING:
    import asyncio

    from .gator import Gator

log = logging.getLogger("alligator.task")

Callback: TypeAlias = Callable[..., object] | str
CALLBACK_FAILED: Final = "Callback %s failed for %r; the task is not affected"

CLEANING_UP = 1.0
"""Seconds that coroutines get to clean up when the worker ends."""


class Interrupted(BaseException):
    """Raised in the thread that runs a task when the worker has to leave it: no failure of the task."""


class Runner:
    """Runs tasks with the hooks that were registered when it was made.

    Coroutine functions are awaited by `run` as well, on an event loop of its own or where `elsewhere` runs them.
    """

    def __init__(self, gator: Gator, *, leave_on_ctrl_c: bool = True) -> None:
        hook = gator.plugins.hook
        self.verdict = Verdict(gator)
        self.forks: int | None = None
        """In a worker, the number of forks before it: a process with more of them was forked by a task, and ends."""
        self.elsewhere: Callable[[Coroutine[Any, Any, Any]], Any] | None = None
        self._leave_on = (Interrupted, KeyboardInterrupt) if leave_on_ctrl_c else (Interrupted,)
        self._find = gator.policy.find
        self._before_task = asking(hook.before_task)
        self._on_success = telling(hook.on_success)
        self._after_task = telling(hook.after_task)
        self._is_plain = self._before_task is None and gator.task_class.run is Task.run
        """Nothing comes between the worker and the function: it can be called straight."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, task: Task) -> Outcome:
        """Run a task in a context of its own, so that no contextvar leaks into the next. Never raises an Exception."""
        return self._in_context(task, lambda: self.run_here(task))

    async def run_soon(self, task: Task, hand: Hand) -> Outcome:
        """Run a task in the asyncio task that awaits this, which has a context of its own. Otherwise as `run`.

        Raises Interrupted if the hand was told to leave it.
        """
        try:
            result = await self._guarded_soon(task, hand)
        except BaseException as exc:
            self._leave_fork(exc)
            if hand.left:
                raise Interrupted from exc
            forgive()
            if _has_callback(task.options.on_error, exc) and not is_cancellation(task, exc):
                await self._call_back_soon(task.options.on_error, task, exc, hand)
            outcome = self.verdict.on(task, exc)
        else:
            self._leave_fork(None)
            outcome = self._succeeded(task, result)
            if task.options.on_success is not None:
                await self._call_back_soon(task.options.on_success, task, result, hand)
        self.ended(task, outcome)
        return outcome

    def skip(self, task: Task, outcome: Outcome) -> Outcome:
        """Tell the hooks of a task that is not run, in a context of its own."""

        def skip() -> Outcome:
            self.ended(task, outcome)
            return outcome

        return self._in_context(task, skip)

    def fail(self, task: Task, error: BaseException) -> Outcome:
        """Decide what becomes of a task whose run was ended from outside, and tell the hooks, in a context of its own.

        Never raises an Exception.
        """

        def fail() -> Outcome:
            outcome = self._failed(task, error)
            self.ended(task, outcome)
            return outcome

        return self._in_context(task, fail)

    def ended(self, task: Task, outcome: Outcome) -> None:
        """Tell the hooks what became of a task, last of all."""
        if self._after_task is not None:
            self._after_task(task, outcome)

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

    def run_here(self, task: Task, guard: Hand | None = None) -> Outcome:
        """Run a task in the context of the caller, who sees to it that it is nobody else's.

        With a guard, the hand that runs it, it may be interrupted while its own code runs, and only then.
        """
        try:
            if guard is not None:
                result = self._guarded(task, guard)
            elif self._is_plain and task.options is DEFAULTS:
                result = task.func(*task.args, **task.kwargs)  # type: ignore[misc]
                if type(result) is CoroutineType:
                    result = self._await(result)
            else:
                result = self._attempt(task)
        except self._leave_on:
            raise
        except BaseException as exc:  # noqa: BLE001  (a task may raise SystemExit or CancelledError too)
            self._leave_fork(exc)
            outcome = self._failed(task, exc)
        else:
            if forks.count != self.forks:
                self._leave_fork(None)
            # As `_succeeded`, without the price of a call.
            task.result = result
            task.status = constants.SUCCESS
            outcome = SUCCEEDED
            if self._on_success is not None:
                self._on_success(task, result)
            if task.options.on_success is not None:
                self._call_back(task.options.on_success, task, result)
        if self._after_task is not None:
            self.ended(task, outcome)
        return outcome

    def _leave_fork(self, error: BaseException | None) -> None:
        if self.forks not in (None, forks.count):
            forks.leave(error)

    def _in_context(self, task: Task, run: Callable[[], Outcome]) -> Outcome:
        context = copy_context()
        context.run(current.set, Current(task))
        return context.run(run)

    def _failed(self, task: Task, error: BaseException) -> Outcome:
        if _has_callback(task.options.on_error, error) and not is_cancellation(task, error):
            self._call_back(task.options.on_error, task, error)
        return self.verdict.on(task, error)

    def _succeeded(self, task: Task, result: Any) -> Outcome:
        task.result = result
        task.status = constants.SUCCESS
        if self._on_success is not None:
            self._on_success(task, result)
        return SUCCEEDED

    def _guarded(self, task: Task, guard: Hand) -> Any:
        guard.open()
        try:
            return self._attempt(task)
        finally:
            guard.shut()

    async def _guarded_soon(self, task: Task, hand: Hand) -> Any:
        hand.open()
        try:
            if task.options.timeout is None:
                return await self._attempt_soon(task)
            return await self._limited(task, task.options.timeout)
        finally:
            hand.shut()

    async def _limited(self, task: Task, timeout: float) -> Any:
        from asyncio import current_task, get_running_loop

        from .limited import Limited

        running, limited = current_task(), Limited(self._attempt_soon(task))
        assert running is not None

        def expire() -> None:
            limited.expire()
            running.cancel()

        timer = get_running_loop().call_later(timeout, expire)
        try:
            return await limited
        finally:
            timer.cancel()

    def _attempt(self, task: Task) -> Any:
        result = None
        with task.contexts():
            if self._before_task is not None:
                self._before_task(task)
            if task.options.on_start is not None:
                self._awaited(self._callback(task.options.on_start)(task))
            result = self._awaited(task.run())
        return result  # noqa: RET504  (None if one of the contexts suppressed what was raised)

    async def _attempt_soon(self, task: Task) -> Any:
        result = None
        with task.contexts():
            if self._before_task is not None:
                self._before_task(task)
            if task.options.on_start is not None:
                await _awaited_soon(self._callback(task.options.on_start)(task))
            result = await _awaited_soon(task.run())
        return result  # noqa: RET504  (None if one of the contexts suppressed what was raised)

    def _awaited(self, result: Any) -> Any:
        return self._await(result) if type(result) is CoroutineType else result

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        if self.elsewhere is not None:
            return self.elsewhere(coroutine)
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

    def _call_back(self, callback: Callback, task: Task, value: object) -> None:
        try:
            self._awaited(self._callback(callback)(task, value))
        except self._leave_on:
            raise
        except BaseException:  # (as a task, it may raise SystemExit or CancelledError too)
            log.exception(CALLBACK_FAILED, callback, task)

    async def _call_back_soon(self, callback: Callback, task: Task, value: object, hand: Hand) -> None:
        try:
            await _awaited_soon(self._callback(callback)(task, value))
        except BaseException as exc:
            if hand.left:
                raise Interrupted from exc
            log.exception(CALLBACK_FAILED, callback, task)

    def _callback(self, callback: Callback) -> Callable[..., object]:
        return self._find(callback).function if isinstance(callback, str) else callback


def _has_callback(callback: Callback | None, error: BaseException) -> TypeGuard[Callback]:
    return callback is not None and not isinstance(error, Decision)


def forgive() -> None:
    """Have the asyncio task that runs count as not canceled any more: what it awaits from now on may time out too."""
    from asyncio import current_task

    task = current_task()
    if task is not None and hasattr(task, "uncancel"):  # since Python 3.11
        while task.uncancel():
            pass


async def _awaited_soon(result: Any) -> Any:
    return await result if type(result) is CoroutineType else result
