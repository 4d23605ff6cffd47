"""The functions that the tests of alligator-retry enqueue."""

from __future__ import annotations

import threading
from typing import Any

ran: list[Any] = []
"""What ran in this process; each test starts with none."""


class Temporary(Exception):
    """An error that goes away."""

    retry_after: object = None


class VeryTemporary(Temporary):
    """A kind of it."""


class Final(Temporary):
    """A kind of it that doesn't."""


def fail(text: str = "no") -> None:
    ran.append(threading.current_thread().name)
    raise ValueError(text)


async def fail_soon(text: str = "no") -> None:
    ran.append(threading.current_thread().name)
    raise ValueError(text)


def fail_with(kind: str, retry_after: object = None) -> None:
    ran.append(kind)
    error = {"temporary": VeryTemporary, "final": Final}[kind](kind)
    error.retry_after = retry_after
    raise error
