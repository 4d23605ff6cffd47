"""The consumer: reserving, and keeping what is held."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from threading import Lock, RLock
from typing import Final

from alligator_core.backend import Consumer, Delivery, Settlement

from .failures import LinkError, took_too_long
from .guard import Guard
from .hold import Held
from .intake import Intake
from .pool import Pool
from .posting import Posting
from .settling import Settling

log = logging.getLogger("alligator.amqp")

POLL: Final = 0.05
"""Seconds between two looks at most: RabbitMQ wakes a consumer only by giving it messages, of whichever queue."""

LONGEST_HEARTBEAT: Final = 20

_numbers = count(1)


class AmqpConsumer(Consumer):
    """One worker's hold on some queues: all of it belongs to one connection, and comes back when that ends."""

    def __init__(self, pool: Pool, posting: Posting, queues: Sequence[str], lease: float) -> None:
        self._pool = pool
        self._lease = lease
        # RabbitMQ takes a connection for dead after two to three times its heartbeat without a sign of life.
        self._heartbeat = min(LONGEST_HEARTBEAT, max(1, int(lease / 3)))
        self._held: Held | None = None
        self._using = RLock()
        self._settling_lock = Lock()
        self._intake = Intake(pool, posting, queues)
        self._settling = Settling(pool, posting)
        self._lost: list[Delivery] = []
        self._closed = False
        self._seen = time.monotonic()
        self._guard = Guard(self, lease / 4)

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        deadline = time.monotonic() + wait
        pause = 0.005
        while not self._closed:
            self._seen = time.monotonic()
            batch = self._take(limit)
            self._seen = time.monotonic()
            left = deadline - time.monotonic()
            if batch or left <= 0:
                return batch
            time.sleep(min(left, pause))
            pause = min(POLL, 2 * pause)
        return []

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out what became of some deliveries, and return the stale ones."""
        with self._settling_lock:
            self._check_life()
            return self._settling.settle(settlements, self)

    def keep_alive(self) -> list[Delivery]:
        """Show life, ask whether the connection stands, and return what was lost."""
        self._check_life()
        with self._using:
            held = self._held
            if held is not None:
                try:
                    # Somebody may have removed a queue, and with it what leads delayed messages there.
                    self._intake.begin(held)
                except LinkError as exc:
                    self.drop(exc)
            if self._held is None and not self._closed:
                # Whoever waits for signs of life from here should hear if the server is gone.
                with self._explained():
                    self._connect()
            lost, self._lost = self._lost, []
        return lost

    def close(self) -> None:
        """Give back everything that is held."""
        self._closed = True
        self._guard.end()
        with self._settling_lock, self._using:
            held = self._held
            if held is None:
                return
            try:
                if held.deliveries and self._is_alive(held):
                    self._settling.give_back(held)
            finally:
                self._held = None
                held.link.close()

    def look_after_connection(self) -> None:
        """Beat for the connection; end it if the consumer has shown no life for too long."""
        if self._is_over():
            with self._using:
                # Whoever had it may have shown life meanwhile.
                if self._is_over():
                    self.drop()
        elif self._using.acquire(timeout=0.1):
            # Whoever has it is talking to the server, which is as good as a beat.
            try:
                held = self._held
                if held is not None:
                    held.link.beat()
            except LinkError as exc:
                self.drop(exc)
            finally:
                self._using.release()

    @contextmanager
    def holding(self) -> Iterator[Held | None]:
        """Have the connection to oneself, if there is one; it is let go of if it fails."""
        with self._using:
            held = self._held
            try:
                yield held
            except LinkError as exc:
                self.drop(exc)
                raise

    def is_sure(self) -> bool:
        """Whether the connection was of use so recently that the server can't have given it up."""
        held = self._held
        return held is not None and time.monotonic() - held.link.used_at < self._heartbeat

    def drop(self, exc: Exception | None = None) -> None:
        """Let go of the connection: the server gives back what it held."""
        with self._using:
            held, self._held = self._held, None
            if held is None:
                return
            self._lost += held.deliveries.values()
            held.link.shut()
            self._pool.distrust()
            if exc is not None and took_too_long(str(exc)):
                log.warning(
                    "%s took back what a task was at work on, since it took longer than its consumer_timeout: raise "
                    "that in the server's rabbitmq.conf",
                    self._pool.settings.shown,
                )

    def _is_over(self) -> bool:
        return time.monotonic() - self._seen >= self._lease

    def _check_life(self) -> None:
        """Show life; a consumer that had shown none for its lease has lost all."""
        if self._is_over():
            self.drop()
        self._seen = time.monotonic()

    def _take(self, limit: int) -> list[Delivery]:
        with self._using:
            if self._closed:
                return []
            with self._explained():
                held = self._held or self._connect()
                try:
                    return self._intake.take(held, limit)
                except BaseException as exc:
                    self.drop(exc if isinstance(exc, Exception) else None)
                    raise

    def _connect(self) -> Held:
        held = Held(self._pool.connect(self._heartbeat), next(_numbers))
        self._intake.begin(held)
        self._held = held
        self._guard.begin()
        return held

    def _is_alive(self, held: Held) -> bool:
        try:
            held.link.sync()
        except LinkError as exc:
            self.drop(exc)
            return False
        return True

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except LinkError as exc:
            raise self._pool.explain(exc, maybe_applied=False) from exc
