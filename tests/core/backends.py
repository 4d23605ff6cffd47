"""A backend that the tests can look into, and take away for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from alligator import BackendUnavailable
from alligator_core.backend import TAKE_OVER, Backend, Consumer, Delivery, Limits, Message, QueueSize, Settlement
from alligator_core.dsn import Dsn
from alligator_core.locmem import make_backend

T = TypeVar("T")


class WatchedBackend(Backend):
    """Keeps its queues in a locmem backend, and notes what it is told.

    It fails in the operations named in `down`, and as often as `failures` says in those named there.
    """

    name = "watched"

    def __init__(self, dsn: Dsn) -> None:
        self.inner = make_backend(Dsn.parse("locmem://"))
        self.features = self.inner.features - {TAKE_OVER}
        self.limits = Limits(max_batch=100, max_body=100_000, max_delay=1000.0)
        self.down: set[str] = set()
        self.failures: Counter[str] = Counter()
        self.calls: list[str] = []
        self.pushes: list[tuple[str, list[str]]] = []
        self.settled: list[list[Settlement]] = []
        self.reserved: list[int] = []
        """The limits that consumers asked for."""

    def during(self, operation: str, call: Callable[[], T]) -> T:
        self.calls.append(operation)
        if operation in self.down or self.failures[operation] > 0:
            self.failures[operation] -= 1
            raise BackendUnavailable(f"{operation} is down", maybe_applied=operation == "settle")
        return call()

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        self.during("push", lambda: self.inner.push(queue, messages))
        self.pushes.append((queue, [message.id for message in messages]))

    def size(self, queue: str) -> QueueSize:
        return self.during("size", lambda: self.inner.size(queue))

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> WatchedConsumer:
        return WatchedConsumer(self, self.inner.consumer(queues, lease))

    def cancel(self, queue: str, id: str) -> Message | None:
        return self.during("cancel", lambda: self.inner.cancel(queue, id))

    def close(self) -> None:
        self.calls.append("close")


class WatchedConsumer(Consumer):
    def __init__(self, backend: WatchedBackend, inner: Consumer) -> None:
        self.backend, self.inner = backend, inner
        self.lost: list[Delivery] = []
        """What the next `keep_alive` is to say is lost."""

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        self.backend.reserved.append(limit)
        return self.backend.during("reserve", lambda: self.inner.reserve(limit, wait))

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        stale = self.backend.during("settle", lambda: self.inner.settle(settlements))
        self.backend.settled.append(list(settlements))
        return stale

    def keep_alive(self) -> list[Delivery]:
        lost, self.lost = self.lost, []
        return self.backend.during("keep_alive", self.inner.keep_alive) + lost

    def close(self) -> None:
        self.backend.during("close_consumer", self.inner.close)
