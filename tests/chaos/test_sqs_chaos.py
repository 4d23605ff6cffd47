"""A short run over an emulator of SQS."""

from __future__ import annotations

import pytest

from tests.chaos.short import check

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("kill a worker", "threads"),
        ("SIGTERM", "inline"),
        ("lose replies", "inline"),
    ],
)
def test_nothing_is_lost_on_a_server(fault: str, mode: str) -> None:
    check(fault, "sqs", mode)
