"""The servers that the tests share, started with the first test that needs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis.proxy import Proxy
from tests.redis.servers import ClusterOfThree, SentinelSet, Server, valkey_binary


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis."""
    server = Server(tmp_path_factory.mktemp("redis"), "--save", "")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey."""
    server = Server(tmp_path_factory.mktemp("valkey"), "--save", "", binary=valkey_binary())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterOfThree]:
    """A cluster of three."""
    cluster = ClusterOfThree(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def sentinel_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelSet]:
    """A master, a replica and three sentinels."""
    servers = SentinelSet(tmp_path_factory.mktemp("sentinels"))
    yield servers
    servers.stop()


@pytest.fixture
def proxy(redis_server: Server) -> Iterator[Proxy]:
    """A proxy before the Redis, for one test."""
    proxy = Proxy(redis_server.port)
    yield proxy
    proxy.close()
