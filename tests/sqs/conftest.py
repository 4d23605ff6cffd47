"""The servers that the tests share, started with the first test that needs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sqs.servers import Ministack, Moto


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
