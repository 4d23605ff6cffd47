"""Failing a task on behalf of the worker process that was killed because the task took too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .backend import Bury, Delivery, Settlement
from .errors import AlligatorException, TaskTimeout
from .runner import Runner
from .settling import settlement_of, storable

if TYPE_CHECKING:
    from .gator import Gator


def settlement_of_overdue(gator: Gator, delivery: Delivery) -> Settlement:
    """Return what becomes of the message of a task that exceeded its hard limit: the same as of any that failed."""
    try:
        task = gator.codec.decode(delivery.body, delivery.queue)
    except AlligatorException as exc:
        return Bury(delivery, storable(f"It exceeded its hard limit, and can't be tried again: {exc}"))
    task.deliveries = delivery.deliveries
    limit = task.options.hard_limit
    error = TaskTimeout(f"It ran longer than its hard limit{f' of {limit:g} s' if limit else ''}, and was killed.")
    runner = Runner(gator)
    try:
        return settlement_of(gator.codec, task, runner.fail(task, error), delivery)
    finally:
        runner.close()
