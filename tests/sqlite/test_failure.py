"""What is said when the file can't be written, and that nothing is left half-done."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alligator_sqlite import SqliteBackend

from alligator_core.backend import Ack, Bury, Message, Release
from alligator_core.errors import BackendError, BackendUnavailable
from alligator_core.testing.forking import in_forked_child
from tests.sqlite.conftest import Open
from tests.sqlite.helpers import push, ready_ids

NOBODY = 65534


def push_for_ever(backend: SqliteBackend) -> None:
    for batch in itertools.count():
        push(backend, *[f"{batch} {number}" for number in range(10)], body=b"x" * 2000)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    yield Path(folder)
    shutil.rmtree(folder)


def test_a_lock_that_stays_is_reported_with_the_file_and_the_option(path: Path, open_backend: Open) -> None:
    backend = open_backend(busy_timeout=0.05)
    push(backend, "a")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackendUnavailable, match=r"queue\.db' was locked .*: raise busy_timeout"):
            push(backend, "b")
        assert backend.size("q").ready == 1
    push(backend, "c")
    assert ready_ids(backend) == ["a", "c"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_lock_that_goes_away_is_waited_for(count: int, path: Path, backend: SqliteBackend) -> None:
    push(backend, "a")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
        timer.start()
        push(backend, *[f"{number}" for number in range(count)])
        timer.join()  # SQLite crashes if a connection is closed while another thread is still within it.
    assert backend.size("q").ready == 1 + count


def test_a_file_that_may_not_be_written_is_reported(shared_folder: Path) -> None:
    path = shared_folder / "queue.db"
    backend = SqliteBackend(str(path))
    push(backend, "a")
    backend.close()
    path.chmod(0o444)

    def push_as_somebody_else() -> None:
        if os.geteuid() == 0:  # whom no permission stops
            os.setuid(NOBODY)
        push(backend, "b")

    assert "can't be written: give this user write access" in in_forked_child(push_as_somebody_else)
    path.chmod(0o644)
    assert ready_ids(backend) == ["a"]


def test_a_push_that_finds_no_room_leaves_nothing_half_done(path: Path, backend: SqliteBackend) -> None:
    push(backend, "first")

    def push_until_there_is_no_room() -> str:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        with pytest.raises(BackendError, match=r"queue\.db' .*nothing was changed"):
            push_for_ever(backend)
        count = backend.size("q").ready
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        push(backend, "there is room again")
        backend.close()
        return str(count)

    pushed = int(in_forked_child(push_until_there_is_no_room))
    assert pushed > 1
    assert pushed % 10 == 1
    assert len(ready_ids(backend)) == pushed + 1
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_settlement_that_failed_can_be_repeated_as_it_was(path: Path, open_backend: Open) -> None:
    backend = open_backend(busy_timeout=0.05)
    push(backend, "a", "b", "c")
    consumer = backend.consumer(["q"], 60.0)
    a, b, c = consumer.reserve(3, 0.0)
    settlements = [Ack(a), Release(b), Bury(c, "why")]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackendUnavailable):
            consumer.settle(settlements)
    assert consumer.settle(settlements) == []
    assert backend.size("q") == (1, 0, 0, 1, True)
    consumer.close()


def test_a_reserve_that_failed_holds_nothing(path: Path, open_backend: Open) -> None:
    backend = open_backend(busy_timeout=0.05)
    push(backend, "a")
    consumer = backend.consumer(["q"], 60.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackendUnavailable):
            consumer.reserve(1, 0.0)
    assert [delivery.id for delivery in consumer.reserve(1, 0.0)] == ["a"]
    consumer.close()


def test_a_batch_with_a_message_that_can_not_be_stored_is_not_pushed_at_all(backend: SqliteBackend) -> None:
    push(backend, "a")
    with pytest.raises(UnicodeEncodeError):
        push(backend, *[f"{number}" for number in range(200)], "\ud800")
    with pytest.raises(BackendError, match="NOT NULL"):
        backend.push("q", [*[Message(f"{number}", b"") for number in range(200)], Message("b", None)])  # type: ignore[arg-type]
    assert backend.peek("q", "0") is None
    push(backend, "c")
    assert ready_ids(backend) == ["a", "c"]


def test_a_queue_whose_first_push_failed_can_be_used(backend: SqliteBackend) -> None:
    with pytest.raises(UnicodeEncodeError):
        push(backend, "\ud800")
    backend.push("another", [Message("b", b"")])
    push(backend, "a")
    assert ready_ids(backend) == ["a"]
