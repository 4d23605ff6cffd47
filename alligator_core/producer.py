"""Producing tasks: the calls that a Gator and its options share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import OptionError
from .task import Task, new_id
from .task_options import TaskOptions

if TYPE_CHECKING:
    from typing import ParamSpec

    from .gator import Gator

    P = ParamSpec("P")

T = TypeVar("T")


class Producer:
    """Something that makes tasks under one set of options: a Gator, or what `gator.options(…)` returns."""

    _gator: Gator
    _defaults: TaskOptions
    _task_id: str | None = None
    _queue: str

    def task(self, func: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Task:
        """Enqueue a call of a plain function, to be run by a worker elsewhere.

        The function is found by name there: it must be defined at the top level of a module. Once this returns, the
        task is on the queue, as durably as the backend stores it.
        Raises EnqueueError if the call can't become a task, BackendError if the backend doesn't take it, and with
        `is_async=False` whatever the function raises.
        """
        return self._gator.submit(self._make(func, self._gator.policy.name_of(func), args, kwargs))

    async def atask(self, func: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Task:
        """Enqueue as `task` does, from a coroutine: the event loop goes on while the backend is talked to."""
        import asyncio

        task = self._make(func, self._gator.policy.name_of(func), args, kwargs)
        if task.options.is_async and self._gator.current_batch is not None:
            return self._gator.submit(task)  # it only waits for the batch's end: nobody is talked to
        if self._gator.current_using is not None:
            return self._gator.submit(task)  # the transaction is this thread's, and may end any moment
        submit = partial(copy_context().run, self._gator.submit, task)
        return await asyncio.get_running_loop().run_in_executor(None, submit)

    def map(self, func: Callable[[T], object], iterable: Iterable[T]) -> list[Task]:
        """Enqueue one task per element, the element its one argument, and return the tasks.

        They go to the backend in chunks of its `max_batch`; if a chunk fails, the ones before it are on the queue.
        """
        return self._bulk(func, ((element,) for element in iterable))

    def starmap(self, func: Callable[..., object], iterable: Iterable[Sequence[Any]]) -> list[Task]:
        """Enqueue one task per element, the element being its positional arguments. Otherwise as `map`."""
        return self._bulk(func, iterable)

    def _bulk(self, func: Callable[..., object], calls: Iterable[Sequence[Any]]) -> list[Task]:
        if self._task_id is not None:
            raise OptionError("task_id names one task: map and starmap make many. Leave it out.", "task_id")
        made: list[Task] = []
        remaining = iter(calls)
        chunk = self._gator.backend.limits.max_batch
        name = self._gator.policy.name_of(func)
        while tasks := [self._make(func, name, args, {}) for args in islice(remaining, chunk)]:
            self._gator.submit_all(tasks)
            made += tasks
        return made

    def _make(self, func: Callable[..., object], name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Task:
        gator = self._gator
        # Not by task_class(…): its __init__ checks options, which were checked once for all tasks made here.
        task = Task.__new__(gator.task_class)
        task.name = name
        task.func = func
        task.args, task.kwargs = args, kwargs
        task.options = self._defaults
        task.task_id = new_id() if self._task_id is None else self._task_id
        task.queue = self._queue
        task.enqueued_at = time.time()
        task.gator = gator
        return task
