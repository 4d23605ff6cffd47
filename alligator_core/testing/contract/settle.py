"""What a settlement promises."""

from __future__ import annotations

from ...backend import (
    DEAD_LETTERS,
    DELAY,
    ORDER,
    PRIORITY,
    Ack,
    Bury,
    Consumer,
    Delivery,
    Message,
    Release,
    Replace,
    Settlement,
)
from ..harness import Harness, body_of
from .base import Contract, needs


class SettleContract(Contract):
    """Each way to settle a message does what it says."""

    guarantee = "Done, released, retried and buried messages go where they belong"

    def test_a_message_that_is_done_is_gone(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        assert consumer.settle([Ack(held)]) == []
        consumer.close()
        assert harness.left() == []

    def test_a_released_message_is_ready_again_unchanged_and_uncounted(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        assert consumer.settle([Release(held)]) == []
        [again] = harness.collect(consumer, 1)
        assert (again.id, again.body, again.deliveries) == ("a", body_of("a"), 1)

    @needs(ORDER)
    def test_a_released_message_goes_back_to_its_place(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        consumer = harness.consumer()
        held = harness.collect(consumer, 2)
        assert consumer.settle([Release(delivery) for delivery in held]) == []
        assert harness.left() == ["a", "b", "c"]

    @needs(DELAY)
    def test_a_message_released_with_a_delay_comes_back_after_it(self, harness: Harness) -> None:
        consumer, held = _reserved(harness, "a", "b")
        assert consumer.settle([Release(held[0], self.delay), Release(held[1], 3600.0)]) == []
        assert consumer.reserve(10, 0.0) == []
        assert [(delivery.id, delivery.deliveries) for delivery in harness.collect(consumer, 1)] == [("a", 1)]
        assert harness.left() == []

    def test_a_retry_takes_the_place_of_its_message(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        assert consumer.settle([Replace(held, Message("a", b"second attempt"))]) == []
        [again] = harness.collect(consumer, 1)
        assert (again.id, again.body, again.deliveries) == ("a", b"second attempt", 1)
        assert harness.ack_all(consumer, [again]) == []
        assert harness.left() == []

    @needs(ORDER)
    def test_a_retry_queues_behind_what_waits(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        harness.push("b")
        assert consumer.settle([Replace(held, Message("a", b"again"))]) == []
        assert harness.left() == ["b", "a"]

    @needs(DELAY)
    def test_a_delayed_retry_comes_back_after_its_delay(self, harness: Harness) -> None:
        consumer, held = _reserved(harness, "a", "b")
        retries = [
            Replace(held[0], Message("a", b"soon", delay=self.delay)),
            Replace(held[1], Message("b", b"", delay=3600.0)),
        ]
        assert consumer.settle(retries) == []
        assert consumer.reserve(10, 0.0) == []
        assert [delivery.body for delivery in harness.collect(consumer, 1)] == [b"soon"]
        assert harness.left() == []

    @needs(PRIORITY)
    def test_a_retry_may_have_another_priority(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        harness.push("b")
        assert consumer.settle([Replace(held, Message("a", b"", priority=7))]) == []
        assert harness.left() == ["a", "b"]

    def test_a_buried_message_is_off_its_queue(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        assert consumer.settle([Bury(held, "it failed")]) == []
        consumer.close()
        assert harness.left() == []

    def test_one_call_settles_each_message_in_its_own_way(self, harness: Harness) -> None:
        consumer, (first, second, third, fourth) = _reserved(harness, "a", "b", "c", "d")
        settlements: list[Settlement] = [
            Release(first),
            Ack(second),
            Bury(third, "why"),
            Replace(fourth, Message("d", b"again")),
        ]
        assert consumer.settle(settlements) == []
        assert sorted(harness.left()) == ["a", "d"]

    def test_settling_nothing_is_fine(self, harness: Harness) -> None:
        assert harness.consumer().settle([]) == []

    def test_a_second_ack_is_stale_and_no_error(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        assert consumer.settle([Ack(held)]) == []
        assert consumer.settle([Ack(held)]) == [held]

    def test_of_two_acks_of_one_delivery_in_one_call_the_second_is_stale(self, harness: Harness) -> None:
        consumer, [first, second, third] = _reserved(harness, "a", "b", "c")
        assert consumer.settle([Ack(first), Ack(first)]) == [first]
        assert consumer.settle([Ack(second), Ack(third), Ack(second), Ack(third)]) == [second, third]
        consumer.close()
        assert harness.left() == []

    def test_one_ack_listed_twice_is_stale_once(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        ack = Ack(held)
        assert consumer.settle([ack, ack]) == [held]

    def test_an_ack_given_twice_in_one_call_removes_nothing_else(self, harness: Harness) -> None:
        consumer, [first, second] = _reserved(harness, "a", "b")
        assert consumer.settle([Ack(first), Ack(first)]) == [first]
        assert consumer.settle([Ack(second)]) == []
        assert harness.left() == []

    def test_of_two_ways_to_settle_one_delivery_in_one_call_the_first_counts(self, harness: Harness) -> None:
        consumer, [first, second, third] = _reserved(harness, "a", "b", "c")
        settlements: list[Settlement] = [
            Release(first),
            Ack(first),
            Ack(second),
            Release(second),
            Replace(third, Message("c", b"again")),
            Bury(third, "why"),
        ]
        assert consumer.settle(settlements) == [first, second, third]
        again = harness.collect(consumer, 2)
        assert sorted((each.id, each.body) for each in again) == [("a", body_of("a")), ("c", b"again")]
        assert harness.ack_all(consumer, again) == []
        assert harness.left() == []

    def test_what_was_released_can_not_be_settled_any_more(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        assert consumer.settle([Release(held)]) == []
        assert consumer.settle([Ack(held)]) == [held]
        assert harness.left() == ["a"]

    @needs(DEAD_LETTERS)
    def test_a_repeated_bury_is_stale_and_buries_nothing_twice(self, harness: Harness) -> None:
        consumer, [held] = _reserved(harness, "a")
        assert consumer.settle([Bury(held, "it failed")]) == []
        assert consumer.settle([Bury(held, "it failed")]) == [held]
        assert len(harness.backend.dead(harness.queue)) == 1


def _reserved(harness: Harness, *ids: str) -> tuple[Consumer, list[Delivery]]:
    harness.push(*ids)
    consumer = harness.consumer()
    return consumer, harness.collect(consumer, len(ids))
