"""A short run over `locmem://`: what can be done within one process."""

from __future__ import annotations

import pytest

from tests.chaos.short import check


@pytest.mark.parametrize(("fault", "mode"), [("a consumer vanishes", "async"), ("garbage", "threads")])
def test_nothing_is_lost_in_memory(fault: str, mode: str) -> None:
    check(fault, "locmem", mode)
