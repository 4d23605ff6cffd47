"""The servers that the tests share, started with the first test that needs one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.amqp.helpers import make_delays
from tests.amqp.servers import Server, listens


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the DSN of a server that all test processes of a run share: it takes seconds to start."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "rabbitmq"
    folder.mkdir(exist_ok=True)
    users = folder / "users"
    users.touch()
    with users.open() as shared:
        with (folder / "start").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            # From here on nobody ends it.
            fcntl.flock(shared, fcntl.LOCK_SH)
            port, started = _started(folder, users)
        yield f"amqp://127.0.0.1:{port}/"
    if started is not None:
        started.leave()


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


def _started(folder: Path, users: Path) -> tuple[int, Server | None]:
    """Return the server's port, and the server where it was started here."""
    noted = folder / "port"
    if noted.exists() and listens(int(noted.read_text())):
        return int(noted.read_text()), None
    server = Server(folder / f"node-{os.getpid()}", users=users)
    noted.write_text(str(server.port))
    return server.port, server
