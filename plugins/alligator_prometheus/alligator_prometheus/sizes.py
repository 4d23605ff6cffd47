"""The sizes of queues, asked of the backend when somebody wants to know, but not too often and not for long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from alligator_core.backend import Backend, QueueSize
from alligator_core.errors import BackendError

log = logging.getLogger("alligator.plugins.prometheus")

FRESH: Final = 5.0
"""Seconds for which they are not asked for again."""
PATIENCE: Final = 2.0
"""Seconds that somebody who wants to know waits for the backend."""


class Sizes:
    """The sizes of some queues."""

    def __init__(self, queues: Callable[[], Mapping[str, Backend]]) -> None:
        """Prepare to ask. `queues` returns which there are, and where."""
        self._queues = queues
        self._lock = threading.Lock()
        self._known: dict[str, QueueSize] = {}
        self._known_at = float("-inf")
        self._asking: threading.Thread | None = None

    def get(self) -> Mapping[str, QueueSize]:
        """Return the sizes; of those that the backend didn't tell in time, none."""
        with self._lock:
            is_new = self._asking is None or not self._asking.is_alive()
            if is_new and time.monotonic() - self._known_at < FRESH:
                return self._known
            if is_new:
                self._asking = threading.Thread(target=self._ask, name="alligator-sizes", daemon=True)
                self._asking.start()
            asking = self._asking
        # One that hung before is not waited for again.
        if asking is not None and is_new:
            asking.join(PATIENCE)
        return self._known if time.monotonic() - self._known_at < FRESH else {}

    def _ask(self) -> None:
        found: dict[str, QueueSize] = {}
        for queue, backend in self._queues().items():
            try:
                found[queue] = backend.size(queue)
            except BackendError as exc:
                log.warning("The size of %r is not known: %s", queue, exc)
            except Exception:
                log.exception("The size of %r is not known", queue)
        self._known, self._known_at = found, time.monotonic()
