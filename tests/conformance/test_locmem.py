"""The shipped suite over `locmem://`."""

from __future__ import annotations

from alligator_core.testing import BackendContract


class TestLocmem(BackendContract):
    dsn = "locmem://"
    lease = 0.4
    delay = 0.4
