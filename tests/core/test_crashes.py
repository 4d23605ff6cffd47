"""Workers that die: nothing is lost, poison ends among the dead letters, and bystanders are harmed once at most."""

from __future__ import annotations

import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from alligator import Gator, Worker
from tests.sqlite.helpers import is_locked
from tests.waiting import freeze_unlocked

from . import jobs, long_jobs
from .conftest import Spawn
from .helpers import eventually, working


def lines(marks: Path) -> list[str]:
    return marks.read_text().split("\n")[:-1]


def test_what_a_killed_worker_ran_is_run_by_another_one_that_waits_on_the_silent_queue(
    spawn: Spawn, durable: Gator, marks: Path
) -> None:
    gate = marks.with_name("gate")
    doomed = spawn(lease=1)
    durable.task(jobs.wait_at_gate, str(marks), str(gate))
    eventually(lambda: lines(marks) == ["running"])
    with working(Worker(durable, nap_time=600, lease=1)):
        doomed.kill()
        # The lease and a second, and the slowness of a machine that is busy with other things.
        eventually(lambda: lines(marks) == ["running"] * 2, timeout=1 + 1 + 8)
        gate.touch()
        eventually(lambda: durable.size() == (0, 0, 0, 0, True))
    assert lines(marks) == ["running", "running", "passed"]


@pytest.mark.parametrize("kind", ["inline", "threads", "async"])
def test_nothing_is_lost_however_often_workers_are_killed(spawn: Spawn, durable: Gator, marks: Path, kind: str) -> None:
    function = long_jobs.mark_and_sleep_softly if kind == "async" else jobs.mark_and_sleep
    with durable.batch():
        for number in range(60):
            durable.task(function, str(marks), number, 0.02)
    for seen in (5, 15, 25):
        worker = spawn(lease=0.5, threads=4 if kind == "threads" else 1, async_limit=4)
        eventually(lambda seen=seen: len(lines(marks)) >= seen)
        worker.kill()
    eventually(lambda: drained(durable))
    done = Counter(line for line in lines(marks) if line.endswith("done"))
    assert set(done) == {f"{number} done" for number in range(60)}
    assert durable.dead() == []


def drained(gator: Gator) -> bool:
    Worker(gator, burst=True).run_forever()
    return gator.size() == (0, 0, 0, 0, True)


@pytest.mark.parametrize("threads", [1, 4])
def test_poison_is_buried_and_its_neighbours_are_harmed_once_at_most(
    spawn: Spawn, durable: Gator, marks: Path, threads: int
) -> None:
    with durable.batch():
        for number in range(70):
            durable.task(jobs.mark, str(marks), number)
        poison = durable.task(jobs.die, str(marks))
        for number in range(70, 100):
            durable.task(jobs.mark, str(marks), number)
    deaths = 0
    while not durable.dead():
        worker = spawn(lease=0.3, max_deliveries=2, threads=threads)
        eventually(lambda worker=worker: not worker.is_running() or durable.dead())
        deaths += not worker.is_running()
    assert deaths == 2
    eventually(lambda: durable.size() == (0, 0, 0, 1, True))
    (letter,) = durable.dead()
    assert (letter.id, letter.reason) == (poison.task_id, "Its worker died under it 2 times.")
    ran = Counter(lines(marks))
    assert ran.pop("poison") == 2
    assert set(ran) == {str(number) for number in range(100)}
    assert max(ran.values()) <= 2
    if threads == 1:  # others have begun with what is behind it
        assert {ran[str(number)] for number in range(70, 100)} == {1}


def test_a_worker_that_sleeps_past_its_lease_cannot_settle_what_another_one_has(
    spawn: Spawn, durable: Gator, marks: Path
) -> None:
    gate = marks.with_name("gate")
    sleeper = spawn(lease=0.5)
    durable.task(jobs.wait_at_gate, str(marks), str(gate))
    eventually(lambda: lines(marks) == ["running"])
    stop, go_on = partial(sleeper.send, signal.SIGSTOP), partial(sleeper.send, signal.SIGCONT)
    freeze_unlocked(stop, go_on, partial(is_locked, durable.dsn.path))
    other = durable.backend.consumer(["all"], 30)
    (delivery,) = eventually(lambda: other.reserve(1, 1))
    assert delivery.deliveries == 2
    go_on()
    gate.touch()
    eventually(lambda: "passed" in lines(marks))
    eventually(lambda: "was settled too late" in sleeper.log.read_text())
    # It is held by the other one still, and the sleeper goes on.
    assert durable.size() == (0, 0, 1, 0, True)
    durable.task(jobs.mark, str(marks), "next")
    eventually(lambda: "next" in lines(marks))
    sleeper.terminate()
    assert sleeper.exit_code() == 0
    assert durable.size().reserved == 1
    other.close()


def test_the_lease_of_a_task_in_another_process_is_kept_however_long_it_runs(
    spawn: Spawn, durable: Gator, marks: Path
) -> None:
    spawn(lease=3)
    durable.task(jobs.mark_and_sleep, str(marks), "task", 4)
    eventually(lambda: lines(marks) == ["task"])
    with working(Worker(durable, nap_time=0.05, lease=3)):
        eventually(lambda: lines(marks) == ["task", "task done"])
        eventually(lambda: durable.size() == (0, 0, 0, 0, True))
    assert lines(marks) == ["task", "task done"]
