"""What a queue leaves on the server, and what it keeps in order there."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from alligator_redis.backend import RedisBackend

from alligator_core.backend import Ack, Bury, Message, Release, Replace
from tests.redis.helpers import Background, ids_of, messages, new_queue, numbered, opened, take_all
from tests.redis.servers import Server, until


@pytest.fixture
def backend(redis_server: Server) -> Iterator[RedisBackend]:
    with opened(redis_server.dsn) as backend:
        yield backend


@pytest.fixture
def queue() -> str:
    return new_queue()


def keys_of(server: Server, queue: str) -> set[str]:
    prefix = f"{{alligator:{queue}}}:"
    client = server.client()
    # A token that woke nobody goes by itself.
    return {key.decode().removeprefix(prefix) for key in client.keys(f"*{queue}*") if client.ttl(key) < 0}


def test_finished_tasks_leave_nothing_behind(redis_server: Server, backend: RedisBackend, queue: str) -> None:
    backend.push(queue, numbered(1500))
    backend.push(queue, [Message(f"p{n}", b"", n % 10, 0.0) for n in range(100)])
    backend.push(queue, [Message(f"d{n}", b"", n % 10, 0.001) for n in range(100)])
    backend.cancel(queue, "7")
    backend.cancel(queue, "p7")
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(100, 0.0)
    crashed = backend.consumer([queue], 0.1)
    assert crashed.reserve(20, 0.0)
    assert consumer.settle([Release(held[0], 0.001), Replace(held[1], Message(held[1].id, b"", 2))]) == []
    assert consumer.settle([Ack(delivery) for delivery in held[2:]]) == []
    time.sleep(0.15)
    take_all(consumer, wait=0.1)
    consumer.close()
    crashed.close()
    assert backend.size(queue)[:4] == (0, 0, 0, 0)
    # How many each list has handed out so far: that is all.
    assert keys_of(redis_server, queue) == {"n"}


def test_what_was_canceled_is_not_waited_for_in_the_list_for_ever(
    redis_server: Server, backend: RedisBackend, queue: str
) -> None:
    for turn in range(30):
        backend.push(queue, numbered(20))
        for number in range(20):
            if turn < 29 or number % 2:
                assert backend.cancel(queue, str(number)) is not None
    assert backend.size(queue)[:4] == (10, 0, 0, 0)
    assert redis_server.client().llen(f"{{alligator:{queue}}}:r5") < 200
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == [str(number) for number in range(0, 20, 2)]


def test_an_id_that_is_canceled_and_pushed_again_comes_once_and_in_its_new_place(
    backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, messages("a", "b", "c"))
    for _ in range(3):
        assert backend.cancel(queue, "a") is not None
        backend.push(queue, messages("a"))
    assert backend.size(queue).ready == 3
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["b", "c", "a"]


def test_a_released_message_finds_its_place_after_a_rewritten_list(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, numbered(300))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(10, 0.0)
    for number in range(20, 220):
        backend.cancel(queue, str(number))
    got = consumer.get(queue, "15")
    assert got is not None
    assert consumer.settle([Release(delivery) for delivery in [*held[5:], got]]) == []
    expected = [*range(5, 20), *range(220, 300)]
    assert ids_of(take_all(consumer)) == [str(number) for number in expected]


def test_a_batch_settled_one_by_one_and_in_any_order_is_settled(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, numbered(50))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(50, 0.0)
    for delivery in [*held[40:], *held[:10]]:
        assert consumer.settle([Ack(delivery)]) == []
    assert consumer.settle([Ack(delivery) for delivery in held[20:30]]) == []
    twice = [Ack(held[10]), Ack(held[10]), Ack(held[20])]
    assert consumer.settle(twice) == [held[10], held[20]]
    assert backend.size(queue)[:3] == (0, 0, 19)
    consumer.close()
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == [str(n) for n in [*range(11, 20), *range(30, 40)]]


def test_more_than_a_call_can_carry_is_carried_in_several(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, numbered(9000))
    consumer = backend.consumer([queue], 30.0)
    held = []
    while batch := consumer.reserve(100_000, 0.0):
        held += batch
    assert ids_of(held) == [str(number) for number in range(9000)]
    assert consumer.settle([Release(delivery) for delivery in held]) == []
    again = []
    while batch := consumer.reserve(100_000, 0.0):
        again += batch
    assert ids_of(again) == ids_of(held)
    assert consumer.settle([Ack(delivery) for delivery in again]) == []


def test_a_dead_consumer_gives_back_thousands(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, numbered(3000))
    dead = backend.consumer([queue], 0.2)
    while dead.reserve(1000, 0.0):
        pass
    heir = backend.consumer([queue], 30.0)
    first = heir.reserve(5, 20.0)
    assert [(each.id, each.deliveries) for each in first] == [("0", 2)]
    assert backend.size(queue)[:3] == (2999, 0, 1)


def test_a_thousand_that_are_due_at_once_come_in_their_order(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, [Message(f"{n:05}", b"", 5, 0.05 + n / 100_000) for n in range(2500)])
    found = []
    consumer = backend.consumer([queue], 30.0)
    while len(found) < 2500:
        found += ids_of(consumer.reserve(500, 1.0))
    assert found == sorted(found)


def test_dead_letters_have_a_cap(redis_server: Server, queue: str) -> None:
    with opened(f"{redis_server.dsn}?max_dead=10") as backend:
        backend.push(queue, numbered(25))
        consumer = backend.consumer([queue], 30.0)
        for delivery in consumer.reserve(25, 0.0):
            assert consumer.settle([Bury(delivery, "why")]) == []
        assert [letter.id for letter in backend.dead(queue)] == [str(number) for number in range(24, 14, -1)]
        assert backend.size(queue).dead == 10


def test_dead_letters_have_an_age(redis_server: Server, queue: str) -> None:
    with opened(f"{redis_server.dsn}?dead_age=0.1") as backend:
        backend.push(queue, messages("a", "b"))
        consumer = backend.consumer([queue], 30.0)
        one, two = consumer.reserve(2, 0.0)
        assert consumer.settle([Bury(one, "why")]) == []
        time.sleep(0.15)
        assert consumer.settle([Bury(two, "why")]) == []
        assert [letter.id for letter in backend.dead(queue)] == ["b"]


def test_a_waiting_consumer_sends_two_commands_a_second(
    redis_server: Server, backend: RedisBackend, queue: str
) -> None:
    consumer = backend.consumer([queue], 30.0)
    consumer.reserve(1, 0.0)
    client = redis_server.client()

    def sent() -> int:
        stats = client.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "blpop"))

    def sent_in_four_waits() -> int:
        before = sent()
        for _ in range(4):
            assert consumer.reserve(500, 1.0) == []
        return sent() - before

    # A server that is late for a wait's end costs more, so a busy machine gets three tries.
    assert any(sent_in_four_waits() <= 9 for _ in range(3))


def test_a_wait_ends_in_time_and_a_delayed_message_ends_it_when_it_is_due(backend: RedisBackend, queue: str) -> None:
    consumer = backend.consumer([queue], 30.0)
    took = []
    for _ in range(10):
        started = time.monotonic()
        assert consumer.reserve(1, 0.01) == []
        took.append(time.monotonic() - started)
    # By the server's own clock, which looks ten times a second, nine of them would take 0.1 s.
    assert sorted(took)[1] < 0.08
    waiting = Background(consumer.reserve, 1, 20.0)
    backend.push(queue, [Message("a", b"", 5, 0.3)])
    assert ids_of(waiting.result()) == ["a"]


def test_each_of_many_waiting_consumers_is_woken(redis_server: Server, backend: RedisBackend, queue: str) -> None:
    waiting = [Background(backend.consumer([queue], 30.0).reserve, 1, 20.0) for _ in range(5)]
    until(lambda: redis_server.client().zcard(f"{{alligator:{queue}}}:w") == 5)
    backend.push(queue, numbered(3))
    backend.push(queue, messages("x"))
    backend.push(queue, [Message("y", b"", 9)])
    assert sorted(id for each in waiting for id in ids_of(each.result())) == ["0", "1", "2", "x", "y"]


def test_a_consumer_that_died_waiting_holds_no_push_up(redis_server: Server, backend: RedisBackend, queue: str) -> None:
    client = redis_server.client()
    client.zadd(f"{{alligator:{queue}}}:w", {"gone": (time.time() + 60) * 1000})
    waiting = Background(backend.consumer([queue], 30.0).reserve, 1, 20.0)
    until(lambda: client.zcard(f"{{alligator:{queue}}}:w") == 2)
    backend.push(queue, messages("a"))
    assert ids_of(waiting.result()) == ["a"]


def test_closing_a_consumer_ends_its_wait(redis_server: Server, backend: RedisBackend, queue: str) -> None:
    consumer = backend.consumer([queue], 30.0)
    waiting = Background(consumer.reserve, 1, 20.0)
    until(lambda: redis_server.client().exists(f"{{alligator:{queue}}}:w"))
    consumer.close()
    assert waiting.result() == []
    backend.push(queue, messages("a"))
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a"]


def test_a_batch_of_large_bodies_is_kept_small(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, [Message(str(number), b"x" * 1_000_000) for number in range(40)])
    consumer = backend.consumer([queue], 30.0)
    batches = []
    while batch := consumer.reserve(500, 0.0):
        batches.append(ids_of(batch))
    assert max(map(len, batches)) <= 16
    assert [id for batch in batches for id in batch] == [str(number) for number in range(40)]


def test_what_a_consumer_takes_while_it_is_closed_is_given_back(backend: RedisBackend, queue: str) -> None:
    for number in range(30):
        consumer = backend.consumer([queue], 30.0)
        waiting = Background(consumer.reserve, 1, 20.0)
        pushing = Background(backend.push, queue, messages(str(number)))
        consumer.close()
        pushing.result()
        taken = waiting.result()
        assert backend.size(queue)[:3] == (1, 0, 0)
        assert taken == [] or ids_of(taken) == [str(number)]
        assert ids_of(take_all(backend.consumer([queue], 30.0))) == [str(number)]


def test_the_scripts_for_servers_before_version_7_do_the_same(redis_server: Server, queue: str) -> None:
    with opened(redis_server.dsn) as backend:
        backend.ping()
        pool = backend._client.topology.pool_for(b"")
        pool.use_scripts(have_flags=False)
        backend.push(queue, numbered(600))
        backend.push(queue, [Message("first", b"", 9), Message("later", b"", 5, 60.0)])
        backend.push(queue, messages("one"))
        consumer = backend.consumer([queue], 30.0)
        held = consumer.reserve(100, 0.0)
        assert held[0].id == "first"
        assert consumer.settle([Ack(delivery) for delivery in held[:50]]) == []
        assert backend.size(queue)[:3] == (502, 1, 50)
        assert consumer.keep_alive() == []
        consumer.close()
        assert len(take_all(backend.consumer([queue], 30.0))) == 552


def test_a_message_got_before_it_was_due_takes_no_other_ones_place(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, [Message("later", b"", 5, 60.0)])
    consumer = backend.consumer([queue], 30.0)
    got = consumer.get(queue, "later")
    assert got is not None
    backend.push(queue, messages("a"))
    [held] = consumer.reserve(1, 0.0)
    assert backend.size(queue).reserved == 2
    assert consumer.settle([Ack(got), Ack(held)]) == []
    assert backend.size(queue)[:3] == (0, 0, 0)


def test_a_part_of_a_returned_batch_may_come_back_twice(backend: RedisBackend, queue: str) -> None:
    backend.push(queue, messages("a", "b", "c"))
    first = backend.consumer([queue], 30.0)
    assert len(first.reserve(3, 0.0)) == 3
    first.close()
    consumer = backend.consumer([queue], 30.0)
    a, b, c = consumer.reserve(3, 0.0)
    assert consumer.settle([Release(a)]) == []
    [a] = consumer.reserve(3, 0.0)
    assert backend.size(queue)[:3] == (0, 0, 3)
    assert consumer.settle([Ack(b), Release(a), Ack(c)]) == []
    assert ids_of(take_all(consumer)) == ["a"]
    assert backend.size(queue)[:3] == (0, 0, 0)
