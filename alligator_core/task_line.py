"""The line that a worker logs about each task that ended."""

from __future__ import annotations

import logging
import time

from .backend import Delivery
from .outcome import Outcome
from .task import Task

log = logging.getLogger("alligator.task")


def log_end(task: Task, delivery: Delivery, outcome: Outcome, seconds: float, worker: str) -> None:
    """Log one line; handlers that want more than its text find the fields in the record's `alligator`."""
    waited = max(0.0, time.time() - seconds - task.enqueued_at) if task.enqueued_at else 0.0
    fields = {
        "task": task.name,
        "id": task.task_id,
        "queue": task.queue,
        "outcome": outcome.kind,
        "attempt": task.attempt,
        "deliveries": delivery.deliveries,
        "seconds": round(seconds, 6),
        "waited": round(waited, 6),
        "worker": worker,
    }
    log.info("%s %s %s in %s", task.name, task.task_id, outcome.kind, shown(seconds), extra={"alligator": fields})


def shown(seconds: float) -> str:
    """Return a duration as people read it: 1.2 ms, 3.4 s, 2 min 5 s."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
