"""A clock that a simulation moves, in the place of the module `time`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


class VirtualClock:
    """Stands for the module `time`. `advance` moves both its hands, `jump` the wall clock alone."""

    def __init__(self) -> None:
        self._passed = 1_000.0
        self._epoch = 1_700_000_000.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock, ahead or back."""
        self._epoch += seconds

    def monotonic(self) -> float:
        return self._passed

    def time(self) -> float:
        return self._epoch + self._passed

    def time_ns(self) -> int:
        return int(self.time() * 1e9)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


@contextmanager
def ticking(clock: VirtualClock, modules: list[ModuleType]) -> Iterator[None]:
    """Let modules that `import time` live by this clock while the block runs."""
    real = [module.time for module in modules]
    for module in modules:
        module.time = clock  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, time in zip(modules, real, strict=True):
            module.time = time  # type: ignore[attr-defined]
