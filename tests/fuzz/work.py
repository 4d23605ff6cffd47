"""What a process of `make fuzz` does: slices of executions, within a limit of memory."""

from __future__ import annotations

import resource
import time
from typing import Final

from tests.fuzz.loop import Report, run
from tests.fuzz.targets import TARGETS

_MEMORY: Final = 2 << 30
"""Bytes that a process may take: what needs more is an error that nobody expects."""


def limit() -> None:
    """Limit the memory of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def work(name: str, seed: int, executions: int, deadline: float) -> tuple[str, Report]:
    """Run a target until one of the limits is reached; `deadline` is in epoch seconds."""
    seconds = deadline - time.time()
    return name, run(TARGETS[name], seed=seed, executions=executions, seconds=seconds) if seconds > 0 else Report()
