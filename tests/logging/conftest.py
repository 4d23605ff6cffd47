"""Fixtures of the tests of alligator-logging: workers whose stderr is read."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from alligator import Gator
from tests.workspace.repository import ROOT, tool

LIMIT = 60.0


@pytest.fixture
def gator(tmp_path: Path) -> Iterator[Gator]:
    """What enqueues for the workers."""
    gator = Gator(f"sqlite:///{tmp_path}/queue.db", plugins=[])
    yield gator
    gator.close()


@pytest.fixture
def worker_env(tmp_path: Path) -> dict[str, str]:
    """The environment that a worker runs in."""
    return {**os.environ, "LOGGING_DSN": f"sqlite:///{tmp_path}/queue.db", "PYTHONPATH": str(ROOT)}


COMMAND = [tool("alligator"), "worker", "tests.logging.jobs:queue", "--burst"]

RunWorker = Callable[..., "list[dict[str, Any]]"]


@pytest.fixture
def run_worker(worker_env: dict[str, str]) -> RunWorker:
    """Returns a function that lets a worker empty the queue, and returns its lines, which are JSON."""

    def run(*options: str, code: int = 0) -> list[dict[str, Any]]:
        ran = subprocess.run(
            [*COMMAND, *options], cwd=ROOT, env=worker_env, capture_output=True, text=True, timeout=LIMIT
        )
        assert ran.returncode == code, ran.stderr
        assert ran.stdout == ""
        return [json.loads(line) for line in ran.stderr.splitlines()]

    return run


@pytest.fixture
def run_on_terminal(worker_env: dict[str, str]) -> Callable[..., str]:
    """Returns a function that lets a worker empty the queue whose stderr is a terminal, and returns what is on that."""

    def run(*options: str) -> str:
        ours, its = pty.openpty()
        with subprocess.Popen([*COMMAND, *options], cwd=ROOT, env=worker_env, stderr=its) as process:
            os.close(its)
            text = b"".join(iter(lambda: _read(ours), b"")).decode()
            assert process.wait(LIMIT) == 0, text
        os.close(ours)
        return text.replace("\r\n", "\n")

    return run


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


@pytest.fixture(autouse=True)
def _structlog_as_it_was() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    assert sys.stderr
