"""The servers that the tests share, started with the first test that needs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sqs.helpers import new_queue
from tests.sqs.servers import Ministack, Moto
from tests.sqs.stub import Stub


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    """The emulator that most tests use."""
    server = Ministack()
    yield server
    server.close()


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """The second opinion."""
    server = Moto()
    yield server
    server.close()


@pytest.fixture
def stub(ministack: Ministack) -> Iterator[Stub]:
    """What stands before that one, and may answer in its place."""
    stub = Stub(ministack.port)
    yield stub
    stub.close()


@pytest.fixture
def queue() -> str:
    """The name of a queue that nobody else uses."""
    return new_queue()
