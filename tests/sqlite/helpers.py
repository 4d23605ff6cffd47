"""Moves that the tests of the SQLite backend are made of."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from alligator_sqlite import SqliteBackend

from alligator_core.backend import Message

PRELUDE = """
import os, signal, sys
from alligator_core.backend import Ack, Message
from alligator_sqlite import SqliteBackend
backend = SqliteBackend(sys.argv[1])
"""


def push(backend: SqliteBackend, *ids: str, body: bytes = b"body") -> None:
    backend.push("q", [Message(id, body) for id in ids])


def ready_ids(backend: SqliteBackend) -> list[str]:
    """Return the ids of all that is ready, and leave it there."""
    consumer = backend.consumer(["q"], 60.0)
    found: list[str] = []
    while batch := consumer.reserve(1000, 0.0):
        found += [delivery.id for delivery in batch]
    consumer.close()
    return found


def start(code: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python that has a backend on the file and runs the code."""
    command = [sys.executable, "-c", PRELUDE + code, str(path), *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def finish(*processes: subprocess.Popen[str]) -> list[str]:
    """Wait for processes, and return what they printed."""
    return [process.communicate(timeout=60)[0] for process in processes]


def eventually(condition: Callable[[], object], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {timeout} s"
        time.sleep(0.005)


def is_locked(path: str | Path) -> bool:
    """Say whether somebody is amid a transaction that writes, and stays there for a second."""
    with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        db.execute("ROLLBACK")
        return False
