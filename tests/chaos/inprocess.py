"""A worker in a thread of this process, for stores that live in one process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from alligator_core.gator import Gator
from alligator_core.worker import Worker


class WorkerThread:
    """A running Worker, which can be told to stop, but not be killed."""

    def __init__(self, gator: Gator, options: Mapping[str, Any]) -> None:
        self._worker = Worker(gator, **options)
        self._thread = threading.Thread(target=self._worker.run_forever, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def terminate(self) -> None:
        """Tell it to stop."""
        self._worker.stop()

    def close(self) -> None:
        """Tell it to stop, and wait for it."""
        self._worker.stop()
        self._thread.join()
