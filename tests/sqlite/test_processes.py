"""Several processes on one file: under load, killed, and waking each other."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alligator_sqlite import SqliteBackend, connection

from tests.sqlite.helpers import eventually, finish, push, ready_ids, start

PUSHES = """
for number in range(300):
    backend.push("q", [Message(f"{sys.argv[2]} {number}", b"body")])
"""
DRAINS = """
consumer, silent = backend.consumer(["q"], 60.0), 0
while silent < 2 or not os.path.exists(sys.argv[1] + ".pushed"):
    taken = consumer.reserve(7, 1.0)
    silent = 0 if taken else silent + 1
    assert consumer.settle([Ack(delivery) for delivery in taken]) == []
    for delivery in taken:
        print(delivery.id)
"""


def test_under_load_each_message_reaches_one_consumer_and_nobody_finds_the_file_locked(
    path: Path, backend: SqliteBackend
) -> None:
    pushers = [start(PUSHES, path, name) for name in "abc"]
    drainers = [start(DRAINS, path) for _ in range(3)]
    assert finish(*pushers) == [""] * 3
    Path(f"{path}.pushed").touch()
    seen = [line for output in finish(*drainers) for line in output.splitlines()]
    assert sorted(seen) == sorted(f"{name} {number}" for name in "abc" for number in range(300))
    assert backend.size("q") == (0, 0, 0, 0, True)


def test_what_a_killed_producer_had_pushed_is_kept(path: Path, backend: SqliteBackend) -> None:
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    finish(start(PUSHES + kill, path, "a"))
    assert ready_ids(backend) == [f"a {number}" for number in range(300)]


def test_a_process_killed_in_the_middle_of_a_push_leaves_no_trace_and_no_lock(
    path: Path, backend: SqliteBackend
) -> None:
    push(backend, "a")
    code = """
from alligator_sqlite import store
with backend._database as db:
    store.add(db, backend._database.number("q"), [Message("half", b"body")])
    os.kill(os.getpid(), signal.SIGKILL)
"""
    finish(start(code, path))
    push(backend, "b")
    assert ready_ids(backend) == ["a", "b"]


def test_a_waiting_consumer_is_woken_from_another_process(path: Path, backend: SqliteBackend) -> None:
    waiting = start("print(*[delivery.id for delivery in backend.consumer(['q'], 60.0).reserve(1, 60.0)])", path)
    eventually(lambda: path.exists())
    push(backend, "a")
    assert finish(waiting) == ["a\n"]


@contextmanager
def somebody_always_reading(path: Path) -> Iterator[None]:
    """Two readers that relieve each other, so that there is always one at work."""
    stop = threading.Event()

    def read() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as one, closing(sqlite3.connect(path)) as other:
            one.execute("BEGIN")
            while not stop.wait(0.01):
                one.execute("SELECT count(*) FROM messages").fetchone()
                other.commit()
                other.execute("BEGIN")
                one, other = other, one

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_the_log_does_not_grow_without_end_although_there_is_always_a_reader(
    path: Path, backend: SqliteBackend
) -> None:
    push(backend, "first")
    with somebody_always_reading(path):
        for number in range(400):
            push(backend, f"{number}", body=b"x" * 200_000)
    # Of 80 MB that were written: a busy machine misses a turn or two.
    assert os.path.getsize(f"{path}-wal") < 4 * connection.LOG_SIZE


def test_the_log_is_short_again_after_somebody_stood_in_the_way(path: Path, backend: SqliteBackend) -> None:
    push(backend, "first")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM messages").fetchall()
        push(backend, *[f"{number}" for number in range(30)], body=b"x" * 1_000_000)
        assert os.path.getsize(f"{path}-wal") > connection.LOG_LIMIT
    push(backend, "next to last")
    push(backend, "last")
    assert os.path.getsize(f"{path}-wal") <= connection.LOG_SIZE
    assert len(ready_ids(backend)) == 33


def test_room_that_was_freed_is_used_again(path: Path, backend: SqliteBackend) -> None:
    def fill_and_purge() -> int:
        push(backend, *[f"{number}" for number in range(500)], body=b"x" * 5000)
        assert backend.purge("q") == 500
        backend.close()
        return path.stat().st_size

    first = fill_and_purge()
    assert max(fill_and_purge() for _ in range(5)) < first * 1.1
