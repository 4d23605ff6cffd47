"""The shipped suite over `sqlite://`."""

from __future__ import annotations

from pathlib import Path

import pytest

from alligator_core.testing import BackendContract, run_model


class TestSqlite(BackendContract):
    lease = 0.5
    delay = 1.5

    @pytest.fixture
    def dsn(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/queue.db"


def test_sqlite_agrees_with_the_model(tmp_path: Path) -> None:
    run_model(f"sqlite:///{tmp_path}/queue.db")
