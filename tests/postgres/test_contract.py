"""The shipped suite and the stateful model."""

from __future__ import annotations

import pytest

from alligator_core.testing import BackendContract, run_model
from tests.postgres.servers import Server


class TestPostgres(BackendContract):
    lease = 0.4
    delay = 1.5

    @pytest.fixture
    def dsn(self, postgres: Server) -> str:
        return postgres.dsn


def test_it_agrees_with_the_model(postgres: Server) -> None:
    run_model(postgres.dsn)
