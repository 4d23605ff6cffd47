"""The servers that the tests share, started with the first test that needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beanstalk.servers import Server


@pytest.fixture(scope="session")
def beanstalkd() -> Iterator[Server]:
    """A beanstalkd without a log."""
    server = Server(None)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def logged_beanstalkd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A beanstalkd with a log, as most people run it."""
    server = Server(tmp_path_factory.mktemp("beanstalkd"))
    yield server
    server.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A beanstalkd with a log, for one test that restarts or upsets it."""
    server = Server(tmp_path / "log")
    yield server
    server.kill()
