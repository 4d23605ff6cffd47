"""Named steps of a worker at which it can be made to die, put around its consumer's calls and into a hook plugin."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from alligator_core.backend import Backend, Consumer, Delivery, Settlement
from alligator_core.dsn import Dsn
from alligator_core.hookspecs import hookimpl
from alligator_core.outcome import Outcome
from alligator_core.plugins import PluginManager
from alligator_core.task import Task

from .history import History

Settle = Callable[[Sequence[Settlement]], list[Delivery]]

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
            made = make(*args, **options)
            made.reserve = self._reserving(made.reserve)  # type: ignore[method-assign]
            made.settle = self._settling(made.settle)  # type: ignore[method-assign]
            return made

        backend.consumer = consumer  # type: ignore[method-assign]
        return backend

    def _reserving(self, reserve: Callable[[int, float], list[Delivery]]) -> Callable[[int, float], list[Delivery]]:
        def stepping(limit: int, wait: float) -> list[Delivery]:
            self.reach("before reserve")
            if came := reserve(limit, wait):
                self.reach("after reserve")
            return came

        return stepping

    def _settling(self, settle: Settle) -> Settle:
        def stepping(settlements: Sequence[Settlement]) -> list[Delivery]:
            self.reach("before settle")
            stale = settle(settlements)
            self.reach("after settle")
            return stale

        return stepping
