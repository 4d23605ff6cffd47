"""The shipped suite and the stateful model over both emulators."""

from __future__ import annotations

import pytest

from alligator_core.testing import BackendContract, run_model
from alligator_core.testing.contract.concurrency import ConcurrencyContract
from alligator_core.testing.contract.dead import DeadLetterContract
from alligator_core.testing.contract.delay import DelayContract
from alligator_core.testing.contract.fence import FenceContract
from alligator_core.testing.contract.lease import LeaseContract
from alligator_core.testing.contract.priority import PriorityContract
from alligator_core.testing.contract.process import ProcessContract
from alligator_core.testing.contract.push import PushContract
from alligator_core.testing.contract.reserve import ReserveContract
from alligator_core.testing.contract.returning import ReturningContract
from alligator_core.testing.contract.settle import SettleContract
from tests.sqs.servers import Ministack, Moto


class TestMinistack(BackendContract):
    lease = 2.0

    @pytest.fixture
    def dsn(self, ministack: Ministack) -> str:
        return ministack.dsn()


class Essence(
    PushContract,
    ReserveContract,
    SettleContract,
    ReturningContract,
    LeaseContract,
    FenceContract,
    DelayContract,
    DeadLetterContract,
):
    """What goes another way there. The rest is refused in the same words, or is the plugin's own doing."""

    lease = 2.0


class TestMoto(Essence):
    # It goes through all messages of a queue for each one it sends, and a thousand take it minutes.
    test_a_batch_of_the_largest_size_arrives_completely = None  # type: ignore[assignment]

    # Of two receives at once there both may get the same message.
    @pytest.fixture
    def dsn(self, moto: Moto) -> str:
        return moto.dsn("threads=1")


class TestFifo(Essence, ConcurrencyContract, ProcessContract):
    @pytest.fixture
    def dsn(self, ministack: Ministack) -> str:
        return ministack.dsn("fifo=yes", "group=task")


class TestPriorities(PriorityContract):
    @pytest.fixture
    def dsn(self, ministack: Ministack) -> str:
        return ministack.dsn("priorities=10")


def test_ministack_agrees_with_the_model(ministack: Ministack) -> None:
    run_model(ministack.dsn(), examples=4)


def test_moto_agrees_with_the_model(moto: Moto) -> None:
    run_model(moto.dsn("threads=1"), examples=2)


def test_fifo_queues_agree_with_the_model(ministack: Ministack) -> None:
    run_model(ministack.dsn("fifo=yes", "group=task"), examples=2)
