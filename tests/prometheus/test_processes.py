"""One endpoint for all worker processes of a supervisor, whatever becomes of any of them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from alligator_prometheus.layout import Layout
from alligator_prometheus.shelf import Shelf

from alligator import Gator
from alligator_core.testing.forking import in_forked_child
from tests.core.helpers import eventually

from . import jobs
from .conftest import StartWorkers, Workers
from .scraping import LIMIT, Metrics, no_less, scraped

pytestmark = pytest.mark.long

FINISHED = "alligator_tasks_finished_total"
NOTHING = (0, 0, 0, 0, True)


def hold_both(gator: Gator, workers: Workers, path: Path) -> Metrics:
    """Have each of two processes run a task, for as long as there is no file at a path."""
    gator.map(jobs.wait_for, [str(path)] * 2)
    return scraped(workers.port, "alligator_tasks_started_total", 2, task="tests.prometheus.jobs:wait_for")


def rows(workers: Workers) -> list[Path]:
    return sorted(workers.runtime.glob("*/*/*.rows"))


def test_the_numbers_are_those_of_all_processes(gator: Gator, start: StartWorkers, tmp_path: Path) -> None:
    workers = start("--processes", "2")
    hold_both(gator, workers, tmp_path / "go")  # neither would have both: a worker without threads runs one
    (tmp_path / "go").touch()
    found = scraped(workers.port, "alligator_task_run_seconds_count", 2)
    assert found.get(FINISHED, outcome="success") == found.get("alligator_task_run_seconds_count") == 2
    assert len(rows(workers)) == 2
    assert workers.stop() == 0


def test_no_counter_goes_back_when_both_are_killed_one_after_the_other(
    gator: Gator, start: StartWorkers, tmp_path: Path
) -> None:
    workers = start("--processes", "2")
    hold_both(gator, workers, tmp_path / "go")
    (tmp_path / "go").touch()
    gator.map(jobs.greet, map(str, range(200)))
    before = scraped(workers.port, FINISHED, 202)
    # One of the two serves.
    for number, pid in enumerate(workers.children(), start=1):
        eventually(lambda: gator.size() == NOTHING, LIMIT)  # what is counted and not acked yet would run again
        os.kill(pid, signal.SIGKILL)
        gator.task(jobs.greet, "again")
        after = scraped(workers.port, FINISHED, 202 + number)
        assert not no_less(before, after)
        before = after
    assert before.get(FINISHED, outcome="success") == 204


def test_the_only_process_that_is_replaced_again_and_again_leaves_what_it_counted(
    gator: Gator, start: StartWorkers
) -> None:
    gator.map(jobs.greet, map(str, range(12)))
    workers = start("--processes", "1", "--max-tasks", "2")
    assert scraped(workers.port, FINISHED, 12).get(FINISHED) == 12
    eventually(lambda: len(rows(workers)) <= 2, LIMIT)  # of the dead there is one file, whatever their number
    workers.stop()


def test_what_a_supervisor_left_is_removed_by_the_next(gator: Gator, start: StartWorkers) -> None:
    gator.task(jobs.greet, "ann")
    first = start("--processes", "1")
    scraped(first.port, FINISHED, 1)
    folder = rows(first)[0].parent
    assert first.stop() == 0
    second = start("--processes", "1")
    gator.task(jobs.greet, "bob")
    assert scraped(second.port, FINISHED, 1).get(FINISHED) == 1
    assert not folder.exists()


def test_two_supervisors_do_not_mix(gator: Gator, start: StartWorkers) -> None:
    first, second = start("--processes", "1"), start("--processes", "1")
    gator.map(jobs.nap, [0.01] * 20)
    eventually(lambda: gator.size() == NOTHING, LIMIT)
    eventually(lambda: _both(first, second) == 20, LIMIT)


def test_a_folder_that_others_may_enter_is_not_believed(gator: Gator, start: StartWorkers, tmp_path: Path) -> None:
    folder = tmp_path / "run" / f"alligator-prometheus-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    gator.task(jobs.greet, "ann")
    workers = start("--processes", "1")
    assert scraped(workers.port, FINISHED, 1).get(FINISHED) == 1
    assert "Numbers can't be shared with other worker processes" in workers.log
    assert not list(folder.iterdir())


def _both(first: Workers, second: Workers) -> float:
    return sum(scraped(workers.port, FINISHED, 0).get(FINISHED) for workers in (first, second))


def test_of_the_dead_no_more_series_are_kept_than_a_process_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    layout = Layout([1])
    for turn in range(3):
        # Each in a process of its own, which is dead when the next one looks.
        in_forked_child(lambda turn=turn: count_five(layout, turn))
    shelf = Shelf(layout, os.getpid(), 4)
    shelf.merge_the_dead()
    found = shelf.rows_of_others()
    assert len(found) == 5
    assert sum(row[0] for row in found.values()) == 15
    assert found["other", "other"][0] == 11


def count_five(layout: Layout, turn: int) -> None:
    shelf = Shelf(layout, os.getppid(), 4)
    for number in range(5):
        shelf.new_row((f"{turn}", f"{number}"))[0] += 1
