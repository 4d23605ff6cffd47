"""The tasks of these tests. What they did is written to a file outside of any queue."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import time
from typing import Any


def mark(marks: str, text: object) -> None:
    """Append a line with the number of the process; small enough to be written in one piece."""
    with open(marks, "a") as file:
        file.write(f"{text} {os.getpid()}\n")


def mark_and_sleep(marks: str, text: object, seconds: float) -> None:
    mark(marks, text)
    time.sleep(seconds)
    mark(marks, f"{text}-done")


def block_in_c(marks: str, text: object, seconds: int) -> None:
    mark(marks, text)
    # A call by PyDLL keeps the GIL.
    ctypes.PyDLL(None).sleep(seconds)
    mark(marks, f"{text}-done")


def exit_at_once(marks: str, code: int = 3) -> None:
    mark(marks, "poison")
    os._exit(code)


def segfault(marks: str) -> None:
    mark(marks, "poison")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def kill_itself(marks: str) -> None:
    mark(marks, "poison")
    os.kill(os.getpid(), signal.SIGKILL)


def take_all_memory(marks: str) -> None:
    mark(marks, "greedy")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20, before[1]))
    try:
        taken: list[Any] = []
        while True:
            taken.append(bytearray(16 * 2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def digest(size: int) -> None:
    import hashlib

    hashlib.sha256(b"x" * size).hexdigest()


def show_files(marks: str) -> None:
    """Write which files a program is given that asks for all there are; `ls` opens one of its own."""
    command = ["ls", "/proc/self/fd"]
    found = subprocess.run(command, close_fds=False, capture_output=True, text=True, check=True).stdout
    mark(marks, ",".join(found.split()))
