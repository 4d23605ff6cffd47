"""What the servers of all tests need: a port that is free, and patience."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle


def free_port() -> int:
    """Return a port that nobody listens on, and that no other test is given: a server may want it only seconds later.

    It is below those that the system deals out, and the one 10,000 above, which a cluster uses, is so too.
    """
    while True:
        port = next(_ports)
        with suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port


# Each process of a test run has a thousand of its own.
_FIRST = 10_000 + 1_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw9").removeprefix("gw")) % 10)
_ports = cycle(random.sample(range(_FIRST, _FIRST + 1_000), 1_000))


def freeze_unlocked(freeze: Callable[[], object], thaw: Callable[[], object], is_stuck: Callable[[], bool]) -> None:
    """Freeze a process at a moment when it holds no lock of a store: with one, it would keep all others waiting."""
    freeze()
    while is_stuck():
        thaw()
        freeze()


def wait_until(condition: Callable[[], object], patience: float) -> None:
    """Wait for a condition, so many seconds at most."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {patience:g} s"
        time.sleep(0.02)
