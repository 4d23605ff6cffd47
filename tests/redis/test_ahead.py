"""Reserving ahead: nobody notices but by the clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alligator_redis.ahead import WORTH
from alligator_redis.backend import RedisBackend

from alligator import Gator, Worker
from alligator_core.backend import Ack, Consumer, Delivery
from alligator_core.errors import BackendError
from tests.redis import jobs
from tests.redis.helpers import Background, ids_of, messages, new_queue, numbered, opened, sha_of, take_all
from tests.redis.proxy import Proxy
from tests.redis.servers import Server, until

BATCH = 2 * WORTH
MANY = 4 * BATCH


@pytest.fixture
def backend(proxy: Proxy) -> Iterator[RedisBackend]:
    with opened(proxy.dsn) as backend:
        yield backend


@pytest.fixture
def queue(backend: RedisBackend) -> str:
    queue = new_queue()
    backend.push(queue, numbered(MANY))
    return queue


@pytest.fixture
def consumer(backend: RedisBackend, queue: str) -> Consumer:
    return backend.consumer([queue], 30.0)


def take_a_batch(backend: RedisBackend, queue: str, consumer: Consumer, *, beside: int = 0) -> list[Delivery]:
    """Reserve a full batch, and see that the next one is taken ahead of its time; `beside` are reserved by others."""
    batch = consumer.reserve(BATCH, 0.0)
    until(lambda: backend.size(queue).reserved == 2 * BATCH + beside)
    return batch


def ack(consumer: Consumer, batch: list[Delivery]) -> None:
    assert consumer.settle([Ack(delivery) for delivery in batch]) == []


def test_what_is_taken_ahead_comes_next_and_in_order(backend: RedisBackend, queue: str, consumer: Consumer) -> None:
    first = take_a_batch(backend, queue, consumer)
    ack(consumer, first)
    assert ids_of(first + take_all(consumer)) == [str(number) for number in range(MANY)]
    assert backend.size(queue)[:3] == (0, 0, 0)


def test_a_stop_of_what_was_taken_ahead_is_heard_once_it_is_handed_out(
    backend: RedisBackend, queue: str, consumer: Consumer
) -> None:
    first = take_a_batch(backend, queue, consumer)
    ahead = str(BATCH + 1)
    assert backend.stop(queue, first[0].id)
    assert backend.stop(queue, ahead)
    assert consumer.stops() == [first[0].id]
    assert ahead in ids_of(consumer.reserve(BATCH, 0.0))
    assert consumer.stops() == [ahead]
    assert consumer.stops() == []


def test_what_is_taken_over_is_not_mixed_with_what_was_taken_ahead(
    backend: RedisBackend, queue: str, consumer: Consumer
) -> None:
    doomed = backend.consumer([queue], 30.0, "dead")
    held = doomed.reserve(3, 0.0)
    first = take_a_batch(backend, queue, consumer, beside=len(held))
    assert ids_of(consumer.take_over("dead")) == ids_of(held)
    ack(consumer, first)
    assert len(take_all(consumer)) == MANY - BATCH - len(held)


def test_a_queue_that_does_not_fill_the_batch_is_not_taken_from_ahead(backend: RedisBackend) -> None:
    queue = new_queue()
    backend.push(queue, numbered(BATCH + 10))
    consumer = backend.consumer([queue], 30.0)
    ack(consumer, consumer.reserve(BATCH, 0.0))
    assert len(consumer.reserve(BATCH, 0.0)) == 10
    backend.push(queue, messages("x"))
    assert backend.size(queue)[:3] == (1, 0, 10)


def test_small_batches_are_not_followed(backend: RedisBackend, queue: str, consumer: Consumer) -> None:
    assert len(consumer.reserve(WORTH - 1, 0.0)) == WORTH - 1
    assert backend.size(queue).reserved == WORTH - 1


def test_what_was_taken_ahead_can_be_spared(backend: RedisBackend, queue: str, consumer: Consumer) -> None:
    batch = take_a_batch(backend, queue, consumer)
    consumer.spare()
    assert backend.size(queue)[:3] == (MANY - BATCH, 0, BATCH)
    other = backend.consumer([queue], 30.0)
    [next_one] = other.reserve(1, 0.0)
    assert (next_one.id, next_one.deliveries) == (str(BATCH), 1)
    ack(consumer, batch)


def test_a_smaller_limit_gets_no_more_than_it_asks_for(backend: RedisBackend, queue: str, consumer: Consumer) -> None:
    take_a_batch(backend, queue, consumer)
    few = consumer.reserve(3, 0.0)
    assert ids_of(few) == [str(BATCH), str(BATCH + 1), str(BATCH + 2)]
    ack(consumer, few)
    assert ids_of(take_all(consumer)) == [str(number) for number in range(BATCH + 3, MANY)]


def test_no_look_is_sent_ahead_of_what_an_earlier_one_has_left(
    backend: RedisBackend, queue: str, consumer: Consumer
) -> None:
    taken = take_a_batch(backend, queue, consumer)
    while batch := consumer.reserve(WORTH, 0.0):
        taken += batch
    ack(consumer, taken)
    assert ids_of(taken) == [str(number) for number in range(MANY)]
    assert backend.size(queue)[:3] == (0, 0, 0)


def test_what_could_not_be_spared_is_not_forgotten(
    proxy: Proxy, backend: RedisBackend, queue: str, consumer: Consumer
) -> None:
    ack(consumer, take_a_batch(backend, queue, consumer))
    until(lambda: backend.size(queue).reserved == BATCH)
    consumer.reserve(1, 0.0)
    proxy.stay_away()
    with pytest.raises(BackendError):
        consumer.spare()
    proxy.revive()
    consumer.spare()
    assert backend.size(queue)[:3] == (MANY - BATCH - 1, 0, 1)


def test_closing_gives_back_what_was_taken_ahead(backend: RedisBackend, queue: str, consumer: Consumer) -> None:
    take_a_batch(backend, queue, consumer)
    consumer.close()
    assert backend.size(queue)[:3] == (MANY, 0, 0)
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == [str(number) for number in range(MANY)]


def test_an_answer_lost_on_the_way_is_made_up_for(
    proxy: Proxy, backend: RedisBackend, queue: str, consumer: Consumer
) -> None:
    ack(consumer, consumer.reserve(WORTH - 1, 0.0))
    proxy.lose_reply(sha_of("reserve"), after=1)
    first = consumer.reserve(BATCH, 0.0)
    ack(consumer, first)
    found = take_all(consumer)
    assert proxy.lost.is_set()
    assert sorted(ids_of(first + found), key=int) == [str(number) for number in range(WORTH - 1, MANY)]
    assert {delivery.deliveries for delivery in found} == {1}


def test_what_a_dead_consumer_took_ahead_is_handed_back_with_the_rest(backend: RedisBackend, queue: str) -> None:
    take_a_batch(backend, queue, backend.consumer([queue], 0.2))
    found = take_all(backend.consumer([queue], 30.0), wait=2.0)
    assert len(found) == MANY
    assert sum(delivery.deliveries == 2 for delivery in found) == 2 * BATCH


def test_what_was_taken_ahead_waits_for_no_long_task(redis_server: Server) -> None:
    gator = Gator(redis_server.dsn, queue_name=new_queue())
    gator.map(jobs.count, range(1000))
    gator.task(jobs.hold)
    gator.map(jobs.count, range(2000))
    worker = Worker(gator)
    working = Background(worker.run_forever)
    try:
        assert jobs.held.wait(30.0)
        until(lambda: gator.backend.size(gator.queue_name)[:3] == (2000, 0, 1))
    finally:
        jobs.let_go.set()
        until(lambda: not sum(gator.backend.size(gator.queue_name)[:3]))
        worker.stop()
        working.result()
