"""Tasks, from an app or another program by way of beanstalkd to a worker, and the commands of an operator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alligator import Gator
from alligator_core.errors import BackendUnavailable, BodyTooLarge
from alligator_core.worker import Worker
from tests.beanstalk import jobs
from tests.beanstalk.helpers import new_queue
from tests.beanstalk.servers import Server, until
from tests.redis.proxy import Proxy

pytestmark = pytest.mark.long

CLI = [sys.executable, "-c", "from alligator_core.cli import main; main()"]


@pytest.fixture
def gator(beanstalkd: Server) -> Iterator[Gator]:
    gator = Gator(beanstalkd.dsn, new_queue())
    jobs.ran.clear()
    yield gator
    gator.purge()
    gator.purge_dead()
    gator.close()


def test_a_task_of_another_program_is_run_by_a_worker(beanstalkd: Server, gator: Gator) -> None:
    call = {"id": "a1", "task": "tests.beanstalk.jobs:note", "args": ["from outside"]}
    with beanstalkd.client(use=f"alligator.{gator.queue_name}") as client:
        client.put(b"id=a1\njson\n" + json.dumps(call).encode())
        client.put(b"json\n" + json.dumps({**call, "id": "a2", "args": ["without a line"]}).encode())
    Worker(gator, burst=True).run_forever()
    assert jobs.ran == ["from outside", "without a line"]


def test_what_another_program_put_there_by_hand_and_is_no_task_goes_to_the_dead_letters(
    beanstalkd: Server, gator: Gator
) -> None:
    with beanstalkd.client(use=f"alligator.{gator.queue_name}") as client:
        client.put(b"hello")
        client.put(b"")
        client.put(b"id=")
    gator.task(jobs.note, 1)
    Worker(gator, burst=True).run_forever()
    assert jobs.ran == [1]
    assert sorted(letter.body for letter in gator.dead()) == [b"", b"hello", b"id="]


def test_map_and_batch_arrive_in_order(gator: Gator) -> None:
    gator.map(jobs.note, range(2500))
    with gator.batch():
        gator.task(jobs.note, "first")
        gator.task(jobs.note, "second")
    Worker(gator, burst=True).run_forever()
    assert jobs.ran == [*range(2500), "first", "second"]


def test_a_failed_task_is_retried_then_buried_and_can_be_requeued(gator: Gator) -> None:
    with gator.options(retries=1) as options:
        task = options.task(jobs.fail, 7)
    Worker(gator, burst=True).run_forever()
    [letter] = gator.dead()
    assert letter.id == task.task_id
    assert letter.reason.startswith("ValueError: no 7 (attempt 2 of 2)")
    assert gator.requeue() == [task.task_id]
    assert gator.len() == 1


def test_a_task_is_canceled_and_peeked_at_by_whoever_pushed_it(gator: Gator) -> None:
    with gator.options(priority=7, delay_by=60) as options:
        task = options.task(jobs.note, 1)
    entry = gator.peek(task.task_id)
    assert entry is not None
    assert (entry.state, entry.priority) == ("delayed", 7)
    canceled = gator.cancel(task.task_id)
    assert canceled is not None
    assert canceled.args == [1]
    assert gator.len() == 0


def test_a_task_that_is_too_large_is_refused_with_its_size(gator: Gator) -> None:
    with pytest.raises(BodyTooLarge, match="64,509"):
        gator.task(jobs.note, "x" * 70_000)
    assert gator.len() == 0


def test_an_id_of_ones_own_that_is_pushed_twice_is_there_twice(gator: Gator) -> None:
    for number in (1, 2):
        gator.options(task_id="mine").task(jobs.note, number)
    Worker(gator, burst=True).run_forever()
    assert jobs.ran == [1, 2]


def test_a_producer_hears_that_a_push_may_have_happened_and_nothing_is_repeated(
    beanstalkd: Server, gator: Gator
) -> None:
    proxy = Proxy(beanstalkd.port)
    producer = Gator(f"beanstalk://127.0.0.1:{proxy.port}/", gator.queue_name)
    producer.len()
    proxy.lose_reply(b"put ")
    with pytest.raises(BackendUnavailable) as caught:
        producer.task(jobs.note, 1)
    assert caught.value.maybe_applied
    assert gator.len() == 1
    producer.close()
    proxy.close()


def test_a_supervisor_runs_workers_on_it(beanstalkd: Server, gator: Gator) -> None:
    gator.map(jobs.note, range(20))
    dsn = gator.backend._settings.shown  # type: ignore[attr-defined]
    command = [*CLI, "worker", dsn, "--queue", gator.queue_name, "--processes", "2"]
    worker = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: gator.size()[:3] == (0, 0, 0))
        worker.terminate()
        assert worker.wait(20) == 0
    finally:
        worker.kill()


def test_a_killed_worker_loses_nothing(beanstalkd: Server, gator: Gator, tmp_path: Path) -> None:
    gator.map(jobs.note, range(50))
    script = (
        "import os, sys\nfrom alligator import Gator\n"
        f"gator = Gator({beanstalkd.dsn!r}, {gator.queue_name!r})\n"
        "assert gator.backend.consumer([gator.queue_name], 60.0).reserve(50, 1.0)\nos.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    until(lambda: gator.size()[:3] == (50, 0, 0))
    Worker(gator, burst=True).run_forever()
    assert sorted(jobs.ran, key=str) == sorted(range(50), key=str)


def test_a_worker_process_outlives_a_restart_of_its_server(own_server: Server, tmp_path: Path) -> None:
    gator = Gator(own_server.dsn)
    gator.map(jobs.note, range(10))
    worker = subprocess.Popen([*CLI, "worker", own_server.dsn], stderr=subprocess.DEVNULL)
    try:
        until(lambda: gator.size()[:3] == (0, 0, 0))
        own_server.restart()
        gator.close()
        gator.map(jobs.note, range(10))
        until(lambda: gator.size()[:3] == (0, 0, 0))
        worker.terminate()
        assert worker.wait(20) == 0
    finally:
        worker.kill()


def test_the_commands_of_an_operator_work(gator: Gator) -> None:
    for number in (1, 2):
        gator.task(jobs.fail, number)
    Worker(gator, burst=True).run_forever()
    gator.task(jobs.note, 3)
    assert "answers" in _run(gator, "ping")
    [counts] = json.loads(_run(gator, "stats", "--json"))["queues"]
    assert (counts["ready"], counts["dead"]) == (1, 2)
    letters = json.loads(_run(gator, "dead", "list", "--json"))["dead"]
    assert [letter["reason"] for letter in letters] == [f"ValueError: no {n} (attempt 1 of 1)" for n in (2, 1)]
    _run(gator, "dead", "requeue", letters[0]["id"])
    _run(gator, "dead", "purge", "--all", "--yes")
    assert gator.size()[:4] == (2, 0, 0, 0)
    _run(gator, "enqueue", "tests.beanstalk.jobs:note", "4")
    _run(gator, "purge", "--yes")
    assert gator.len() == 0


@pytest.mark.parametrize("command", ["peek", "cancel"])
def test_a_task_is_not_found_by_a_command_which_says_why(gator: Gator, command: str) -> None:
    task = gator.task(jobs.note, 1)
    ran = subprocess.run(_command(gator, command, task.task_id), capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "'find'" in ran.stderr
    assert gator.len() == 1


def _run(gator: Gator, *words: str) -> str:
    ran = subprocess.run(_command(gator, *words), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _command(gator: Gator, *words: str) -> list[str]:
    count = 2 if words[0] == "dead" else 1
    queue = [] if words[0] == "ping" else ["--queue", gator.queue_name]
    return [*CLI, *words[:count], gator.backend._settings.shown, *words[count:], *queue]  # type: ignore[attr-defined]
