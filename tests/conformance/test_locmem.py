"""The shipped suite over `locmem://`."""

from __future__ import annotations

from alligator_core.testing import BackendContract, run_model


class TestLocmem(BackendContract):
    dsn = "locmem://"
    lease = 0.4
    delay = 1.5


def test_locmem_agrees_with_the_model() -> None:
    run_model("locmem://")
