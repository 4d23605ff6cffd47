"""Supervisors in processes of their own, over queues that other processes see."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from alligator import Gator
from tests.core import helpers
from tests.redis.servers import Server

MAIN = """
import json, logging, os, sys
from alligator import Gator
from alligator_core.supervisor import Supervisor

dsn, options, more = os.environ["QUEUES"], json.loads(sys.argv[1]), json.loads(sys.argv[2])
logging.basicConfig(level=logging.INFO, format="%(process)d %(levelname)s %(name)s: %(message)s")
arguments = ["worker", options.pop("target", dsn), *more]
for name in {"lease", "grace", "max_deliveries"} & options.keys():
    arguments += ["--" + name.replace("_", "-"), str(options[name])]
if options.get("burst"):
    arguments.append("--burst")
sys.exit(Supervisor(Gator(dsn, plugins=[]), arguments, **options).run_forever())
"""


PATIENCE = 60.0
"""Seconds to wait for something: far less than the lease that it must not have to wait for."""

T = TypeVar("T")


def eventually(condition: Callable[[], T], timeout: float = PATIENCE) -> T:
    """Wait until a condition holds, and return what it returned. Starting processes takes time on a busy machine."""
    return helpers.eventually(condition, timeout)


class Supervised:
    """A supervisor and its worker processes. All of them are killed when the test ends, if they live still.

    `options` are the Supervisor's, of which those that a worker has are repeated to the processes; `more` goes to them
    alone, and so does `target`, which is the DSN otherwise.
    """

    def __init__(self, dsn: str, log: Path, *more: str, **options: Any) -> None:
        self.log = log
        with log.open("a") as stderr:
            command = [sys.executable, "-c", MAIN, json.dumps({"processes": 2, **options}), json.dumps(more)]
            self.process = subprocess.Popen(command, stdout=stderr, stderr=stderr, env={**os.environ, "QUEUES": dsn})

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        return self.log.read_text()

    def children(self) -> list[int]:
        """Return the process numbers of its children that live."""
        with suppress(FileNotFoundError):
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
            return [pid for pid in map(int, text.split()) if is_alive(pid)]
        return []

    def ready(self, count: int = 2) -> list[int]:
        """Wait until so many worker processes have started to work, and return their numbers."""
        eventually(lambda: self.text.count(" starts on ") >= count)
        return eventually(lambda: pids if len(pids := self.children()) == count else [])

    def exit_code(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the supervisor did not end:\n{self.text}") from None

    def stop(self) -> int:
        """Tell it to stop, and return its exit code."""
        self.process.terminate()
        return self.exit_code()

    def kill_all(self) -> None:
        """Kill the supervisor first, so that it replaces none of its children."""
        children = self.children()
        self.process.kill()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        # One that waits for a disk dies a little later, and what it holds is nobody's to take before.
        eventually(lambda: not any(map(is_alive, children)))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Marks:
    """What the tasks wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def __str__(self) -> str:
        return str(self.path)

    @property
    def lines(self) -> list[tuple[str, int]]:
        """Return text and process of each whole line."""
        found = [line.split(" ") for line in self.path.read_text().split("\n")[:-1]]
        return [(text, int(pid)) for text, pid in found]

    def counted(self) -> Counter[str]:
        return Counter(text for text, _ in self.lines)

    def pid_of(self, text: str) -> int | None:
        """Return the process that wrote a text last."""
        return dict(self.lines).get(text)


def is_empty(gator: Gator, dead: int = 0) -> bool:
    """Say whether everything was worked off, but for so many dead letters."""
    return gator.size() == (0, 0, 0, dead, True)


on_sqlite = pytest.mark.parametrize("dsn", ["sqlite"], indirect=True)
"""For what is the same on all backends."""

Supervise = Callable[..., Supervised]


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "marks")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("redis"), "--save", "")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "redis"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The DSN of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/queue.db"
    server: Server = request.getfixturevalue("redis_server")
    server.client().flushall()
    return server.dsn


@pytest.fixture
def gator(dsn: str) -> Iterator[Gator]:
    gator = Gator(dsn, plugins=[])
    yield gator
    gator.close()


@pytest.fixture
def supervise(dsn: str, tmp_path: Path) -> Iterator[Supervise]:
    """Start supervisors of two worker processes each."""
    with ExitStack() as started:

        def start(*more: str, **options: Any) -> Supervised:
            supervised = Supervised(dsn, tmp_path / "log", *more, **options)
            started.callback(supervised.kill_all)
            return supervised

        yield start
