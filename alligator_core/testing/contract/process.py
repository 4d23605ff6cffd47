"""What processes that share a store are promised."""

from __future__ import annotations

import signal
import time

from ...backend import EXACT_DEATHS, FROZEN, SHARED, Ack
from ..forking import in_forked_child
from ..harness import LONG_LEASE, PATIENCE, Harness, until
from ..spawning import spawned
from .base import Contract, needs
from .lease import SLACK


class ProcessContract(Contract):
    """Many processes, one store."""

    guarantee = "Processes share queues, and one that is killed loses nothing"

    @needs(SHARED)
    def test_two_backends_of_one_dsn_share_their_queues(self, harness: Harness) -> None:
        other = harness.open()
        harness.push("a")
        assert [delivery.id for delivery in harness.collect(harness.consumer(backend=other), 1)] == ["a"]

    @needs(SHARED)
    def test_a_push_from_another_backend_wakes_a_waiting_consumer(self, harness: Harness) -> None:
        with spawned(harness, "produce", ids=["a"]):
            assert [delivery.id for delivery in harness.consumer().reserve(1, PATIENCE)] == ["a"]

    @needs(SHARED)
    def test_what_a_killed_process_held_comes_back(self, harness: Harness) -> None:
        harness.push("a", "b")
        with spawned(harness, "hold", count=2) as holder:
            until(lambda: len(holder.said) == 2)
            holder.send_signal(signal.SIGKILL)
            started = time.monotonic()
            consumer = harness.consumer()
            batches = [consumer.reserve(10, PATIENCE) for _ in range(2)]
        assert [[(delivery.id, delivery.deliveries) for delivery in batch] for batch in batches] == [
            [("a", 2)],
            [("b", 2)],
        ]
        assert time.monotonic() - started < self.lease + 1.0 + SLACK

    @needs(SHARED, EXACT_DEATHS)
    def test_what_a_process_gave_back_is_uncounted_for_another_one(self, harness: Harness) -> None:
        harness.push("a")
        with spawned(harness, "hold", count=1, lease=LONG_LEASE) as holder:
            until(lambda: holder.said == ["a"])
            holder.finish()
        assert [each.deliveries for each in harness.collect(harness.consumer(), 1)] == [1]

    @needs(SHARED, FROZEN)
    def test_a_process_that_stood_still_past_its_lease_can_not_settle(self, harness: Harness) -> None:
        harness.push("a")
        with spawned(harness, "hold", count=1) as holder:
            until(lambda: holder.said == ["a"])
            holder.send_signal(signal.SIGSTOP)
            consumer = harness.consumer()
            [delivery] = consumer.reserve(1, PATIENCE)
            holder.send_signal(signal.SIGCONT)
            holder.ask("settle")
            until(lambda: holder.said == ["a", "stale a"])
        assert consumer.settle([Ack(delivery)]) == []
        assert harness.left() == []

    @needs(SHARED)
    def test_each_message_of_many_processes_reaches_exactly_one(self, harness: Harness) -> None:
        ids = [[f"{name}-{number}" for number in range(100)] for name in "ab"]
        with (
            spawned(harness, "consume") as first,
            spawned(harness, "consume") as second,
            spawned(harness, "produce", ids=ids[0]),
            spawned(harness, "produce", ids=ids[1]),
        ):
            until(lambda: len(first.said) + len(second.said) >= 200)
        assert sorted(first.said + second.said) == sorted(ids[0] + ids[1])
        assert harness.left() == []

    @needs(SHARED)
    def test_a_forked_child_and_its_parent_both_push(self, harness: Harness) -> None:
        harness.push("before")
        assert in_forked_child(lambda: harness.push("child")) == "None"
        harness.push("parent")
        assert harness.left() == ["before", "child", "parent"]

    @needs(SHARED)
    def test_a_forked_child_consumes_by_a_consumer_of_its_own(self, harness: Harness) -> None:
        harness.push("a", "b")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)

        def consume() -> str:
            own = harness.consumer()
            found = harness.collect(own, 1)
            return f"{found[0].id} {harness.ack_all(own, found)}"

        assert in_forked_child(consume) == "b []"
        assert harness.ack_all(consumer, held) == []
        assert harness.left() == []
