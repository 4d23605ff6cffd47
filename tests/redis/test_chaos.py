"""Killed workers and killed servers, for as long as a test may take. `python -m tests.redis.chaos` is the long run."""

from __future__ import annotations

from tests.redis import chaos


def test_nothing_is_lost_when_workers_and_the_server_are_killed() -> None:
    assert chaos.main(2500) == 0
