"""The contract on a DSN that the caller of pytest brings along: what `run_check` runs."""

from __future__ import annotations

import pytest

from . import BackendContract
from .check import SUBJECT


class TestLive(BackendContract):
    """The whole contract."""

    @pytest.fixture
    def dsn(self, pytestconfig: pytest.Config) -> str:
        """Return the DSN to try."""
        dsn, self.lease = pytestconfig.stash[SUBJECT]
        self.delay = self.lease
        return dsn
