"""Servers that go and come back: with a log they keep all, without one nothing."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest

from alligator_core.backend import Ack, Bury, Consumer, Delivery, Message
from alligator_core.errors import BackendUnavailable
from alligator_core.testing.harness import in_background
from tests.beanstalk.helpers import ids_of, messages, numbered, opened, take_all
from tests.beanstalk.servers import PATIENCE, Server, until


def test_with_a_log_nothing_is_lost_when_the_server_is_killed(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        backend.push("all", [*numbered(20), Message("later", b"", 5, 3600.0), Message("first", b"", 9)])
        consumer = backend.consumer(["all"], 30.0)
        [dead] = consumer.reserve(1, 0.0)
        assert consumer.settle([Bury(dead, "why")]) == []
        assert len(consumer.reserve(5, 0.0)) == 5
        own_server.restart()
        assert backend.size("all") == (20, 1, 0, 1, True)
        assert [(letter.id, letter.reason) for letter in backend.dead("all")] == [("first", "why")]


def test_without_a_log_everything_is_lost_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(None)
    with opened(server.dsn) as backend, caplog.at_level(logging.WARNING, "alligator.beanstalk"):
        backend.push("all", numbered(20))
        server.restart()
        assert backend.size("all") == (0, 0, 0, 0, True)
    server.kill()
    assert "keeps no log (-b)" in caplog.text


def test_what_was_held_when_the_server_died_can_not_be_settled_and_comes_back_uncounted(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        consumer = backend.consumer(["all"], 30.0)
        backend.push("all", messages("a"))
        held = consumer.reserve(1, 0.0)
        own_server.restart()
        with pytest.raises(BackendUnavailable):
            consumer.settle([Ack(held[0])])
        assert consumer.settle([Ack(held[0])]) == held
        assert consumer.keep_alive() == held
        assert [(each.id, each.deliveries) for each in consumer.reserve(1, 1.0)] == [("a", 1)]


def test_deaths_that_were_counted_outlive_the_server(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        backend.push("all", messages("poison"))
        client = own_server.client(watch="alligator.all")
        client.reserve(0)
        client.close()
        consumer = backend.consumer(["all"], 30.0)
        assert [each.deliveries for each in consumer.reserve(1, PATIENCE)] == [2]
        own_server.restart()
        assert [each.deliveries for each in backend.consumer(["all"], 30.0).reserve(1, PATIENCE)] == [2]


def test_a_waiting_consumer_outlives_a_restart_with_its_watches(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        consumer = backend.consumer(["other", "all"], 30.0)
        waiting = in_background(_reserve, consumer)
        until(lambda: own_server.stats("alligator.all").get("current-waiting"))
        own_server.restart()
        until(lambda: own_server.stats("alligator.other").get("current-waiting"))
        backend.close()
        backend.push("all", messages("a"))
        assert ids_of(waiting.result(2 * PATIENCE)) == ["a"]


def test_a_consumer_says_that_the_server_is_gone_and_goes_on_once_it_is_back(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        consumer = backend.consumer(["all"], 30.0)
        backend.push("all", messages("a"))
        assert len(consumer.reserve(1, 0.0)) == 1
        own_server.kill()
        with pytest.raises(BackendUnavailable, match="can't be reached"):
            consumer.reserve(1, 1.0)
        with pytest.raises(BackendUnavailable, match="can't be reached"):
            consumer.keep_alive()
        own_server.start()
        assert ids_of(take_all(consumer, wait=1.0)) == ["a"]
        assert ids_of(consumer.keep_alive()) == ["a"]


def test_the_largest_body_survives_a_restart_with_all_that_follows(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        largest = Message("largest", b"\xfe" * backend.limits.max_body)
        backend.push("all", [largest, *messages("after")])
        own_server.restart()
        found = take_all(backend.consumer(["all"], 30.0))
        is_whole = found[0].body == largest.body
        assert is_whole
        assert ids_of(found) == ["largest", "after"]


def test_a_job_number_that_is_another_ones_after_a_restart_is_not_canceled() -> None:
    server = Server(None)
    with opened(server.dsn) as backend, opened(server.dsn) as other:
        backend.push("all", messages("mine"))
        server.restart()
        other.push("all", messages("theirs"))
        assert backend.size("all").ready == 1
        assert backend.cancel("all", "mine") is None
        assert backend.size("all").ready == 1
    server.kill()


def test_a_producer_goes_on_after_a_restart(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        backend.push("all", messages("a"))
        backend._pool._free[0].used_at -= 10.0
        own_server.restart()
        backend.push("all", messages("b"))
        assert backend.size("all").ready == 2


def _reserve(consumer: Consumer) -> list[Delivery]:
    """Reserve as a worker does: again, if the server was away."""
    while True:
        with suppress(BackendUnavailable):
            return consumer.reserve(1, PATIENCE)
