"""A short run over Redis."""

from __future__ import annotations

import pytest

from tests.chaos.short import check

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("kill a worker", "processes"),
        ("freeze for longer than the lease", "inline"),
        ("SIGTERM", "async"),
        ("lose replies", "threads"),
        ("kill the server", "inline"),
    ],
)
def test_nothing_is_lost_on_a_server(fault: str, mode: str) -> None:
    check(fault, "redis", mode)
