"""What a process is doing, on SIGUSR1: the stacks of its threads at once, and what it runs, since when.

The stacks come from the signal's handler in C, so also while a task holds the interpreter. The rest comes from a thread
that the signal wakes through a pipe, so also while the main thread is blocked in a system call.

All signals that have handlers come through that pipe. One that arrives just before the main thread enters a system call
doesn't interrupt it, and its handler in Python would have to wait for the end of that: so the thread sends another one.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from .hand import INTERRUPT

SIGNAL: Final[int] = getattr(signal, "SIGUSR1", 0)
"""0 on systems without it."""

STDERR: Final = 2
NUDGE: Final = 0.05
"""Seconds within which a signal's handler in Python has begun, unless the main thread is in a system call."""
_HANDLED: Final = b"\0"
"""What the handler in Python writes to the pipe, beside the numbers of signals that the interpreter writes itself."""
_END: Final = b"\xff"
"""What ends the thread. Closing the pipe doesn't, as long as a process that a task has forked holds it too."""
_NO_NEWS: Final = frozenset([SIGNAL, INTERRUPT, *_HANDLED, *_END])
"""What comes through the pipe and is no other signal with a handler that somebody waits for."""


@contextmanager
def dumping_on_signal(report: Callable[[], str]) -> Iterator[None]:
    """Print the stacks of all threads and then a report on stderr at each SIGUSR1, while the block runs.

    Only the main thread can; elsewhere, and on systems without the signal, nothing happens. `report` is called in a
    thread of its own.
    """
    if not SIGNAL or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    thread = threading.Thread(target=_watch, args=(reader, report), name="alligator-dump", daemon=True)
    thread.start()
    try:
        with _signals_into(writer):
            yield
    finally:
        os.set_blocking(writer, True)
        os.write(writer, _END)
        thread.join()
        os.close(writer)
        os.close(reader)


@contextmanager
def _signals_into(writer: int) -> Iterator[None]:
    def received(*_: object) -> None:
        # While an event loop runs in the main thread it may have the signals' file descriptor for itself.
        with suppress(OSError):
            os.write(writer, _HANDLED)

    previous = signal.signal(SIGNAL, received)
    faulthandler.register(SIGNAL, file=STDERR, all_threads=True, chain=True)
    other = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if other != -1:
        signal.set_wakeup_fd(other, warn_on_full_buffer=False)  # somebody else's: the handler has to do
    try:
        yield
    finally:
        if other == -1:
            signal.set_wakeup_fd(-1)
        faulthandler.unregister(SIGNAL)
        signal.signal(SIGNAL, previous)


def _watch(reader: int, report: Callable[[], str]) -> None:
    reported = 0  # signals reported whose handler in Python comes later, and is no further one
    while came := os.read(reader, 4096):
        by_signal, by_handler = came.count(SIGNAL), came.count(_HANDLED)
        if by_signal or by_handler > reported:
            _print(report)
        reported = max(0, reported + by_signal - by_handler)
        if set(came) - _NO_NEWS:
            time.sleep(NUDGE)
            signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)
        if _END in came:
            return


def _print(report: Callable[[], str]) -> None:
    try:
        text = report()
    except Exception as exc:  # noqa: BLE001  (it reads what other threads are changing)
        text = f"What runs can't be told just now: {exc!r}"
    data = f"{text}\n".encode("utf-8", "backslashreplace")
    with suppress(OSError):
        while data:
            data = data[os.write(STDERR, data) :]
