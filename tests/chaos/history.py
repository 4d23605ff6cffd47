"""What happened, kept outside the broker: a file that everybody appends lines to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

EVERYONE = 0
"""The process id that stands for all of them, where the store or the way to it was hurt."""


class Event(NamedTuple):
    """One line of it.

    Of a task, by its number: `pushing`, `pushed`, `canceling`, `canceled`, `started`, `failed`, `finished`.
    Of a process: `hurt` and `healed`, and `killed`, which nothing heals. `at` is by the clock that never jumps.
    """

    kind: str
    number: int
    pid: int
    at: float


class History:
    """The file. A line is one write at its end, so that processes that die at any moment leave whole lines."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)

    def note(self, kind: str, number: int = -1, *, pid: int | None = None) -> None:
        """Write down what has just happened, in this process or to another one."""
        line = f"{kind} {number} {os.getpid() if pid is None else pid} {time.monotonic():.6f}\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def events(self) -> list[Event]:
        """Read it."""
        if not os.path.exists(self.path):
            return []
        # Of a line that is being written just now, at the end of a page, only a part may be seen.
        whole, _, _ = Path(self.path).read_text(encoding="ascii").rpartition("\n")
        lines = [line.split() for line in whole.splitlines()]
        return [Event(kind, int(number), int(pid), float(at)) for kind, number, pid, at in lines]

    def having(self, kind: str) -> set[int]:
        """Return the numbers of the tasks to which this has happened."""
        return {event.number for event in self.events() if event.kind == kind}
