"""Queues that the server lets nothing more into: what is held stays held, and what others wait for gets on."""

from __future__ import annotations

from typing import Any

import pytest
from alligator_amqp.backend import AmqpBackend
from alligator_amqp.failures import Lost
from alligator_amqp.link import Link, Post
from amqp import Message as Wire

from alligator_core.backend import Ack, Bury, Message, Release, Replace
from alligator_core.errors import BackendError, BackendUnavailable, PushError
from tests.amqp.helpers import opened
from tests.amqp.servers import PATIENCE
from tests.messages import ids_of, messages, new_queue


@pytest.fixture
def refuses(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The ids of what the server confirms by a nack from now on, as it does where a policy limits a queue."""
    ids: set[str] = set()
    publish = Link.publish

    def some(self: Link, posts: list[Post]) -> tuple[list[int], list[Wire]]:
        kept = [post for post in posts if post.wire.properties["message_id"] not in ids]
        nacked, returned = publish(self, kept) if kept else ([], [])
        assert not nacked
        return [number for number, post in enumerate(posts) if post not in kept], returned

    monkeypatch.setattr(Link, "publish", some)
    return ids


def test_what_is_refused_beside_what_found_no_queue_is_told(rabbitmq: str, refuses: set[str]) -> None:
    with opened(rabbitmq) as backend:
        queue = new_queue()
        backend.push(queue, messages("first"))
        remove(backend, queue)
        refuses.add("b")
        with pytest.raises(PushError, match="full by a policy") as caught:
            backend.push(queue, messages("a", "b"))
        assert {*caught.value.refused} == {"b"}
        assert backend.size(queue).ready == 1


def remove(backend: AmqpBackend, queue: str) -> None:
    """Remove a queue behind the back of the connections that know it."""
    pool = backend.__dict__["_pool"]
    other = pool.connect()
    other.unlock_queue(backend.__dict__["_posting"].names.of(queue).name)
    other.close()


def test_one_that_can_not_be_settled_is_held_and_its_neighbours_are_settled_once(
    rabbitmq: str, refuses: set[str]
) -> None:
    with opened(rabbitmq) as backend:
        queue = new_queue()
        backend.push(queue, messages("a", "b", "c"))
        consumer = backend.consumer([queue], 30.0)
        a, b, c = consumer.reserve(3, PATIENCE)
        refuses.add("b")
        settlements = [Replace(a, Message("a", b"again")), Bury(b, "no good"), Ack(c)]
        for _ in range(3):
            with pytest.raises(BackendError, match="still held; make room"):
                consumer.settle(settlements)
        assert (backend.size(queue).ready, backend.size(queue).dead) == (1, 0)
        refuses.clear()
        assert consumer.settle(settlements) == [a, c]
        assert (backend.size(queue).ready, backend.size(queue).dead) == (1, 1)
        consumer.close()


def test_what_can_not_be_given_back_at_the_end_comes_back_with_the_connection(rabbitmq: str, refuses: set[str]) -> None:
    with opened(rabbitmq) as backend:
        queue = new_queue()
        backend.push(queue, messages("a", "b"))
        consumer = backend.consumer([queue], 30.0)
        assert ids_of(consumer.reserve(2, PATIENCE)) == ["a", "b"]
        refuses.add("b")
        with pytest.raises(BackendError, match="make room"):
            consumer.close()
        refuses.clear()
        other = backend.consumer([queue], 30.0)
        found = [each for _ in range(2) for each in other.reserve(1, PATIENCE)]
        assert sorted((each.id, each.deliveries) for each in found) == [("a", 1), ("b", 2)]
        other.close()


@pytest.mark.parametrize("is_blocked", [True, False])
def test_what_somebody_died_under_is_handed_out_although_the_server_takes_nothing(
    rabbitmq: str, refuses: set[str], monkeypatch: pytest.MonkeyPatch, is_blocked: bool
) -> None:
    with opened(rabbitmq) as backend:
        queue = new_queue()
        backend.push(queue, messages("a", "b"))
        died = backend.consumer([queue], 30.0)
        assert ids_of(died.reserve(2, PATIENCE)) == ["a", "b"]
        died.drop()
        backend.push(queue, messages("c"))
        refuses.update({"a", "b", "c"})
        if is_blocked:
            monkeypatch.setattr(Link, "publish", blocked)
        consumer = backend.consumer([queue], 30.0)
        held = []
        for _ in range(3):
            [one] = consumer.reserve(5, PATIENCE)
            held.append(one)
        assert [(each.id, each.deliveries) for each in held[:2]] == [("a", 2), ("b", 2)]
        assert held[2].id == "c"
        assert consumer.settle([Ack(each) for each in held]) == []
        assert backend.size(queue).ready == 0
        consumer.close()


def blocked(*_: Any) -> Any:
    raise Lost("it blocks those who publish")


def test_a_removed_queue_gets_its_delayed_messages_when_a_worker_makes_it_anew(rabbitmq: str) -> None:
    with opened(rabbitmq) as producer, opened(rabbitmq) as backend:
        queue = new_queue()
        producer.push(queue, [Message("a", b"", delay=0.2)])
        consumer = backend.consumer([queue], 30.0)
        [a] = consumer.reserve(1, PATIENCE)
        assert consumer.settle([Ack(a)]) == []
        remove(producer, queue)
        assert consumer.reserve(1, 0.0) == []
        producer.push(queue, [Message("b", b"", delay=4.0)])
        assert consumer.keep_alive() == []
        [b] = consumer.reserve(1, PATIENCE)
        assert consumer.settle([Release(b)]) == []
        consumer.close()


def test_dead_letters_that_somebody_else_looks_at_are_out_of_reach_for_now(rabbitmq: str) -> None:
    with opened(f"{rabbitmq}?timeout=5") as backend, opened(rabbitmq) as other:
        queue = new_queue()
        place = other.__dict__["_posting"].names.dead(queue)
        link = other.__dict__["_graves"]._locked(place)
        with pytest.raises(BackendUnavailable, match="Somebody else looks"):
            backend.dead(queue)
        link.close()
        assert backend.dead(queue) == []
