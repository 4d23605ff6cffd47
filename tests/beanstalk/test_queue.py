"""What is beanstalkd's own: its numbers, its order, its times to run, and other programs on the same server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from alligator_beanstalk.backend import BeanstalkBackend
from alligator_beanstalk.envelope import own_priority, wire_priority

from alligator_core.backend import Ack, Bury, Message, Release
from alligator_core.errors import OptionError, UnsupportedFeature
from alligator_core.testing.harness import in_background
from tests.beanstalk.helpers import ids_of, messages, new_queue, numbered, opened, take_all
from tests.beanstalk.servers import PATIENCE, Server, until


@pytest.fixture
def backend(beanstalkd: Server) -> Iterator[BeanstalkBackend]:
    with opened(beanstalkd.dsn) as backend:
        yield backend


@pytest.fixture
def queue() -> str:
    return new_queue()


def test_priorities_map_to_the_servers_numbers_and_ours_to_the_usual_one() -> None:
    assert [own_priority(wire_priority(priority)) for priority in range(10)] == list(range(10))
    assert (wire_priority(9), wire_priority(5)) == (0, 65536)
    assert (own_priority(2**32 - 1), own_priority(1024)) == (0, 9)


def test_another_program_puts_a_bare_message_with_a_priority_of_its_own(
    beanstalkd: Server, backend: BeanstalkBackend, queue: str
) -> None:
    with beanstalkd.client(use=f"alligator.{queue}") as client:
        number = client.put(b"json\n{}", priority=0, ttr=5)
        client.put(b"json\n[]")
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    found = consumer.reserve(3, 0.0)
    assert [(each.id, each.body, each.priority) for each in found] == [
        (f"job-{number}", b"json\n{}", 9),
        (f"job-{number + 1}", b"json\n[]", 5),
        ("a", b"body of a", 5),
    ]
    assert consumer.settle([Release(each) for each in found]) == []
    assert ids_of(take_all(consumer)) == [f"job-{number}", f"job-{number + 1}", "a"]


def test_another_program_may_name_the_message_in_a_line_before_it(
    beanstalkd: Server, backend: BeanstalkBackend, queue: str
) -> None:
    with beanstalkd.client(use=f"alligator.{queue}") as client:
        client.put(b"id=my%20id;priority=9\njson\n{}", priority=0)
    [held] = backend.consumer([queue], 30.0).reserve(1, 0.0)
    assert (held.id, held.body, held.priority) == ("my id", b"json\n{}", 9)


def test_odd_names_are_coded_as_tubes(beanstalkd: Server, backend: BeanstalkBackend) -> None:
    queue = f"a:b (c)$/{new_queue()}"
    backend.push(queue, messages("a"))
    with beanstalkd.client() as client:
        coded = queue.replace("$", "$24").replace(":", "$3a").replace(" ", "$20")
        assert "alligator." + coded.replace("(", "$28").replace(")", "$29") in client.tubes()
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a"]


def test_a_name_that_is_too_long_for_a_tube_is_refused(backend: BeanstalkBackend) -> None:
    with pytest.raises(OptionError, match="194 are possible"):
        backend.push("x" * 190, messages("a"))


def test_a_prefix_keeps_queues_apart(beanstalkd: Server, backend: BeanstalkBackend, queue: str) -> None:
    with opened(f"{beanstalkd.dsn}&prefix=other/") as other:
        other.push(queue, messages("a"))
        assert backend.size(queue).ready == 0
        assert ids_of(take_all(other.consumer([queue], 30.0))) == ["a"]


def test_what_another_process_pushed_is_not_said_to_be_gone(
    beanstalkd: Server, backend: BeanstalkBackend, queue: str
) -> None:
    with opened(beanstalkd.dsn) as other:
        other.push(queue, messages("a"))
        for look in (backend.cancel, backend.peek):
            with pytest.raises(UnsupportedFeature, match="this process didn't push") as caught:
                look(queue, "a")
            assert caught.value.feature == "find"
        assert other.cancel(queue, "a") is not None


def test_the_oldest_pushes_are_forgotten_beyond_what_is_to_be_remembered(beanstalkd: Server, queue: str) -> None:
    with opened(f"{beanstalkd.dsn}&remember=10") as backend:
        for message in numbered(40):
            backend.push(queue, [message])
        assert backend.cancel(queue, "39") is not None
        with pytest.raises(UnsupportedFeature):
            backend.cancel(queue, "0")
        assert backend.purge(queue) == 39


def test_a_message_that_a_worker_has_begun_can_not_be_canceled(backend: BeanstalkBackend, queue: str) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(1, 0.0)
    assert backend.cancel(queue, "a") is None
    assert consumer.settle([Ack(held[0])]) == []
    assert backend.cancel(queue, "a") is None


def test_a_lease_longer_than_the_time_to_run_is_kept(beanstalkd: Server, queue: str) -> None:
    with opened(beanstalkd.dsn.replace("ttr=60", "ttr=3")) as backend:
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 60.0)
        held = consumer.reserve(1, 0.0)
        assert backend.consumer([queue], 60.0).reserve(1, 4.0) == []
        assert consumer.settle([Ack(held[0])]) == []


def test_a_lease_shorter_than_the_time_to_run_is_kept_too(beanstalkd: Server, queue: str) -> None:
    with opened(beanstalkd.dsn.replace("ttr=60", "ttr=600")) as backend:
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 1.0)
        held = consumer.reserve(1, 0.0)
        [again] = backend.consumer([queue], 60.0).reserve(1, PATIENCE)
        assert (again.id, again.deliveries) == ("a", 2)
        assert consumer.settle([Ack(held[0])]) == held


def test_poison_in_a_long_queue_is_handed_out_alone_and_the_rest_stays_in_order(
    beanstalkd: Server, backend: BeanstalkBackend, queue: str
) -> None:
    backend.push(queue, numbered(20))
    with beanstalkd.client(watch=f"alligator.{queue}") as client:
        for _ in range(3):
            client.reserve(0)
    until(lambda: backend.size(queue).ready == 20)
    consumer = backend.consumer([queue], 30.0)
    batches: list[list[str]] = []
    while batch := consumer.reserve(10, 0.0):
        assert consumer.settle([Ack(each) for each in batch]) == []
        batches.append(ids_of(batch))
    assert batches[:3] == [["0"], ["1"], ["2"]]
    assert [id for batch in batches for id in batch] == [str(number) for number in range(20)]


def test_delayed_and_ordinary_messages_of_a_batch_are_both_looked_at(
    beanstalkd: Server, backend: BeanstalkBackend, queue: str
) -> None:
    backend.push(queue, [Message("delayed", b"", delay=1.0), *messages("a", "b")])
    until(lambda: backend.size(queue).ready == 3)
    found = backend.consumer([queue], 30.0).reserve(10, 0.0)
    assert [(each.id, each.deliveries) for each in found] == [("delayed", 1), ("a", 1), ("b", 1)]


def test_a_drain_reserves_ahead_and_gives_back_what_is_to_spare(
    backend: BeanstalkBackend, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alligator_beanstalk.consumer.AHEAD", 60.0)
    backend.push(queue, numbered(1000))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(300, 0.0)
    until(lambda: backend.size(queue).reserved == 600)
    consumer.spare()
    assert backend.size(queue)[:3] == (700, 0, 300)
    assert consumer.settle([Ack(each) for each in held]) == []
    assert ids_of(take_all(consumer)) == [str(number) for number in range(300, 1000)]


def test_what_was_reserved_ahead_is_given_back_by_itself_after_a_while(backend: BeanstalkBackend, queue: str) -> None:
    backend.push(queue, numbered(600))
    consumer = backend.consumer([queue], 30.0)
    assert len(consumer.reserve(300, 0.0)) == 300
    until(lambda: backend.size(queue)[:3] == (300, 0, 300))


def test_closing_gives_back_what_was_reserved_ahead_uncounted(backend: BeanstalkBackend, queue: str) -> None:
    backend.push(queue, numbered(600))
    consumer = backend.consumer([queue], 30.0)
    assert len(consumer.reserve(300, 0.0)) == 300
    consumer.close()
    until(lambda: backend.size(queue)[:3] == (600, 0, 0))
    assert {each.deliveries for each in take_all(backend.consumer([queue], 30.0))} == {1}


def test_an_idle_consumer_waits_on_the_server(beanstalkd: Server, backend: BeanstalkBackend, queue: str) -> None:
    waiting = in_background(backend.consumer([queue], 30.0).reserve, 1, 3.0)
    until(lambda: beanstalkd.stats(f"alligator.{queue}").get("current-waiting") == 1)
    before = beanstalkd.stats()["cmd-reserve-with-timeout"]
    assert waiting.result(PATIENCE) == []
    assert beanstalkd.stats()["cmd-reserve-with-timeout"] - before <= 60


def test_two_who_look_at_the_dead_letters_at_the_same_time_both_see_all(
    beanstalkd: Server, backend: BeanstalkBackend, queue: str
) -> None:
    backend.push(queue, numbered(50))
    consumer = backend.consumer([queue], 30.0)
    while batch := consumer.reserve(50, 0.0):
        assert consumer.settle([Bury(each, "why") for each in batch]) == []
    with opened(beanstalkd.dsn) as other:
        looks = [in_background(each.dead, queue) for each in (backend, other) * 4]
        assert [len(look.result(PATIENCE)) for look in looks] == [50] * 8
    until(lambda: backend.size(queue).dead == 50)
    assert backend.purge_dead(queue) == 50


def test_what_somebody_else_put_among_the_dead_letters_is_shown_as_it_is(
    beanstalkd: Server, backend: BeanstalkBackend, queue: str
) -> None:
    with beanstalkd.client(use=f"alligator.{queue}(dead)") as client:
        client.put(b"hello")
    [letter] = backend.dead(queue)
    assert (letter.body, letter.reason) == (b"hello", "It is no dead letter of Alligator's.")
    assert backend.purge_dead(queue) == 1


def test_waits_of_less_than_a_second_end_in_time(backend: BeanstalkBackend, queue: str) -> None:
    started = time.monotonic()
    assert backend.consumer([queue], 30.0).reserve(1, 0.3) == []
    assert time.monotonic() - started > 0.25
