"""What a consumer can't do any more once it was declared dead."""

from __future__ import annotations

from ...backend import (
    DEAD_LETTERS,
    SHARED,
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
from ..harness import PATIENCE, Harness, body_of, until
from ..spawning import spawned
from .base import Contract, needs
from .doomed import DEAD, by_id, hold


class FenceContract(Contract):
    """Nobody settles what another one holds."""

    guarantee = "A worker that was declared dead can settle nothing of what it held, and can go on"

    def test_a_stale_consumer_can_not_settle_what_another_one_holds(self, harness: Harness) -> None:
        stale, lost, heir, held = _inherited(harness, "a", "b", "c", "d")
        settlements: list[Settlement] = [
            Ack(lost[0]),
            Release(lost[1]),
            Replace(lost[2], Message("c", b"retry")),
            Bury(lost[3], "why", b"other"),
        ]
        assert stale.settle(settlements) == lost
        assert harness.left() == []
        assert [delivery.body for delivery in held] == [body_of(id) for id in "abcd"]
        assert harness.ack_all(heir, held) == []
        assert harness.left() == []

    @needs(DEAD_LETTERS)
    def test_a_stale_bury_leaves_no_dead_letter(self, harness: Harness) -> None:
        stale, lost, _, _ = _inherited(harness, "a")
        assert stale.settle([Bury(lost[0], "why")]) == lost
        assert harness.backend.dead(harness.queue) == []

    def test_a_stale_consumer_can_not_settle_what_waits_again(self, harness: Harness) -> None:
        stale, lost = harness.abandon("a", "b")
        assert harness.collect_ids(count=1) == ["a"]
        assert harness.ack_all(stale, lost[1:]) == lost[1:]
        assert harness.left() == ["b"]

    def test_keep_alive_tells_what_was_lost_and_does_not_get_it_back(self, harness: Harness) -> None:
        stale, lost, heir, held = _inherited(harness, "a", "b")
        assert sorted(delivery.id for delivery in stale.keep_alive()) == ["a", "b"]
        assert harness.ack_all(stale, lost) == lost
        assert harness.ack_all(heir, held) == []

    def test_a_stale_consumer_can_go_on(self, harness: Harness) -> None:
        stale, lost, heir, _ = _inherited(harness, "a")
        harness.push("b")
        fresh = harness.collect(stale, 1)
        assert [delivery.id for delivery in fresh] == ["b"]
        assert harness.ack_all(stale, [*lost, *fresh]) == lost
        heir.close()
        assert harness.left() == ["a"]

    def test_a_stale_hold_is_not_revived_by_holding_the_message_again(self, harness: Harness) -> None:
        stale, lost, heir, _ = _inherited(harness, "a")
        heir.close()
        again = harness.collect(stale, 1)
        assert harness.ack_all(stale, lost) == lost
        assert harness.ack_all(stale, again) == []
        assert harness.left() == []

    def test_closing_a_stale_consumer_leaves_alone_what_another_one_holds(self, harness: Harness) -> None:
        stale, _, heir, held = _inherited(harness, "a")
        stale.close()
        assert harness.left() == []
        assert harness.ack_all(heir, held) == []

    def test_a_message_may_be_pushed_again_after_its_heir_is_done_with_it(self, harness: Harness) -> None:
        stale, lost, heir, held = _inherited(harness, "a")
        assert harness.ack_all(heir, held) == []
        harness.push("a")
        assert harness.ack_all(stale, lost) == lost
        assert harness.left() == ["a"]

    @needs(TAKE_OVER)
    def test_a_consumer_that_was_taken_over_can_settle_none_of_it(self, harness: Harness) -> None:
        harness.push("a", "b", "c", "d")
        doomed, held = hold(harness, 4)
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        settlements: list[Settlement] = [
            Ack(held[0]),
            Release(held[1]),
            Replace(held[2], Message("c", b"retry")),
            Bury(held[3], "why"),
        ]
        assert doomed.settle(settlements) == held
        assert harness.left() == []
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER)
    def test_a_consumer_that_was_taken_over_goes_on_as_a_new_one(self, harness: Harness) -> None:
        harness.push("a", "b")
        doomed, held = hold(harness, 1)
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        fresh = harness.collect(doomed, 1)
        assert [each.id for each in fresh] == ["b"]
        assert harness.ack_all(doomed, [*held, *fresh]) == held
        assert harness.ack_all(taker, taken) == []
        assert harness.left() == []

    @needs(TAKE_OVER)
    def test_the_keep_alive_of_a_consumer_that_was_taken_over_tells_the_loss(self, harness: Harness) -> None:
        harness.push("a", "b")
        doomed, held = hold(harness, 2)
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        assert by_id(doomed.keep_alive()) == held
        assert doomed.keep_alive() == []
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER)
    def test_closing_a_consumer_that_was_taken_over_leaves_alone_what_the_taker_holds(self, harness: Harness) -> None:
        harness.push("a")
        doomed, _ = hold(harness, 1)
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        doomed.close()
        assert harness.left() == []
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER, SHARED)
    def test_a_process_that_lives_after_all_can_not_settle_what_was_taken_over(self, harness: Harness) -> None:
        harness.push("a")
        with spawned(harness, "hold", count=1, holder=DEAD, lease=60.0) as holder:
            until(lambda: holder.said == ["a"])
            taker = harness.consumer()
            taken = taker.take_over(DEAD)
            holder.ask("settle")
            until(lambda: holder.said == ["a", "stale a"])
        assert harness.ack_all(taker, taken) == []


def _inherited(harness: Harness, *ids: str) -> tuple[Consumer, list[Delivery], Consumer, list[Delivery]]:
    """Let a consumer lose messages to another one; return both, each with its deliveries."""
    stale, lost = harness.abandon(*ids)
    heir = harness.consumer()
    held = [heir.reserve(1, PATIENCE)[0] for _ in ids]
    return stale, lost, heir, held
