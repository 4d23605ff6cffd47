"""A task: one call of one function, with what is known about it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from . import constants
from .contexts import Contexts
from .errors import OptionError, TaskCancelled
from .task_options import TaskOptions, checked_name

if TYPE_CHECKING:
    from .gator import Gator

T = TypeVar("T")


_process = os.urandom(6).hex()
_counter = count()


def new_id() -> str:
    """Return a unique id of 32 hex digits that sorts by time, as UUID version 7 does.

    It consists of the milliseconds since 1970, a counter, and 48 random bits that tell processes apart.
    """
    return f"{time.time_ns() // 1_000_000:012x}{next(_counter) & 0xFFFFFFFF:08x}{_process}"


def _renew_process() -> None:
    global _process
    _process = os.urandom(6).hex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_process)


class Running(Protocol):
    """What runs tasks one after the other."""

    @property
    def running_task(self) -> Task | None:
        """The task that it runs now."""


current: ContextVar[Running | None] = ContextVar("current", default=None)
"""What runs the task here. Not the task itself: to set that would be a noticeable part of what a short task takes."""


def current_task() -> Task | None:
    """Return the task that runs here: in its function, in what that calls, and in its hooks; None outside of any."""
    running = current.get()
    return None if running is None else running.running_task


class Task:
    """One call of one function. Apps get it from `gator.task()`, hooks and `task_class`es get it in the worker.

    Only what differs from the defaults below is stored on an instance: most tasks are made, run and dropped.
    """

    task_id: str
    name: str = ""
    """Where the worker finds the function: `module:function`."""
    func: Callable[..., Any] | None = None
    args: Sequence[Any]
    kwargs: dict[str, Any]
    options: TaskOptions
    queue: str = constants.ALL
    attempt: int = 1
    """Which run this is, counted from 1; a run that a crash cut short is not counted."""
    deliveries: int = 1
    """One more than the number of workers that died under it."""
    enqueued_at: float = 0.0
    """Epoch seconds by the producer's clock."""
    status: str = constants.WAITING
    result: Any = None
    """What the function returned; None until then."""
    error: BaseException | None = None
    """What the function raised; None until then."""
    gator: Gator | None = None
    cancelled: bool = False
    """Whether it was asked to stop while it runs: by `gator.stop`, for long tasks that look here now and then."""
    is_coroutine: bool = False
    """Whether it calls a coroutine function: a worker runs it on its event loop."""
    _headers: dict[str, str] | None = None
    _contexts: Contexts | None = None

    def __init__(
        self,
        task_id: str | None = None,
        retries: int = 0,
        is_async: bool | str = True,
        on_start: Callable[..., object] | str | None = None,
        on_success: Callable[..., object] | str | None = None,
        on_error: Callable[..., object] | str | None = None,
        depends_on: object = None,
        delay_by: float | timedelta | None = None,
        delay_until: float | datetime | date | None = None,
        *,
        priority: int | None = None,
        timeout: float | timedelta | None = None,
        hard_timeout: float | timedelta | None = None,
        expires: float | timedelta | datetime | None = None,
    ) -> None:
        """Make a task that calls nothing yet: `to_call` says what. See `gator.options` for the options."""
        self.options = TaskOptions.checked(
            retries=retries,
            is_async=is_async,
            on_start=on_start,
            on_success=on_success,
            on_error=on_error,
            depends_on=depends_on,
            delay_by=delay_by,
            delay_until=delay_until,
            priority=priority,
            timeout=timeout,
            hard_timeout=hard_timeout,
            expires=expires,
        )
        self.task_id = new_id() if task_id is None else checked_id(task_id)
        self.args, self.kwargs = (), {}

    @property
    def retries(self) -> int:
        """How often a failed run may be repeated."""
        return self.options.retries

    @property
    def headers(self) -> dict[str, str]:
        """Text that travels with the task, for hooks: trace ids, tenants."""
        if self._headers is None:
            self._headers = {}
        return self._headers

    @headers.setter
    def headers(self, headers: dict[str, str]) -> None:
        self._headers = headers

    @property
    def has_headers(self) -> bool:
        """Whether there are any, without making room for them."""
        return bool(self._headers)

    def to_call(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Say which function the task calls, and with what."""
        self.func, self.args, self.kwargs = func, args, kwargs

    def run(self) -> Any:
        """Call the function and return what it returns; for a coroutine function, the coroutine.

        Override it in a `task_class` to wrap every call. Retries, hooks and the outcome are the worker's business.
        """
        if self.func is None:
            raise OptionError(f"Task {self.task_id!r} has nothing to call: use task.to_call(function, …) first.")
        return self.func(*self.args, **self.kwargs)

    def raise_if_cancelled(self) -> None:
        """Raise TaskCancelled if the task was asked to stop. To be called in its function, now and then.

        A task that ends so is done: it is not run again. A coroutine gets a CancelledError anyway.
        """
        if self.cancelled:
            raise TaskCancelled

    def contexts(self) -> Contexts:
        """Return what holds the context managers of one run; the worker enters and leaves it."""
        self._contexts = Contexts()
        return self._contexts

    def enter_context(self, context: AbstractContextManager[T]) -> T:
        """Enter a context manager that stays open until the function has returned. For `before_task` hooks."""
        if self._contexts is None:
            raise RuntimeError("enter_context works while a worker runs the task: call it in before_task.")
        return self._contexts.enter(context)

    def serialize(self) -> bytes:
        """Return the task as it goes over the wire. Needs the Gator that the task came from."""
        return self._bound().codec.encode(self)

    @staticmethod
    def deserialize(body: bytes, gator: Gator) -> Task:
        """Return the task that a message holds. Raises MessageError or CallableError if it holds none."""
        return gator.codec.decode(body, gator.queue_name)

    def _bound(self) -> Gator:
        if self.gator is None:
            raise OptionError(f"Task {self.task_id!r} belongs to no Gator yet: enqueue it, or set task.gator.")
        return self.gator

    def __repr__(self) -> str:
        # Arguments may be secrets: they are not shown.
        return f"<{type(self).__name__} {self.task_id} {self.name or self.func!r} {self.status}>"


class Current:
    """What runs one task and no other."""

    def __init__(self, task: Task) -> None:
        self.running_task: Task | None = task


def checked_id(task_id: str) -> str:
    """Return an id of the caller's own if every backend can carry it. Raises OptionError."""
    return checked_name("task_id", task_id)
