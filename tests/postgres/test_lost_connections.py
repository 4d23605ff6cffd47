"""Replies that are lost, and connections that are cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from alligator_core.backend import Ack, Backend
from alligator_core.errors import BackendUnavailable
from alligator_core.testing.harness import PATIENCE, in_background, until
from tests.postgres.helpers import messages, new_queue, open_backend
from tests.postgres.servers import Server
from tests.redis.proxy import Proxy


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    proxy = Proxy(postgres.port)
    yield proxy
    proxy.close()


@pytest.fixture
def backend(proxy: Proxy) -> Iterator[Backend]:
    backend = open_backend(f"postgres://alligator@127.0.0.1:{proxy.port}/postgres?timeout=5")
    backend.ping()
    yield backend
    backend.close()


def test_a_push_whose_reply_is_lost_is_repeated_and_there_once(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    proxy.lose_reply(queue.encode())
    backend.push(queue, messages("a", "b"))
    assert proxy.lost.is_set()
    assert backend.size(queue).ready == 2


def test_a_cancel_whose_reply_is_lost_may_have_happened(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    backend.push(queue, messages("a"))
    proxy.lose_reply(queue.encode())
    with pytest.raises(BackendUnavailable) as caught:
        backend.cancel(queue, "a")
    assert caught.value.maybe_applied


def test_an_idle_connection_that_was_cut_is_not_noticed_by_the_next_call(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    backend.push(queue, messages("a"))
    proxy.cut()
    time.sleep(0.1)
    assert backend.cancel(queue, "a") is not None


def test_what_a_lost_reply_reserved_comes_back_uncounted(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    backend.push(queue, messages("a", "b", "c"))
    consumer = backend.consumer([queue], 60.0)
    first = consumer.reserve(1, 0.0)
    proxy.lose_reply(queue.encode())
    with pytest.raises(BackendUnavailable):
        consumer.reserve(10, 0.0)
    assert proxy.lost.is_set()
    assert [(each.id, each.deliveries) for each in consumer.reserve(10, 0.0)] == [("b", 1), ("c", 1)]
    # What it knew of all the time is its own still.
    assert consumer.settle([Ack(each) for each in first]) == []
    consumer.close()


def test_what_a_lost_reply_reserved_is_given_to_others_by_a_heartbeat(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 60.0)
    assert consumer.reserve(1, 0.0) != []
    backend.push(queue, messages("b"))
    proxy.lose_reply(queue.encode())
    with pytest.raises(BackendUnavailable):
        consumer.reserve(1, 0.0)
    assert consumer.keep_alive() == []
    other = backend.consumer([queue], 60.0)
    assert [each.id for each in other.reserve(10, 0.0)] == ["b"]
    other.close()
    consumer.close()


def test_a_settle_whose_reply_is_lost_can_be_repeated(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 60.0)
    held = consumer.reserve(1, 0.0)
    proxy.lose_reply(queue.encode())
    with pytest.raises(BackendUnavailable):
        consumer.settle([Ack(each) for each in held])
    assert consumer.settle([Ack(each) for each in held]) == held
    assert backend.size(queue)[:3] == (0, 0, 0)


def test_a_take_over_whose_reply_is_lost_can_be_repeated(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    backend.push(queue, messages("a", "b"))
    backend.consumer([queue], 60.0, "dead").reserve(2, 0.0)
    taker = backend.consumer([queue], 60.0)
    taker.reserve(1, 0.0)
    proxy.lose_reply(queue.encode())
    with pytest.raises(BackendUnavailable):
        taker.take_over("dead")
    taken = taker.take_over("dead")
    assert sorted(each.id for each in taken) == ["a", "b"]
    assert taker.settle([Ack(each) for each in taken]) == []


def test_a_take_over_that_is_not_repeated_is_given_back_uncounted(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    backend.push(queue, messages("a"))
    backend.consumer([queue], 60.0, "dead").reserve(2, 0.0)
    taker = backend.consumer([queue], 60.0)
    taker.reserve(1, 0.0)
    proxy.lose_reply(queue.encode())
    with pytest.raises(BackendUnavailable):
        taker.take_over("dead")
    assert [(each.id, each.deliveries) for each in taker.reserve(10, 0.0)] == [("a", 1)]


def test_a_waiting_consumer_whose_connection_is_cut_goes_on(backend: Backend, proxy: Proxy) -> None:
    queue = new_queue()
    consumer = backend.consumer([queue], 60.0)
    waiting = in_background(consumer.reserve, 1, PATIENCE)
    until(lambda: consumer.__dict__["_link"] is not None)
    proxy.cut()
    with pytest.raises(BackendUnavailable):
        waiting.result(PATIENCE)
    backend.push(queue, messages("a"))
    assert [each.id for each in consumer.reserve(1, PATIENCE)] == ["a"]
    consumer.close()


def test_a_server_that_falls_silent_is_given_up_in_time(postgres: Server) -> None:
    backend, queue = open_backend(f"{postgres.dsn}?timeout=2"), new_queue()
    backend.push(queue, messages("a"))
    with postgres.connect() as blocking:
        blocking.execute("LOCK TABLE alligator.alligator_messages")
        started = time.monotonic()
        with pytest.raises(BackendUnavailable):
            backend.size(queue)
        assert time.monotonic() - started < PATIENCE / 2
    assert backend.size(queue).ready == 1


def test_a_black_hole_is_given_up_in_time(postgres: Server) -> None:
    target = socket.create_server(("127.0.0.1", 0))
    hole = threading.Event()
    pairs: list[socket.socket] = []

    def forward(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if not hole.is_set():
                    sink.sendall(data)

    def accept() -> None:
        while True:
            try:
                client, _ = target.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", postgres.port))
            pairs.extend((client, server))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=forward, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    backend = open_backend(f"postgres://alligator@127.0.0.1:{target.getsockname()[1]}/postgres?timeout=2")
    backend.ping()
    hole.set()
    with pytest.raises(BackendUnavailable):
        backend.ping()
    backend.close()
    for each in (target, *pairs):
        each.close()
