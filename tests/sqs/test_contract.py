"""The shipped suite and the stateful model over both emulators."""

from __future__ import annotations

import pytest

from alligator_core.testing import BackendContract, run_model
from tests.sqs.servers import Ministack, Moto


class TestMinistack(BackendContract):
    # Leases and delays are whole seconds.
    lease = 2.0
    delay = 1.0

    @pytest.fixture
    def dsn(self, ministack: Ministack) -> str:
        return ministack.dsn()


class TestMoto(BackendContract):
    lease = 2.0
    delay = 1.0

    @pytest.fixture
    def dsn(self, moto: Moto) -> str:
        return moto.dsn()


class TestFifo(BackendContract):
    lease = 2.0
    delay = 1.0

    @pytest.fixture
    def dsn(self, ministack: Ministack) -> str:
        return ministack.dsn("fifo=yes", "group=task")


def test_ministack_agrees_with_the_model(ministack: Ministack) -> None:
    run_model(ministack.dsn(), examples=20)


def test_moto_agrees_with_the_model(moto: Moto) -> None:
    run_model(moto.dsn(), examples=5)
