"""The shipped suite and the stateful model over every kind of server."""

from __future__ import annotations

import pytest

from alligator_core.testing import BackendContract, run_model
from tests.redis.servers import ClusterOfThree, SentinelSet, Server


class TestRedis(BackendContract):
    lease = 0.4
    delay = 1.5

    @pytest.fixture
    def dsn(self, redis_server: Server) -> str:
        return redis_server.dsn


class TestValkey(BackendContract):
    lease = 0.4
    delay = 1.5

    @pytest.fixture
    def dsn(self, valkey_server: Server) -> str:
        return f"{valkey_server.dsn}?protocol=3"


class TestCluster(BackendContract):
    lease = 0.4
    delay = 1.5

    @pytest.fixture
    def dsn(self, cluster: ClusterOfThree) -> str:
        return cluster.dsn


class TestSentinel(BackendContract):
    lease = 0.4
    delay = 1.5

    @pytest.fixture
    def dsn(self, sentinel_set: SentinelSet) -> str:
        return sentinel_set.dsn


def test_redis_agrees_with_the_model(redis_server: Server) -> None:
    run_model(redis_server.dsn)


def test_valkey_agrees_with_the_model(valkey_server: Server) -> None:
    run_model(valkey_server.dsn)


def test_a_cluster_agrees_with_the_model(cluster: ClusterOfThree) -> None:
    run_model(cluster.dsn)


def test_a_master_with_sentinels_agrees_with_the_model(sentinel_set: SentinelSet) -> None:
    run_model(sentinel_set.dsn, examples=20)
