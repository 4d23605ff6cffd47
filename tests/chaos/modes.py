"""The modes of a worker that chaos is done to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import tasks


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to run tasks: the options of a Worker, which are those of the command too."""

    name: str
    options: dict[str, int] = field(default_factory=dict)
    work: Callable[..., Any] = tasks.work
    is_supervised: bool = False

    @property
    def hands(self) -> int:
        """How many tasks run at a time."""
        return max(self.options.values(), default=1)

    @property
    def arguments(self) -> list[str]:
        """What the command line says."""
        return [word for name, value in self.options.items() for word in (f"--{name.replace('_', '-')}", str(value))]


MODES = {
    mode.name: mode
    for mode in [
        Mode("inline"),
        Mode("threads", {"threads": 4}),
        Mode("async", {"async_limit": 8}, tasks.awork),
        Mode("processes", {"processes": 2}, is_supervised=True),
    ]
}
