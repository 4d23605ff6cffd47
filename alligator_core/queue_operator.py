"""Operating a queue: to count, look at, stop, remove and bring back what was enqueued."""

from __future__ import annotations

from collections.abc import Sequence

from . import backend as _backend
from . import constants
from .backend import Backend, DeadLetter, Entry, Message, QueueSize
from .codec import Codec
from .errors import CallableError, MessageError
from .task import Task


class QueueOperator:
    """Something that operates one queue: a Gator, with the queue for tasks that name none."""

    backend: Backend
    codec: Codec
    task_class: type[Task]
    _queue: str

    def cancel(self, task_id: str) -> Task | None:
        """Take a waiting task off the queue and return it; None when it is no longer waiting."""
        self.require(_backend.CANCEL, "cancel()")
        message = self.backend.cancel(self._queue, task_id)
        return None if message is None else self._canceled(message)

    def stop(self, task_id: str) -> bool:
        """Ask whoever runs a task to stop; false if nobody has it.

        A coroutine gets a CancelledError where it waits; another function looks at `current_task().cancelled` now and
        then, or calls `raise_if_cancelled()` on it. A task that ends so is not run again; one that goes on, and
        returns, has succeeded. The request arrives within about a second, at tasks that have run for half of one.
        """
        self.require(_backend.STOP, "stop()")
        return self.backend.stop(self._queue, task_id)

    def len(self) -> int:
        """Count what waits, delayed tasks included."""
        return self.size().waiting

    def size(self) -> QueueSize:
        """Count the tasks of the queue by state."""
        return self.backend.size(self._queue)

    def peek(self, task_id: str) -> Entry | None:
        """Look at a task that waits or runs, without touching it."""
        self.require(_backend.PEEK, "peek()")
        return self.backend.peek(self._queue, task_id)

    def purge(self) -> int:
        """Remove everything that waits, and return how many tasks that were."""
        self.require(_backend.PURGE, "purge()")
        return self.backend.purge(self._queue)

    def dead(self, ids: Sequence[str] | None = None, limit: int = 100, offset: int = 0) -> list[DeadLetter]:
        """List dead letters, the latest first."""
        self.require(_backend.DEAD_LETTERS, "dead()")
        return self.backend.dead(self._queue, ids, limit, offset)

    def requeue(self, ids: Sequence[str] | None = None) -> list[str]:
        """Put dead letters back on the queue, all of them without `ids`; return the ids of those that went back."""
        self.require(_backend.DEAD_LETTERS, "requeue()")
        return self.backend.requeue(self._queue, ids)

    def purge_dead(self, ids: Sequence[str] | None = None) -> int:
        """Remove dead letters for good, all of them without `ids`; return how many."""
        self.require(_backend.DEAD_LETTERS, "purge_dead()")
        return self.backend.purge_dead(self._queue, ids)

    def require(self, feature: str, wanted: str) -> None:
        """Raise UnsupportedFeature unless the backend declares a feature."""
        if feature not in self.backend.features:
            raise self.backend.unsupported(feature, wanted)

    def _canceled(self, message: Message) -> Task:
        try:
            task = self.codec.decode(message.body, self._queue)
        except (MessageError, CallableError):
            # It is off the queue whatever it holds, and the caller must hear of it.
            task = self.task_class(message.id)
        task.status = constants.CANCELED
        return task
