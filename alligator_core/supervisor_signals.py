"""The signals of a supervisor: those to stop, and the one that its processes answer with what they run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_signals(*, stop: Callable[[], None], show: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT, and `show` at SIGUSR1, while the block runs; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def received(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        (show if signum == signal.SIGUSR1 else stop)()

    previous = {number: signal.signal(number, received) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    # Where whoever started this process ignores that one, nobody would learn how a process ended.
    previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in previous.items():
            # None stands for one that was not installed by Python, and can't be installed by it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
