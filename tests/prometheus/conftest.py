"""Fixtures of the tests of alligator-prometheus: workers with an endpoint, in processes of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

import pytest

from alligator import Gator
from tests.waiting import free_port
from tests.workspace.repository import ROOT, tool

from .scraping import LIMIT

Launch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def gator(dsn: str) -> Iterator[Gator]:
    """What enqueues for the workers."""
    gator = Gator(dsn, plugins=[])
    yield gator
    gator.close()


class Workers:
    """`alligator worker` with an endpoint, and its processes if it is a supervisor."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path, runtime: Path) -> None:
        self.process, self.port, self.runtime, self._log = process, port, runtime, log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def children(self) -> list[int]:
        with suppress(FileNotFoundError):
            text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
            return [int(pid) for pid in text.split()]
        return []

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(LIMIT)


StartWorkers = Callable[..., Workers]


@pytest.fixture
def start(launch: Launch, dsn: str, tmp_path: Path) -> Iterator[StartWorkers]:
    """Returns a function that starts a worker, or several under a supervisor, and those of before with it."""
    runtime = tmp_path / "run"
    runtime.mkdir()
    started: list[Workers] = []

    def start(
        *options: str, port: int | None = None, target: str = "tests.prometheus.jobs:queue", **env: str
    ) -> Workers:
        port = free_port() if port is None else port
        log = tmp_path / f"log-{len(started)}"
        more = {"PROMETHEUS_DSN": dsn, "PROMETHEUS_PORT": str(port), "XDG_RUNTIME_DIR": str(runtime), **env}
        with log.open("w") as stderr:
            process = launch(
                [tool("alligator"), "worker", target, *options],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **more}, stderr=stderr,
            )  # fmt: skip
        started.append(Workers(process, port, log, runtime))
        return started[-1]

    yield start
    for workers in started:
        children = workers.children()
        workers.process.kill()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)
