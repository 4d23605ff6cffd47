"""What a size promises."""

from __future__ import annotations

from ...backend import DELAY, EXACT_SIZE, UNIQUE, Ack, Bury, QueueSize, Release
from ..harness import Harness
from .base import Contract, needs


class SizeContract(Contract):
    """Sizes don't lie."""

    guarantee = "Sizes are exact"

    @needs(EXACT_SIZE)
    def test_an_unknown_queue_is_empty(self, harness: Harness) -> None:
        assert harness.backend.size(harness.queue) == QueueSize(0, 0, 0, 0)

    @needs(EXACT_SIZE)
    def test_each_message_is_counted_in_its_state(self, harness: Harness) -> None:
        harness.push("a", "b", "c", "d", "e")
        consumer = harness.consumer()
        held = harness.collect(consumer, 3)
        assert harness.backend.size(harness.queue) == QueueSize(2, 0, 3, 0)
        consumer.settle([Ack(held[0])])
        assert harness.backend.size(harness.queue) == QueueSize(2, 0, 2, 0)
        consumer.settle([Release(held[1])])
        assert harness.backend.size(harness.queue) == QueueSize(3, 0, 1, 0)

    @needs(EXACT_SIZE)
    def test_messages_that_are_given_back_are_ready_again(self, harness: Harness) -> None:
        harness.push("a", "b")
        consumer = harness.consumer()
        assert len(harness.collect(consumer, 2)) == 2
        consumer.close()
        assert harness.backend.size(harness.queue) == QueueSize(2, 0, 0, 0)

    @needs(EXACT_SIZE, UNIQUE)
    def test_a_message_that_is_pushed_twice_is_counted_once(self, harness: Harness) -> None:
        harness.push("a", "b")
        harness.push("a")
        assert harness.backend.size(harness.queue).waiting == 2

    @needs(EXACT_SIZE)
    def test_what_is_off_the_queue_is_not_counted(self, harness: Harness) -> None:
        harness.push("a", "b")
        consumer = harness.consumer()
        held = harness.collect(consumer, 2)
        consumer.settle([Ack(held[0]), Bury(held[1], "why")])
        assert harness.backend.size(harness.queue)[:3] == (0, 0, 0)

    @needs(EXACT_SIZE, DELAY)
    def test_a_message_released_with_a_delay_is_delayed(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        consumer.settle([Release(harness.collect(consumer, 1)[0], 3600.0)])
        assert harness.backend.size(harness.queue) == QueueSize(0, 1, 0, 0)

    @needs(EXACT_SIZE)
    def test_other_queues_are_not_counted(self, harness: Harness) -> None:
        harness.push("a", queue=harness.new_queue())
        assert harness.backend.size(harness.queue).waiting == 0
