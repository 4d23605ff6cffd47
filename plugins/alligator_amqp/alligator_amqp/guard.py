"""The thread that keeps a consumer's lease: it beats for the connection, and ends it if the consumer shows no life."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING, Final
from weakref import ref

if TYPE_CHECKING:
    from .consumer import AmqpConsumer

log = logging.getLogger("alligator.amqp")

LONGEST: Final = 1.0
"""Seconds between two looks, at most."""


class Guard:
    """Looks after a consumer's connection, from the first one on until the consumer is closed or forgotten.

    RabbitMQ gives back what a connection held when it ends, and ends one that doesn't send a heartbeat. A task that
    keeps its thread busy can't send any, so this thread does; and when nothing else of the process has shown life for
    the length of the lease, it ends the connection.
    """

    def __init__(self, consumer: AmqpConsumer, every: float) -> None:
        self._consumer = ref(consumer)
        self._every = min(LONGEST, every)
        self._ended = Event()
        self._thread: Thread | None = None

    def begin(self) -> None:
        """Look after it from now on."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="alligator-amqp-guard", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            consumer = self._consumer()
            if consumer is None:
                return
            try:
                consumer.look_after_connection()
            except Exception:
                # Nobody else would notice what runs out.
                log.exception("Could not look after what is held")
            del consumer
