"""The servers that the tests share, started with the first test that needs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres.servers import Server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that no test upsets."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A PostgreSQL for one test that restarts or upsets it."""
    server = Server()
    yield server
    server.close()
