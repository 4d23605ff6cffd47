"""Leases, where this backend has a state of its own: run out, but not noticed by anybody yet."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alligator_sqlite import SqliteBackend

from alligator_core.backend import Ack, Bury, Release
from tests.sqlite.helpers import eventually, push, ready_ids


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


def test_requests_to_stop_are_forgotten_with_their_messages(backend: SqliteBackend) -> None:
    push(backend, "a", "b", "c", "d", "e")
    consumer = backend.consumer(["q"], 60.0)
    held = consumer.reserve(5, 0.0)
    assert all(backend.stop("q", delivery.id) for delivery in held)
    assert consumer.settle([Ack(held[0]), Bury(held[1], "why"), *map(Release, held[2:4])]) == []
    assert backend._database.run("SELECT count(*) FROM stops") == [(3,)]
    assert backend.cancel("q", "c") is not None
    assert backend.purge("q") == 1
    assert backend._database.run("SELECT count(*) FROM stops") == [(1,)]
    consumer.close()


def test_a_consumer_that_looks_for_a_message_in_vain_registers_once(backend: SqliteBackend) -> None:
    consumer = backend.consumer(["q"], 60.0)
    assert [consumer.get("q", "a"), consumer.get("q", "b")] == [None, None]
    assert backend._database.run("SELECT count(*) FROM consumers") == [(1,)]
    consumer.close()


def test_a_consumer_is_woken_by_what_its_other_thread_releases(backend: SqliteBackend) -> None:
    # Its own connection does not tell it that the file has changed.
    push(backend, "a")
    consumer = backend.consumer(["q"], 60.0)
    (held,) = consumer.reserve(1, 0.0)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(consumer.reserve, 1, 60.0)
        eventually(lambda: backend._bell._waiting)
        assert consumer.settle([Release(held)]) == []
        assert [delivery.id for delivery in waiting.result(20)] == ["a"]
    consumer.close()


def test_what_a_consumer_took_unknowingly_is_given_back_when_it_closes(
    backend: SqliteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(backend, "a", "b", "c")
    consumer = backend.consumer(["q"], 60.0)
    (first,) = consumer.reserve(1, 0.0)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(consumer, "_hold", interrupt)  # a signal, just after the commit
        with pytest.raises(KeyboardInterrupt):
            consumer.reserve(1, 0.0)
    assert consumer.settle([Ack(first)]) == []
    consumer.close()
    assert ready_ids(backend) == ["b", "c"]
