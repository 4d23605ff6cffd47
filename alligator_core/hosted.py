"""Running tasks in the app's own process: `is_async=False`, `execute`, `pop` and `get`."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING

from .backend import Consumer, Delivery
from .constants import DEFAULT_LEASE
from .errors import AlligatorException, TaskFailed
from .keeper import Keeper
from .outcome import Outcome
from .runner import Runner
from .session import Session
from .task import Task

if TYPE_CHECKING:
    from .gator import Gator

MAX_DELIVERIES = 5


def run_here(gator: Gator, task: Task) -> Task:
    """Run a task now, repeating it while it has retries left, and note the outcome on it. Raises what it raises.

    Its arguments are encoded and decoded as on their way to a worker, so that development can't hide what production
    would refuse. Delays are not waited for.
    """
    body = gator.codec.encode(task)
    runner = Runner(gator)
    attempt = task.attempt
    try:
        while True:
            again = gator.codec.again(body, task.queue, attempt=attempt, headers=task.headers)
            copy = gator.codec.decode(again, task.queue)
            outcome = runner.run(copy)
            if outcome.kind != "retry":
                break
            attempt += 1
    finally:
        runner.close()
    task.status, task.result, task.error, task.attempt = copy.status, copy.result, copy.error, copy.attempt
    if outcome.kind == "dead":
        raise outcome.error or TaskFailed(f"{task!r} failed: {outcome.reason}")
    return task


def take_one(gator: Gator, take: Callable[[Consumer], Delivery | None]) -> Task | None:
    """Reserve one message, run it and settle it, with a lease that lasts as long as it runs.

    Returns None if there was none. Raises the reason if what was there is no task, which is buried then.
    """
    session = Session(gator, [gator.queue_name], lease=DEFAULT_LEASE, max_deliveries=MAX_DELIVERIES)
    try:
        delivery = take(session.consumer)
        if delivery is None:
            return None
        session.waiting.append(delivery)
        with Keeper(session, DEFAULT_LEASE):
            # In a context of its own: it may be a task itself that calls this.
            outcome = copy_context().run(session.run_next)
            session.flush()
        return _task_of(session, outcome)
    finally:
        session.close()


def _task_of(session: Session, outcome: Outcome | None) -> Task | None:
    if session.task is not None or outcome is None:
        return session.task
    if isinstance(outcome.error, AlligatorException):
        raise outcome.error
    raise TaskFailed(f"The message went to the dead letters: {outcome.reason}")
