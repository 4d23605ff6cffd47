"""What a lease promises."""

from __future__ import annotations

import time

from ...backend import DELAY, EXACT_SIZE, GET, PRIORITY, Ack, Consumer, Delivery, Message, Release, Replace
from ..harness import PATIENCE, Harness, in_background, until
from .base import Contract, needs

SLACK = 3.0
"""Seconds that a busy machine may add to the one within which a dead consumer is noticed."""


class LeaseContract(Contract):
    """A worker that dies loses nothing."""

    guarantee = "What a dead worker held comes back within a second of its lease, counted, one at a time"

    def test_an_abandoned_message_comes_back_on_a_silent_queue(self, harness: Harness) -> None:
        harness.abandon("a")
        started = time.monotonic()
        [delivery] = harness.consumer().reserve(1, PATIENCE)
        assert time.monotonic() - started < self.lease + 1.0 + SLACK
        assert (delivery.id, delivery.deliveries) == ("a", 2)

    def test_a_consumer_that_dies_while_another_waits_is_noticed(self, harness: Harness) -> None:
        holder, _ = harness.abandon("a")
        waiting = in_background(harness.consumer().reserve, 1, PATIENCE)
        holder.keep_alive()
        started = time.monotonic()
        [delivery] = waiting.result(2 * PATIENCE)
        assert time.monotonic() - started < self.lease + 1.0 + SLACK
        assert (delivery.id, delivery.deliveries) == ("a", 2)

    @needs(GET, DELAY)
    def test_a_lease_that_begins_while_another_waits_is_noticed(self, harness: Harness) -> None:
        harness.push("a", delay=3600.0)
        waiting = in_background(harness.consumer().reserve, 1, PATIENCE)
        time.sleep(0.2)
        assert harness.consumer(lease=self.lease).get(harness.queue, "a")
        started = time.monotonic()
        assert [delivery.deliveries for delivery in waiting.result(2 * PATIENCE)] == [2]
        assert time.monotonic() - started < self.lease + 1.0 + SLACK

    @needs(EXACT_SIZE)
    def test_keep_alive_hands_back_what_dead_consumers_held(self, harness: Harness) -> None:
        harness.abandon("a", "b")
        busy = harness.consumer()

        def handed_back() -> bool:
            busy.keep_alive()
            return harness.backend.size(harness.queue).ready == 2

        until(handed_back)

    def test_what_was_done_before_a_death_does_not_come_back(self, harness: Harness) -> None:
        holder, held = harness.abandon("a", "b")
        assert holder.settle([Ack(held[0])]) == []
        assert harness.collect_ids(count=1) == ["b"]
        assert harness.left() == []

    def test_a_lease_lasts_for_as_long_as_it_is_kept_alive(self, harness: Harness) -> None:
        since = time.monotonic()
        holder, _ = harness.abandon("a")
        rival = harness.consumer()
        for _ in range(5):
            gap, taken = _guard(holder, rival, self.lease, since)
            if gap < 0.8 * self.lease:
                assert not taken
                return
            # The machine stood still for so long that the lease may have run out by rights: once more.
            rival.close()
            holder.close()
            holder, rival = harness.consumer(lease=self.lease), harness.consumer()
            since = time.monotonic()
            assert len(harness.collect(holder, 1)) == 1
        raise AssertionError("this machine is too busy to keep a lease alive")

    def test_redelivered_messages_are_handed_out_alone_and_before_fresh_ones(self, harness: Harness) -> None:
        harness.abandon("a", "b", "c")
        consumer = harness.consumer()
        batches = [consumer.reserve(10, PATIENCE)]
        harness.push("fresh")
        batches += [consumer.reserve(10, PATIENCE) for _ in range(3)]
        assert [[delivery.id for delivery in batch] for batch in batches] == [["a"], ["b"], ["c"], ["fresh"]]

    def test_no_message_of_another_queue_comes_with_a_redelivered_one(self, harness: Harness) -> None:
        harness.abandon("a", "b")
        assert harness.collect_ids(count=1) == ["a"]
        other = harness.new_queue()
        harness.push("fresh", queue=other)
        consumer = harness.consumer(harness.queue, other)
        assert [delivery.id for delivery in consumer.reserve(10, PATIENCE)] == ["b"]
        consumer.close()
        assert [delivery.id for delivery in harness.consumer(other, harness.queue).reserve(10, 0.0)] == ["fresh"]

    @needs(PRIORITY)
    def test_a_batch_of_fresh_messages_ends_before_a_redelivered_one(self, harness: Harness) -> None:
        harness.abandon("poison", "more")
        assert harness.collect_ids(count=1) == ["poison"]
        harness.push("fresh", priority=9)
        consumer = harness.consumer()
        batches = [consumer.reserve(10, 0.0) for _ in range(2)]
        assert [[delivery.id for delivery in batch] for batch in batches] == [["fresh"], ["more"]]

    def test_a_batch_of_fresh_messages_ends_before_a_redelivered_one_of_the_next_queue(self, harness: Harness) -> None:
        harness.abandon("poison", "more")
        assert harness.collect_ids(count=1) == ["poison"]
        first = harness.new_queue()
        harness.push("fresh", queue=first)
        consumer = harness.consumer(first, harness.queue)
        batches = [consumer.reserve(10, 0.0) for _ in range(2)]
        assert [[delivery.id for delivery in batch] for batch in batches] == [["fresh"], ["more"]]

    @needs(PRIORITY)
    def test_a_redelivered_message_keeps_its_priority(self, harness: Harness) -> None:
        harness.push("first", "second", priority=4)
        harness.collect(harness.consumer(lease=self.lease), 2)
        consumer = harness.consumer()
        assert [delivery.id for delivery in harness.collect(consumer, 1)] == ["first"]
        harness.push("high", priority=8)
        harness.push("fresh", priority=4)
        assert [delivery.id for delivery in harness.collect(consumer, 3)] == ["high", "second", "fresh"]

    def test_each_death_counts(self, harness: Harness) -> None:
        harness.abandon("a")
        assert _deliveries(harness, harness.consumer(lease=self.lease)) == 2
        assert _deliveries(harness, harness.consumer()) == 3

    def test_a_release_keeps_the_count_and_a_retry_begins_anew(self, harness: Harness) -> None:
        harness.abandon("a")
        consumer = harness.consumer()
        [second] = harness.collect(consumer, 1)
        assert consumer.settle([Release(second)]) == []
        [again] = harness.collect(consumer, 1)
        assert again.deliveries == 2
        assert consumer.settle([Replace(again, Message("a", b"retry"))]) == []
        assert _deliveries(harness, consumer) == 1

    @needs(DELAY)
    def test_a_release_with_a_delay_keeps_the_count_and_the_isolation(self, harness: Harness) -> None:
        harness.abandon("a")
        consumer = harness.consumer()
        assert consumer.settle([Release(harness.collect(consumer, 1)[0], self.delay)]) == []
        time.sleep(self.delay + 1.0)
        harness.push("b")
        batches = [consumer.reserve(10, PATIENCE) for _ in range(2)]
        found = [[(delivery.id, delivery.deliveries) for delivery in batch] for batch in batches]
        assert found == [[("a", 2)], [("b", 1)]]

    def test_closing_keeps_the_count(self, harness: Harness) -> None:
        harness.abandon("a")
        consumer = harness.consumer()
        assert _deliveries(harness, consumer) == 2
        consumer.close()
        assert _deliveries(harness, harness.consumer()) == 2


def _deliveries(harness: Harness, consumer: Consumer) -> int:
    [delivery] = harness.collect(consumer, 1)
    return delivery.deliveries


def _guard(holder: Consumer, rival: Consumer, lease: float, since: float) -> tuple[float, list[Delivery]]:
    """Keep a lease that began after `since` for several times its length; return the longest pause, and what the
    rival got."""
    gap = 0.0
    taken: list[Delivery] = []
    ends = time.monotonic() + 2.5 * lease
    last = since
    while time.monotonic() < ends:
        asked = time.monotonic()
        holder.keep_alive()
        gap, last = max(gap, time.monotonic() - last), asked
        taken += rival.reserve(1, lease / 5)
    return max(gap, time.monotonic() - last), taken
