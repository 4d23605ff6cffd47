"""A short run over RabbitMQ."""

from __future__ import annotations

import pytest

from tests.chaos.short import check

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("long task", "inline"),
        ("kill a worker", "threads"),
        ("kill the server", "inline"),
    ],
)
def test_nothing_is_lost_on_a_server(fault: str, mode: str) -> None:
    check(fault, "amqp", mode)
