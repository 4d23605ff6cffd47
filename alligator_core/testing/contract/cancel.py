"""What a cancel promises."""

from __future__ import annotations

from ...backend import CANCEL, DELAY, EXACT_SIZE, FIND, GET, PRIORITY, SHARED, Consumer, Delivery, Message, Replace
from ..harness import Harness, body_of, in_background
from .base import Contract, needs


class CancelContract(Contract):
    """A cancel tells the truth."""

    guarantee = "A cancel takes a message off, or says that it came too late"

    @needs(CANCEL)
    def test_a_canceled_message_is_returned_and_never_reserved(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        canceled = harness.backend.cancel(harness.queue, "b")
        assert canceled is not None
        assert (canceled.id, canceled.body) == ("b", body_of("b"))
        assert harness.left() == ["a", "c"]

    @needs(CANCEL)
    def test_a_message_is_canceled_once(self, harness: Harness) -> None:
        harness.push("a")
        assert harness.backend.cancel(harness.queue, "a") is not None
        assert harness.backend.cancel(harness.queue, "a") is None

    @needs(CANCEL, FIND)
    def test_an_unknown_message_can_not_be_canceled(self, harness: Harness) -> None:
        assert harness.backend.cancel(harness.queue, "a") is None

    @needs(CANCEL)
    def test_a_reserved_message_can_not_be_canceled(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        assert harness.backend.cancel(harness.queue, "a") is None
        assert harness.ack_all(consumer, held) == []

    @needs(CANCEL, GET)
    def test_a_message_that_was_got_can_not_be_canceled(self, harness: Harness) -> None:
        harness.push("a")
        assert harness.consumer().get(harness.queue, "a") is not None
        assert harness.backend.cancel(harness.queue, "a") is None

    @needs(CANCEL)
    def test_a_message_that_was_given_back_can_be_canceled(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        assert len(harness.collect(consumer, 1)) == 1
        consumer.close()
        assert harness.backend.cancel(harness.queue, "a") is not None
        assert harness.left() == []

    @needs(CANCEL, DELAY)
    def test_a_delayed_message_can_be_canceled(self, harness: Harness) -> None:
        harness.push("a", delay=3600.0)
        canceled = harness.backend.cancel(harness.queue, "a")
        assert canceled is not None
        assert 3500.0 < canceled.delay <= 3600.0

    @needs(CANCEL, PRIORITY)
    def test_a_canceled_message_tells_its_priority(self, harness: Harness) -> None:
        harness.push("a", priority=8)
        canceled = harness.backend.cancel(harness.queue, "a")
        assert canceled is not None
        assert canceled.priority == 8

    @needs(CANCEL)
    def test_the_message_of_that_id_on_another_queue_stays(self, harness: Harness) -> None:
        other = harness.new_queue()
        harness.push("a")
        harness.push("a", queue=other)
        assert harness.backend.cancel(harness.queue, "a") is not None
        assert harness.left(other) == ["a"]

    @needs(CANCEL)
    def test_a_canceled_message_can_be_pushed_anew(self, harness: Harness) -> None:
        harness.push("a", "b")
        harness.backend.cancel(harness.queue, "a")
        harness.push("a")
        assert harness.left() == ["b", "a"]

    @needs(CANCEL, FIND)
    def test_a_message_that_waits_for_a_retry_can_be_canceled(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        [held] = harness.collect(consumer, 1)
        assert consumer.settle([Replace(held, Message("a", b"again"))]) == []
        canceled = harness.backend.cancel(harness.queue, "a")
        assert canceled is not None
        assert canceled.body == b"again"
        assert harness.left() == []

    @needs(CANCEL, FIND, SHARED)
    def test_a_message_of_another_backend_object_can_be_canceled(self, harness: Harness) -> None:
        harness.open().push(harness.queue, [Message("a", b"")])
        assert harness.backend.cancel(harness.queue, "a") is not None
        assert harness.left() == []

    @needs(CANCEL, EXACT_SIZE)
    def test_a_canceled_message_is_not_counted(self, harness: Harness) -> None:
        harness.push("a", "b")
        harness.backend.cancel(harness.queue, "a")
        assert harness.backend.size(harness.queue).ready == 1

    @needs(CANCEL)
    def test_of_a_cancel_and_a_reserve_at_the_same_time_exactly_one_wins(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(60)]
        harness.push(*ids)
        cancels = [in_background(_cancel_each, harness, ids[start:] + ids[:start]) for start in (0, 30)]
        reserves = [in_background(_reserve_all, harness.consumer()) for _ in range(2)]
        canceled = [id for future in cancels for id in future.result(30)]
        reserved = [delivery.id for future in reserves for delivery in future.result(30)]
        assert sorted(canceled + reserved) == sorted(ids)


def _cancel_each(harness: Harness, ids: list[str]) -> list[str]:
    return [id for id in ids if harness.backend.cancel(harness.queue, id) is not None]


def _reserve_all(consumer: Consumer) -> list[Delivery]:
    found: list[Delivery] = []
    while batch := consumer.reserve(3, 0.0):
        found += batch
    return found
