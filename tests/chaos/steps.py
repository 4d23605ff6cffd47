"""Named steps of a worker at which it can be made to die, by wrappers around its consumer and a hook plugin."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alligator_core.backend import Backend, Consumer, Delivery, Settlement
from alligator_core.dsn import Dsn
from alligator_core.hookspecs import hookimpl
from alligator_core.outcome import Outcome
from alligator_core.plugins import PluginManager
from alligator_core.task import Task

from .history import History

STEPS = ("before reserve", "after reserve", "before run", "after run", "before settle", "after settle")


class Steps:
    """The trapdoors: a file with the name of a step kills whoever gets there first."""

    def __init__(self, folder: Path | str, history: History) -> None:
        self.folder = Path(folder)
        self._history = history

    def arm(self, step: str) -> None:
        """Let the next process that gets to this step die there."""
        (self.folder / step).touch()

    def is_armed(self, step: str) -> bool:
        """Say whether nobody has come there yet."""
        return (self.folder / step).exists()

    def reach(self, step: str) -> None:
        """Be at a step."""
        try:
            os.unlink(self.folder / step)
        except FileNotFoundError:
            return
        self._history.note("killed")
        os.kill(os.getpid(), signal.SIGKILL)

    @hookimpl
    def before_task(self, task: Task) -> None:
        self.reach("before run")

    @hookimpl
    def after_task(self, task: Task, outcome: Outcome) -> None:
        self.reach("after run")

    def backend(self, dsn: Dsn) -> Backend:
        """Build the backend of a DSN, with consumers that come by the steps."""
        backend = PluginManager().make_backend(dsn)
        make = backend.consumer

        def consumer(*args: Any, **options: Any) -> Consumer:
            return _Stepping(make(*args, **options), self)

        backend.consumer = consumer  # type: ignore[method-assign]
        return backend


class _Stepping(Consumer):
    def __init__(self, consumer: Consumer, steps: Steps) -> None:
        self._consumer = consumer
        self._reach = steps.reach
        self.keep_alive = consumer.keep_alive  # type: ignore[method-assign]
        self.get = consumer.get  # type: ignore[method-assign]
        self.take_over = consumer.take_over  # type: ignore[method-assign]
        self.stops = consumer.stops  # type: ignore[method-assign]

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        self._reach("before reserve")
        came = self._consumer.reserve(limit, wait)
        if came:
            self._reach("after reserve")
        return came

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        self._reach("before settle")
        stale = self._consumer.settle(settlements)
        self._reach("after settle")
        return stale

    def keep_alive(self) -> list[Delivery]:
        raise NotImplementedError

    def close(self) -> None:
        self._consumer.close()
