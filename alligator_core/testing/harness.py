"""The harness: a backend under test, a queue of its own, and the moves that the tests are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, Final, TypeVar
from uuid import uuid4

from ..backend import DEAD_LETTERS, ORDER, PRIORITY, PURGE, Ack, Backend, Consumer, Delivery, Message
from ..dsn import Dsn
from ..errors import AlligatorException
from ..plugins import PluginManager

T = TypeVar("T")

PATIENCE: Final = 45.0
"""Seconds until the suite gives up on something that should happen soon; a busy machine is slow, not wrong."""

LONG_LEASE: Final = 60.0
"""Seconds; for consumers that no test means to die."""


class Harness:
    """What a test of the contract gets. `close` removes everything that it left in the store."""

    def __init__(self, dsn: str, lease: float) -> None:
        self.dsn = dsn
        self.lease = lease
        self._backends: list[Backend] = []
        self._consumers: list[Consumer] = []
        self._queues: list[str] = []
        self.queue = self.new_queue()
        self.backend = self.open()

    def new_queue(self, name: str = "{}") -> str:
        """Return the name of a queue that nobody uses, with the random part in the place of the braces."""
        queue = name.replace("{}", f"test-{uuid4().hex[:12]}")
        self._queues.append(queue)
        return queue

    def open(self, dsn: Dsn | None = None) -> Backend:
        """Build another backend, by the way that a Gator takes."""
        backend = PluginManager().make_backend(dsn or Dsn.parse(self.dsn))
        self._backends.append(backend)
        return backend

    def offers(self, feature: str) -> bool:
        """Whether the backend declares a feature."""
        return feature in self.backend.features

    def push(self, *ids: str, queue: str = "", priority: int = 5, delay: float = 0.0) -> None:
        """Push messages that have `body_of(id)` for a body, all in one call."""
        messages = [Message(id, body_of(id), priority, delay) for id in ids]
        self.backend.push(queue or self.queue, messages)

    def consumer(
        self, *queues: str, lease: float = LONG_LEASE, backend: Backend | None = None, holder: str = ""
    ) -> Consumer:
        """Make a consumer, of the test's own queue if none is named."""
        consumer = (backend or self.backend).consumer(queues or (self.queue,), lease, holder)
        self._consumers.append(consumer)
        return consumer

    def abandon(self, *ids: str) -> tuple[Consumer, list[Delivery]]:
        """Push messages, and let a consumer of a short lease take them that shows no sign of life any more."""
        self.push(*ids)
        consumer = self.consumer(lease=self.lease)
        return consumer, self.collect(consumer, len(ids))

    def collect(self, consumer: Consumer, count: int, *, at_once: int = 100) -> list[Delivery]:
        """Reserve until there are `count`; fewer if that takes too long."""
        found: list[Delivery] = []
        deadline = time.monotonic() + PATIENCE
        while len(found) < count and time.monotonic() < deadline:
            found += consumer.reserve(min(at_once, count - len(found)), 1.0)
        return found

    def collect_ids(self, *queues: str, count: int) -> list[str]:
        """Let a new consumer reserve `count` messages; return their ids, `in_order`."""
        return self.in_order([delivery.id for delivery in self.collect(self.consumer(*queues), count)])

    def in_order(self, ids: Sequence[str]) -> list[str]:
        """Return ids as they came, or sorted where the backend keeps no order, not even by priority."""
        return list(ids) if self.offers(ORDER) or self.offers(PRIORITY) else sorted(ids)

    def left(self, queue: str = "") -> list[str]:
        """Return the ids of all that is ready, `in_order`, and leave it there."""
        consumer = self.consumer(queue or self.queue)
        found: list[str] = []
        while batch := consumer.reserve(100, 0.0):
            found += [delivery.id for delivery in batch]
        consumer.close()
        return self.in_order(found)

    def ack_all(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Ack deliveries in one call; return the stale ones."""
        return consumer.settle([Ack(delivery) for delivery in deliveries])

    def close(self) -> None:
        """Give back what is held, empty the queues, close the backends."""
        with suppress(AlligatorException):
            for consumer in self._consumers:
                consumer.close()
            for queue in self._queues:
                self._empty(queue)
        for backend in self._backends:
            with suppress(AlligatorException):
                backend.close()

    def _empty(self, queue: str) -> None:
        if self.offers(PURGE):
            self.backend.purge(queue)
        if self.offers(DEAD_LETTERS):
            self.backend.purge_dead(queue)
        consumer = self.backend.consumer([queue], LONG_LEASE)
        while batch := consumer.reserve(100, 0.0):
            self.ack_all(consumer, batch)
        consumer.close()


def body_of(id: str) -> bytes:
    """Return the body that `Harness.push` gives a message."""
    return f"the body of {id}".encode()


def in_background(call: Callable[..., T], *arguments: Any) -> Future[T]:
    """Run a call on a thread that holds nobody up if it never ends."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call(*arguments))
        except BaseException as exc:  # noqa: BLE001  (whoever asks for the result gets it)
            future.set_exception(exc)

    Thread(target=run, daemon=True).start()
    return future


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition. Raises AssertionError if it doesn't come true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {PATIENCE:g} s"
        time.sleep(0.02)
