"""What the tests of the core share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from alligator import Gator, Worker

T = TypeVar("T")


def eventually(condition: Callable[[], T], timeout: float = 15.0) -> T:
    """Wait until a condition holds, and return what it returned."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true within {timeout} s"
        time.sleep(0.005)
    return value


def drain(gator: Gator, **options: Any) -> Worker:
    """Run everything that is ready, and return the worker that did."""
    # The limit is for the day on which something is retried for ever.
    worker = Worker(gator, burst=True, **{"max_tasks": 2000, **options})
    worker.run_forever()
    assert worker.tasks_run < 2000, "it would go on for ever"
    return worker


@contextmanager
def working(worker: Worker) -> Iterator[threading.Thread]:
    """Let a worker run in a thread while the block runs, and wait for its end."""
    thread = threading.Thread(target=worker.run_forever, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive(), "the worker did not stop"
