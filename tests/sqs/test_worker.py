"""Tasks, from an app or another program by way of SQS to a worker, and the commands of an operator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from alligator import Gator
from alligator_core.errors import BodyTooLarge, UnsupportedFeature
from alligator_core.worker import Worker
from tests.conftest import Launch
from tests.sqs import jobs
from tests.sqs.helpers import new_queue
from tests.sqs.servers import PATIENCE, Ministack, until

pytestmark = pytest.mark.long

CLI = [sys.executable, "-c", "from alligator_core.cli import main; main()"]


@pytest.fixture
def gator(ministack: Ministack) -> Iterator[Gator]:
    gator = Gator(ministack.dsn(), new_queue())
    jobs.ran.clear()
    yield gator
    gator.close()


def test_a_task_of_another_program_is_run_by_a_worker(ministack: Ministack, gator: Gator) -> None:
    client = ministack.client()
    url = client.create_queue(QueueName=gator.queue_name)["QueueUrl"]
    call = {"id": "a1", "task": "tests.sqs.jobs:note", "args": ["from outside"]}
    client.send_message(QueueUrl=url, MessageBody="id=a1\njson\n" + json.dumps(call))
    client.send_message(
        QueueUrl=url, MessageBody="json\n" + json.dumps({**call, "id": "a2", "args": ["without a line"]})
    )
    Worker(gator, burst=True).run_forever()
    assert sorted(map(str, jobs.ran)) == ["from outside", "without a line"]


def test_what_another_program_put_there_by_hand_and_is_no_task_goes_to_the_dead_letters(
    ministack: Ministack, gator: Gator
) -> None:
    client = ministack.client()
    url = client.create_queue(QueueName=gator.queue_name)["QueueUrl"]
    foreign = ["hello", '{"Records":[]}', "id=", "id=x;b64\nnot base64", "id=y;deaths=-1;delay=soon\nx"]
    for body in foreign:
        client.send_message(QueueUrl=url, MessageBody=body)
    gator.task(jobs.note, 1)
    Worker(gator, burst=True).run_forever()
    assert jobs.ran == [1]
    letters = gator.dead()
    assert {letter.body.decode() for letter in letters} == {*foreign[:4], "x"}
    assert all(letter.reason for letter in letters)


def test_map_and_batch_arrive(gator: Gator) -> None:
    gator.map(jobs.note, range(120))
    with gator.batch():
        gator.task(jobs.note, 120)
        gator.task(jobs.note, 121)
    Worker(gator, burst=True).run_forever()
    assert sorted(jobs.ran, key=int) == [*range(122)]  # type: ignore[call-overload]


def test_a_failed_task_is_retried_then_buried_and_can_be_requeued(gator: Gator) -> None:
    with gator.options(retries=1) as options:
        task = options.task(jobs.fail, 7)
    Worker(gator, burst=True).run_forever()
    [letter] = gator.dead()
    assert letter.id == task.task_id
    assert letter.reason.startswith("ValueError: no 7 (attempt 2 of 2)")
    assert gator.requeue() == [task.task_id]
    assert gator.len() == 1


def test_a_fifo_worker_runs_a_failing_task_to_its_end_before_the_next_one(ministack: Ministack) -> None:
    gator = Gator(ministack.dsn("fifo=yes"), new_queue())
    jobs.ran.clear()
    gator.task(jobs.note, "before")
    gator.options(retries=2).task(jobs.fail, 7)
    gator.task(jobs.note, "after")
    Worker(gator, burst=True).run_forever()
    assert jobs.ran == ["before", "after"]
    assert [letter.reason.splitlines()[0] for letter in gator.dead()] == ["ValueError: no 7 (attempt 3 of 3)"]
    gator.close()


def test_a_task_that_is_too_large_is_refused_with_its_size(gator: Gator) -> None:
    with pytest.raises(BodyTooLarge, match="193,536"):
        gator.task(jobs.note, "x" * 300_000)


def test_cancel_and_priorities_are_refused_with_the_reason(gator: Gator) -> None:
    task = gator.task(jobs.note, 1)
    with pytest.raises(UnsupportedFeature, match="finds none by its id"):
        gator.cancel(task.task_id)
    with pytest.raises(UnsupportedFeature, match="priorities=2"):
        gator.options(priority=9).task(jobs.note, 2)


def test_a_killed_worker_loses_nothing(ministack: Ministack, gator: Gator) -> None:
    gator.map(jobs.note, range(30))
    script = (
        "import os, sys\nfrom alligator import Gator\n"
        f"gator = Gator({ministack.dsn()!r}, {gator.queue_name!r})\n"
        "assert gator.backend.consumer([gator.queue_name], 5.0).reserve(10, 1.0)\nos.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=PATIENCE).returncode == -9
    until(lambda: gator.size()[:3] == (30, 0, 0))
    Worker(gator, burst=True).run_forever()
    assert sorted(jobs.ran, key=str) == sorted(range(30), key=str)


def test_a_worker_that_is_told_to_end_gives_back_what_has_not_started(
    ministack: Ministack, gator: Gator, launch: Launch
) -> None:
    gator.map(jobs.nap, [30.0] * 3)
    worker = launch([*CLI, "worker", ministack.dsn(), "--queue", gator.queue_name, "--grace", "0.2"])
    until(lambda: gator.size().reserved)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    until(lambda: gator.size()[:3] == (3, 0, 0))
    consumer = gator.backend.consumer([gator.queue_name], 30.0)
    assert [each.deliveries for each in consumer.reserve(10, 1.0)] == [1, 1, 1]
    consumer.close()


def test_a_supervisor_runs_workers_on_it(ministack: Ministack, gator: Gator, launch: Launch) -> None:
    gator.map(jobs.note, range(20))
    worker = launch([*CLI, "worker", ministack.dsn(), "--queue", gator.queue_name, "--processes", "2"])
    until(lambda: gator.size()[:3] == (0, 0, 0))
    worker.terminate()
    assert worker.wait(PATIENCE) == 0


def test_the_commands_of_an_operator_work(gator: Gator) -> None:
    for number in (1, 2):
        gator.task(jobs.fail, number)
    Worker(gator, burst=True).run_forever()
    gator.task(jobs.note, 3)
    assert "answers" in _run(gator, "ping", "--timeout", "20")
    [counts] = json.loads(_run(gator, "stats", "--json"))["queues"]
    assert (counts["ready"], counts["dead"]) == (1, 2)
    letters = json.loads(_run(gator, "dead", "list", "--json"))["dead"]
    assert sorted(letter["reason"][:16] for letter in letters) == ["ValueError: no 1", "ValueError: no 2"]
    _run(gator, "dead", "requeue", letters[0]["id"])
    _run(gator, "dead", "purge", "--all", "--yes")
    assert gator.size()[:4] == (2, 0, 0, 0)


@pytest.mark.parametrize(("command", "said"), [("cancel", "by its id"), ("peek", "by its id")])
def test_a_command_that_sqs_can_not_carry_out_says_why(gator: Gator, command: str, said: str) -> None:
    task = gator.task(jobs.note, 1)
    ran = subprocess.run(
        _command(gator, command, task.task_id), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert ran.returncode != 0
    assert said in ran.stderr


def _run(gator: Gator, *words: str) -> str:
    ran = subprocess.run(_command(gator, *words), capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _command(gator: Gator, *words: str) -> list[str]:
    count = 2 if words[0] == "dead" else 1
    queue = [] if words[0] == "ping" else ["--queue", gator.queue_name]
    return [*CLI, *words[:count], gator.backend._settings.shown, *words[count:], *queue]  # type: ignore[attr-defined]
