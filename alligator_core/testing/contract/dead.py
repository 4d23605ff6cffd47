"""What burying a message promises."""

from __future__ import annotations

import time

from ...backend import CANCEL, DEAD_LETTERS, EXACT_SIZE, GET, PEEK, PRIORITY, UNIQUE, Bury
from ..harness import Harness, body_of
from .base import Contract, needs


class DeadLetterContract(Contract):
    """Dead letters are kept for somebody to look at."""

    guarantee = "Dead letters keep their body and reason, and can be listed, requeued and purged"

    @needs(DEAD_LETTERS)
    def test_a_dead_letter_has_the_body_the_reason_and_the_time(self, harness: Harness) -> None:
        _bury(harness, "a", reason="it failed: \N{CROCODILE} 'quoted'\n  line 2")
        [letter] = harness.backend.dead(harness.queue)
        assert (letter.id, letter.body, letter.deliveries) == ("a", body_of("a"), 1)
        assert letter.reason == "it failed: \N{CROCODILE} 'quoted'\n  line 2"
        assert abs(letter.buried_at - time.time()) < 300.0

    @needs(DEAD_LETTERS)
    def test_a_body_given_with_the_burial_is_kept_instead(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        assert consumer.settle([Bury(held[0], "why", b"as it failed")]) == []
        assert [letter.body for letter in harness.backend.dead(harness.queue)] == [b"as it failed"]

    @needs(DEAD_LETTERS)
    def test_a_dead_letter_tells_how_many_workers_died(self, harness: Harness) -> None:
        harness.abandon("a")
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        assert consumer.settle([Bury(held[0], "poison")]) == []
        assert [letter.deliveries for letter in harness.backend.dead(harness.queue)] == [2]

    @needs(DEAD_LETTERS)
    def test_the_latest_comes_first(self, harness: Harness) -> None:
        for id in "abc":
            _bury(harness, id)
        assert [letter.id for letter in harness.backend.dead(harness.queue)] == ["c", "b", "a"]

    @needs(DEAD_LETTERS)
    def test_a_part_of_the_list_can_be_asked_for(self, harness: Harness) -> None:
        for id in "abcde":
            _bury(harness, id)
        assert [letter.id for letter in harness.backend.dead(harness.queue, limit=2, offset=1)] == ["d", "c"]
        assert harness.backend.dead(harness.queue, offset=5) == []

    @needs(DEAD_LETTERS)
    def test_dead_letters_can_be_asked_for_by_their_ids(self, harness: Harness) -> None:
        for id in "abc":
            _bury(harness, id)
        found = harness.backend.dead(harness.queue, ["a", "c", "unknown"])
        assert [letter.id for letter in found] == ["c", "a"]
        assert harness.backend.dead(harness.queue, []) == []

    @needs(DEAD_LETTERS)
    def test_an_empty_list_of_ids_moves_and_removes_nothing(self, harness: Harness) -> None:
        _bury(harness, "a")
        assert harness.backend.requeue(harness.queue, []) == []
        assert harness.backend.purge_dead(harness.queue, []) == 0
        assert len(harness.backend.dead(harness.queue)) == 1

    @needs(DEAD_LETTERS)
    def test_a_requeued_message_is_ready_and_uncounted(self, harness: Harness) -> None:
        harness.abandon("a")
        consumer = harness.consumer()
        assert consumer.settle([Bury(harness.collect(consumer, 1)[0], "poison", b"mended")]) == []
        assert harness.backend.requeue(harness.queue, ["a", "unknown"]) == ["a"]
        assert harness.backend.dead(harness.queue) == []
        [delivery] = harness.collect(consumer, 1)
        assert (delivery.id, delivery.body, delivery.deliveries) == ("a", b"mended", 1)

    @needs(DEAD_LETTERS)
    def test_all_dead_letters_are_requeued_where_no_ids_are_given(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(120)]
        _bury(harness, *ids)
        assert sorted(harness.backend.requeue(harness.queue)) == sorted(ids)
        assert sorted(harness.left()) == sorted(ids)

    @needs(DEAD_LETTERS, PRIORITY)
    def test_a_requeued_message_keeps_its_priority(self, harness: Harness) -> None:
        harness.push("a", priority=8)
        consumer = harness.consumer()
        assert consumer.settle([Bury(harness.collect(consumer, 1)[0], "why")]) == []
        harness.push("b")
        harness.backend.requeue(harness.queue)
        assert harness.left() == ["a", "b"]

    @needs(DEAD_LETTERS, UNIQUE)
    def test_a_message_whose_id_is_queued_again_stays_among_the_dead(self, harness: Harness) -> None:
        _bury(harness, "a", "b")
        harness.push("a")
        assert harness.backend.requeue(harness.queue) == ["b"]
        assert [letter.id for letter in harness.backend.dead(harness.queue)] == ["a"]
        assert sorted(harness.left()) == ["a", "b"]

    @needs(DEAD_LETTERS)
    def test_an_id_that_is_only_among_the_dead_can_be_pushed(self, harness: Harness) -> None:
        _bury(harness, "a")
        harness.push("a")
        assert harness.left() == ["a"]
        assert len(harness.backend.dead(harness.queue)) == 1

    @needs(DEAD_LETTERS, UNIQUE)
    def test_a_second_burial_of_an_id_replaces_the_first(self, harness: Harness) -> None:
        _bury(harness, "a", reason="first")
        _bury(harness, "b", reason="between")
        _bury(harness, "a", reason="second")
        letters = harness.backend.dead(harness.queue)
        assert [(letter.id, letter.reason) for letter in letters] == [("a", "second"), ("b", "between")]

    @needs(DEAD_LETTERS)
    def test_dead_letters_can_be_purged_by_their_ids_or_altogether(self, harness: Harness) -> None:
        _bury(harness, "a", "b", "c")
        assert harness.backend.purge_dead(harness.queue, ["b", "unknown"]) == 1
        assert sorted(letter.id for letter in harness.backend.dead(harness.queue)) == ["a", "c"]
        assert harness.backend.purge_dead(harness.queue) == 2
        assert harness.backend.dead(harness.queue) == []

    @needs(DEAD_LETTERS)
    def test_dead_letters_of_another_queue_are_left_alone(self, harness: Harness) -> None:
        _bury(harness, "a")
        other = harness.new_queue()
        assert harness.backend.dead(other) == []
        assert harness.backend.requeue(other) == []
        assert harness.backend.purge_dead(other) == 0
        assert len(harness.backend.dead(harness.queue)) == 1

    @needs(DEAD_LETTERS, PEEK, CANCEL, GET)
    def test_a_dead_letter_is_no_queued_message(self, harness: Harness) -> None:
        _bury(harness, "a")
        assert harness.backend.peek(harness.queue, "a") is None
        assert harness.backend.cancel(harness.queue, "a") is None
        assert harness.consumer().get(harness.queue, "a") is None

    @needs(DEAD_LETTERS, EXACT_SIZE)
    def test_dead_letters_are_counted_apart(self, harness: Harness) -> None:
        _bury(harness, "a", "b")
        harness.push("c")
        assert harness.backend.size(harness.queue) == (1, 0, 0, 2, True)


def _bury(harness: Harness, *ids: str, reason: str = "it failed") -> None:
    harness.push(*ids)
    consumer = harness.consumer()
    held = harness.collect(consumer, len(ids))
    assert consumer.settle([Bury(delivery, reason) for delivery in held]) == []
    consumer.close()
