"""Worker processes that are replaced, again and again: nothing is lost and nothing is left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alligator import Gator

from . import jobs
from .conftest import Marks, Supervise, eventually, is_empty, on_sqlite

pytestmark = pytest.mark.long


def test_processes_that_end_after_so_many_tasks_are_replaced_and_nothing_is_lost(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    with gator.batch():
        for number in range(60):
            gator.task(jobs.mark, str(marks), number)
    supervised = supervise("--max-tasks", "20", lease=600)
    eventually(lambda: is_empty(gator))
    assert marks.counted() == {str(number): 1 for number in range(60)}
    assert len({pid for _, pid in marks.lines}) >= 3
    assert supervised.stop() == 0


@on_sqlite
def test_a_burst_ends_when_nothing_is_ready_any_more(supervise: Supervise, gator: Gator, marks: Marks) -> None:
    with gator.batch():
        for number in range(50):
            gator.task(jobs.mark, str(marks), number)
    supervised = supervise("--max-tasks", "10", burst=True)
    assert supervised.exit_code() == 0
    assert marks.counted() == {str(number): 1 for number in range(50)}


@on_sqlite
def test_twenty_processes_leave_nothing(supervise: Supervise, gator: Gator, marks: Marks, tmp_path: Path) -> None:
    supervised = supervise("--max-tasks", "1", processes=1)

    def run(number: int) -> None:
        for _ in range(number):
            gator.task(jobs.mark, str(marks), "ran")
        eventually(lambda: is_empty(gator), timeout=120)

    run(5)
    before, files = resources(supervised.pid), sorted(os.listdir(tmp_path))
    run(20)
    assert len({pid for _, pid in marks.lines}) == 25
    eventually(lambda: resources(supervised.pid) <= before)
    assert sorted(os.listdir(tmp_path)) == files
    assert supervised.stop() == 0


def resources(pid: int) -> tuple[int, int]:
    """Return how many files and threads a process has."""
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))
