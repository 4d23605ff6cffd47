"""The functions that the tests of alligator-prometheus enqueue; `queue` is what their workers are started with."""

from __future__ import annotations

import asyncio
import os
import time

from alligator_prometheus import Prometheus

from alligator import Defer, Discard, Gator


def queue() -> Gator:
    return Gator(os.environ["PROMETHEUS_DSN"], plugins=[Prometheus(port=int(os.environ["PROMETHEUS_PORT"]))])


def greet(name: str) -> str:
    return f"hello {name}"


async def greet_soon(name: str) -> str:
    await asyncio.sleep(0.01)
    return greet(name)


def log_in(user: str, password: str) -> None:
    raise PermissionError(f"{user} may not enter with {password}")


def nap(seconds: float) -> None:
    time.sleep(seconds)


def put_off() -> None:
    raise Defer(60)


def drop() -> None:
    raise Discard("nobody wants it")


def wait_for(path: str) -> None:
    """Run until a file is there."""
    deadline = time.monotonic() + 60
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.01)
