"""Worker processes that die under a supervisor: what they ran comes back at once, and nothing else is harmed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from alligator import Gator
from tests.sqlite.helpers import is_locked
from tests.waiting import freeze_unlocked

from . import deadly, jobs
from .conftest import Marks, Supervise, eventually, is_empty, on_sqlite

pytestmark = pytest.mark.long


def test_what_a_killed_process_ran_runs_again_at_once_and_its_neighbours_once(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise(processes=1, lease=600)
    gator.task(jobs.mark_and_sleep, str(marks), "task", 6)
    with gator.batch():
        for number in range(20):
            gator.task(jobs.mark, str(marks), number)
    pid = eventually(lambda: marks.pid_of("task"))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: marks.counted()["task"] == 2)
    eventually(lambda: is_empty(gator))
    assert marks.counted() == {"task": 2, "task-done": 1, **{str(number): 1 for number in range(20)}}
    assert supervised.stop() == 0


@pytest.mark.parametrize(
    ("poison", "how"),
    [
        (jobs.exit_at_once, "with exit code 3"),
        (jobs.segfault, "by SIGSEGV (signal 11)"),
        (jobs.kill_itself, "by SIGKILL (signal 9), which the system also sends when memory runs out"),
    ],
)
def test_poison_is_buried_with_how_its_workers_died_and_its_neighbours_are_harmed_once_at_most(
    supervise: Supervise, gator: Gator, marks: Marks, poison: Callable[..., None], how: str
) -> None:
    with gator.batch():
        for number in range(30):
            gator.task(jobs.mark, str(marks), number)
        gator.task(poison, str(marks))
        for number in range(30, 60):
            gator.task(jobs.mark, str(marks), number)
    supervised = supervise(lease=600, max_deliveries=3)
    eventually(lambda: is_empty(gator, dead=1))
    (letter,) = gator.dead()
    assert letter.reason == f"Its worker died under it 3 times, the last time {how}."
    ran = marks.counted()
    assert ran.pop("poison") == 3
    assert set(ran) == {str(number) for number in range(60)}
    assert max(ran.values()) <= 2
    assert supervised.stop() == 0


@on_sqlite
def test_a_task_that_ends_its_process_without_an_error_did_not_end(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    gator.task(jobs.exit_at_once, str(marks), 0)
    supervise(processes=1, lease=600, max_deliveries=2)
    eventually(lambda: is_empty(gator, dead=1))
    assert gator.dead()[0].reason == "Its worker died under it 2 times, the last time with exit code 0."


@on_sqlite
def test_a_message_that_ends_its_process_before_it_runs_is_poison_too(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    with gator.batch():
        gator.task(deadly.never)
        for number in range(10):
            gator.task(jobs.mark, str(marks), number)
    supervise(lease=600, max_deliveries=2)
    eventually(lambda: is_empty(gator, dead=1))
    assert gator.dead()[0].reason == "Its worker died under it 2 times, the last time with exit code 7."
    assert marks.counted() == {str(number): 1 for number in range(10)}


@on_sqlite
def test_a_task_that_finds_no_memory_has_failed_like_any_other(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    gator.task(jobs.take_all_memory, str(marks))
    gator.task(jobs.mark, str(marks), "next")
    supervise(processes=1)
    eventually(lambda: is_empty(gator, dead=1))
    assert gator.dead()[0].reason.startswith("MemoryError")
    assert len({pid for _, pid in marks.lines}) == 1


def test_a_task_that_keeps_the_gil_for_longer_than_the_lease_keeps_its_lease(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise(lease=4)
    supervised.ready()
    gator.task(jobs.block_in_c, str(marks), "blocked", 10)
    eventually(lambda: "blocked-done" in marks.counted())
    eventually(lambda: is_empty(gator))
    assert marks.counted() == {"blocked": 1, "blocked-done": 1}
    assert supervised.stop() == 0


@on_sqlite
def test_a_stopped_process_does_not_keep_its_lease(supervise: Supervise, dsn: str, gator: Gator, marks: Marks) -> None:
    supervised = supervise(lease=1)
    supervised.ready()
    gator.task(jobs.mark_and_sleep, str(marks), "task", 5)
    pid = eventually(lambda: marks.pid_of("task"))
    stop, go_on = partial(os.kill, pid, signal.SIGSTOP), partial(os.kill, pid, signal.SIGCONT)
    freeze_unlocked(stop, go_on, partial(is_locked, dsn.removeprefix("sqlite:///")))
    eventually(lambda: marks.counted()["task"] == 2)
    assert marks.pid_of("task") != pid
    go_on()
    eventually(lambda: marks.counted()["task-done"] == 2)
    eventually(lambda: is_empty(gator))
    assert supervised.stop() == 0
