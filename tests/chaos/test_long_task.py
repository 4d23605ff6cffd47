"""Tasks longer than the lease: in a module of their own, for they take their time."""

from __future__ import annotations

import pytest

from tests.chaos.short import check


@pytest.mark.parametrize(("backend", "mode"), [("sqlite", "inline")])
def test_a_task_five_times_longer_than_the_lease_runs_once(backend: str, mode: str) -> None:
    check("long task", backend, mode)
