"""What taking over from a dead process promises."""

from __future__ import annotations

import signal
import time

from ...backend import (
    DEAD_LETTERS,
    EXACT_SIZE,
    GET,
    PRIORITY,
    SHARED,
    TAKE_OVER,
    Ack,
    Bury,
    Message,
    Release,
    Replace,
    Settlement,
)
from ..harness import PATIENCE, Harness, body_of, until
from ..spawning import spawned
from .base import Contract, needs
from .doomed import DEAD, by_id, hold

ODD_HOLDERS = ("x", "a/b", "a/b/", "/", "%", "*", "?[a]", "'; --", '"\\', "{a}", DEAD[:-1], DEAD + "0", "h" * 100)


class TakeOverContract(Contract):
    """A supervisor takes over at once what its dead child held."""

    guarantee = "What a dead process held is taken over at once, under the name that it held it under"

    @needs(TAKE_OVER)
    def test_what_a_holder_held_is_taken_over_at_once_and_uncounted(self, harness: Harness) -> None:
        harness.push("a", "b")
        hold(harness, 2)
        taker = harness.consumer()
        taken = by_id(taker.take_over(DEAD))
        assert [(each.id, each.body, each.deliveries) for each in taken] == [
            ("a", body_of("a"), 1),
            ("b", body_of("b"), 1),
        ]
        assert harness.ack_all(taker, taken) == []
        assert harness.left() == []

    @needs(TAKE_OVER)
    def test_what_is_taken_over_is_reserved_still(self, harness: Harness) -> None:
        harness.push("a")
        hold(harness, 1)
        taker = harness.consumer()
        assert len(taker.take_over(DEAD)) == 1
        harness.push("a")
        assert harness.left() == []
        taker.close()
        assert harness.left() == ["a"]

    @needs(TAKE_OVER)
    def test_a_delivery_taken_over_tells_what_the_first_one_told(self, harness: Harness) -> None:
        harness.abandon("a")
        hold(harness, 1)
        assert [(each.queue, each.deliveries) for each in harness.consumer().take_over(DEAD)] == [(harness.queue, 2)]

    @needs(TAKE_OVER, PRIORITY)
    def test_a_delivery_taken_over_tells_its_priority(self, harness: Harness) -> None:
        harness.push("a", priority=8)
        hold(harness, 1)
        assert [each.priority for each in harness.consumer().take_over(DEAD)] == [8]

    @needs(TAKE_OVER)
    def test_what_was_settled_before_a_death_is_not_taken_over(self, harness: Harness) -> None:
        harness.push("a", "b", "c", "d", "e")
        doomed, held = hold(harness, 5)
        assert doomed.settle([Ack(held[1]), Release(held[3])]) == []
        taker = harness.consumer()
        taken = by_id(taker.take_over(DEAD))
        assert [(each.id, each.body) for each in taken] == [(id, body_of(id)) for id in "ace"]
        assert taker.settle([Release(each) for each in taken]) == []
        assert harness.left() == ["a", "c", "d", "e"]

    @needs(TAKE_OVER)
    def test_all_consumers_of_a_holder_are_taken_over_and_no_others(self, harness: Harness) -> None:
        harness.push("a", "b", "c", "d")
        for holder in (DEAD, DEAD, "somebody.else", ""):
            hold(harness, 1, holder)
        assert sorted(each.id for each in harness.consumer().take_over(DEAD)) == ["a", "b"]

    @needs(TAKE_OVER)
    def test_odd_names_of_holders_are_told_apart(self, harness: Harness) -> None:
        harness.push(*ODD_HOLDERS)
        for holder in ODD_HOLDERS:
            hold(harness, 1, holder)
        assert sorted(harness.backend.holders([harness.queue])) == sorted(ODD_HOLDERS)
        taker = harness.consumer()
        for holder in ODD_HOLDERS:
            assert [each.id for each in taker.take_over(holder)] == [holder]

    @needs(TAKE_OVER)
    def test_an_unknown_holder_held_nothing(self, harness: Harness) -> None:
        harness.push("a")
        hold(harness, 1, "")
        taker = harness.consumer()
        assert (taker.take_over(DEAD), taker.take_over("")) == ([], [])

    @needs(TAKE_OVER)
    def test_nothing_is_taken_over_twice(self, harness: Harness) -> None:
        harness.push("a")
        hold(harness, 1)
        taker = harness.consumer()
        assert len(taker.take_over(DEAD)) == 1
        assert (taker.take_over(DEAD), harness.consumer().take_over(DEAD)) == ([], [])

    @needs(TAKE_OVER)
    def test_a_consumer_keeps_what_it_holds_under_the_same_name(self, harness: Harness) -> None:
        harness.push("a", "b")
        hold(harness, 1)
        taker, own = hold(harness, 1)
        taken = taker.take_over(DEAD)
        assert [each.id for each in taken] == ["a"]
        assert harness.ack_all(taker, [*taken, *own]) == []

    @needs(TAKE_OVER)
    def test_what_was_taken_over_can_be_taken_over_again(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        doomed, held = hold(harness, 3)
        assert harness.ack_all(doomed, held[1:2]) == []
        second = harness.consumer(holder="second")
        assert len(second.take_over(DEAD)) == 2
        taker = harness.consumer()
        taken = taker.take_over("second")
        assert sorted(each.id for each in taken) == ["a", "c"]
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER)
    def test_a_large_hold_is_taken_over_completely(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(2500)]
        for start in range(0, len(ids), 500):
            harness.push(*ids[start : start + 500])
        doomed, held = hold(harness, len(ids))
        assert doomed.settle([Ack(each) for each in held[::7]]) == []
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        assert sorted(each.id for each in taken) == sorted(set(ids) - {each.id for each in held[::7]})
        assert all(each.body == body_of(each.id) for each in taken)
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER)
    def test_large_bodies_are_taken_over_completely(self, harness: Harness) -> None:
        body = b"\xfe" * min(1024 * 1024, harness.backend.limits.max_body)
        harness.backend.push(harness.queue, [Message(f"{number}", body) for number in range(12)])
        hold(harness, 12)
        taken = harness.consumer().take_over(DEAD)
        is_all = len(taken) == 12 and all(each.body == body for each in taken)
        assert is_all

    @needs(TAKE_OVER)
    def test_messages_of_other_queues_stay_with_whoever_holds_them(self, harness: Harness) -> None:
        other = harness.new_queue()
        harness.push("a")
        harness.push("b", queue=other)
        harness.collect(harness.consumer(harness.queue, other, holder=DEAD), 2)
        assert [each.id for each in harness.consumer().take_over(DEAD)] == ["a"]
        assert harness.left(other) == []
        assert harness.backend.holders([other]) == [DEAD]
        heir = harness.consumer(harness.queue, other)
        taken = heir.take_over(DEAD)
        assert [(each.queue, each.id) for each in taken] == [(other, "b")]
        assert harness.ack_all(heir, taken) == []

    @needs(TAKE_OVER)
    def test_all_queues_of_the_taker_are_looked_at(self, harness: Harness) -> None:
        queues = [harness.new_queue() for _ in range(3)]
        for queue in queues:
            harness.push("a", queue=queue)
            harness.collect(harness.consumer(queue, holder=DEAD), 1)
        assert sorted(each.queue for each in harness.consumer(*queues).take_over(DEAD)) == sorted(queues)

    @needs(TAKE_OVER)
    def test_a_lease_that_ran_out_unnoticed_is_taken_over_like_any_other(self, harness: Harness) -> None:
        harness.push("a")
        taker = harness.consumer()
        harness.collect(harness.consumer(lease=self.lease, holder=DEAD), 1)
        time.sleep(1.5 * self.lease)
        assert [(each.id, each.deliveries) for each in taker.take_over(DEAD)] == [("a", 1)]

    @needs(TAKE_OVER)
    def test_what_is_taken_over_is_kept_by_the_takers_lease(self, harness: Harness) -> None:
        harness.push("a")
        harness.collect(harness.consumer(lease=self.lease, holder=DEAD), 1)
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        assert harness.consumer().reserve(1, 2 * self.lease) == []
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER)
    def test_what_is_taken_over_comes_back_when_the_taker_dies_too(self, harness: Harness) -> None:
        harness.push("a", "b")
        hold(harness, 2)
        assert len(harness.consumer(lease=self.lease).take_over(DEAD)) == 2
        consumer = harness.consumer()
        batches = [consumer.reserve(10, PATIENCE) for _ in range(2)]
        assert [[(each.id, each.deliveries) for each in batch] for batch in batches] == [[("a", 2)], [("b", 2)]]

    @needs(TAKE_OVER, EXACT_SIZE)
    def test_what_is_taken_over_counts_as_reserved(self, harness: Harness) -> None:
        harness.push("a", "b")
        hold(harness, 1)
        assert len(harness.consumer().take_over(DEAD)) == 1
        assert harness.backend.size(harness.queue)[:3] == (1, 0, 1)

    @needs(TAKE_OVER, GET)
    def test_a_message_that_was_got_by_its_id_is_taken_over(self, harness: Harness) -> None:
        harness.push("a", "b")
        assert harness.consumer(holder=DEAD).get(harness.queue, "b") is not None
        taker = harness.consumer()
        taken = taker.take_over(DEAD)
        assert [(each.id, each.body) for each in taken] == [("b", body_of("b"))]
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER, DEAD_LETTERS)
    def test_the_taker_settles_in_every_way(self, harness: Harness) -> None:
        harness.push("a", "b", "c", "d")
        hold(harness, 4)
        taker = harness.consumer()
        first, second, third, fourth = by_id(taker.take_over(DEAD))
        settlements: list[Settlement] = [
            Ack(first),
            Release(second),
            Replace(third, Message("c", b"again")),
            Bury(fourth, "its worker died"),
        ]
        assert taker.settle(settlements) == []
        assert sorted(harness.left()) == ["b", "c"]
        assert [letter.id for letter in harness.backend.dead(harness.queue)] == ["d"]

    @needs(TAKE_OVER)
    def test_a_closed_consumer_takes_over_nothing(self, harness: Harness) -> None:
        harness.push("a")
        hold(harness, 1)
        closed = harness.consumer()
        closed.close()
        assert closed.take_over(DEAD) == []
        assert len(harness.consumer().take_over(DEAD)) == 1

    @needs(TAKE_OVER)
    def test_of_two_that_take_over_from_one_holder_each_message_goes_to_one(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        for _ in range(3):
            hold(harness, 1)
        takers = [harness.consumer() for _ in range(2)]
        taken = [each.id for taker in takers for each in taker.take_over(DEAD)]
        assert sorted(taken) == ["a", "b", "c"]

    @needs(TAKE_OVER, SHARED)
    def test_another_backend_object_takes_over(self, harness: Harness) -> None:
        harness.push("a")
        doomed, held = hold(harness, 1)
        taker = harness.consumer(backend=harness.open())
        taken = taker.take_over(DEAD)
        assert [each.id for each in taken] == ["a"]
        assert harness.ack_all(doomed, held) == held
        assert harness.ack_all(taker, taken) == []

    @needs(TAKE_OVER, SHARED)
    def test_what_a_killed_process_held_is_taken_over_within_its_lease(self, harness: Harness) -> None:
        harness.push("a", "b")
        with spawned(harness, "hold", count=2, holder=DEAD, lease=60.0) as holder:
            until(lambda: len(holder.said) == 2)
            holder.send_signal(signal.SIGKILL)
            assert harness.backend.holders([harness.queue]) == [DEAD]
            taker = harness.consumer()
            taken = by_id(taker.take_over(DEAD))
        assert [(each.id, each.deliveries) for each in taken] == [("a", 1), ("b", 1)]
        assert taker.settle([Release(taken[0], died=True), Release(taken[1])]) == []
        consumer = harness.consumer()
        batches = [consumer.reserve(10, PATIENCE) for _ in range(2)]
        assert [[(each.id, each.deliveries) for each in batch] for batch in batches] == [[("a", 2)], [("b", 1)]]
