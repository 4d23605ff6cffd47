"""Supervisors that are told to stop, or killed: nothing is lost, and nothing goes on for ever."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from alligator import Gator

from . import jobs
from .conftest import Marks, Supervise, eventually, is_alive, is_empty, on_sqlite

pytestmark = pytest.mark.long


def test_a_supervisor_that_is_told_to_stop_finishes_what_runs_and_gives_back_the_rest(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise(lease=600)
    supervised.ready()
    with gator.batch():
        for number in range(2):
            gator.task(jobs.mark_and_sleep, str(marks), f"long{number}", 5)
        for number in range(50):
            gator.task(jobs.mark_and_sleep, str(marks), f"short{number}", 1)
    eventually(lambda: {"long0", "long1"} <= marks.counted().keys())
    supervised.process.terminate()
    eventually(lambda: gator.size().ready == 50)
    assert marks.counted() == {"long0": 1, "long1": 1}  # They run still.
    assert supervised.exit_code() == 0
    assert marks.counted() == {"long0": 1, "long1": 1, "long0-done": 1, "long1-done": 1}
    assert gator.size() == (50, 0, 0, 0, True)


@on_sqlite
def test_told_a_second_time_it_gives_back_what_runs(supervise: Supervise, gator: Gator, marks: Marks) -> None:
    supervised = supervise(lease=600)
    gator.task(jobs.mark_and_sleep, str(marks), "long", 60)
    eventually(lambda: marks.pid_of("long"))
    supervised.process.terminate()
    eventually(lambda: "told to stop" in supervised.text)
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.exit_code() == 0
    (delivery,) = gator.backend.consumer(["all"], 30).reserve(1, 0)
    assert delivery.deliveries == 1


@on_sqlite
def test_a_signal_that_reaches_every_process_counts_once(supervise: Supervise, gator: Gator, marks: Marks) -> None:
    # As a service manager sends it, to the supervisor and to each of its children.
    supervised = supervise(lease=600)
    children = supervised.ready()
    gator.task(jobs.mark_and_sleep, str(marks), "long", 3)
    eventually(lambda: marks.pid_of("long"))
    for pid in [*children, supervised.pid, *children]:
        with suppress(ProcessLookupError):  # the idle one may have ended
            os.kill(pid, signal.SIGTERM)
    assert supervised.exit_code() == 0
    assert marks.counted() == {"long": 1, "long-done": 1}
    assert is_empty(gator)


@on_sqlite
def test_a_process_that_cannot_hear_is_killed_after_the_grace_and_its_task_given_back_uncounted(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise(lease=600, grace=0.5)
    supervised.ready()
    gator.task(jobs.block_in_c, str(marks), "blocked", 60)
    eventually(lambda: marks.pid_of("blocked"))
    assert supervised.stop() == 0
    assert "did not stop in time" in supervised.text
    (delivery,) = gator.backend.consumer(["all"], 30).reserve(1, 0)
    assert delivery.deliveries == 1


@on_sqlite
def test_a_supervisor_that_is_told_to_stop_while_its_processes_start_stops(supervise: Supervise) -> None:
    supervised = supervise(processes=1)
    eventually(lambda: "Started worker process" in supervised.text)
    assert supervised.stop() == 0


def test_when_the_supervisor_is_killed_its_processes_finish_and_stop(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise(lease=600)
    children = supervised.ready()
    gator.task(jobs.mark_and_sleep, str(marks), "task", 2)
    eventually(lambda: marks.pid_of("task"))
    for number in range(20):
        gator.task(jobs.mark_and_sleep, str(marks), number, 2)
    supervised.process.kill()
    eventually(lambda: not any(map(is_alive, children)))
    ran = marks.counted()
    assert ran["task"] == ran["task-done"] == 1
    assert gator.size() == (21 - sum(text.endswith("done") for text in ran), 0, 0, 0, True)


@on_sqlite
def test_a_process_whose_supervisor_was_killed_stops_also_if_it_has_the_gil_only_now_and_then(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise(processes=1, lease=600)
    (child,) = supervised.ready(1)
    gator.task(jobs.block_in_c, str(marks), "one", 1)
    for number in range(20):
        gator.task(jobs.block_in_c, str(marks), number, 1)
    eventually(lambda: marks.pid_of("one"))
    supervised.process.kill()
    eventually(lambda: not is_alive(child))
    assert gator.size().ready >= 15


def test_after_everything_was_killed_a_new_supervisor_does_not_wait_for_leases(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    supervised = supervise(lease=600)
    supervised.ready()
    gator.task(jobs.mark_and_sleep, str(marks), "task", 5)
    eventually(lambda: marks.pid_of("task"))
    with gator.batch():
        for number in range(20):
            gator.task(jobs.mark, str(marks), number)
    supervised.kill_all()
    supervise(lease=600)
    eventually(lambda: is_empty(gator))
    ran = marks.counted()
    assert ran["task"] == 2
    assert ran["task-done"] == 1
    assert {str(number) for number in range(20)} <= ran.keys()
