"""A server that ends and comes back, and workers that are killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alligator_core.backend import Ack, Message
from alligator_core.errors import BackendUnavailable
from alligator_core.gator import Gator
from alligator_core.testing.forking import in_forked_child
from alligator_core.testing.harness import PATIENCE, in_background, until
from tests.postgres.helpers import messages, new_queue, open_backend
from tests.postgres.jobs import note, note_and_hang_once
from tests.postgres.servers import Server

pytestmark = pytest.mark.long

CLI = "from alligator_core.cli import main; main()"


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_messages_outlive_the_server(own_server: Server, end: Callable[[Server], None]) -> None:
    backend, queue = open_backend(own_server.dsn), new_queue()
    backend.push(queue, messages("a", "b"))
    consumer = backend.consumer([queue], 60.0)
    held = consumer.reserve(1, 0.0)
    end(own_server)
    with pytest.raises(BackendUnavailable):
        backend.size(queue)
    own_server.start()
    assert backend.size(queue)[:3] == (1, 0, 1)
    assert consumer.settle([Ack(each) for each in held]) == []
    assert [each.id for each in consumer.reserve(10, 0.0)] == ["b"]


def test_a_consumer_waits_on_after_a_restart(own_server: Server) -> None:
    backend, queue = open_backend(own_server.dsn), new_queue()
    consumer = backend.consumer([queue], 60.0)
    assert consumer.reserve(1, 0.05) == []
    own_server.restart()
    waiting = in_background(consumer.reserve, 1, PATIENCE)
    backend.push(queue, messages("a"))
    assert [each.id for each in waiting.result(PATIENCE)] == ["a"]


def test_tables_that_were_removed_are_made_anew(own_server: Server) -> None:
    backend, queue = open_backend(own_server.dsn), new_queue()
    backend.push(queue, messages("a"))
    own_server.execute("DROP SCHEMA alligator CASCADE")
    with pytest.raises(Exception, match="does not exist"):
        backend.push(queue, messages("b"))
    backend.push(queue, messages("b"))
    assert backend.size(queue).ready == 1


def test_many_at_once_make_the_tables_of_a_new_database(own_server: Server) -> None:
    backends = [open_backend(own_server.dsn) for _ in range(8)]
    queue = new_queue()
    pushes = [in_background(each.push, queue, messages(f"{number}")) for number, each in enumerate(backends)]
    for push in pushes:
        push.result(PATIENCE)
    assert backends[0].size(queue).ready == 8


def test_many_threads_share_a_backend(postgres: Server) -> None:
    backend, queue = open_backend(f"{postgres.dsn}?max_connections=3"), new_queue()
    pushes = [
        in_background(lambda first=first: [backend.push(queue, [Message(f"{first}-{n}", b"")]) for n in range(20)])  # type: ignore[misc]
        for first in range(12)
    ]
    for push in pushes:
        push.result(PATIENCE)
    assert backend.size(queue).ready == 240
    count = postgres.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'alligator'")
    assert count[0][0] >= 1


def test_a_forked_child_has_connections_of_its_own(postgres: Server) -> None:
    backend, queue = open_backend(postgres.dsn), new_queue()
    consumer = backend.consumer([queue], 60.0)
    assert consumer.reserve(1, 0.05) == []
    backend.push(queue, messages("parent"))

    def in_child() -> str:
        backend.push(queue, messages("child"))
        own = backend.consumer([queue], 60.0)
        found = own.reserve(1, 1.0)
        own.close()
        backend.close()
        return found[0].id

    assert in_forked_child(in_child) == "parent"
    assert [each.id for each in consumer.reserve(10, 1.0)] == ["parent", "child"]
    consumer.close()


def test_a_fork_while_other_threads_use_the_pool_hangs_nobody(postgres: Server) -> None:
    backend, queue = open_backend(postgres.dsn), new_queue()
    over = threading.Event()

    def keep_busy() -> None:
        while not over.is_set():
            backend.size(queue)

    threads = [threading.Thread(target=keep_busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert [in_forked_child(lambda: f"{backend.size(queue).ready}") for _ in range(5)] == ["0"] * 5
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_a_killed_workers_task_is_run_by_another(postgres: Server, tmp_path: Path, launch: Any) -> None:
    gator = Gator(postgres.dsn, new_queue())
    path = tmp_path / "notes"
    gator.task(note_and_hang_once, str(path), "started")
    command = [sys.executable, "-c", CLI, "worker", postgres.dsn, "--queue", gator.queue_name]
    first = launch([*command, "--lease", "1"], cwd=os.getcwd())
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    first.send_signal(signal.SIGKILL)
    first.wait(PATIENCE)
    gator.task(note, str(path), "done")
    second = launch([*command, "--lease", "1"], cwd=os.getcwd())
    until(lambda: len(path.read_text().splitlines()) == 3)
    until(lambda: gator.size()[:3] == (0, 0, 0))
    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE) == 0
