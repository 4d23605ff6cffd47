"""A worker process as its supervisor sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from typing import Final

from . import child, holder
from .board import Board

OUT_OF_MEMORY: Final = ", which the system also sends when memory runs out"


class ChildProcess:
    """One worker process, from its start to its end. It is a fresh interpreter, never a fork."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Start `alligator` with some arguments. Raises OSError if the system can't."""
        self.started_at = time.monotonic()
        with ExitStack() as always, ExitStack() as on_failure:
            reading, self._orders = os.pipe()
            always.callback(os.close, reading)
            on_failure.callback(os.close, self._orders)
            self.board = on_failure.enter_context(closing(Board.make()))
            self._process = self._start(reading)
            on_failure.pop_all()
        self.pid = self._process.pid
        self.holder = holder.of(self.pid)
        """The name under which backends know what it holds."""
        self.order(child.description(list(arguments)))

    def _start(self, orders: int) -> subprocess.Popen[bytes]:
        fds = (self.board.fileno(), orders)
        # In a session of its own, so that Ctrl-C at the terminal reaches the supervisor alone, which passes it on.
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "alligator_core.child", *map(str, fds)],
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
            start_new_session=True,
        )

    def order(self, line: bytes) -> None:
        """Send it a line. One that died, or reads nothing because it can't, is left to itself."""
        with suppress(BrokenPipeError, BlockingIOError):
            os.write(self._orders, line)

    def signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        self._process.send_signal(number)

    def exit_code(self) -> int | None:
        """Return how it ended, negative for a signal; None while it lives."""
        return self._process.poll()

    def is_at_work(self) -> bool:
        """Say whether it lives, and somebody works in it: one that was stopped by SIGSTOP deserves no help."""
        return self.exit_code() is None and not holder.is_stopped(self.pid)

    def close(self) -> None:
        """Let go of what belonged to it."""
        self.board.close()
        os.close(self._orders)


def how_it_died(code: int) -> str:
    """Put an exit code into words: "by SIGSEGV (signal 11)"."""
    if code >= 0:
        return f"with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"by signal {-code}"
    return f"by {name} (signal {-code})" + (OUT_OF_MEMORY if -code == signal.SIGKILL else "")
