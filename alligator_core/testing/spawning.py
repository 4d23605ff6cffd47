"""Processes that a test starts, which know nothing but a DSN and a queue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from .harness import PATIENCE, Harness


class Process:
    """A started `child.py`. `said` is what it printed so far, line by line."""

    def __init__(self, job: dict[str, Any]) -> None:
        program = [sys.executable, str(Path(__file__).with_name("child.py"))]
        # Where this process imports from may be known to it alone: pytest's paths, say.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.said: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        # By its input, not its arguments: the DSN's password would be for everybody to see.
        self.ask(json.dumps(job))

    def ask(self, line: str) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def finish(self) -> None:
        """End it by closing its input; kill it if that doesn't help."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))


@contextmanager
def spawned(harness: Harness, job: str, **details: Any) -> Iterator[Process]:
    """Start a process that does a job of `child.py` on the harness's queue, and end it afterwards."""
    process = Process({"job": job, "dsn": harness.dsn, "queue": harness.queue, "lease": harness.lease, **details})
    try:
        yield process
    finally:
        process.finish()
