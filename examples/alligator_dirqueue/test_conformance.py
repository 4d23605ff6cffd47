"""All that it takes to prove the backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from alligator_core.testing import BackendContract, run_model


class TestDirqueue(BackendContract):
    lease = 0.5

    @pytest.fixture
    def dsn(self, tmp_path: Path) -> str:
        return f"dirqueue://{tmp_path}"


def test_it_agrees_with_the_model(tmp_path: Path) -> None:
    run_model(f"dirqueue://{tmp_path}", examples=20)
