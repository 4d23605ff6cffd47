"""Connections and answers that are lost, at every step: nothing is lost with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alligator_beanstalk.backend import BeanstalkBackend

from alligator_core.backend import Ack, Bury, Message, Release, Replace
from alligator_core.errors import BackendUnavailable
from alligator_core.testing.forking import in_forked_child
from alligator_core.testing.harness import in_background
from tests.beanstalk.helpers import ids_of, messages, new_queue, numbered, opened, take_all
from tests.beanstalk.servers import PATIENCE, Server, until
from tests.chaos.proxy import Proxy as SlowProxy
from tests.redis.proxy import Proxy


@pytest.fixture
def proxy(beanstalkd: Server) -> Iterator[Proxy]:
    proxy = Proxy(beanstalkd.port)
    yield proxy
    proxy.close()


@pytest.fixture
def backend(proxy: Proxy) -> Iterator[BeanstalkBackend]:
    with opened(f"beanstalk://127.0.0.1:{proxy.port}/?ttr=30") as backend:
        yield backend


@pytest.fixture
def queue() -> str:
    return new_queue()


def test_a_push_whose_answer_is_lost_is_an_error_that_says_so_and_is_not_repeated(
    proxy: Proxy, backend: BeanstalkBackend, queue: str
) -> None:
    backend.push(queue, messages("a"))
    proxy.lose_reply(b"id=b")
    with pytest.raises(BackendUnavailable, match="may have happened") as caught:
        backend.push(queue, messages("b"))
    assert caught.value.maybe_applied
    assert backend.size(queue).ready == 2


def test_a_push_that_is_repeated_after_that_is_there_twice(proxy: Proxy, backend: BeanstalkBackend, queue: str) -> None:
    backend.push(queue, messages("a"))
    proxy.lose_reply(b"id=b")
    for _ in range(2):
        try:
            backend.push(queue, messages("b"))
        except BackendUnavailable:
            continue
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a", "b", "b"]


def test_a_look_whose_answer_is_lost_is_repeated(proxy: Proxy, backend: BeanstalkBackend, queue: str) -> None:
    backend.push(queue, messages("a"))
    proxy.lose_reply(b"stats-tube")
    assert backend.size(queue).ready == 1
    assert proxy.lost.is_set()


def test_messages_whose_reserve_was_answered_in_vain_come_back(
    proxy: Proxy, backend: BeanstalkBackend, queue: str
) -> None:
    backend.push(queue, messages("a", "b"))
    consumer = backend.consumer([queue], 30.0)
    proxy.lose_reply(b"reserve-with-timeout 0")
    with pytest.raises(BackendUnavailable):
        consumer.reserve(2, 0.0)
    assert ids_of(take_all(consumer, wait=1.0)) == ["a", "b"]


@pytest.mark.parametrize("step", [b"delete", b"touch", b"release", b"put", b"(dead)"])
def test_a_settle_whose_answer_is_lost_can_be_repeated_and_loses_nothing(
    proxy: Proxy, backend: BeanstalkBackend, queue: str, step: bytes
) -> None:
    backend.push(queue, messages("a", "b", "c", "d"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(4, 0.0)
    for delivery in held:
        delivery.token.until = 0.0  # type: ignore[attr-defined]
    settlements = [Ack(held[0]), Release(held[1]), Replace(held[2], Message("c", b"again")), Bury(held[3], "why")]
    proxy.lose_reply(step)
    with pytest.raises(BackendUnavailable):
        consumer.settle(settlements)
    assert set(ids_of(consumer.settle(settlements))) <= set("abcd")
    found = {*ids_of(take_all(consumer, wait=1.0)), *(letter.id for letter in backend.dead(queue))}
    # What was acked may be gone; the others are somewhere, be it twice.
    assert found >= set("bcd")
    backend.purge_dead(queue)


def test_acks_do_not_wait_for_the_dead_letters_that_are_settled_with_them(
    beanstalkd: Server, proxy: Proxy, backend: BeanstalkBackend, queue: str
) -> None:
    backend.push(queue, messages("a", "b", "c"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(3, 0.0)
    proxy.lose_reply(b"(dead)")
    with pytest.raises(BackendUnavailable):
        consumer.settle([Bury(held[0], "why"), Ack(held[1]), Bury(held[2], "why")])
    with opened(beanstalkd.dsn) as other:
        until(lambda: other.size(queue).ready == 2)
        assert sorted(ids_of(take_all(other.consumer([queue], 30.0), wait=1.0))) == ["a", "c"]


def test_what_is_held_outlasts_a_settle_that_takes_longer_than_the_lease(beanstalkd: Server, queue: str) -> None:
    slow = SlowProxy(beanstalkd.port)
    with opened(f"beanstalk://127.0.0.1:{slow.port}/?ttr=4") as backend, opened(beanstalkd.dsn) as other:
        backend.push(queue, numbered(121))
        consumer = backend.consumer([queue], 4.0)
        running, *garbage = consumer.reserve(121, 0.0)
        assert len(garbage) == 120
        slow.delay = lambda: 0.15
        assert consumer.settle([Bury(each, "garbage") for each in garbage]) == []
        assert other.size(queue)[:3] == (0, 0, 1)
        assert consumer.settle([Ack(running)]) == []
    slow.close()


def test_a_cut_connection_gives_everything_back_counted_and_the_consumer_goes_on(
    proxy: Proxy, backend: BeanstalkBackend, queue: str
) -> None:
    backend.push(queue, messages("a", "b"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(2, 0.0)
    proxy.cut()
    until(lambda: backend.size(queue).ready == 2)
    with pytest.raises(BackendUnavailable):
        consumer.settle([Ack(held[0])])
    assert consumer.keep_alive() == held
    assert [(each.id, each.deliveries) for each in consumer.reserve(2, 1.0)] == [("a", 2)]


def test_a_wait_goes_on_when_its_connection_is_cut(
    beanstalkd: Server, proxy: Proxy, backend: BeanstalkBackend, queue: str
) -> None:
    consumer = backend.consumer([queue], 30.0)
    waiting = in_background(consumer.reserve, 1, PATIENCE)
    until(lambda: beanstalkd.stats(f"alligator.{queue}").get("current-waiting"))
    proxy.cut()
    backend.push(queue, messages("a"))
    assert ids_of(waiting.result(2 * PATIENCE)) == ["a"]


def test_what_was_reserved_ahead_comes_back_with_a_lost_connection(
    proxy: Proxy, backend: BeanstalkBackend, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alligator_beanstalk.consumer.AHEAD", 60.0)
    backend.push(queue, numbered(1200))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(400, 0.0)
    assert consumer.settle([Ack(each) for each in held]) == []
    proxy.cut()
    until(lambda: backend.size(queue)[:3] == (800, 0, 0))
    with pytest.raises(BackendUnavailable):
        consumer.reserve(400, 0.0)
    assert len(take_all(consumer, wait=1.0)) == 800


def test_a_forked_child_does_not_keep_what_its_parent_holds(backend: BeanstalkBackend, queue: str) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(1, 0.0)

    def push_and_count() -> int:
        backend.push(queue, messages("b"))
        return len(held[0].token.link.held)  # type: ignore[attr-defined]

    assert in_forked_child(push_and_count) == "1"
    assert consumer.settle([Ack(held[0])]) == []
    assert backend.size(queue)[:3] == (1, 0, 0)
