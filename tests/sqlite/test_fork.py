"""Forks: SQLite's locks belong to a process, and what a child inherits must not deceive it."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

from alligator_sqlite import SqliteBackend, forks

from alligator_core.backend import Ack, Message
from alligator_core.testing.forking import in_forked_child
from tests.sqlite.helpers import finish, push, ready_ids, start


def test_what_a_child_pushes_is_kept_when_its_parent_closes_the_file_meanwhile(
    path: Path, backend: SqliteBackend
) -> None:
    push(backend, "before the fork")
    is_closed, close = os.pipe()
    opened, has_opened = os.pipe()
    child = os.fork()
    if child == 0:
        push(backend, "by the child")
        os.write(has_opened, b"x")
        os.read(is_closed, 1)
        push(backend, "by the child, later")
        os._exit(0)
    os.read(opened, 1)
    push(backend, "by the parent")
    backend.close()
    finish(start("backend.ping()", path))
    os.write(close, b"x")
    os.waitpid(child, 0)
    assert ready_ids(backend) == ["before the fork", "by the child", "by the parent", "by the child, later"]


def test_a_consumer_in_a_forked_child_holds_nothing_of_its_parents(backend: SqliteBackend) -> None:
    push(backend, "a")
    consumer = backend.consumer(["q"], 60.0)
    held = consumer.reserve(1, 0.0)

    def settle_and_close() -> list[str]:
        stale = consumer.settle([Ack(delivery) for delivery in held])
        lost = consumer.keep_alive()
        consumer.close()
        return [delivery.id for delivery in [*stale, *lost]]

    assert in_forked_child(settle_and_close) == "['a']"
    assert consumer.settle([Ack(held[0])]) == []
    consumer.close()


def test_a_fork_while_other_threads_push_and_wait_hangs_nobody(backend: SqliteBackend) -> None:
    stop = threading.Event()
    consumer = backend.consumer(["nothing"], 60.0)

    def push_on() -> None:
        number = 0
        while not stop.is_set():
            backend.push("other", [Message(f"{number}", b"")])
            number += 1

    threads = [threading.Thread(target=push_on), threading.Thread(target=consumer.reserve, args=(1, 60.0))]
    for thread in threads:
        thread.start()
    said = [in_forked_child(lambda number=number: push(backend, f"{number}")) for number in range(10)]  # type: ignore[misc]
    stop.set()
    consumer.close()
    for thread in threads:
        thread.join()
    assert said == ["None"] * 10
    assert ready_ids(backend) == [f"{number}" for number in range(10)]


def test_a_fork_that_python_learned_of_too_late_is_refused(backend: SqliteBackend) -> None:
    push(backend, "a")
    reader, writer = os.pipe()
    child = ctypes.PyDLL(None).fork()  # as an application server does that is written in C; the child has the GIL
    if child == 0:
        forks._after_in_child()
        try:
            push(backend, "b")
        except BaseException as exc:  # noqa: BLE001  (it must not run the rest of the tests)
            os.write(writer, repr(exc).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert "close the Gator before the fork" in os.read(reader, 4096).decode()
    assert ready_ids(backend) == ["a"]
