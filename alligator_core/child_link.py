"""The link of a supervised worker process to its supervisor: its board, and a pipe that tells it when to stop."""

from __future__ import annotations

import os
import threading
from typing import IO, Final, Protocol

from .board import Board
from .child_memory import give_back_memory

STOP: Final = b"stop\n"
STOP_NOW: Final = b"now\n"


class Stoppable(Protocol):
    """What can be asked for its end, and a second time for its end at once: a worker's `Stopping`."""

    requested: bool
    supervised: bool
    """Whether somebody else decides when it is told a second time, so that a signal counts once only."""

    def request(self) -> None:
        """Ask for the end."""


class Link:
    """The worker's end. The pipe ends when the supervisor dies, however it does: then the worker stops as well."""

    def __init__(self, board: Board, orders: IO[bytes]) -> None:
        self.board = board
        self._orders = orders
        self._worker: Stoppable | None = None
        self._thread = threading.Thread(target=self._listen, name="alligator-link", daemon=True)

    def listen(self) -> None:
        """Begin to listen. Until a worker follows, an order to stop ends the process: nothing is in hand yet."""
        self._thread.start()

    def follow(self, worker: Stoppable) -> None:
        """Have a worker stop when the supervisor says so, or is dead."""
        worker.supervised = True
        self._worker = worker

    def _listen(self) -> None:
        # Waiting here takes no GIL, and whenever the GIL is free for a moment an order gets through.
        for order in self._orders:
            self._obey(order)
        self._obey(STOP)

    def _obey(self, order: bytes) -> None:
        if self._worker is None:
            os._exit(0)
        # Told once, however many tell it: a service manager may send the signal to each process by itself.
        if not self._worker.requested:
            self._worker.request()
        if order == STOP_NOW:
            self._worker.request()


current: Link | None = None
"""The link of this process; None in one without a supervisor, and once a worker has it."""


def enlist(worker: Stoppable) -> Board | None:
    """Have a worker follow the supervisor of this process, and return its board; None for all but the first."""
    global current
    link, current = current, None
    if link is None:
        return None
    link.follow(worker)
    # The app and the backend's client are imported by now.
    give_back_memory()
    return link.board
