"""A server that is killed, stopped or in distress, and connections that are cut."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pytest
from alligator_amqp.backend import AmqpBackend

from alligator_core.backend import Ack, Consumer, Message
from alligator_core.errors import BackendUnavailable
from alligator_core.testing.harness import in_background
from tests.amqp.helpers import opened
from tests.amqp.servers import PATIENCE, Server
from tests.messages import ids_of, messages, new_queue
from tests.redis.proxy import Proxy

pytestmark = pytest.mark.long


@pytest.fixture
def proxy(module_server: Server) -> Iterator[Proxy]:
    proxy = Proxy(module_server.port)
    yield proxy
    proxy.close()


def test_a_push_whose_confirm_is_lost_says_so(proxy: Proxy) -> None:
    with opened(f"amqp://127.0.0.1:{proxy.port}/") as backend:
        queue = new_queue()
        backend.push(queue, messages("a"))
        proxy.lose_reply(b"body of b")
        with pytest.raises(BackendUnavailable, match="may have happened") as caught:
            backend.push(queue, messages("b"))
        assert caught.value.maybe_applied
        assert backend.size(queue).ready == 2


def test_an_ack_after_the_connection_was_cut_is_stale_or_an_error_and_the_message_comes_back(proxy: Proxy) -> None:
    with opened(f"amqp://127.0.0.1:{proxy.port}/") as backend:
        queue = new_queue()
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 30.0)
        [held] = consumer.reserve(1, PATIENCE)
        proxy.cut()
        with pytest.raises(BackendUnavailable):
            consumer.settle([Ack(held)])
        assert consumer.settle([Ack(held)]) == [held]
        [again] = consumer.reserve(1, PATIENCE)
        assert (again.id, again.deliveries) == ("a", 2)
        assert consumer.settle([Ack(again)]) == []
        consumer.close()


def test_a_push_while_memory_runs_low_fails_in_time_and_says_so(module_server: Server) -> None:
    with opened(f"{module_server.dsn}?timeout=5") as backend:
        queue = new_queue()
        backend.push(queue, messages("a"))
        module_server.ctl("set_vm_memory_high_watermark", "0")
        try:
            with pytest.raises(BackendUnavailable, match="memory or disk run low"):
                backend.push(queue, messages("b"))
            consumer = backend.consumer([queue], 30.0)
            held = consumer.reserve(1, PATIENCE)
            assert consumer.settle([Ack(each) for each in held]) == []
            consumer.close()
        finally:
            module_server.ctl("set_vm_memory_high_watermark", "0.4")


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_what_was_pushed_outlives_the_server_and_a_waiting_consumer_goes_on(module_server: Server, way: str) -> None:
    with opened(module_server.dsn) as backend:
        # What leads delayed messages to this one was there at an orderly stop: see the README.
        queue = "delays"
        consumer = backend.consumer([queue], 30.0)
        assert consumer.reserve(1, 0.0) == []
        backend.push(queue, [*messages("a"), Message("late", b"", delay=1.0)])
        getattr(module_server, way)()
        with pytest.raises(BackendUnavailable):
            consumer.reserve(1, 0.0)
        module_server.start()
        found = in_background(lambda: [consumer.reserve(1, PATIENCE)[0] for _ in range(2)]).result(2 * PATIENCE)
        assert ids_of(found) == ["a", "late"]
        # A RabbitMQ that was killed calls what waited redelivered, which can't be told from a death.
        assert way == "kill" or {each.deliveries for each in found} == {1}
        assert consumer.settle([Ack(each) for each in found]) == []
        consumer.close()


def test_an_ack_after_the_servers_consumer_timeout_comes_too_late_and_that_is_said(
    module_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    # The server looks once a minute otherwise. What is set counts for channels that are opened from now on.
    names = ("consumer_timeout", "channel_tick_interval")
    before = [module_server.ctl("eval", f"{{ok, V}} = application:get_env(rabbit, {name}), V.") for name in names]
    set_in_server(module_server, dict(zip(names, ("1000", "300"), strict=True)))
    try:
        with opened(module_server.dsn) as backend:
            queue = new_queue()
            consumer = backend.consumer([queue], PATIENCE)
            assert any(_is_late(backend, consumer, queue, pause) for pause in (2, 4, 8, 16))
            set_in_server(module_server, dict(zip(names, before, strict=True)))
            [again] = consumer.reserve(1, PATIENCE)
            assert (again.id, again.deliveries) == ("a", 2)
            assert consumer.settle([Ack(again)]) == []
            consumer.close()
    finally:
        set_in_server(module_server, dict(zip(names, before, strict=True)))
    assert "longer than its consumer_timeout" in caplog.text


def _is_late(backend: AmqpBackend, consumer: Consumer, queue: str, pause: float) -> bool:
    backend.push(queue, messages("a"))
    [held] = consumer.reserve(1, PATIENCE)
    time.sleep(pause)  # A busy server looks later than it was told to.
    try:
        stale = consumer.settle([Ack(held)])
    except BackendUnavailable:
        stale = consumer.settle([Ack(held)])
    return stale == [held]


def set_in_server(server: Server, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        server.ctl("eval", f"application:set_env(rabbit, {name}, {value.strip()}).")
