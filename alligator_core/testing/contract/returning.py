"""What closing a consumer promises."""

from __future__ import annotations

import time

from ...backend import GET
from ..harness import PATIENCE, Harness, in_background
from .base import Contract, needs


class ReturningContract(Contract):
    """A worker that stops gives everything back."""

    guarantee = "A worker that stops gives back what it held, at once and uncounted"

    def test_closing_makes_what_was_held_ready_at_once(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        consumer = harness.consumer()
        assert len(harness.collect(consumer, 2)) == 2
        consumer.close()
        found = harness.collect(harness.consumer(), 3)
        assert harness.in_order([delivery.id for delivery in found]) == ["a", "b", "c"]
        assert {delivery.deliveries for delivery in found} == {1}

    def test_closing_leaves_what_was_settled_alone(self, harness: Harness) -> None:
        harness.push("a", "b")
        consumer = harness.consumer()
        held = harness.collect(consumer, 2)
        assert harness.ack_all(consumer, held[:1]) == []
        consumer.close()
        assert harness.left() == ["b"]

    def test_a_second_close_does_nothing(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        assert len(harness.collect(consumer, 1)) == 1
        consumer.close()
        other = harness.consumer()
        assert len(harness.collect(other, 1)) == 1
        consumer.close()
        assert harness.left() == []

    def test_what_was_given_back_by_closing_can_not_be_settled_any_more(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        consumer.close()
        assert harness.ack_all(consumer, held) == held
        assert harness.left() == ["a"]

    def test_a_message_is_settled_while_another_thread_waits_for_more(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        waiting = in_background(consumer.reserve, 1, PATIENCE)
        time.sleep(0.2)
        settled = in_background(harness.ack_all, consumer, held)
        assert settled.result(PATIENCE / 2) == []
        assert consumer.keep_alive() == []
        assert not waiting.done()
        harness.push("b")
        assert [delivery.id for delivery in waiting.result(2 * PATIENCE)] == ["b"]

    def test_a_closed_consumer_takes_nothing(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        consumer.close()
        assert consumer.reserve(1, 0.0) == []
        assert harness.left() == ["a"]

    @needs(GET)
    def test_a_closed_consumer_gets_nothing(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        consumer.close()
        assert consumer.get(harness.queue, "a") is None
        assert harness.left() == ["a"]

    def test_a_consumer_closed_while_it_waits_takes_nothing_any_more(self, harness: Harness) -> None:
        consumer = harness.consumer()
        waiting = in_background(consumer.reserve, 1, 1.0)
        time.sleep(0.2)
        consumer.close()
        harness.push("a")
        # Nobody else asks for it before the wait is over.
        assert waiting.result(PATIENCE) == []
        assert harness.left() == ["a"]
