"""What a priority promises."""

from __future__ import annotations

from ...backend import ORDER, PRIORITY
from ..harness import Harness
from .base import Contract, needs


class PriorityContract(Contract):
    """Higher priorities come first."""

    guarantee = "Messages of a higher priority come first, those of the same one in order"

    @needs(PRIORITY)
    def test_nine_comes_first_and_zero_last(self, harness: Harness) -> None:
        for priority in (3, 0, 9, 5, 7, 1, 8, 2, 6, 4):
            harness.push(f"{priority}", priority=priority)
        assert harness.collect_ids(count=10) == list("9876543210")

    @needs(PRIORITY, ORDER)
    def test_messages_of_one_priority_stay_in_order(self, harness: Harness) -> None:
        for number in range(5):
            harness.push(f"low {number}", priority=2)
            harness.push(f"high {number}", priority=6)
        expected = [f"{level} {number}" for level in ("high", "low") for number in range(5)]
        assert harness.collect_ids(count=10) == expected

    @needs(PRIORITY)
    def test_a_delivery_tells_its_priority(self, harness: Harness) -> None:
        harness.push("a", priority=7)
        assert [delivery.priority for delivery in harness.collect(harness.consumer(), 1)] == [7]

    @needs(PRIORITY)
    def test_a_released_message_keeps_its_priority(self, harness: Harness) -> None:
        harness.push("high", priority=8)
        consumer = harness.consumer()
        assert len(harness.collect(consumer, 1)) == 1
        harness.push("higher", priority=9)
        harness.push("normal")
        consumer.close()
        assert harness.left() == ["higher", "high", "normal"]

    @needs(PRIORITY)
    def test_a_queue_named_first_goes_before_a_higher_priority_on_another(self, harness: Harness) -> None:
        first, second = harness.new_queue(), harness.new_queue()
        harness.push("urgent", queue=second, priority=9)
        harness.push("idle", queue=first, priority=0)
        assert harness.collect_ids(first, second, count=2) == ["idle", "urgent"]
