"""What a push promises."""

from __future__ import annotations

from ...backend import DELAY, ORDER, UNIQUE, Message
from ..harness import Harness, body_of, in_background
from .base import Contract, needs


class PushContract(Contract):
    """Messages arrive as they were sent."""

    guarantee = "What was pushed arrives whole, once, and in order"

    def test_a_pushed_message_comes_out_as_it_went_in(self, harness: Harness) -> None:
        harness.backend.push(harness.queue, [Message("one", b"\x00its body\xff")])
        [delivery] = harness.collect(harness.consumer(), 1)
        assert (delivery.queue, delivery.id, delivery.body) == (harness.queue, "one", b"\x00its body\xff")
        assert delivery.deliveries == 1

    @needs(ORDER)
    def test_messages_come_out_in_the_order_in_which_they_were_pushed(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(12)]
        for id in ids:
            harness.push(id)
        consumer = harness.consumer()
        assert [delivery.id for delivery in harness.collect(consumer, 12, at_once=5)] == ids

    @needs(ORDER)
    def test_a_batch_comes_out_in_its_own_order(self, harness: Harness) -> None:
        ids = [f"{number}" for number in reversed(range(50))]
        harness.push(*ids)
        assert harness.collect_ids(count=50) == ids

    def test_a_batch_of_the_largest_size_arrives_completely(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(min(harness.backend.limits.max_batch, 2000))]
        harness.push(*ids)
        assert sorted(harness.collect_ids(count=len(ids))) == sorted(ids)

    def test_a_push_of_nothing_changes_nothing(self, harness: Harness) -> None:
        harness.backend.push(harness.queue, [])
        assert harness.left() == []

    def test_a_closed_backend_can_be_used_again(self, harness: Harness) -> None:
        harness.push("a")
        harness.backend.close()
        harness.push("b")
        harness.backend.close()
        harness.backend.close()
        assert harness.left() == ["a", "b"]


class RepeatContract(Contract):
    """A push whose answer got lost can be repeated."""

    guarantee = "Pushing a message that is queued already changes nothing"

    @needs(UNIQUE)
    def test_a_waiting_message_stays_as_it_is_when_pushed_again(self, harness: Harness) -> None:
        harness.push("a", "b")
        harness.backend.push(harness.queue, [Message("a", b"another body")])
        found = harness.collect(harness.consumer(), 2)
        assert [(delivery.id, delivery.body) for delivery in found] == [("a", body_of("a")), ("b", body_of("b"))]
        assert harness.left() == []

    @needs(UNIQUE, DELAY)
    def test_a_delayed_message_stays_delayed_when_pushed_again(self, harness: Harness) -> None:
        harness.push("a", delay=60.0)
        harness.push("a")
        assert harness.left() == []

    @needs(UNIQUE)
    def test_a_reserved_message_is_not_queued_a_second_time(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        harness.push("a")
        assert harness.left() == []
        assert harness.ack_all(consumer, held) == []
        assert harness.left() == []

    @needs(UNIQUE)
    def test_an_id_twice_in_one_push_is_queued_once(self, harness: Harness) -> None:
        harness.backend.push(harness.queue, [Message("a", b"first"), Message("a", b"second"), Message("b", b"")])
        assert [delivery.body for delivery in harness.collect(harness.consumer(), 2)] == [b"first", b""]

    def test_a_message_that_is_done_can_be_pushed_anew(self, harness: Harness) -> None:
        consumer = harness.consumer()
        for _ in range(2):
            harness.push("a")
            assert harness.ack_all(consumer, harness.collect(consumer, 1)) == []
        assert harness.left() == []

    def test_the_same_id_on_another_queue_is_another_message(self, harness: Harness) -> None:
        other = harness.new_queue()
        harness.push("a")
        harness.push("a", queue=other)
        assert harness.collect_ids(harness.queue, count=1) == ["a"]
        assert harness.collect_ids(other, count=1) == ["a"]

    @needs(UNIQUE)
    def test_pushes_of_the_same_ids_at_the_same_time_queue_each_once(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(20)]
        pushes = [in_background(harness.push, *ids) for _ in range(4)]
        assert all(push.result(20) is None for push in pushes)
        assert sorted(harness.left()) == sorted(ids)
