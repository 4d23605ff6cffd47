"""Hard limits of tasks that nothing in their own process can end."""

from __future__ import annotations

import sys

import pytest

from alligator import Gator
from tests.conftest import Launch

from . import jobs
from .conftest import Marks, Supervise, eventually, is_empty, on_sqlite

pytestmark = pytest.mark.long


def test_a_task_that_keeps_the_gil_beyond_its_hard_limit_fails_alone(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    with gator.batch():
        for number in range(30):
            gator.task(jobs.mark, str(marks), number)
        with gator.options(hard_timeout=1) as limited:
            limited.task(jobs.block_in_c, str(marks), "stuck", 60)
        for number in range(30, 60):
            gator.task(jobs.mark, str(marks), number)
    supervised = supervise(processes=1, lease=600)
    eventually(lambda: is_empty(gator, dead=1))
    (letter,) = gator.dead()
    assert letter.reason.startswith("alligator_core.errors.TaskTimeout: It ran longer than its hard limit of 1 s")
    assert letter.deliveries == 1
    # Not even what was finished, but not acked yet, is done again.
    assert marks.counted() == {"stuck": 1, **{str(number): 1 for number in range(60)}}
    assert supervised.stop() == 0


@on_sqlite
def test_a_task_beyond_its_hard_limit_is_retried_like_any_that_failed(
    supervise: Supervise, gator: Gator, marks: Marks
) -> None:
    with gator.options(hard_timeout=2.0, retries=1) as limited:
        limited.task(jobs.block_in_c, str(marks), "stuck", 60)
    supervise(processes=1, lease=600)
    eventually(lambda: is_empty(gator, dead=1))
    assert marks.counted() == {"stuck": 2}
    assert "(attempt 2 of 2)" in gator.dead()[0].reason


@on_sqlite
def test_what_ran_beside_it_is_given_back_uncounted(supervise: Supervise, gator: Gator, marks: Marks) -> None:
    supervised = supervise("--threads", "2", processes=1, lease=600, max_deliveries=1)
    gator.task(jobs.mark_and_sleep, str(marks), "beside", 8)
    eventually(lambda: marks.pid_of("beside"))
    with gator.options(hard_timeout=2.0) as limited:
        limited.task(jobs.block_in_c, str(marks), "stuck", 60)
    eventually(lambda: marks.counted()["beside-done"] == 1)
    eventually(lambda: is_empty(gator, dead=1))
    assert marks.counted() == {"beside": 2, "beside-done": 1, "stuck": 1}
    assert supervised.stop() == 0


@on_sqlite
def test_without_a_supervisor_a_task_that_keeps_the_gil_for_longer_than_the_lease_is_run_by_another_too(
    launch: Launch, dsn: str, gator: Gator, marks: Marks
) -> None:
    # The documented limit: nobody renews the lease for a process that can't.
    for _ in range(2):
        launch([sys.executable, "-m", "tests.supervisor.plain", dsn])
    gator.task(jobs.block_in_c, str(marks), "blocked", 10)
    eventually(lambda: marks.counted()["blocked"] == 2)
    assert "blocked-done" not in marks.counted()
