"""What closing a backend promises."""

from __future__ import annotations

from ...backend import DEAD_LETTERS, DELAY, DURABLE, FIND, PEEK, PRIORITY, UNIQUE, Bury
from ..harness import Harness, body_of
from .base import Contract, needs


class ReopeningContract(Contract):
    """What is stored stays stored."""

    guarantee = "Messages outlive the processes that pushed them"

    @needs(DURABLE)
    def test_messages_are_found_by_a_backend_opened_later(self, harness: Harness) -> None:
        harness.push("a", "b")
        harness.backend.close()
        later = harness.open()
        found = harness.collect(harness.consumer(backend=later), 2)
        assert [(delivery.id, delivery.body) for delivery in found] == [("a", body_of("a")), ("b", body_of("b"))]

    @needs(DURABLE, PRIORITY)
    def test_priorities_are_kept(self, harness: Harness) -> None:
        harness.push("a")
        harness.push("b", priority=9)
        harness.backend.close()
        found = harness.collect(harness.consumer(backend=harness.open()), 2)
        assert [delivery.id for delivery in found] == ["b", "a"]

    @needs(DURABLE, DELAY, PEEK, FIND)
    def test_delays_are_kept(self, harness: Harness) -> None:
        harness.push("a", delay=3600.0)
        harness.backend.close()
        entry = harness.open().peek(harness.queue, "a")
        assert entry is not None
        assert 3500.0 < entry.ready_in <= 3600.0

    @needs(DURABLE, DEAD_LETTERS)
    def test_dead_letters_are_kept(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        assert consumer.settle([Bury(harness.collect(consumer, 1)[0], "why")]) == []
        harness.backend.close()
        assert [letter.reason for letter in harness.open().dead(harness.queue)] == ["why"]

    @needs(DURABLE)
    def test_what_was_held_when_the_backend_went_away_comes_back(self, harness: Harness) -> None:
        harness.abandon("a")
        harness.backend.close()
        [delivery] = harness.collect(harness.consumer(backend=harness.open()), 1)
        assert delivery.id == "a"

    @needs(DURABLE, UNIQUE)
    def test_pushing_again_after_reopening_changes_nothing(self, harness: Harness) -> None:
        harness.push("a")
        harness.backend.close()
        harness.push("a")
        assert harness.left() == ["a"]
