"""The board on which the tasks are counted: the harness's side of the file that `marks` writes to."""

from __future__ import annotations

import mmap
import time
from dataclasses import dataclass
from pathlib import Path

from layout import SIZE

POLL = 0.002


class Stuck(Exception):
    """Not all tasks ran in time."""


@dataclass(frozen=True)
class Tally:
    """How often the tasks of a measure ran."""

    lost: int
    repeated: int


class Board:
    """Counts which tasks ran, and which worker processes are at work."""

    def __init__(self, folder: Path) -> None:
        self.marks_path = folder / "marks"
        self.started_path = folder / "started"
        self.marks_path.write_bytes(bytes(SIZE))
        with self.marks_path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self.clear()

    def environment(self) -> dict[str, str]:
        """Return what `marks` needs to find this board."""
        return {"BENCH_MARKS": str(self.marks_path), "BENCH_STARTED": str(self.started_path)}

    def clear(self) -> None:
        """Forget all marks. No worker may run."""
        self._map[:] = bytes(SIZE)
        self.started_path.write_bytes(b"")

    def processes(self) -> int:
        """Count the processes that have run a task since the board was cleared."""
        return self.started_path.read_bytes().count(b"\n")

    def done(self, numbers: range) -> int:
        """Count the tasks that ran at least once."""
        return len(numbers) - self._map[numbers.start : numbers.stop].count(b"\0")

    def wait_for_processes(self, count: int, numbers: range, timeout: float) -> None:
        """Return when so many processes are at work, or all tasks have run. Raises Stuck."""
        deadline = time.monotonic() + timeout
        while self.processes() < count and self._map.find(b"\0", numbers.start, numbers.stop) >= 0:
            _pause(deadline, f"{self.processes()} of {count} workers at work")

    def wait(self, numbers: range, timeout: float) -> float:
        """Return the time at which all tasks have run. Raises Stuck."""
        deadline = time.monotonic() + timeout
        at = numbers.start
        while True:
            # Looks only at what follows the first task that hasn't run: looking must not cost what is measured.
            at = self._map.find(b"\0", at, numbers.stop)
            if at < 0:
                return time.monotonic()
            _pause(deadline, f"{self.done(numbers):,} of {len(numbers):,} tasks ran")

    def tally(self, numbers: range) -> Tally:
        """Count how often each task ran."""
        marks = self._map[numbers.start : numbers.stop]
        lost = marks.count(b"\0")
        return Tally(lost, len(numbers) - lost - marks.count(b"\1"))


def _pause(deadline: float, state: str) -> None:
    if time.monotonic() > deadline:
        raise Stuck(f"timed out: {state}")
    time.sleep(POLL)
