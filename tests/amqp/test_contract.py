"""The shipped suite and the stateful model over RabbitMQ."""

from __future__ import annotations

import pytest

from alligator_core.testing import BackendContract, run_model
from alligator_core.testing.contract.delay import DelayContract
from alligator_core.testing.contract.lease import LeaseContract
from alligator_core.testing.contract.priority import PriorityContract
from alligator_core.testing.contract.returning import ReturningContract


class TestRabbitmq(BackendContract):
    # Heartbeats are whole seconds.
    lease = 2.0

    @pytest.fixture
    def dsn(self, rabbitmq: str) -> str:
        return rabbitmq


class TestRabbitmqWithPriorities(PriorityContract, DelayContract, LeaseContract, ReturningContract):
    lease = 2.0

    @pytest.fixture
    def dsn(self, rabbitmq: str) -> str:
        return f"{rabbitmq}?priority=yes&prefix=priority."


def test_rabbitmq_agrees_with_the_model(rabbitmq: str) -> None:
    run_model(rabbitmq, examples=20)


def test_rabbitmq_with_priorities_agrees_with_the_model(rabbitmq: str) -> None:
    run_model(f"{rabbitmq}?priority=yes&prefix=priority.", examples=10)
