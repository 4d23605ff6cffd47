"""Asking a running task to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alligator import CANCELED, Gator, Outcome, Task, TaskCancelled, UnsupportedFeature, Worker, hookimpl
from alligator_core.backend import STOP

from . import jobs, long_jobs
from .helpers import eventually, working

KINDS = {
    "main": ({}, long_jobs.look_now_and_then),
    "threads": ({"threads": 3}, long_jobs.look_now_and_then),
    "coroutine": ({}, long_jobs.sleep_softly_until_canceled),
}
seen: list[tuple[str, str]] = []


class Hooks:
    @hookimpl
    def after_task(self, task: Task, outcome: Outcome) -> None:
        seen.append((outcome.kind, task.status))


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_that_stops_when_asked_to_is_done_and_not_tried_again(each_gator: Gator, kind: str) -> None:
    options, function = KINDS[kind]
    each_gator.plugins.add(Hooks())
    task = each_gator.options(retries=3, on_error=jobs.errored).task(function, "it")
    with working(Worker(each_gator, nap_time=0.05, **options)):  # type: ignore[arg-type]
        eventually(lambda: jobs.ran)
        assert each_gator.cancel(task.task_id) is None
        assert each_gator.stop(task.task_id) is True
        eventually(lambda: each_gator.size() == (0, 0, 0, 0, True))
    assert jobs.ran == (["it", "canceled"] if kind == "coroutine" else ["it"])
    assert seen == [("cancelled", CANCELED)]


def test_a_task_that_ignores_the_request_and_returns_has_succeeded(gator: Gator) -> None:
    gator.plugins.add(Hooks())
    task = gator.task(long_jobs.ignore_the_request, "it")
    with working(Worker(gator, nap_time=0.05)):
        eventually(lambda: gator.size().reserved == 1)
        assert gator.stop(task.task_id)
        eventually(lambda: gator.size() == (0, 0, 0, 0, True))
    assert (jobs.ran, seen) == (["it"], [("success", "success")])


def test_what_was_not_asked_to_stop_and_says_that_it_was_has_failed(gator: Gator) -> None:
    gator.plugins.add(Hooks())
    gator.task(pretend)
    Worker(gator, burst=True).run_forever()
    assert seen == [("dead", "failed")]


def pretend() -> None:
    raise TaskCancelled


def test_what_nobody_runs_cannot_be_asked_to_stop(gator: Gator) -> None:
    task = gator.task(jobs.note, 1)
    assert gator.stop(task.task_id) is False
    assert gator.stop("unknown") is False


def test_what_was_asked_to_stop_before_it_started_is_not_started(gator: Gator) -> None:
    gator.plugins.add(Hooks())
    worker = Worker(gator, nap_time=0.05)
    session = worker._session()
    tasks = [gator.task(jobs.note, number) for number in range(3)]
    session.reserve(10, 0)
    session.stop(tasks[1].task_id)
    while session.run_next():
        pass
    session.close()
    assert jobs.ran == [0, 2]
    assert seen == [("success", "success"), ("cancelled", CANCELED), ("success", "success")]
    assert gator.size() == (0, 0, 0, 0, True)


def test_a_request_that_comes_too_late_is_not_meant_for_the_next_task_of_that_id(gator: Gator) -> None:
    gator.plugins.add(Hooks())
    session = Worker(gator, nap_time=0.05)._session()
    for _ in range(2):
        gator.options(task_id="daily").task(jobs.note, "it")
        session.reserve(1, 0)
        session.run_next()
        session.flush()
        session.stop("daily")
    session.close()
    assert seen == [("success", "success")] * 2


def test_a_backend_that_cannot_carry_the_request_refuses_it(watched: Gator) -> None:
    watched.backend.features = watched.backend.features - {STOP}
    with pytest.raises(UnsupportedFeature, match="'stop'"):
        watched.stop("1")


def test_a_callback_is_not_hit_by_a_request_that_comes_too_late(gator: Gator) -> None:
    gator.plugins.add(Hooks())
    task = gator.options(on_success=wait_in_a_callback).task(jobs.note_soon, "it")
    with working(Worker(gator, nap_time=0.05)):
        eventually(lambda: "in the callback" in jobs.ran)
        gator.stop(task.task_id)
        eventually(lambda: gator.size() == (0, 0, 0, 0, True))
    assert jobs.ran == ["it", "in the callback", "callback done"]
    assert seen == [("success", "success")]


async def wait_in_a_callback(task: Task, result: object) -> None:
    import asyncio

    jobs.ran.append("in the callback")
    await asyncio.sleep(1.2)
    jobs.ran.append("callback done")


def test_a_task_is_itself_only_while_it_runs(gator: Gator) -> None:
    from alligator import current_task

    seen_here: list[Callable[[], Any]] = [current_task]
    gator.task(long_jobs.tell)
    Worker(gator, burst=True).run_forever()
    assert seen_here[0]() is None
    assert gator.execute(Task_calling(long_jobs.tell)) is None
    assert [mark[0] is not None for mark in jobs.ran] == [True, True]
    assert current_task() is None


def Task_calling(function: Callable[..., Any]) -> Task:  # noqa: N802
    task = Task()
    task.to_call(function)
    return task
