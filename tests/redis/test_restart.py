"""Servers that go and come back: with all that they had promised to keep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alligator_core.backend import Ack, Message
from alligator_core.errors import BackendUnavailable
from tests.redis.helpers import Background, ids_of, messages, numbered, opened, take_all
from tests.redis.servers import Server, until

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "durable", *DURABLE)
    yield server
    server.stop()


def test_nothing_is_lost_when_the_server_is_killed_and_started_again(server: Server) -> None:
    with opened(server.dsn) as backend:
        consumer = backend.consumer(["all"], 30.0)
        backend.push("all", [*numbered(100), Message("later", b"", 5, 3600.0), Message("first", b"", 9)])
        held = consumer.reserve(10, 0.0)
        server.kill()
        server.start()
        assert backend.size("all")[:3] == (91, 1, 10)
        assert consumer.settle([Ack(delivery) for delivery in held]) == []
        assert consumer.keep_alive() == []
        assert len(take_all(consumer)) == 91


def test_a_waiting_consumer_outlives_a_restart(server: Server) -> None:
    with opened(server.dsn) as backend:
        consumer = backend.consumer(["all"], 30.0)

        def take() -> list[str]:
            while True:
                try:
                    if held := consumer.reserve(1, 20.0):
                        return ids_of(held)
                except BackendUnavailable:
                    continue

        waiting = Background(take)
        until(lambda: server.client().exists("{alligator:all}:w"))
        server.kill()
        server.start()
        backend.push("all", messages("a"))
        assert waiting.result() == ["a"]


def test_a_lease_that_ran_out_while_the_server_was_away_is_lost_and_told(server: Server) -> None:
    with opened(server.dsn) as backend:
        consumer = backend.consumer(["all"], 0.3)
        backend.push("all", messages("a", "b"))
        held = consumer.reserve(2, 0.0)
        server.kill()
        server.start()
        other = backend.consumer(["all"], 30.0)
        taken = []
        while len(taken) < 2:
            taken += other.reserve(2, 1.0)
        assert [(each.id, each.deliveries) for each in taken] == [("a", 2), ("b", 2)]
        assert consumer.settle([Ack(held[0])]) == held[:1]
        assert ids_of(consumer.keep_alive()) == ["b"]
        assert other.settle([Ack(delivery) for delivery in taken]) == []


def test_a_server_that_lost_everything_is_gone_on_with(tmp_path: Path) -> None:
    server = Server(tmp_path / "forgetful", "--save", "")
    try:
        with opened(server.dsn) as backend:
            consumer = backend.consumer(["all"], 30.0)
            backend.push("all", messages("a"))
            held = consumer.reserve(1, 0.0)
            server.kill()
            server.start()
            assert consumer.settle([Ack(held[0])]) == held
            backend.push("all", messages("b"))
            assert ids_of(take_all(consumer)) == ["b"]
    finally:
        server.stop()
