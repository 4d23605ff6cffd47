"""Failing a task on behalf of the worker process that was killed because the task took too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .backend import Bury, Delivery, Settlement
from .errors import AlligatorException, TaskFailed
from .runner import Runner
from .settling import settlement_of, storable

if TYPE_CHECKING:
    from .gator import Gator


class Overdue:
    """Decides what becomes of tasks that exceeded their hard limit: as of any that failed, with the Gator's hooks."""

    def __init__(self, gator: Gator) -> None:
        self._gator = gator
        self._runner: Runner | None = None

    def settlement(self, delivery: Delivery) -> Settlement:
        """Return what becomes of the message of such a task."""
        codec = self._gator.codec
        try:
            task = codec.decode(delivery.body, delivery.queue)
        except AlligatorException as exc:
            return Bury(delivery, storable(f"It took too long, and can't be tried again: {exc}"))
        task.deliveries = delivery.deliveries
        if self._runner is None:
            self._runner = Runner(self._gator)
        error = TaskFailed("It exceeded its hard limit, and its worker was killed.")
        outcome = self._runner.verdict.on(task, error)
        self._runner.ended(task, outcome)
        return settlement_of(codec, task, outcome, delivery)
