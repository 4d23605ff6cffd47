"""What this process pushed: which job carries which message, for as long as it is remembered."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock


class Known:
    """The server's numbers of the latest messages, by queue and id.

    The server finds a job by its own number only, so a message can be looked up by whoever pushed it and nobody else.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def note(self, queue: str, pairs: Iterable[tuple[str, int]]) -> None:
        """Remember the jobs of messages, and forget the oldest beyond the limit."""
        with self._lock:
            jobs = self._jobs
            for id, job in pairs:
                jobs.pop((queue, id), None)
                jobs[queue, id] = job
            while len(jobs) > self._limit:
                del jobs[next(iter(jobs))]

    def job(self, queue: str, id: str) -> int | None:
        """Return the job that carries a message, None if that isn't known here."""
        return self._jobs.get((queue, id))
