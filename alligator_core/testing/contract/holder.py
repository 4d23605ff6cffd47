"""What the names of holders promise."""

from __future__ import annotations

import signal

from ...backend import SHARED, TAKE_OVER
from ..harness import PATIENCE, Harness, until
from ..spawning import spawned
from .base import Contract, needs
from .doomed import DEAD, hold


class HolderContract(Contract):
    """Processes are known by their names."""

    guarantee = "The names of all that hold messages can be listed, and their leases be kept by others"

    @needs(TAKE_OVER)
    def test_whoever_holds_messages_is_listed_once(self, harness: Harness) -> None:
        harness.push("a", "b", "c", "d")
        for holder in (DEAD, "other", DEAD, ""):
            hold(harness, 1, holder)
        assert sorted(harness.backend.holders([harness.queue])) == [DEAD, "other"]

    @needs(TAKE_OVER)
    def test_holders_of_all_queues_named_are_listed_and_of_no_others(self, harness: Harness) -> None:
        queues = [harness.new_queue() for _ in range(3)]
        for queue, holder in zip(queues, ("one", "two", "three"), strict=True):
            harness.push("a", queue=queue)
            harness.collect(harness.consumer(queue, holder=holder), 1)
        assert sorted(harness.backend.holders(queues[:2])) == ["one", "two"]
        assert harness.backend.holders([harness.queue]) == []

    @needs(TAKE_OVER)
    def test_a_holder_that_is_done_or_closed_or_taken_over_is_no_longer_listed(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        done, held = hold(harness, 1, "done")
        closed, _ = hold(harness, 1, "closed")
        assert harness.ack_all(done, held) == []
        closed.close()
        hold(harness, 1)
        assert len(harness.consumer().take_over(DEAD)) == 1
        assert harness.backend.holders([harness.queue]) == []

    @needs(TAKE_OVER)
    def test_a_holder_whose_lease_ran_out_is_no_longer_listed_once_that_is_noticed(self, harness: Harness) -> None:
        harness.push("a")
        harness.collect(harness.consumer(lease=self.lease, holder=DEAD), 1)
        assert [each.deliveries for each in harness.collect(harness.consumer(), 1)] == [2]
        assert harness.backend.holders([harness.queue]) == []

    @needs(TAKE_OVER)
    def test_a_lease_is_kept_alive_by_its_holders_name(self, harness: Harness) -> None:
        harness.push("a")
        holder, held = hold(harness, 1, lease=self.lease)
        harness.backend.keep_alive([harness.queue], DEAD, 60.0)
        assert harness.consumer().reserve(1, 2 * self.lease) == []
        assert harness.ack_all(holder, held) == []

    @needs(TAKE_OVER)
    def test_all_consumers_of_a_holder_are_kept_alive_and_no_others(self, harness: Harness) -> None:
        harness.push("a", "b", "c")
        for holder in (DEAD, DEAD, "other"):
            hold(harness, 1, holder, lease=self.lease + 2.0)
        harness.backend.keep_alive([harness.queue], DEAD, 60.0)
        consumer = harness.consumer()
        assert [each.id for each in consumer.reserve(10, PATIENCE)] == ["c"]
        assert consumer.reserve(10, self.lease) == []

    @needs(TAKE_OVER)
    def test_no_lease_gets_shorter_by_being_kept_alive(self, harness: Harness) -> None:
        harness.push("a")
        holder, held = hold(harness, 1)
        harness.backend.keep_alive([harness.queue], DEAD, 0.01)
        assert harness.consumer().reserve(1, self.lease) == []
        assert harness.ack_all(holder, held) == []

    @needs(TAKE_OVER)
    def test_whoever_was_declared_dead_stays_so(self, harness: Harness) -> None:
        harness.push("a")
        stale, held = hold(harness, 1, lease=self.lease)
        heir = harness.consumer()
        again = harness.collect(heir, 1)
        harness.backend.keep_alive([harness.queue], DEAD, 60.0)
        assert harness.ack_all(stale, held) == held
        assert harness.ack_all(heir, again) == []

    @needs(TAKE_OVER)
    def test_keeping_an_unknown_holder_alive_is_no_error(self, harness: Harness) -> None:
        harness.backend.keep_alive([harness.queue, harness.new_queue()], "nobody", 60.0)
        assert harness.backend.holders([harness.queue]) == []

    @needs(TAKE_OVER)
    def test_a_consumer_without_a_holder_is_kept_alive_by_no_name(self, harness: Harness) -> None:
        harness.push("a")
        hold(harness, 1, "", lease=self.lease)
        harness.backend.keep_alive([harness.queue], "", 60.0)
        assert [each.id for each in harness.consumer().reserve(1, PATIENCE)] == ["a"]

    @needs(TAKE_OVER, SHARED)
    def test_another_process_that_stands_still_is_kept_alive(self, harness: Harness) -> None:
        harness.push("a")
        with spawned(harness, "hold", count=1, holder=DEAD) as holder:
            until(lambda: holder.said == ["a"])
            other = harness.open()
            other.ping()
            # Before, its own heartbeat may shorten the lease again.
            holder.send_signal(signal.SIGSTOP)
            other.keep_alive([harness.queue], DEAD, 60.0)
            assert harness.consumer().reserve(1, 2 * self.lease) == []
            holder.send_signal(signal.SIGCONT)
            holder.ask("settle")
            holder.finish()
            assert holder.said == ["a"]
        assert harness.left() == []
