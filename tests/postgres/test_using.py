"""Tasks that are enqueued within the app's own transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from alligator_core.errors import BackendError, OptionError, UnsupportedFeature
from alligator_core.gator import Gator
from alligator_core.testing.harness import PATIENCE, in_background
from tests.postgres.helpers import new_queue
from tests.postgres.jobs import note
from tests.postgres.servers import Server


@pytest.fixture
def gator(postgres: Server) -> Iterator[Gator]:
    gator = Gator(postgres.dsn, new_queue())
    yield gator
    gator.close()


@pytest.fixture
def connection(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    with postgres.connect() as connection:
        yield connection


def test_a_task_appears_with_the_commit(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.using(connection):
        task = gator.task(note, "a", "b")
    assert gator.peek(task.task_id) is None
    connection.commit()
    assert gator.peek(task.task_id) is not None


def test_a_rollback_undoes_what_was_enqueued(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.using(connection):
        gator.task(note, "a", "b")
        gator.map(echo, range(10))
    connection.rollback()
    assert gator.size()[:3] == (0, 0, 0)


def test_what_the_app_writes_and_its_task_share_their_fate(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    def fail() -> None:
        with connection.transaction(), gator.using(connection):
            connection.execute("CREATE TABLE fates (id integer)")
            gator.task(note, "a", "b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gator.len() == 0
    assert connection.execute("SELECT to_regclass('fates')").fetchone() == (None,)


def test_a_waiting_worker_wakes_with_the_commit(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    consumer = gator.backend.consumer([gator.queue_name], 60.0)
    waiting = in_background(consumer.reserve, 1, PATIENCE)
    with gator.using(connection):
        gator.task(note, "a", "b")
    connection.commit()
    assert len(waiting.result(PATIENCE)) == 1
    consumer.close()


def test_after_the_block_tasks_go_their_own_way_again(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.using(connection):
        pass
    gator.task(note, "a", "b")
    connection.rollback()
    assert gator.len() == 1


def test_a_batch_in_the_block_is_part_of_the_transaction(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.using(connection), gator.batch():
        gator.task(note, "a", "b")
        gator.task(note, "a", "c")
    connection.rollback()
    assert gator.len() == 0


def test_a_batch_around_the_block_collects_nothing_of_it(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.batch():
        gator.task(note, "outside", "b")
        with gator.using(connection) as same:
            same.task(note, "inside", "b")
        connection.rollback()
    assert gator.len() == 1


def test_another_thread_does_not_use_the_connection(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.using(connection):
        thread = threading.Thread(target=gator.task, args=(note, "a", "b"))
        thread.start()
        thread.join(PATIENCE)
    connection.rollback()
    assert gator.len() == 1


def test_a_coroutine_enqueues_within_its_transaction(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    async def enqueue() -> None:
        with gator.using(connection):
            await gator.atask(note, "a", "b")

    asyncio.run(enqueue())
    connection.rollback()
    assert gator.len() == 0


def test_the_connection_is_left_open(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.using(connection):
        gator.task(note, "a", "b")
    gator.close()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_options_and_ids_work_as_elsewhere(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with gator.using(connection):
        for _ in range(2):
            gator.options(task_id="one", delay_by=60.0, priority=9).task(note, "a", "b")
    connection.commit()
    assert gator.size()[:2] == (0, 1)


def test_without_a_transaction_a_task_is_there_at_once(gator: Gator, postgres: Server) -> None:
    with postgres.connect(autocommit=True) as connection, gator.using(connection):
        gator.map(echo, range(3))
        assert gator.len() == 3


def test_a_large_push_is_one_transaction_without_one(gator: Gator, postgres: Server) -> None:
    with postgres.connect(autocommit=True) as connection, gator.using(connection), gator.batch():
        for _ in range(5):
            gator.task(echo, "x" * 10_000_000)
    assert gator.len() == 5


def test_an_error_of_the_transaction_is_ours(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM nowhere")
    with gator.using(connection), pytest.raises(BackendError, match="using"):
        gator.task(note, "a", "b")
    assert not connection.closed


@pytest.mark.parametrize("what", [object(), "postgres://", None])
def test_what_is_no_connection_is_refused_with_the_way_to_one(gator: Gator, what: object) -> None:
    with pytest.raises(OptionError, match="driver_connection"):
        gator.using(what)


def test_a_connection_serves_no_worker(gator: Gator, connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(UnsupportedFeature):
        gator.backend.using(connection).consumer(["all"], 30.0)


def test_a_backend_without_transactions_refuses_at_the_call() -> None:
    with pytest.raises(UnsupportedFeature, match="transactions"):
        Gator("locmem://").using(object())


def echo(value: object) -> object:
    """A function that a task can name."""
    return value
