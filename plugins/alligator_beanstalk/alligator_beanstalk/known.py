"""What this process pushed: which job carries which message, for as long as it is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock


class Known:
    """The server's numbers of the latest messages, by queue and id: between `limit` and twice as many.

    The server finds a job by its own number only, so a message can be looked up by whoever pushed it and nobody else.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._new: dict[tuple[str, str], bytes] = {}
        self._old: dict[tuple[str, str], bytes] = {}
        self._lock = Lock()

    def note(self, queue: str, ids: Sequence[str], numbers: Sequence[bytes]) -> None:
        """Remember the jobs of messages, by the server's answers or the bare numbers."""
        if not self._limit:
            return
        with self._lock:
            # Of a large batch the latest will do.
            last = min(len(ids), self._limit)
            for id, number in zip(ids[-last:], numbers[-last:], strict=True):
                self._new[queue, id] = number
            if len(self._new) >= self._limit:
                self._old, self._new = self._new, {}

    def job(self, queue: str, id: str) -> int | None:
        """Return the job that carries a message, None if that isn't known here."""
        with self._lock:
            number = self._new.get((queue, id)) or self._old.get((queue, id))
        return None if number is None else int(number.removeprefix(b"INSERTED "))
