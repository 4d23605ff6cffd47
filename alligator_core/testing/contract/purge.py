"""What a purge promises."""

from __future__ import annotations

from ...backend import DEAD_LETTERS, DELAY, PURGE, Bury
from ..harness import Harness
from .base import Contract, needs


class PurgeContract(Contract):
    """A queue can be emptied."""

    guarantee = "A purge removes all that waits, and nothing else"

    @needs(PURGE)
    def test_what_waits_is_removed_and_counted(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        assert harness.backend.purge(harness.queue) == 3
        assert harness.left() == []

    @needs(PURGE, DELAY)
    def test_delayed_messages_are_removed_as_well(self, harness: Harness) -> None:
        harness.push("a")
        harness.push("b", delay=3600.0)
        assert harness.backend.purge(harness.queue) == 2

    @needs(PURGE)
    def test_an_empty_queue_has_nothing_to_purge(self, harness: Harness) -> None:
        assert harness.backend.purge(harness.queue) == 0

    @needs(PURGE)
    def test_reserved_messages_stay_with_their_consumer(self, harness: Harness) -> None:
        harness.push("a", "b")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        assert harness.backend.purge(harness.queue) == 1
        assert harness.ack_all(consumer, held) == []

    @needs(PURGE)
    def test_a_reserved_message_that_is_given_back_after_a_purge_is_not_lost(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        assert len(harness.collect(consumer, 1)) == 1
        assert harness.backend.purge(harness.queue) == 0
        consumer.close()
        assert harness.left() == ["a"]

    @needs(PURGE)
    def test_other_queues_are_left_alone(self, harness: Harness) -> None:
        other = harness.new_queue()
        harness.push("a", queue=other)
        harness.push("b")
        assert harness.backend.purge(harness.queue) == 1
        assert harness.left(other) == ["a"]

    @needs(PURGE)
    def test_what_was_purged_can_be_pushed_anew(self, harness: Harness) -> None:
        harness.push("a")
        harness.backend.purge(harness.queue)
        harness.push("a")
        assert harness.left() == ["a"]

    @needs(PURGE, DEAD_LETTERS)
    def test_dead_letters_stay(self, harness: Harness) -> None:
        harness.push("a", "b")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        assert consumer.settle([Bury(held[0], "why")]) == []
        assert harness.backend.purge(harness.queue) == 1
        assert [letter.id for letter in harness.backend.dead(harness.queue)] == ["a"]
