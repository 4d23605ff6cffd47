"""Connections and answers that are lost, at every step: nothing is lost with them, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alligator_redis.backend import RedisBackend
from alligator_redis.consumer import RedisConsumer

from alligator_core.backend import Ack, Bury, Message, Replace
from alligator_core.errors import BackendError, BackendUnavailable
from tests.redis.helpers import Background, ids_of, messages, new_queue, numbered, opened, sha_of, take_all
from tests.redis.proxy import Proxy
from tests.redis.servers import Server, until


@pytest.fixture
def backend(proxy: Proxy) -> Iterator[RedisBackend]:
    with opened(proxy.dsn) as backend:
        yield backend


@pytest.fixture
def queue() -> str:
    return new_queue()


def test_a_push_whose_answer_is_lost_is_repeated_and_there_once(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, messages("a"))
    proxy.lose_reply(sha_of("push_one"))
    backend.push(queue, messages("b"))
    assert proxy.lost.is_set()
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a", "b"]


def test_a_bulk_push_whose_answer_is_lost_is_repeated_and_there_once(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, messages("a", "b"))
    proxy.lose_reply(sha_of("push_many"))
    backend.push(queue, numbered(2000))
    assert proxy.lost.is_set()
    assert backend.size(queue)[:3] == (2002, 0, 0)
    assert len(take_all(backend.consumer([queue], 30.0))) == 2002


def test_messages_whose_reserve_was_answered_in_vain_are_handed_out_again_uncounted(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, messages("a", "b", "c"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(1, 0.0)
    proxy.lose_reply(sha_of("reserve"))
    again = consumer.reserve(5, 0.0)
    assert proxy.lost.is_set()
    assert [(delivery.id, delivery.deliveries) for delivery in [*held, *again]] == [("a", 1), ("b", 1), ("c", 1)]
    assert consumer.settle([Ack(delivery) for delivery in [*held, *again]]) == []
    assert backend.size(queue)[:4] == (0, 0, 0, 0)


def test_messages_that_came_with_a_wake_up_that_was_lost_are_handed_out_again(
    proxy: Proxy, backend: RedisBackend, redis_server: Server, queue: str
) -> None:
    consumer = backend.consumer([queue], 30.0)
    consumer.reserve(1, 0.0)
    proxy.lose_reply(b"BLPOP")
    waiting = Background(consumer.reserve, 5, 20.0)
    with opened(redis_server.dsn) as other:
        until(lambda: redis_server.client().exists(f"{{alligator:{queue}}}:w"))
        other.push(queue, messages("a"))
    assert [(each.id, each.deliveries) for each in waiting.result()] == [("a", 1)]
    assert proxy.lost.is_set()


def test_a_settle_whose_answer_is_lost_is_done_once_and_nothing_is_called_stale(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, messages("a", "b", "c"))
    consumer = backend.consumer([queue], 30.0)
    one, two, three = consumer.reserve(3, 0.0)
    proxy.lose_reply(sha_of("settle"))
    assert consumer.settle([Ack(one), Replace(two, Message("b", b"again")), Bury(three, "why")]) == []
    assert proxy.lost.is_set()
    assert [(each.id, each.body) for each in take_all(consumer)] == [("b", b"again")]
    assert [letter.id for letter in backend.dead(queue)] == ["c"]


def test_what_was_settled_is_stale_the_second_time_all_the_same(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(1, 0.0)
    proxy.lose_reply(sha_of("settle"))
    assert consumer.settle([Ack(held[0])]) == []
    assert consumer.settle([Ack(held[0])]) == held


def test_what_was_taken_over_in_an_answer_that_was_lost_is_returned_all_the_same(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, numbered(2500))
    doomed = backend.consumer([queue], 30.0, "dead")
    held = [each for _ in range(3) for each in doomed.reserve(1000, 0.0)]
    taker = backend.consumer([queue], 30.0)
    taker.keep_alive()
    proxy.lose_reply(sha_of("take_over"))
    taken = taker.take_over("dead")
    assert proxy.lost.is_set()
    assert ids_of(taken) == ids_of(held)
    assert taker.settle([Ack(delivery) for delivery in taken]) == []
    assert backend.size(queue)[:4] == (0, 0, 0, 0)


def test_a_take_over_that_failed_half_way_can_be_repeated(
    proxy: Proxy, backend: RedisBackend, redis_server: Server, queue: str
) -> None:
    taker = _taker_whose_second_portion_fails(proxy, backend, redis_server, queue)
    proxy.revive()
    taken = taker.take_over("dead")
    assert sorted(ids_of(taken), key=int) == [str(number) for number in range(2500)]
    assert taker.settle([Ack(delivery) for delivery in taken]) == []
    assert backend.size(queue)[:4] == (0, 0, 0, 0)


def test_what_a_failed_take_over_left_is_given_back_by_the_next_reserve(
    proxy: Proxy, backend: RedisBackend, redis_server: Server, queue: str
) -> None:
    taker = _taker_whose_second_portion_fails(proxy, backend, redis_server, queue)
    proxy.revive()
    assert [each.deliveries for each in taker.reserve(3, 0.2)] == [1, 1, 1]
    assert backend.size(queue)[:3] == (2497, 0, 3)


def test_a_stop_whose_answer_is_lost_is_heard_all_the_same(proxy: Proxy, backend: RedisBackend, queue: str) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    assert len(consumer.reserve(1, 0.0)) == 1
    assert backend.stop(queue, "a")
    proxy.lose_reply(sha_of("stops"))
    assert consumer.stops() == ["a"]
    assert proxy.lost.is_set()
    assert consumer.stops() == []


def test_a_cancel_whose_answer_is_lost_says_that_it_may_have_happened(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    backend.push(queue, messages("a"))
    backend.cancel(queue, "unknown")
    proxy.lose_reply(sha_of("cancel"))
    with pytest.raises(BackendUnavailable) as caught:
        backend.cancel(queue, "a")
    assert caught.value.maybe_applied
    assert backend.size(queue).ready == 0


def test_connections_that_were_lost_while_nobody_used_them_are_not_noticed(
    proxy: Proxy, backend: RedisBackend, queue: str
) -> None:
    consumer = backend.consumer([queue], 30.0)
    for id in "abc":
        backend.push(queue, messages(id))
        proxy.cut()
        held = consumer.reserve(1, 0.0)
        proxy.cut()
        assert consumer.keep_alive() == []
        proxy.cut()
        assert consumer.settle([Ack(held[0])]) == []
        proxy.cut()
    assert backend.size(queue)[:4] == (0, 0, 0, 0)


def test_a_consumer_whose_connection_is_lost_while_it_waits_goes_on_waiting(
    proxy: Proxy, backend: RedisBackend, redis_server: Server, queue: str
) -> None:
    waiting = Background(backend.consumer([queue], 30.0).reserve, 1, 20.0)
    until(lambda: redis_server.client().exists(f"{{alligator:{queue}}}:w"))
    proxy.cut()
    backend.push(queue, messages("a"))
    assert ids_of(waiting.result()) == ["a"]


def _taker_whose_second_portion_fails(proxy: Proxy, backend: RedisBackend, server: Server, queue: str) -> RedisConsumer:
    with opened(server.dsn) as other:
        other.push(queue, numbered(2500))
        doomed = other.consumer([queue], 30.0, "dead")
        assert sum(len(doomed.reserve(1000, 0.0)) for _ in range(3)) == 2500
    taker = backend.consumer([queue], 30.0)
    # It waits, or so it believes: what it took over in vain must be given back before it goes on doing so.
    assert taker.reserve(1, 0.1) == []
    proxy.go_down(at=sha_of("take_over"), number=2)
    with pytest.raises(BackendUnavailable) as caught:
        taker.take_over("dead")
    assert caught.value.maybe_applied
    return taker


def test_an_unreachable_server_is_an_error_that_names_it(queue: str) -> None:
    with opened("redis://:secret@127.0.0.1:1/0?timeout=0.2") as backend:
        with pytest.raises(BackendUnavailable, match=r"redis://:\*\*\*@127.0.0.1:1/0.*nothing was sent") as caught:
            backend.push(queue, messages("a"))
        assert not caught.value.maybe_applied
        assert "secret" not in str(caught.value)
        with pytest.raises(BackendUnavailable):
            backend.ping()
        with pytest.raises(BackendUnavailable):
            backend.consumer([queue], 30.0).reserve(1, 0.0)


def test_scripts_that_the_server_forgot_are_told_to_it_again(redis_server: Server, queue: str) -> None:
    with opened(redis_server.dsn) as backend:
        consumer = backend.consumer([queue], 30.0)
        backend.push(queue, messages("a"))
        settled = 0
        for forgotten in (0, 1, 2):
            redis_server.client().script_flush()
            backend.push(queue, messages(f"b{forgotten}"))
            redis_server.client().script_flush()
            backend.push(queue, messages(*(f"c{forgotten}{number}" for number in range(600))))
            redis_server.client().script_flush()
            held = consumer.reserve(500, 0.0)
            redis_server.client().script_flush()
            assert consumer.settle([Ack(delivery) for delivery in held]) == []
            settled += len(held)
        assert settled + len(take_all(consumer)) == 1804


def test_scripts_that_are_forgotten_while_a_consumer_waits_are_no_error(redis_server: Server, queue: str) -> None:
    with opened(redis_server.dsn) as backend:
        waiting = Background(backend.consumer([queue], 30.0).reserve, 1, 20.0)
        until(lambda: redis_server.client().exists(f"{{alligator:{queue}}}:w"))
        redis_server.client().script_flush()
        backend.push(queue, messages("a"))
        assert ids_of(waiting.result()) == ["a"]


def test_a_user_who_may_not_block_hears_of_it(redis_server: Server, queue: str) -> None:
    client = redis_server.client()
    client.acl_setuser("hasty", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-blpop"])
    with (
        opened(f"redis://hasty:pw@127.0.0.1:{redis_server.port}/0") as backend,
        pytest.raises(BackendError, match="blpop"),
    ):
        backend.consumer([queue], 30.0).reserve(1, 5.0)
