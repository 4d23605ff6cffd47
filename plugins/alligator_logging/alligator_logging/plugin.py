"""The plugin: what it says at each step of a task."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from alligator_core import hookimpl
from alligator_core.errors import OptionError
from alligator_core.observers import harmless
from alligator_core.outcome import Outcome
from alligator_core.shown_arguments import Redact, mask_secrets, shown_arguments
from alligator_core.task import Task
from alligator_core.task_log import without_secrets

from .context import is_followed, run, run_time
from .event import is_heard, say

if TYPE_CHECKING:
    from alligator_core.gator import Gator
    from alligator_core.worker import Worker

ENDS: Final = {
    "success": (logging.INFO, "task succeeded"),
    "retry": (logging.WARNING, "task retried"),
    "defer": (logging.INFO, "task deferred"),
    "discard": (logging.INFO, "task discarded"),
    "dead": (logging.ERROR, "task dead"),
    "expired": (logging.WARNING, "task expired"),
    "cancelled": (logging.INFO, "task cancelled"),
}


class Logging:
    """The plugin: `Gator(…, plugins=[Logging(arguments=True)])`."""

    def __init__(self, *, arguments: bool = False, redact: Redact = mask_secrets, style: str | None = None) -> None:
        """Prepare the log.

        Args:
            arguments: Whether `task enqueued` and `task started` show the arguments.
            redact: Takes an argument's name and value, and returns what is shown of it; by default those that are
                named like a secret are masked. It is asked for each entry of a dict and each field of a dataclass, too.
            style: "text" or "json", for the lines of `alligator worker`; by default text on a terminal.

        Raises OptionError for another style.
        """
        if style not in (None, "text", "json"):
            raise OptionError(f"style={style!r}: it must be text or json.", "style")
        self._arguments = arguments
        self._redact = redact
        self._style = style
        self._workers: WeakKeyDictionary[Gator, str] = WeakKeyDictionary()
        self._outputs: WeakKeyDictionary[Worker, ExitStack] = WeakKeyDictionary()
        self._bound: tuple[ContextVar[str], ContextVar[str]] | None = None

    @hookimpl
    def after_enqueue(self, task: Task) -> None:
        """Say `task enqueued`."""
        if is_heard(logging.INFO):
            fields: dict[str, object] = {"task_id": task.task_id, "task": task.name, "queue": task.queue}
            if delay := task.options.delay:
                fields["delay"] = round(delay, 3)
            say(logging.INFO, "task enqueued", {**fields, **self._arguments_of(task)})

    @hookimpl
    def on_worker_start(self, worker: Worker) -> None:
        """Take over the output, and say `worker started`."""
        from .output import taken_over  # late: structlog takes longer to import than all of a producer

        self._workers[worker.gator] = worker.ident()
        self._outputs[worker] = ExitStack()
        self._outputs[worker].enter_context(taken_over(self._style, worker.ident()))
        say(logging.INFO, "worker started", {"worker": worker.ident(), "queues": ",".join(worker.queues)})

    @hookimpl
    def on_worker_stop(self, worker: Worker) -> None:
        """Say `worker stopped`, and give the output back."""
        say(logging.INFO, "worker stopped", {"worker": worker.ident(), "tasks": worker.tasks_run})
        self._outputs.pop(worker, ExitStack()).close()

    @hookimpl(tryfirst=True)
    @harmless
    def before_task(self, task: Task) -> None:
        """Have all log lines of this context carry the task's id, and say `task started`."""
        self._follow(task, time.monotonic())
        if is_heard(logging.INFO):
            say(logging.INFO, "task started", {**self._fields(task), "wait": _waited(task), **self._arguments_of(task)})

    @hookimpl(tryfirst=True)
    @harmless
    def on_failure(self, task: Task, error: BaseException) -> None:
        """Say `task failed`, and leave it to others what becomes of it."""
        if not is_followed(task):
            self._follow(task, None)  # it ended the hard way, and another thread tells
        if is_heard(logging.WARNING):
            say(logging.WARNING, "task failed", {**self._fields(task), **run_time(task), "error": _described(error)})

    @hookimpl
    def after_task(self, task: Task, outcome: Outcome) -> None:
        """Say how the run ended."""
        level, name = ENDS[outcome.kind]
        if not is_heard(level):
            return
        fields = {**self._fields(task), **run_time(task)}
        if outcome.kind in ("success", "dead"):
            fields["wait"] = max(0.0, round(_waited(task) - fields.get("run", 0.0), 6))
        if outcome.kind in ("retry", "defer"):
            fields["delay"] = round(outcome.delay, 3)
        if outcome.reason:
            fields["reason"] = without_secrets(outcome.reason)
        say(level, name, fields, outcome.error if outcome.kind == "dead" else None)

    def _follow(self, task: Task, began: float | None) -> None:
        run.set((task, began))
        if self._bound is None:
            self._bound = _contextvars()
        task_id, name = self._bound
        task_id.set(task.task_id)
        name.set(task.name)

    def _fields(self, task: Task) -> dict[str, Any]:
        fields = {"task_id": task.task_id, "task": task.name, "queue": task.queue, "attempt": task.attempt}
        worker = self._workers.get(task.gator) if task.gator is not None else None
        return fields if worker is None else {**fields, "worker": worker}

    def _arguments_of(self, task: Task) -> dict[str, Any]:
        return {"arguments": shown_arguments(task, self._redact)} if self._arguments else {}


def _contextvars() -> tuple[ContextVar[str], ContextVar[str]]:
    """Return the variables in which structlog keeps what is bound as `task_id` and `task`."""
    from structlog.contextvars import bind_contextvars, bound_contextvars

    from .output import supersede

    supersede()
    with bound_contextvars(task_id="", task=""):
        # To set them is a fraction of what it costs to bind, which would be most of what this plugin costs a task.
        bound = bind_contextvars(task_id="", task="")
    return bound["task_id"].var, bound["task"].var


def _waited(task: Task) -> float:
    return round(max(0.0, time.time() - task.enqueued_at), 6) if task.enqueued_at else 0.0


def _described(error: BaseException) -> str:
    try:
        return without_secrets(f"{type(error).__name__}: {error}")[
            :1000
        ]  # in this order: a URL may be cut before its @
    except Exception:  # noqa: BLE001  (its own code)
        return type(error).__name__
