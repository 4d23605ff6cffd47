"""What a request to stop promises."""

from __future__ import annotations

from ...backend import (
    CANCEL,
    DEAD_LETTERS,
    DELAY,
    PURGE,
    SHARED,
    STOP,
    TAKE_OVER,
    Ack,
    Bury,
    Consumer,
    Delivery,
    Message,
    Release,
    Replace,
    Settlement,
)
from ..harness import LONG_LEASE, Harness, in_background, until
from ..spawning import spawned
from .base import Contract, needs


class StopContract(Contract):
    """Whoever runs a task hears that it should stop."""

    guarantee = "Whoever works on a message can be asked to stop, and hears of it once"

    @needs(STOP)
    def test_whoever_holds_a_message_hears_of_a_stop_once(self, harness: Harness) -> None:
        consumer, _ = _held(harness, "a", "b")
        assert consumer.stops() == []
        assert harness.backend.stop(harness.queue, "b")
        assert consumer.stops() == ["b"]
        assert consumer.stops() == []

    @needs(STOP)
    def test_a_stop_leaves_the_message_with_its_holder(self, harness: Harness) -> None:
        consumer, held = _held(harness, "a")
        assert harness.backend.stop(harness.queue, "a")
        assert harness.left() == []
        assert consumer.stops() == ["a"]
        assert harness.ack_all(consumer, held) == []

    @needs(STOP)
    def test_what_is_not_reserved_can_not_be_stopped(self, harness: Harness) -> None:
        harness.push("a")
        assert not harness.backend.stop(harness.queue, "a")
        assert not harness.backend.stop(harness.queue, "unknown")
        consumer = harness.consumer()
        assert len(harness.collect(consumer, 1)) == 1
        assert consumer.stops() == []

    @needs(STOP, DELAY)
    def test_a_delayed_message_can_not_be_stopped(self, harness: Harness) -> None:
        harness.push("a", delay=3600.0)
        assert not harness.backend.stop(harness.queue, "a")

    @needs(STOP)
    def test_a_message_that_is_done_can_not_be_stopped(self, harness: Harness) -> None:
        consumer, held = _held(harness, "a")
        assert harness.ack_all(consumer, held) == []
        assert not harness.backend.stop(harness.queue, "a")

    @needs(STOP)
    def test_the_message_of_that_id_on_another_queue_goes_on(self, harness: Harness) -> None:
        other = harness.new_queue()
        consumer, _ = _held(harness, "a")
        harness.push("a", queue=other)
        elsewhere = harness.consumer(other)
        assert len(harness.collect(elsewhere, 1)) == 1
        assert harness.backend.stop(other, "a")
        assert consumer.stops() == []
        assert elsewhere.stops() == ["a"]

    @needs(STOP)
    def test_only_the_holder_hears_of_a_stop(self, harness: Harness) -> None:
        holder, _ = _held(harness, "a")
        other, _ = _held(harness, "b")
        assert harness.backend.stop(harness.queue, "a")
        assert other.stops() == []
        assert holder.stops() == ["a"]

    @needs(STOP)
    def test_several_stops_are_heard_together_from_all_queues(self, harness: Harness) -> None:
        other = harness.new_queue()
        harness.push("a", "b", "c")
        harness.push("d", queue=other)
        consumer = harness.consumer(harness.queue, other)
        assert len(harness.collect(consumer, 4)) == 4
        for queue, id in ((harness.queue, "a"), (harness.queue, "c"), (other, "d")):
            assert harness.backend.stop(queue, id)
        assert sorted(consumer.stops()) == ["a", "c", "d"]

    @needs(STOP)
    def test_a_stop_asked_for_twice_is_heard_once_and_anew_when_asked_for_anew(self, harness: Harness) -> None:
        consumer, _ = _held(harness, "a")
        assert harness.backend.stop(harness.queue, "a")
        assert harness.backend.stop(harness.queue, "a")
        assert consumer.stops() == ["a"]
        assert consumer.stops() == []
        assert harness.backend.stop(harness.queue, "a")
        assert consumer.stops() == ["a"]

    @needs(STOP)
    def test_a_stop_is_heard_while_another_thread_waits_for_more(self, harness: Harness) -> None:
        consumer, _ = _held(harness, "a")
        waiting = in_background(consumer.reserve, 1, 2.0)
        assert harness.backend.stop(harness.queue, "a")
        assert consumer.stops() == ["a"]
        assert waiting.result(30) == []

    @needs(STOP)
    def test_a_stop_that_nobody_heard_goes_along_with_a_released_message(self, harness: Harness) -> None:
        holder, held = _held(harness, "a")
        assert harness.backend.stop(harness.queue, "a")
        assert holder.settle([Release(held[0])]) == []
        assert holder.stops() == []
        heir = harness.consumer()
        assert len(harness.collect(heir, 1)) == 1
        assert heir.stops() == ["a"]

    @needs(STOP)
    def test_a_stop_that_was_heard_does_not_go_along_with_a_released_message(self, harness: Harness) -> None:
        holder, held = _held(harness, "a")
        assert harness.backend.stop(harness.queue, "a")
        assert holder.stops() == ["a"]
        assert holder.settle([Release(held[0])]) == []
        heir = harness.consumer()
        assert len(harness.collect(heir, 1)) == 1
        assert heir.stops() == []

    @needs(STOP)
    def test_a_stop_outlives_a_closed_holder(self, harness: Harness) -> None:
        holder, _ = _held(harness, "a")
        assert harness.backend.stop(harness.queue, "a")
        holder.close()
        heir = harness.consumer()
        assert len(harness.collect(heir, 1)) == 1
        assert heir.stops() == ["a"]

    @needs(STOP)
    def test_a_stop_outlives_a_dead_holder(self, harness: Harness) -> None:
        stale, _ = harness.abandon("a")
        assert harness.backend.stop(harness.queue, "a")
        heir = harness.consumer()
        assert len(harness.collect(heir, 1)) == 1
        assert stale.stops() == []
        assert heir.stops() == ["a"]

    @needs(STOP, TAKE_OVER)
    def test_a_stop_goes_along_with_what_is_taken_over(self, harness: Harness) -> None:
        harness.push("a")
        doomed = harness.consumer(holder="dead")
        assert len(harness.collect(doomed, 1)) == 1
        assert harness.backend.stop(harness.queue, "a")
        taker = harness.consumer()
        assert len(taker.take_over("dead")) == 1
        assert doomed.stops() == []
        assert taker.stops() == ["a"]

    @needs(STOP)
    def test_a_stop_ends_with_an_ack(self, harness: Harness) -> None:
        _ends_with(harness, Ack)

    @needs(STOP)
    def test_a_stop_ends_with_a_burial(self, harness: Harness) -> None:
        _ends_with(harness, lambda held: Bury(held, "why"))

    @needs(STOP)
    def test_a_retry_is_not_stopped_for_what_it_retries(self, harness: Harness) -> None:
        holder, held = _held(harness, "a")
        assert harness.backend.stop(harness.queue, "a")
        assert holder.settle([Replace(held[0], Message("a", b"again"))]) == []
        assert len(harness.collect(holder, 1)) == 1
        assert holder.stops() == []

    @needs(STOP)
    def test_a_stop_of_one_message_does_not_end_with_others(self, harness: Harness) -> None:
        holder, held = _held(harness, "a", "b", "c", "d")
        assert harness.backend.stop(harness.queue, "b")
        settlements: list[Settlement] = [
            Ack(held[0]),
            Bury(held[2], "why"),
            Replace(held[3], Message("d", b"again")),
        ]
        assert holder.settle(settlements) == []
        assert holder.stops() == ["b"]

    @needs(STOP, CANCEL)
    def test_a_stop_ends_with_a_cancel(self, harness: Harness) -> None:
        _released_and_stopped(harness)
        assert harness.backend.cancel(harness.queue, "a") is not None
        consumer, _ = _held(harness, "a")
        assert consumer.stops() == []

    @needs(STOP, PURGE)
    def test_a_stop_ends_with_a_purge(self, harness: Harness) -> None:
        _released_and_stopped(harness)
        assert harness.backend.purge(harness.queue) == 1
        consumer, _ = _held(harness, "a")
        assert consumer.stops() == []

    @needs(STOP, DEAD_LETTERS)
    def test_a_requeued_message_is_not_stopped(self, harness: Harness) -> None:
        holder, held = _held(harness, "a")
        assert harness.backend.stop(harness.queue, "a")
        assert holder.settle([Bury(held[0], "why")]) == []
        assert not harness.backend.stop(harness.queue, "a")
        assert harness.backend.requeue(harness.queue) == ["a"]
        assert len(harness.collect(holder, 1)) == 1
        assert holder.stops() == []

    @needs(STOP)
    def test_of_many_stops_each_is_heard_once(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(40)]
        consumer, held = _held(harness, *ids)
        asking = in_background(lambda: [harness.backend.stop(harness.queue, id) for id in ids])
        heard: list[str] = []
        while not asking.done():
            heard += consumer.stops()
        heard += consumer.stops()
        assert asking.result(30) == [True] * len(ids)
        assert sorted(heard) == sorted(ids)
        assert harness.ack_all(consumer, held) == []

    @needs(STOP, SHARED)
    def test_another_process_hears_of_a_stop(self, harness: Harness) -> None:
        harness.push("a")
        with spawned(harness, "hold", count=1, lease=LONG_LEASE) as holder:
            until(lambda: holder.said == ["a"])
            assert harness.open().stop(harness.queue, "a")
            holder.ask("stops")
            until(lambda: holder.said == ["a", "stop a"])


def _held(harness: Harness, *ids: str) -> tuple[Consumer, list[Delivery]]:
    harness.push(*ids)
    consumer = harness.consumer()
    return consumer, harness.collect(consumer, len(ids))


def _ends_with(harness: Harness, settlement: type[Ack] | object) -> None:
    """Let a message end that somebody was asked to stop; fail if whoever holds the next of its id hears of that."""
    assert callable(settlement)
    holder, held = _held(harness, "a", "b")
    assert harness.backend.stop(harness.queue, "a")
    assert holder.settle([settlement(held[0])]) == []
    assert holder.stops() == []
    harness.push("a")
    assert [each.id for each in harness.collect(holder, 1)] == ["a"]
    assert holder.stops() == []


def _released_and_stopped(harness: Harness) -> None:
    consumer, held = _held(harness, "a")
    assert harness.backend.stop(harness.queue, "a")
    assert consumer.settle([Release(held[0])]) == []
