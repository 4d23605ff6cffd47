"""A hand: one thing that can run a task at a time."""

from __future__ import annotations

import signal
import threading
import time
from typing import Final

from .backend import Delivery
from .task import Task

INTERRUPT: Final = signal.SIGURG
"""The signal that interrupts a task in the main thread. Nobody else is hurt by it: it is ignored by default."""


class Hand:
    """The main thread, one of several threads, or one of the places for coroutines.

    Whoever runs tasks with it writes here; the keeper and others read, and may `interrupt`.
    """

    __slots__ = (
        "_open",
        "_sent",
        "_unsettled",
        "busy",
        "delivery",
        "in_main_thread",
        "left",
        "number",
        "ran",
        "since",
        "task",
        "thread",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.delivery: Delivery | None = None
        """What it runs now, None while it is idle."""
        self.task: Task | None = None
        """The task that it runs, or ran last."""
        self.since = 0.0
        """When it began with that, by the monotonic clock."""
        self.left = False
        """Whether it was told to leave what it runs, to be given back."""
        self.ran = 0
        """How many messages it is done with."""
        self.busy = 0.0
        """Seconds that these took."""
        self.thread = 0
        """The ident of its thread, where exceptions may be raised in that; otherwise 0."""
        self.in_main_thread = False
        """Whether it is the program's main thread, which signals interrupt."""
        self._open: list[None] = []
        self._sent = True
        self._unsettled: list[None] = []

    def open(self) -> None:
        """Begin a stretch of the task's own code, in which it may be interrupted."""
        self._sent = False
        self._open.append(None)

    def shut(self) -> None:
        """End that stretch. If an interruption is on its way, it is raised in here or not at all."""
        if not _popped(self._open):
            self._catch_up()

    @property
    def running_task(self) -> Task | None:
        """The task that it runs now."""
        return None if self.delivery is None else self.task

    @property
    def is_open(self) -> bool:
        """Whether the task's own code runs."""
        return bool(self._open)

    def interrupt(self, error: type[BaseException]) -> bool:
        """Raise an error in the task's own code, once at most; false where none of it runs just now.

        The main thread is sent a signal, which also ends what it waits for; its handler takes the token and raises.
        """
        if self.in_main_thread:
            if self._open:
                signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)
            return bool(self._open)
        if not self.thread or not self.take_token():
            return False
        from .async_exception import raise_in  # late: most workers never need it

        raise_in(self.thread, error)
        self._sent = True
        return True

    def take_token(self) -> bool:
        """Take the right to interrupt what runs, which there is once per stretch: only this or `shut` gets it."""
        return _popped(self._open)

    def owe(self) -> None:
        """Note that there is one settlement to come, which may be somebody else's to decide."""
        self._unsettled[:] = (None,)

    def claim(self) -> bool:
        """Take the right to settle what `owe` was said of; only one gets it."""
        return _popped(self._unsettled)

    def _catch_up(self) -> None:
        if not self.thread:
            return
        from .async_exception import clear

        while not self._sent:
            time.sleep(0)
        clear(self.thread)

    def __repr__(self) -> str:
        return f"<Hand {self.number}: {'idle' if self.delivery is None else self.task}>"


def _popped(tokens: list[None]) -> bool:
    try:
        tokens.pop()
    except IndexError:
        return False
    return True
