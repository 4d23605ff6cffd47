"""The thread that keeps a consumer's lease: no longer than it lasts, whatever time to run the jobs have."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING, Final
from weakref import ref

if TYPE_CHECKING:
    from .consumer import BeanstalkConsumer

log = logging.getLogger("alligator.beanstalk")

LONGEST: Final = 1.0
"""Seconds between two looks, at most."""


class Guard:
    """Looks after what a consumer holds, as long as it holds anything.

    The time to run of a job is set by whoever pushed it. While the consumer shows signs of life, the guard sees to it
    that a shorter one than its lease doesn't run out; when there was none for the length of the lease, it ends the
    connections, and the server gives back what they held.
    """

    def __init__(self, consumer: BeanstalkConsumer, every: float) -> None:
        self._consumer = ref(consumer)
        self._every = min(LONGEST, every)
        self._ended = Event()
        self._thread: Thread | None = None

    def begin(self) -> None:
        """Look after it from now on."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="alligator-beanstalk-guard", daemon=True)
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
                consumer.look_after_holds()
            except Exception:
                # Nobody else would notice what runs out.
                log.exception("Could not look after what is held")
            del consumer
