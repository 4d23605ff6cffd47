"""The servers that the tests share, started with the first test that needs one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.amqp.helpers import make_delays
from tests.amqp.servers import Server, shared_server


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the DSN of a server that all test processes of a run share: it takes seconds to start."""
    with shared_server(tmp_path_factory.getbasetemp()) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests of one module, which restart or upset it, and leave it as it was."""
    server = Server(tmp_path_factory.mktemp("rabbitmq"))
    make_delays(server.dsn)
    # Quorum queues that were made just before RabbitMQ 3.10 is killed have no leader afterwards: see the README.
    server.stop()
    server.start()
    yield server
    server.kill()
