"""Fixtures of the tests that run on each backend that a test run can start, each on a queue of its own.

A backend with a server needs one entry in `SERVERS`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from alligator import Gator
from tests.amqp.servers import shared_server
from tests.beanstalk.servers import Server as Beanstalkd
from tests.messages import new_queue
from tests.postgres.servers import Server as Postgres
from tests.redis.servers import Server as Redis
from tests.sqs.servers import Ministack

MakeGator = Callable[..., Gator]
DsnOf = Callable[[str], str]


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    server = Redis(folder, "--save", "")
    yield server.dsn
    server.stop()


@contextmanager
def _beanstalk(_: Path) -> Iterator[str]:
    server = Beanstalkd(None)
    yield server.dsn
    server.kill()


@contextmanager
def _sqs(_: Path) -> Iterator[str]:
    server = Ministack()
    yield server.dsn()
    server.close()


@contextmanager
def _postgres(_: Path) -> Iterator[str]:
    server = Postgres()
    yield server.dsn
    server.close()


@contextmanager
def _amqp(folder: Path) -> Iterator[str]:
    with shared_server(folder.parent) as dsn:
        yield dsn


SERVERS: Final[dict[str, Callable[[Path], AbstractContextManager[str]]]] = {
    "redis": _redis,
    "beanstalk": _beanstalk,
    "sqs": _sqs,
    "postgres": _postgres,
    "amqp": _amqp,
}
"""By the backend's name, what starts its server in a folder, yields the DSN, and ends it."""


@pytest.fixture(scope="session")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DsnOf]:
    """Returns the DSN of a backend with a server, which is started when it is first asked for."""
    started: dict[str, str] = {}
    with ExitStack() as stack:

        def dsn_of(name: str) -> str:
            if name not in started:
                started[name] = stack.enter_context(SERVERS[name](tmp_path_factory.mktemp(name)))
            return started[name]

        yield dsn_of


@pytest.fixture(params=["locmem", "sqlite", *SERVERS])
def dsn(request: pytest.FixtureRequest, tmp_path: Path, server_dsn: DsnOf) -> str:
    """The DSN of each backend in turn."""
    if request.param in SERVERS:
        return server_dsn(request.param)
    return f"locmem://{tmp_path.name}" if request.param == "locmem" else f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def make_gator(dsn: str) -> Iterator[MakeGator]:
    """Make Gators on one new queue of the backend; they are closed when the test ends."""
    queue, made = new_queue(), list[Gator]()

    def make(**settings: object) -> Gator:
        made.append(Gator(dsn, queue, plugins=[], **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for gator in made:
        gator.close()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """The file that is there once something has run."""
    return tmp_path / "canary"
