"""A worker whose title in `ps` says what it does, and whose dump what it runs."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..title import set_title
from ..worker import Worker

if TYPE_CHECKING:
    from ..hand import Hand
    from ..session import Session

_OURS: Final = str(Path(__file__).parents[1])


class VisibleWorker(Worker):
    """The worker of the command line. `role` is how its title calls it."""

    role = "worker"
    _seen: Session | None = None

    def starting(self) -> None:
        """Called before the first task is reserved."""
        super().starting()
        self._entitle("running")

    def interrupt(self) -> None:
        """Called once when the worker was told to stop."""
        super().interrupt()
        self._entitle("stopping")

    def report(self) -> str:
        """Return what runs, since when, and where each coroutine waits. Called from any thread."""
        session = self._seen
        if session is None:
            # A supervisor never has one: its processes tell by themselves.
            state = "is starting" if self.role != "supervisor" else "passes this on to its processes"
            return f"alligator {self.role} {self.ident()} {state}"
        now = time.monotonic()
        running = [line for hand in session.hands if (line := _of_hand(hand, now))]
        waiting = len(session.waiting) + len(session.coroutines)
        head = f"alligator {self.role} {self.ident()} runs {len(running)}, has {waiting} more in hand"
        return "\n".join([head, *running, *_of_coroutines()])

    def _session(self, **settings: Any) -> Session:
        self._seen = super()._session(**settings)
        return self._seen

    def _entitle(self, state: str) -> None:
        set_title(self.role, self.ident(), self.queues, state)


def _of_hand(hand: Hand, now: float) -> str:
    # It may go on to another task meanwhile: then the line is about both, which nobody is misled by for long.
    delivery, task, since = hand.delivery, hand.task, hand.since
    if delivery is None:
        return ""
    name = "a task" if task is None else task.name
    return f"  hand {hand.number}: {name} {delivery.id!r} of queue {delivery.queue!r} for {now - since:.1f} s"


def _of_coroutines() -> Iterator[str]:
    # Whatever loop they are on, the app's own ones included. By type(), for a proxy may lie about its class.
    for found in gc.get_objects():
        if issubclass(type(found), asyncio.Task) and not found.done():
            yield f"  coroutine {found.get_name()}:"
            yield from _frames(found.get_coro())


def _frames(coroutine: Any) -> Iterator[str]:
    """Yield a line for each coroutine that one waits in, from the app's own outermost to the innermost."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None and not frame.f_code.co_filename.startswith(_OURS):
            yield f'    File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}'
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
