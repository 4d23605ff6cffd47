"""Leases, where this backend has a state of its own: run out, but not noticed by anybody yet."""

from __future__ import annotations

import time

from alligator_sqlite import SqliteBackend

from alligator_core.backend import Ack
from tests.sqlite.helpers import eventually, push


def test_a_lease_that_ran_out_unnoticed_is_taken_up_again(backend: SqliteBackend) -> None:
    push(backend, "a", "b")
    consumer = backend.consumer(["q"], 0.05)
    first = consumer.reserve(1, 0.0)
    ((expires,),) = backend._database.run("SELECT expires FROM consumers")
    eventually(lambda: time.time() > expires)
    second = consumer.reserve(1, 0.0)
    assert [delivery.id for delivery in [*first, *second]] == ["a", "b"]
    assert consumer.settle([Ack(delivery) for delivery in [*first, *second]]) == []
    assert consumer.keep_alive() == []
    consumer.close()


def test_the_dead_are_forgotten(backend: SqliteBackend) -> None:
    push(backend, "a")
    for _ in range(3):
        backend.consumer(["q"], 0.01).reserve(1, 0.2)
    consumer = backend.consumer(["q"], 60.0)
    eventually(lambda: consumer.reserve(1, 0.1))
    assert backend._database.run("SELECT count(*) FROM consumers") == [(1,)]
    consumer.close()
    assert backend._database.run("SELECT count(*) FROM consumers") == [(0,)]


def test_a_consumer_that_looks_for_a_message_in_vain_registers_once(backend: SqliteBackend) -> None:
    consumer = backend.consumer(["q"], 60.0)
    assert [consumer.get("q", "a"), consumer.get("q", "b")] == [None, None]
    assert backend._database.run("SELECT count(*) FROM consumers") == [(1,)]
    consumer.close()
