"""Fixtures of the tests that run on each backend that a test run can start, each on a queue of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alligator import Gator
from tests.beanstalk.servers import Server as Beanstalkd
from tests.messages import new_queue
from tests.redis.servers import Server as Redis

MakeGator = Callable[..., Gator]


@pytest.fixture(scope="session")
def redis_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Redis(tmp_path_factory.mktemp("redis"), "--save", "")
    yield server.dsn
    server.stop()


@pytest.fixture(scope="session")
def beanstalk_dsn() -> Iterator[str]:
    server = Beanstalkd(None)
    yield server.dsn
    server.kill()


@pytest.fixture(params=["locmem", "sqlite", "redis", "beanstalk"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The DSN of each backend in turn."""
    if request.param in ("redis", "beanstalk"):
        return str(request.getfixturevalue(f"{request.param}_dsn"))
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
