"""The task that runs here, for log lines that know nothing of it."""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from typing import TypeAlias

from alligator_core.task import Task
from alligator_core.verdict import FAILED_FOR_GOOD, FAILED_ONCE

Run: TypeAlias = tuple[Task, "float | None"]
"""One run of a task: the task, and when it began, by the monotonic clock; None where this was not seen."""

run: ContextVar[Run | None] = ContextVar("run", default=None)
"""The run that is in progress here. Each has a context of its own, so that nobody has to take this back."""


def is_followed(task: Task) -> bool:
    """Say whether it is this task that runs here."""
    now = run.get()
    return now is not None and now[0] is task


def run_time(task: Task) -> dict[str, float]:
    """Return the seconds that a task has run for, as a field; nothing if that is not known here."""
    now = run.get()
    if now is None or now[1] is None or now[0] is not task:
        return {}
    return {"run": round(time.monotonic() - now[1], 6)}


class TaskContext(logging.Filter):
    """Gives each record the attributes `task_id` and `task`, for handlers of the app's own: "-" outside of a task."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        now = run.get()
        record.task_id, record.task = ("-", "-") if now is None else (now[0].task_id, now[0].name)
        return True


class Superseded(logging.Filter):
    """Drops what the core logs about a failure of a task that this plugin follows: it logs the same itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything else pass."""
        return run.get() is None or record.msg not in (FAILED_ONCE, FAILED_FOR_GOOD)
