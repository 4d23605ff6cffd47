"""What looking at a message, and reserving it, by its id promises."""

from __future__ import annotations

from ...backend import DELAY, FIND, GET, PEEK, PRIORITY, Entry
from ..harness import Harness, body_of, in_background
from .base import Contract, needs


class PeekContract(Contract):
    """A message can be looked at."""

    guarantee = "A queued message can be looked at by its id"

    @needs(PEEK)
    def test_a_ready_message_is_shown_and_stays(self, harness: Harness) -> None:
        harness.push("a")
        assert harness.backend.peek(harness.queue, "a") == Entry("a", body_of("a"), "ready", 5, 1, 0.0)
        assert harness.left() == ["a"]

    @needs(PEEK)
    def test_a_reserved_message_is_shown_as_such_until_it_is_done(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        assert harness.backend.peek(harness.queue, "a") == Entry("a", body_of("a"), "reserved", 5, 1, 0.0)
        assert harness.ack_all(consumer, held) == []
        assert harness.backend.peek(harness.queue, "a") is None

    @needs(PEEK, DELAY)
    def test_a_delayed_message_is_shown_with_the_seconds_to_go(self, harness: Harness) -> None:
        harness.push("a", delay=3600.0)
        entry = harness.backend.peek(harness.queue, "a")
        assert entry is not None
        assert entry.state == "delayed"
        assert 3500.0 < entry.ready_in <= 3600.0

    @needs(PEEK, PRIORITY)
    def test_the_priority_is_shown(self, harness: Harness) -> None:
        harness.push("a", priority=3)
        entry = harness.backend.peek(harness.queue, "a")
        assert entry is not None
        assert entry.priority == 3

    @needs(PEEK)
    def test_the_deliveries_are_shown(self, harness: Harness) -> None:
        harness.abandon("a")
        consumer = harness.consumer()
        assert [delivery.deliveries for delivery in harness.collect(consumer, 1)] == [2]
        entry = harness.backend.peek(harness.queue, "a")
        assert entry is not None
        assert (entry.state, entry.deliveries) == ("reserved", 2)

    @needs(PEEK, FIND)
    def test_an_unknown_message_is_not_shown(self, harness: Harness) -> None:
        harness.push("a", queue=harness.new_queue())
        assert harness.backend.peek(harness.queue, "a") is None


class GetContract(Contract):
    """A message can be reserved out of turn."""

    guarantee = "A waiting message can be reserved by its id"

    @needs(GET)
    def test_a_message_is_reserved_by_its_id_out_of_turn(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        consumer = harness.consumer()
        delivery = consumer.get(harness.queue, "b")
        assert delivery is not None
        assert (delivery.id, delivery.body, delivery.deliveries) == ("b", body_of("b"), 1)
        assert harness.left() == ["a", "c"]
        assert harness.ack_all(consumer, [delivery]) == []
        assert harness.left() == ["a", "c"]

    @needs(GET)
    def test_a_message_got_by_its_id_is_given_back_to_its_place(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        consumer = harness.consumer()
        assert consumer.get(harness.queue, "b") is not None
        consumer.close()
        assert harness.left() == ["a", "b", "c"]

    @needs(GET)
    def test_a_message_got_by_its_id_comes_back_when_its_holder_dies(self, harness: Harness) -> None:
        harness.push("a")
        assert harness.consumer(lease=self.lease).get(harness.queue, "a") is not None
        assert [delivery.deliveries for delivery in harness.collect(harness.consumer(), 1)] == [2]

    @needs(GET, DELAY)
    def test_a_delayed_message_can_be_got_before_it_is_due(self, harness: Harness) -> None:
        harness.push("a", delay=3600.0)
        consumer = harness.consumer()
        delivery = consumer.get(harness.queue, "a")
        assert delivery is not None
        assert harness.ack_all(consumer, [delivery]) == []
        assert consumer.get(harness.queue, "a") is None

    @needs(GET, FIND)
    def test_what_does_not_wait_can_not_be_got(self, harness: Harness) -> None:
        harness.push("a")
        assert len(harness.collect(harness.consumer(), 1)) == 1
        consumer = harness.consumer()
        assert consumer.get(harness.queue, "a") is None
        assert consumer.get(harness.queue, "unknown") is None

    @needs(GET)
    def test_of_several_that_get_a_message_exactly_one_wins(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(20)]
        harness.push(*ids)

        def get_each() -> list[str]:
            consumer = harness.consumer()
            return [id for id in ids if consumer.get(harness.queue, id) is not None]

        getters = [in_background(get_each) for _ in range(3)]
        assert sorted(id for getter in getters for id in getter.result(30)) == sorted(ids)
