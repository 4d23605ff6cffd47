"""The functions and classes that the tests of the core enqueue."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from alligator import Defer, Discard, Retry, Task

ran: list[Any] = []
"""What ran in this process: `note` and its like leave their mark here, and each test starts with none."""

let_go = threading.Event()
"""What `hold` waits for."""


def note(value: object) -> object:
    ran.append(value)
    return value


def add(a: int, b: int = 1) -> int:
    return a + b


def fail(text: str = "no") -> None:
    ran.append(text)
    raise ValueError(text)


def fail_until(attempts: int, counter: str) -> int:
    ran.append(counter)
    if ran.count(counter) < attempts:
        raise RuntimeError(f"attempt {ran.count(counter)}")
    return ran.count(counter)


def hold(value: object = "held") -> None:
    ran.append(value)
    let_go.wait(20)


def take(seconds: float, value: object = None) -> None:
    time.sleep(seconds)
    ran.append(value)


def spoil(items: list[Any], mapping: dict[str, Any]) -> None:
    """Changes its own arguments, then fails."""
    ran.append((list(items), dict(mapping)))
    items.append("spoilt")
    mapping["spoilt"] = True
    raise ValueError("spoilt")


def leave(code: object = 3) -> None:
    sys.exit(code)  # type: ignore[arg-type]


def press_ctrl_c() -> None:
    raise KeyboardInterrupt


def put_off(seconds: float = 60.0) -> None:
    raise Defer(seconds)


def drop(reason: str = "not wanted") -> None:
    raise Discard(reason)


def ask_for_retry(seconds: float = 0.0) -> None:
    ran.append("asked")
    raise Retry(seconds)


def complain_in_bytes() -> None:
    raise OSError(os.fsdecode(b"caf\xe9 is no file"))


async def note_soon(value: object) -> object:
    await asyncio.sleep(0)
    ran.append(value)
    return value


async def leave_something_running(value: object) -> object:
    background.append(asyncio.ensure_future(asyncio.sleep(60)))
    return value


background: list[asyncio.Future[None]] = []


async def cancel_itself() -> None:
    raise asyncio.CancelledError


def pairs(first: tuple[int, int], rest: list[tuple[int, ...]], *, named: dict[str, tuple[str, str]]) -> None:
    ran.append((first, rest, named))


def started(task: Task) -> None:
    ran.append(("started", task.task_id))


def succeeded(task: Task, result: object) -> None:
    ran.append(("succeeded", task.task_id, result))


def errored(task: Task, error: BaseException) -> None:
    ran.append(("errored", task.task_id, str(error)))


def refuse_to_start(task: Task) -> None:
    raise PermissionError("not started")


def stumble(*_: object) -> None:
    raise RuntimeError("the callback stumbled")


def leave_in_callback(*_: object) -> None:
    sys.exit(1)


def cancel_in_callback(*_: object) -> None:
    raise asyncio.CancelledError


async def succeeded_soon(task: Task, result: object) -> None:
    await asyncio.sleep(0)
    ran.append(("succeeded", task.task_id, result))


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        ran.append("traced")
        return function(*args, **kwargs)

    return wrapper


@traced
def decorated(value: object) -> object:
    return note(value)


@functools.lru_cache
def cached(value: int) -> int:
    return value


def yields() -> Any:
    yield 1


async def yields_soon() -> Any:
    yield 1


undecorated = decorated.__wrapped__  # type: ignore[attr-defined]
shorten = lambda text: text[:1]  # noqa: E731
borrowed = os.path.basename


class Color(Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Order:
    number: int
    total: Decimal
    color: Color
    size: tuple[int, int] = (1, 1)


@dataclass
class Picky:
    number: int

    def __post_init__(self) -> None:
        if os.environ.get("PICKY"):
            raise LookupError("too picky for that")


def ship(order: Order, color: Color) -> None:
    ran.append((order, color))


class Robot:
    def __init__(self, name: str) -> None:
        ran.append(name)

    def walk(self) -> None: ...

    @staticmethod
    def stand() -> None: ...

    @classmethod
    def build(cls) -> None: ...

    def __call__(self) -> None: ...


# What follows runs in worker processes, and leaves its marks in a file.


def mark(path: str, text: object) -> None:
    with Path(path).open("a") as file:
        file.write(f"{text}\n")


def mark_and_sleep(path: str, text: object, seconds: float) -> None:
    mark(path, text)
    nap(seconds)
    mark(path, f"{text} done")


def wait_at_gate(path: str, gate: str) -> None:
    """Runs until there is a file at the gate."""
    mark(path, "running")
    while not Path(gate).exists():
        time.sleep(0.01)
    mark(path, "passed")


def sleep_and_clean_up(path: str, seconds: float, cleaning: float) -> None:
    try:
        mark(path, "running")
        nap(seconds)
    finally:
        mark(path, "cleaning")
        nap(cleaning)
        mark(path, "cleaned up")


def nap(seconds: float) -> None:
    """Sleep in slices: a signal that comes just before a system call is noticed after it."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))


def hang_on(path: str) -> None:
    """Can't be interrupted: whatever is raised in it, it goes on."""
    mark(path, "running")
    while True:
        try:
            nap(60)
        except BaseException:  # noqa: BLE001
            continue


async def sleep_softly(path: str, seconds: float) -> None:
    mark(path, "running")
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(0.01)
        mark(path, "cleaned up")


async def hang_on_softly(path: str) -> None:
    mark(path, "running")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


def die(path: str) -> None:
    """Takes the worker with it."""
    mark(path, "poison")
    os.kill(os.getpid(), signal.SIGKILL)
