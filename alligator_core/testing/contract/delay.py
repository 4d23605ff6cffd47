"""What a delay promises."""

from __future__ import annotations

import time

from ...backend import DELAY, DUE_ORDER, EXACT_SIZE, ORDER, PRIORITY, Message
from ..harness import PATIENCE, Harness, in_background, until
from .base import Contract, needs

TOLERANCE = 0.1
"""Seconds by which a store's clock may differ from ours over such a short time."""


class DelayContract(Contract):
    """Delayed messages wait for their time."""

    guarantee = "A delayed message is ready in time, and not before"

    @needs(DELAY)
    def test_a_delayed_message_is_ready_after_its_delay_and_not_before(self, harness: Harness) -> None:
        started = time.monotonic()
        harness.push("a", delay=self.delay)
        assert [delivery.id for delivery in harness.consumer().reserve(1, PATIENCE)] == ["a"]
        assert self.delay - TOLERANCE < time.monotonic() - started < PATIENCE / 2

    @needs(DELAY)
    def test_a_delayed_push_is_in_time_for_a_consumer_that_waits_already(self, harness: Harness) -> None:
        waiting = in_background(harness.consumer().reserve, 1, PATIENCE)
        time.sleep(0.2)
        started = time.monotonic()
        harness.push("far", delay=3600.0)
        harness.push("near", delay=self.delay)
        assert [delivery.id for delivery in waiting.result(2 * PATIENCE)] == ["near"]
        assert self.delay - TOLERANCE < time.monotonic() - started < PATIENCE / 2

    @needs(DELAY, ORDER)
    def test_delayed_messages_come_in_the_order_in_which_they_are_due(self, harness: Harness) -> None:
        delays = {"second": 2 * self.delay, "first": self.delay, "now": 0.0}
        harness.backend.push(harness.queue, [Message(id, b"", delay=delay) for id, delay in delays.items()])
        consumer = harness.consumer()
        assert [delivery.id for delivery in harness.collect(consumer, 3)] == ["now", "first", "second"]

    @needs(DELAY)
    def test_a_delayed_message_counts_as_no_death(self, harness: Harness) -> None:
        harness.push("a", delay=self.delay)
        assert [delivery.deliveries for delivery in harness.collect(harness.consumer(), 1)] == [1]

    @needs(DELAY, EXACT_SIZE)
    def test_a_delayed_message_counts_as_delayed_until_it_is_due(self, harness: Harness) -> None:
        harness.push("a", delay=3600.0)
        harness.push("b", delay=self.delay)
        assert harness.backend.size(harness.queue)[:3] == (0, 2, 0)
        until(lambda: harness.backend.size(harness.queue)[:3] == (1, 1, 0))

    @needs(DELAY, EXACT_SIZE, DUE_ORDER)
    def test_a_message_that_is_due_queues_behind_what_was_pushed_before(self, harness: Harness) -> None:
        harness.push("due", delay=self.delay)
        harness.push("before")
        until(lambda: harness.backend.size(harness.queue).ready == 2)
        harness.push("after")
        assert harness.left() == ["before", "due", "after"]

    @needs(DELAY, PRIORITY)
    def test_a_delayed_message_keeps_its_priority(self, harness: Harness) -> None:
        harness.push("high", priority=8, delay=self.delay)
        harness.push("higher", priority=9, delay=self.delay)
        harness.push("normal")
        time.sleep(self.delay + 1.0)
        assert harness.left() == ["higher", "high", "normal"]

    @needs(DELAY)
    def test_the_longest_delay_is_taken(self, harness: Harness) -> None:
        harness.push("a", delay=harness.backend.limits.max_delay)
        assert harness.left() == []
