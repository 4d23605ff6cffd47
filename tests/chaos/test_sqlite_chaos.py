"""A short run over SQLite."""

from __future__ import annotations

import pytest

from tests.chaos.short import check

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("kill a worker", "threads"),
        ("kill before settle", "inline"),
        ("freeze for longer than the lease", "async"),
        ("silent queue after a kill", "processes"),
        ("full disk", "inline"),
    ],
)
def test_nothing_is_lost_in_a_file(fault: str, mode: str) -> None:
    check(fault, "sqlite", mode)
