"""Functions that run side by side, for long, or against a limit: for the tests of threads, coroutines and limits."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from contextvars import ContextVar
from pathlib import Path

from alligator import TaskTimeout, current_task

from . import jobs
from .jobs import mark, ran

lock = threading.Lock()
active: set[object] = set()
"""What runs now."""
seen: dict[object, int] = {}
"""How many ran at most while each did, itself included."""
where: ContextVar[str] = ContextVar("where", default="")


def forget() -> None:
    active.clear()
    seen.clear()


def enter(name: object) -> None:
    with lock:
        active.add(name)
        for each in active:
            seen[each] = max(seen.get(each, 0), len(active))


def leave(name: object) -> None:
    with lock:
        active.discard(name)
        ran.append(name)


def side_by_side(name: object, seconds: float = 0.02) -> object:
    enter(name)
    time.sleep(seconds)
    leave(name)
    return name


async def side_by_side_soon(name: object, seconds: float = 0.02) -> object:
    enter(name)
    await asyncio.sleep(seconds)
    leave(name)
    return name


def hold_on(name: object) -> None:
    enter(name)
    jobs.let_go.wait(20)
    leave(name)


async def hold_on_softly(name: object) -> None:
    enter(name)
    while not jobs.let_go.is_set():
        await asyncio.sleep(0.005)
    leave(name)


async def fail_softly(text: str) -> None:
    ran.append(text)
    await asyncio.sleep(0)
    raise ValueError(text)


def tell() -> None:
    task = current_task()
    ran.append((task and task.task_id, where.get()))
    where.set("left behind")


async def tell_softly() -> None:
    await asyncio.sleep(0)
    tell()


def catch_signals() -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


async def leave_in_the_background() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    jobs.background.append(asyncio.ensure_future(leave()))
    await asyncio.sleep(0.05)
    ran.append("waited")


# Against a limit.


def dawdle(name: object, seconds: float = 20.0) -> None:
    """Runs for long, in short steps, and notes what ends it."""
    end = time.monotonic() + seconds
    try:
        active.add(name)
        while time.monotonic() < end:
            time.sleep(0.005)
    except BaseException as exc:
        ran.append((name, type(exc).__mro__[0].__name__, isinstance(exc, TaskTimeout)))
        raise
    ran.append((name, "done", False))


def sleep_through(name: object, seconds: float = 20.0) -> None:
    """Runs for long in one call."""
    try:
        time.sleep(seconds)
    except BaseException as exc:
        ran.append((name, type(exc).__name__, isinstance(exc, TaskTimeout)))
        raise


async def dawdle_softly(name: object, seconds: float = 20.0) -> None:
    try:
        await asyncio.sleep(seconds)
    except BaseException as exc:
        ran.append((name, type(exc).__name__, isinstance(exc, TaskTimeout)))
        raise
    ran.append((name, "done", False))


async def wait_for_another(name: object) -> None:
    async def other() -> None:
        try:
            await asyncio.sleep(20)
        finally:
            ran.append((name, "cleaned up", False))

    await asyncio.wait_for(other(), 20)


def be_short(number: int, rounds: int) -> None:
    """Takes about as long as its limit is."""
    ran.append(number)
    for _ in range(rounds):
        pass


async def be_short_softly(number: int, rounds: int) -> None:
    ran.append(number)
    for _ in range(rounds // 100):
        await asyncio.sleep(0)


def shrug_off(path: str, seconds: float = 20.0) -> None:
    """Goes on, whatever is raised in it."""
    mark(path, "running")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            while time.monotonic() < end:
                time.sleep(0.005)
        except TaskTimeout:
            mark(path, "shrugged")


async def shrug_off_softly(path: str, seconds: float = 20.0) -> None:
    mark(path, "running")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            await asyncio.sleep(0.005)
        except TaskTimeout:
            mark(path, "shrugged")


async def block_the_loop(path: str, seconds: float = 20.0) -> None:
    mark(path, "running")
    time.sleep(seconds)


def look_now_and_then(name: object) -> None:
    task = current_task()
    assert task is not None
    ran.append(name)
    for _ in range(4000):
        task.raise_if_cancelled()
        time.sleep(0.005)


def ignore_the_request(name: object) -> None:
    task = current_task()
    assert task is not None
    while not task.cancelled:
        time.sleep(0.005)
    ran.append(name)


async def sleep_softly_until_canceled(name: object) -> None:
    ran.append(name)
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        ran.append("canceled")
        raise


async def wait_at_gate_softly(path: str, gate: str) -> None:
    mark(path, "running")
    while not Path(gate).exists():
        await asyncio.sleep(0.01)
    mark(path, "passed")


async def mark_softly(path: str, text: object) -> None:
    mark(path, text)


async def sleep_and_clean_up_softly(path: str, seconds: float, cleaning: float) -> None:
    try:
        mark(path, "running")
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(cleaning)
        mark(path, "cleaned up")


def dawdle_and_clean_up(path: str, seconds: float, cleaning: float) -> None:
    """As `sleep_and_clean_up`, in steps between which a thread can be interrupted."""
    try:
        mark(path, "running")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.005)
    finally:
        time.sleep(cleaning)
        mark(path, "cleaned up")


def fork_and_terminate(path: str) -> None:
    """Leaves how a forked process ended that was told to."""
    process = multiprocessing.get_context("fork").Process(target=jobs.mark_and_sleep, args=(path, "forked", 20))
    process.start()
    while "forked" not in Path(path).read_text():
        time.sleep(0.01)
    process.terminate()
    process.join(5)
    mark(path, f"exit code {process.exitcode}")
    process.kill()
    process.join()


async def mark_and_sleep_softly(path: str, text: object, seconds: float) -> None:
    mark(path, text)
    await asyncio.sleep(seconds)
    mark(path, f"{text} done")


def fork_and_return(path: str) -> None:
    mark(path, "child" if os.fork() == 0 else "parent")


def fork_and_raise(path: str) -> None:
    if os.fork() == 0:
        mark(path, "child")
        raise ValueError("in the child")
    mark(path, "parent")


def fork_and_exit(path: str) -> None:
    if os.fork() == 0:
        mark(path, "child")
        raise SystemExit
    mark(path, "parent")


async def fork_in_coroutine(path: str) -> None:
    mark(path, "child" if os.fork() == 0 else "parent")


def note_process(path: str) -> None:
    mark(path, str(os.getpid()))
