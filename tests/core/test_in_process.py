"""`is_async=False`: tasks run at once in the app's own process, and hide nothing that production would refuse."""

from __future__ import annotations

import asyncio

import pytest

from alligator import SUCCESS, EnqueueError, Gator, UncarriableArgument

from . import jobs
from .backends import WatchedBackend


@pytest.fixture
def here() -> Gator:
    return Gator("watched://", backend_class=WatchedBackend, plugins=[], is_async=False)


def test_a_task_runs_at_once_and_the_backend_hears_nothing_of_it(here: Gator) -> None:
    task = here.task(jobs.add, 1, b=2)
    assert (task.status, task.result) == (SUCCESS, 3)
    assert here.backend.calls == []  # type: ignore[attr-defined]


def test_is_async_may_come_as_text_from_the_environment() -> None:
    assert Gator("locmem://", is_async="no").task(jobs.add, 1).result == 2


def test_arguments_arrive_as_they_would_in_a_worker(here: Gator) -> None:
    here.task(jobs.note, (1, (2, 3)))
    here.task(jobs.pairs, (1, 2), [(3,)], named={})
    assert jobs.ran == [[1, [2, 3]], ((1, 2), [(3,)], {})]


def test_arguments_are_copies(here: Gator) -> None:
    items = ["a"]
    with pytest.raises(ValueError, match="spoilt"):
        here.task(jobs.spoil, items, {})
    assert items == ["a"]


@pytest.mark.parametrize("value", [{1}, b"x", object(), float("nan")])
def test_what_a_worker_could_not_get_is_refused_here_too(here: Gator, value: object) -> None:
    with pytest.raises(UncarriableArgument):
        here.task(jobs.note, value)
    assert jobs.ran == []


def test_what_a_worker_could_not_find_is_refused_here_too(here: Gator) -> None:
    with pytest.raises(EnqueueError):
        here.task(lambda: None)
    with pytest.raises(EnqueueError):
        here.options(on_success=print)


def test_what_the_function_raises_reaches_the_caller(here: Gator) -> None:
    with pytest.raises(ValueError, match="x"):
        here.task(jobs.fail, "x")


def test_retries_are_made_at_once_from_the_original_arguments(here: Gator) -> None:
    with pytest.raises(ValueError, match="spoilt"):
        here.options(retries=2).task(jobs.spoil, ["a"], {})
    assert jobs.ran == [(["a"], {})] * 3


def test_a_task_that_succeeds_at_last_has_its_result(here: Gator) -> None:
    task = here.options(retries=5).task(jobs.fail_until, 3, "x")
    assert (task.status, task.result, task.attempt) == (SUCCESS, 3, 3)


def test_delays_are_not_waited_for(here: Gator) -> None:
    assert here.options(delay_by=60).task(jobs.add, 1).status == SUCCESS


def test_callbacks_are_called(here: Gator) -> None:
    task = here.options(on_start=jobs.started, on_success=jobs.succeeded).task(jobs.note, 1)
    assert jobs.ran == [("started", task.task_id), 1, ("succeeded", task.task_id, 1)]


def test_ctrl_c_while_a_task_runs_here_is_not_swallowed(here: Gator) -> None:
    with pytest.raises(KeyboardInterrupt):
        here.options(retries=5).task(jobs.press_ctrl_c)


def test_a_coroutine_function_runs_at_once(here: Gator) -> None:
    assert here.task(jobs.note_soon, 1).result == 1


def test_a_coroutine_function_runs_at_once_within_a_coroutine_too(here: Gator) -> None:
    async def view() -> object:
        return here.task(jobs.note_soon, 1).result

    assert asyncio.run(view()) == 1


def test_what_a_coroutine_function_leaves_running_is_canceled(here: Gator) -> None:
    async def view() -> object:
        return here.task(jobs.leave_something_running, 1).result

    assert here.task(jobs.leave_something_running, 1).result == 1
    assert asyncio.run(view()) == 1
    assert all(left.cancelled() for left in jobs.background)


def test_an_async_producer_runs_it_at_once_too(here: Gator) -> None:
    async def view() -> object:
        return (await here.atask(jobs.note_soon, 1)).result, (await here.atask(jobs.add, 1)).result

    assert asyncio.run(view()) == (1, 2)


def test_a_bulk_and_a_batch_run_at_once(here: Gator) -> None:
    assert [task.result for task in here.map(jobs.add, [1, 2])] == [2, 3]
    with here.batch():
        assert here.task(jobs.add, 1).result == 2
