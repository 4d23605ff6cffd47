"""The tasks of the chaos runs. Each writes into the history, whose path it is given, that it starts and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from .history import History


class Stumbled(Exception):
    """What a task raises that is to be retried."""


def work(history: str, number: int, seconds: float) -> None:
    """Work for some time."""
    note = History(history).note
    note("started", number)
    time.sleep(seconds)
    note("finished", number)


async def awork(history: str, number: int, seconds: float) -> None:
    """Work for some time, in a coroutine."""
    note = History(history).note
    note("started", number)
    await asyncio.sleep(seconds)
    note("finished", number)


def stumble(history: str, number: int, seconds: float) -> None:
    """Fail the first time, and work the second."""
    note = History(history).note
    note("started", number)
    time.sleep(seconds)
    if _is_first(history, number):
        note("failed", number)
        raise Stumbled(number)
    note("finished", number)


def end_process(history: str, number: int, seconds: float) -> None:
    """Kill the process that runs it."""
    note = History(history).note
    note("started", number)
    time.sleep(seconds)
    note("killed")
    os.kill(os.getpid(), signal.SIGKILL)


def _is_first(history: str, number: int) -> bool:
    try:
        os.close(os.open(f"{history}.{number}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
