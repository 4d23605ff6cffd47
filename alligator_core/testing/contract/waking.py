"""What a wait for work promises."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from ...backend import DEAD_LETTERS, SHARED, Bury, Consumer, Delivery, Message, Release, Replace
from ..harness import PATIENCE, Harness, in_background
from .base import Contract, needs

PROMPTLY = 0.2
"""Seconds within which a wait should be over; once in a few tries, since a busy machine may be late any time."""


class WakingContract(Contract):
    """Whoever waits is woken."""

    guarantee = "A waiting worker is woken at once by whatever becomes ready"

    def test_a_push_wakes_a_waiting_consumer(self, harness: Harness) -> None:
        _wakes(harness, lambda message: partial(harness.push, message))

    def test_a_push_to_the_last_of_its_queues_wakes_a_consumer(self, harness: Harness) -> None:
        consumer = harness.consumer(harness.new_queue(), harness.new_queue(), harness.queue)
        _wakes(harness, lambda message: partial(harness.push, message), consumer)

    @needs(SHARED)
    def test_a_push_by_another_backend_of_the_dsn_wakes_a_waiting_consumer(self, harness: Harness) -> None:
        other = harness.open()
        _wakes(harness, lambda message: partial(other.push, harness.queue, [Message(message, b"")]))

    def test_a_release_wakes_a_waiting_consumer(self, harness: Harness) -> None:
        def hold(id: str) -> Callable[[], object]:
            consumer, delivery = _held(harness, id)
            return lambda: consumer.settle([Release(delivery)])

        _wakes(harness, hold)

    def test_a_retry_wakes_a_waiting_consumer(self, harness: Harness) -> None:
        def hold(id: str) -> Callable[[], object]:
            consumer, delivery = _held(harness, id)
            return lambda: consumer.settle([Replace(delivery, Message(id, b"again"))])

        _wakes(harness, hold)

    def test_a_consumer_that_closes_wakes_a_waiting_one(self, harness: Harness) -> None:
        _wakes(harness, lambda message: _held(harness, message)[0].close)

    @needs(DEAD_LETTERS)
    def test_a_requeue_wakes_a_waiting_consumer(self, harness: Harness) -> None:
        def bury(id: str) -> Callable[[], object]:
            consumer, delivery = _held(harness, id)
            assert consumer.settle([Bury(delivery, "why")]) == []
            return lambda: harness.backend.requeue(harness.queue)

        _wakes(harness, bury)


def _held(harness: Harness, id: str) -> tuple[Consumer, Delivery]:
    harness.push(id)
    consumer = harness.consumer()
    [delivery] = harness.collect(consumer, 1)
    return consumer, delivery


def _wakes(harness: Harness, prepare: Callable[[str], Callable[[], object]], consumer: Consumer | None = None) -> None:
    """Let a consumer wait for what `prepare` makes ready; fail if it is late each time."""
    consumer = consumer or harness.consumer()
    took = []
    for number in range(6):
        make_ready = prepare(f"{number}")
        waiting = in_background(consumer.reserve, 1, PATIENCE)
        time.sleep(0.1)
        make_ready()
        started = time.monotonic()
        found = waiting.result(2 * PATIENCE)
        took.append(time.monotonic() - started)
        assert [delivery.id for delivery in found] == [f"{number}"]
        assert harness.ack_all(consumer, found) == []
        if took[-1] < PROMPTLY:
            return
    raise AssertionError(f"the wait was over after {min(took):.2f} s at best")
