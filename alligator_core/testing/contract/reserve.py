"""What a reserve promises."""

from __future__ import annotations

import time

from ..harness import PATIENCE, Harness
from .base import Contract


class ReserveContract(Contract):
    """A worker gets what waits, and waits for what doesn't."""

    guarantee = "A worker gets what waits at once, from the queues it named, in their order"

    def test_no_more_is_reserved_than_was_asked_for(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        assert len(harness.consumer().reserve(2, 0.0)) <= 2

    def test_a_reserved_message_is_not_handed_out_again(self, harness: Harness) -> None:
        harness.push("a", "b")
        consumer = harness.consumer()
        assert [delivery.id for delivery in harness.collect(consumer, 1)] == ["a"]
        assert [delivery.id for delivery in harness.collect(consumer, 1)] == ["b"]
        assert consumer.reserve(1, 0.0) == []
        assert harness.left() == []

    def test_without_a_wait_an_empty_queue_answers_at_once(self, harness: Harness) -> None:
        consumer = harness.consumer()
        consumer.reserve(10, 0.0)  # to connect takes its time
        started = time.monotonic()
        assert [consumer.reserve(10, 0.0) for _ in range(3)] == [[], [], []]
        assert time.monotonic() - started < 3.0

    def test_a_wait_for_nothing_comes_back_empty_when_it_is_over(self, harness: Harness) -> None:
        started = time.monotonic()
        assert harness.consumer().reserve(10, 0.4) == []
        assert 0.3 < time.monotonic() - started < PATIENCE

    def test_what_waits_is_not_waited_for(self, harness: Harness) -> None:
        harness.push("a")
        started = time.monotonic()
        assert len(harness.consumer().reserve(10, PATIENCE)) == 1
        assert time.monotonic() - started < PATIENCE / 2

    def test_queues_are_served_in_the_order_in_which_they_were_named(self, harness: Harness) -> None:
        first, second = harness.new_queue(), harness.new_queue()
        harness.push("c", "d", queue=second)
        harness.push("a", "b", queue=first)
        consumer = harness.consumer(first, second)
        found = harness.collect(consumer, 4)
        assert [(delivery.queue, delivery.id) for delivery in found] == [
            (first, "a"),
            (first, "b"),
            (second, "c"),
            (second, "d"),
        ]
        assert harness.ack_all(consumer, found) == []

    def test_a_queue_that_was_not_named_is_left_alone(self, harness: Harness) -> None:
        harness.push("a", queue=harness.new_queue())
        assert harness.consumer().reserve(10, 0.0) == []
