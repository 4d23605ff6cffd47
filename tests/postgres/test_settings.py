"""What the options of a DSN do."""

from __future__ import annotations

import pytest

from alligator_core.backend import Bury, Release
from tests.postgres.helpers import messages, new_queue, open_backend
from tests.postgres.servers import Server


def test_both_schemes_are_the_same(postgres: Server) -> None:
    queue = new_queue()
    open_backend(postgres.dsn).push(queue, messages("a"))
    assert open_backend(postgres.dsn.replace("postgres:", "postgresql:")).size(queue).ready == 1


@pytest.mark.parametrize("schema", ["of_another_app", 'odd "name" %s {x}', "with'quote", "public"])
def test_each_schema_has_queues_of_its_own(postgres: Server, schema: str) -> None:
    from urllib.parse import quote

    queue = new_queue()
    backend = open_backend(f"{postgres.dsn}?schema={quote(schema)}")
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    assert [each.id for each in consumer.reserve(1, 0.1)] == ["a"]
    consumer.close()
    assert backend.size(queue).ready == 1
    assert open_backend(postgres.dsn).size(queue).ready == 0


def test_the_connections_bear_the_application_name(postgres: Server) -> None:
    backend = open_backend(f"{postgres.dsn}?application_name=shop%20worker")
    backend.ping()
    assert postgres.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop worker'") == [(1,)]
    backend.close()


def test_the_oldest_dead_letters_go_beyond_their_number(postgres: Server) -> None:
    backend, queue = open_backend(f"{postgres.dsn}?max_dead=2"), new_queue()
    for id in "abcd":
        backend.push(queue, messages(id))
        consumer = backend.consumer([queue], 30.0)
        consumer.settle([Bury(each, "why") for each in consumer.reserve(1, 0.0)])
        consumer.close()
    assert [letter.id for letter in backend.dead(queue)] == ["d", "c"]


def test_dead_letters_go_when_they_are_too_old(postgres: Server) -> None:
    queue = new_queue()
    for age, id in ((3600.0, "a"), (0.0, "b")):
        backend = open_backend(f"{postgres.dsn}?dead_age={age}")
        backend.push(queue, messages(id))
        consumer = backend.consumer([queue], 30.0)
        consumer.settle([Bury(each, "why") for each in consumer.reserve(1, 0.0)])
        consumer.close()
    assert "a" not in [letter.id for letter in backend.dead(queue)]


def test_commits_may_be_told_not_to_wait_for_the_disk(postgres: Server) -> None:
    backend, queue = open_backend(f"{postgres.dsn}?synchronous_commit=off"), new_queue()
    backend.push(queue, messages("a"))
    assert backend.size(queue).ready == 1


def test_of_several_hosts_one_that_answers_is_used(postgres: Server) -> None:
    from tests.waiting import free_port

    backend = open_backend(f"postgres://alligator@127.0.0.1:{free_port()},127.0.0.1:{postgres.port}/postgres")
    backend.ping()
    backend.close()


def test_a_user_with_rights_on_the_tables_alone_can_push_and_work(postgres: Server) -> None:
    open_backend(f"{postgres.dsn}?schema=shared").size("all")
    postgres.execute(
        "CREATE ROLE modest LOGIN; GRANT USAGE ON SCHEMA shared TO modest;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shared TO modest"
    )
    backend, queue = open_backend(postgres.dsn_of(user="modest") + "?schema=shared"), new_queue()
    backend.push(queue, messages("a", "b"))
    consumer = backend.consumer([queue], 30.0)
    first, second = consumer.reserve(10, 0.1)
    assert consumer.settle([Bury(first, "why"), Release(second)]) == []
    assert consumer.keep_alive() == []
    consumer.close()
    assert backend.requeue(queue) == ["a"]
    assert backend.size(queue).ready == 2
    backend.close()


def test_a_producer_needs_no_more_than_to_insert(postgres: Server) -> None:
    open_backend(f"{postgres.dsn}?schema=inbox").size("all")
    postgres.execute(
        "CREATE ROLE sender LOGIN; GRANT USAGE ON SCHEMA inbox TO sender;"
        "GRANT SELECT, INSERT ON inbox.alligator_messages TO sender"
    )
    backend, queue = open_backend(postgres.dsn_of(user="sender") + "?schema=inbox"), new_queue()
    backend.push(queue, messages("a"))
    backend.push(queue, messages("b", "c"))
    backend.close()
    assert open_backend(f"{postgres.dsn}?schema=inbox").size(queue).ready == 3
