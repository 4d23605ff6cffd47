"""What threads that share a backend are promised."""

from __future__ import annotations

from collections import Counter
from threading import Event

from ...backend import Delivery
from ..harness import PATIENCE, Harness, in_background, until
from .base import Contract


class ConcurrencyContract(Contract):
    """Many threads, one backend."""

    guarantee = "Of many producers and consumers at once, each message reaches exactly one"

    def test_each_message_of_many_threads_reaches_exactly_one_consumer(self, harness: Harness) -> None:
        done, stop = Counter[str](), Event()
        consumers = [in_background(_consume, harness, done, stop) for _ in range(3)]
        producers = [in_background(_produce, harness, f"{number}") for number in range(3)]
        for producer in producers:
            producer.result(2 * PATIENCE)
        until(lambda: done.total() >= 180)
        stop.set()
        for consumer in consumers:
            consumer.result(2 * PATIENCE)
        assert done == Counter(f"{name}-{number}" for name in range(3) for number in range(60))
        assert harness.left() == []

    def test_one_thread_reserves_while_another_settles(self, harness: Harness) -> None:
        ids = [f"{number}" for number in range(120)]
        harness.push(*ids)
        consumer = harness.consumer()
        settling = []
        seen: list[Delivery] = []
        while batch := consumer.reserve(10, 0.0):
            seen += batch
            settling.append(in_background(harness.ack_all, consumer, batch))
        assert [stale for settled in settling for stale in settled.result(PATIENCE)] == []
        assert harness.in_order([delivery.id for delivery in seen]) == harness.in_order(ids)
        assert harness.left() == []

    def test_two_consumers_of_one_backend_hold_different_messages(self, harness: Harness) -> None:
        harness.push("a", "b")
        first, second = harness.consumer(), harness.consumer()
        held = harness.collect(first, 1), harness.collect(second, 1)
        assert harness.ack_all(first, held[1]) == held[1]
        assert harness.ack_all(second, held[1]) == []
        first.close()
        assert harness.left() == ["a"]


def _produce(harness: Harness, name: str) -> None:
    for number in range(0, 60, 2):
        harness.push(*(f"{name}-{each}" for each in (number, number + 1)))


def _consume(harness: Harness, done: Counter[str], stop: Event) -> None:
    consumer = harness.consumer()
    while not stop.is_set():
        batch = consumer.reserve(7, 0.1)
        assert harness.ack_all(consumer, batch) == []
        for delivery in batch:
            done[delivery.id] += 1
    consumer.close()
