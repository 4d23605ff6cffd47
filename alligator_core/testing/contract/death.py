"""What reporting a death promises."""

from __future__ import annotations

from ...backend import DELAY, TAKE_OVER, Release
from ..harness import PATIENCE, Harness, body_of
from .base import Contract, needs
from .doomed import DEAD, by_id, hold


class DeathContract(Contract):
    """A worker's death is counted by whoever knows of it."""

    guarantee = "A death that is reported counts like one that is noticed"

    @needs(TAKE_OVER)
    def test_a_message_released_as_died_counts_and_is_ready_at_once(self, harness: Harness) -> None:
        harness.push("a")
        taker = harness.consumer()
        [held] = harness.collect(taker, 1)
        assert taker.settle([Release(held, died=True)]) == []
        assert [(each.id, each.body, each.deliveries) for each in taker.reserve(1, 0.0)] == [("a", body_of("a"), 2)]

    @needs(TAKE_OVER)
    def test_each_reported_death_counts(self, harness: Harness) -> None:
        harness.abandon("a")
        consumer = harness.consumer()
        for deliveries in (2, 3, 4):
            [held] = harness.collect(consumer, 1)
            assert held.deliveries == deliveries
            assert consumer.settle([Release(held, died=True)]) == []

    @needs(TAKE_OVER)
    def test_what_was_released_as_died_is_handed_out_alone_and_before_fresh_ones(self, harness: Harness) -> None:
        harness.push("a", "b", "c", "d")
        hold(harness, 3)
        taker = harness.consumer()
        taken = by_id(taker.take_over(DEAD))
        assert taker.settle([Release(taken[0]), Release(taken[1], died=True), Release(taken[2], died=True)]) == []
        batches = [taker.reserve(10, PATIENCE) for _ in range(3)]
        assert [[each.id for each in batch] for batch in batches] == [["b"], ["c"], ["a", "d"]]

    @needs(TAKE_OVER, DELAY)
    def test_a_death_counts_after_a_delay_too(self, harness: Harness) -> None:
        harness.push("a")
        consumer = harness.consumer()
        [held] = harness.collect(consumer, 1)
        assert consumer.settle([Release(held, self.delay, died=True)]) == []
        assert consumer.reserve(1, 0.0) == []
        assert [each.deliveries for each in harness.collect(consumer, 1)] == [2]

    @needs(TAKE_OVER)
    def test_a_stale_release_counts_no_death(self, harness: Harness) -> None:
        harness.push("a")
        doomed, held = hold(harness, 1)
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        assert doomed.settle([Release(held[0], died=True)]) == held
        assert taker.settle([Release(taken[0])]) == []
        assert [each.deliveries for each in harness.collect(harness.consumer(), 1)] == [1]
