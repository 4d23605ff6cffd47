"""A short run over PostgreSQL."""

from __future__ import annotations

import pytest

from tests.chaos.short import check

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("kill a worker", "processes"),
        ("freeze for longer than the lease", "inline"),
        ("lose replies", "threads"),
        ("kill the server", "async"),
    ],
)
def test_nothing_is_lost_on_a_server(fault: str, mode: str) -> None:
    check(fault, "postgres", mode)
