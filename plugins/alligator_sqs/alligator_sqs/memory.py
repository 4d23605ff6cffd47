"""What this process knows of messages in FIFO queues, where SQS can keep nothing of the kind."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final, NamedTuple

LIMIT: Final = 10_000
ROOM: Final = 64 << 20
"""Bytes of bodies that are remembered."""


class Known(NamedTuple):
    """`uncounted` are the receives after which nobody died; `body` is what a retry put in the message's place."""

    uncounted: int
    body: bytes | None = None
    due: float = 0.0
    """By `time.monotonic()`: a retry must not begin earlier."""


class Memory:
    """The latest messages that were given back or are to be retried.

    A message of a FIFO queue keeps its place only if it is not sent anew, and SQS lets nobody change one that is sent.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def note(self, message_id: str, known: Known) -> None:
        """Remember something of a message."""
        with self._lock:
            self._forget(message_id)
            self._known[message_id] = known
            self._size += len(known.body or b"")
            while len(self._known) > LIMIT or self._size > ROOM:
                self._forget(next(iter(self._known)))

    def of(self, message_id: str) -> Known | None:
        """Return what is known of a message."""
        with self._lock:
            return self._known.get(message_id)

    def drop(self, message_id: str) -> None:
        """Forget a message that is done."""
        with self._lock:
            self._forget(message_id)

    def _forget(self, message_id: str) -> None:
        known = self._known.pop(message_id, None)
        if known is not None:
            self._size -= len(known.body or b"")
