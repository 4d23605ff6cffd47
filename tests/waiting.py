"""What the servers of all tests need: a port that is free, and patience."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress


def free_port() -> int:
    """Return a port that nobody listens on, and that no other test is given: a server may want it only seconds later.

    It is below those that the system deals out, and the one 10,000 above, which a cluster uses, is so too.
    """
    for port in _ports:
        with suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError


def _cycle() -> Iterator[int]:
    turn = random.randrange(1000)
    while True:
        # Each process of a test run has a thousand of its own.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw9").removeprefix("gw")
        yield 10_000 + 1_000 * (int(worker) % 10) + turn
        turn = (turn + 1) % 1000


_ports = _cycle()


def wait_until(condition: Callable[[], object], patience: float) -> None:
    """Wait for a condition, so many seconds at most."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {patience:g} s"
        time.sleep(0.02)
