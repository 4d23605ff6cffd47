from __future__ import annotations

import asyncio
import threading
import time

import pytest

from alligator import EnqueueError, Gator, Task, hookimpl

from . import jobs
from .backends import WatchedBackend
from .helpers import drain


@pytest.fixture
def backend(watched: Gator) -> WatchedBackend:
    assert isinstance(watched.backend, WatchedBackend)
    return watched.backend


def test_the_tasks_of_a_batch_are_pushed_together_at_its_end(watched: Gator, backend: WatchedBackend) -> None:
    with watched.batch():
        tasks = [watched.task(jobs.note, 1), watched.options(priority=9).task(jobs.note, 2)]
        assert backend.pushes == []
    assert backend.pushes == [("all", [task.task_id for task in tasks])]


def test_a_batch_that_raises_pushes_nothing(watched: Gator, backend: WatchedBackend) -> None:
    def enqueue_and_fail() -> None:
        with watched.batch():
            watched.task(jobs.note, 1)
            raise LookupError

    with pytest.raises(LookupError):
        enqueue_and_fail()
    assert backend.pushes == []
    watched.task(jobs.note, 2)
    assert len(backend.pushes) == 1


def test_a_batch_goes_in_chunks_as_large_as_the_backend_takes(watched: Gator, backend: WatchedBackend) -> None:
    with watched.batch():
        for number in range(250):
            watched.task(jobs.note, number)
    assert [len(ids) for _, ids in backend.pushes] == [100, 100, 50]


def test_a_batch_for_several_queues_is_one_push_for_each(watched: Gator, backend: WatchedBackend) -> None:
    other = watched.options(queue_name="other")
    with watched.batch():
        for number in range(3):
            watched.task(jobs.note, number)
            other.task(jobs.note, number)
    assert [(queue, len(ids)) for queue, ids in backend.pushes] == [("all", 3), ("other", 3)]


def test_a_bulk_in_a_batch_waits_for_its_end(watched: Gator, backend: WatchedBackend) -> None:
    with watched.batch():
        watched.map(jobs.note, range(5))
        assert backend.pushes == []
    assert [len(ids) for _, ids in backend.pushes] == [5]


def test_an_empty_batch_pushes_nothing(watched: Gator, backend: WatchedBackend) -> None:
    with watched.batch():
        pass
    assert backend.pushes == []


def test_a_batch_within_a_batch_waits_for_the_outer_one(watched: Gator, backend: WatchedBackend) -> None:
    with watched.batch():
        with watched.batch():
            watched.task(jobs.note, 1)
        assert backend.pushes == []
    assert len(backend.pushes) == 1


def test_a_batch_that_is_used_again_pushes_only_what_is_new(watched: Gator, backend: WatchedBackend) -> None:
    batch = watched.batch()
    with batch:
        watched.task(jobs.note, 1)
    with batch:
        watched.task(jobs.note, 2)
    assert [len(ids) for _, ids in backend.pushes] == [1, 1]


def test_what_cannot_be_carried_is_refused_in_the_block(watched: Gator, backend: WatchedBackend) -> None:
    with watched.batch():
        with pytest.raises(EnqueueError):
            watched.task(jobs.note, {1})
        watched.task(jobs.note, 1)
    assert [len(ids) for _, ids in backend.pushes] == [1]


def test_a_batch_of_one_gator_does_not_collect_the_tasks_of_another(watched: Gator, gator: Gator) -> None:
    with watched.batch():
        gator.task(jobs.note, 1)
        assert gator.len() == 1


def test_a_thread_is_not_in_the_batch_of_another(watched: Gator, backend: WatchedBackend) -> None:
    with watched.batch():
        thread = threading.Thread(target=watched.task, args=(jobs.note, 1))
        thread.start()
        thread.join()
        assert len(backend.pushes) == 1


def test_what_is_awaited_in_a_batch_is_collected(watched: Gator, backend: WatchedBackend) -> None:
    async def produce() -> None:
        with watched.batch():
            await watched.atask(jobs.note, 1)
            await watched.atask(jobs.note, 2)
            assert backend.pushes == []

    asyncio.run(produce())
    assert [len(ids) for _, ids in backend.pushes] == [2]


def test_a_task_made_by_a_coroutine_that_outlives_the_batch_is_not_lost(
    watched: Gator, backend: WatchedBackend
) -> None:
    async def produce() -> None:
        batch_has_ended = asyncio.Event()

        async def later() -> None:
            await batch_has_ended.wait()
            watched.task(jobs.note, "later")

        with watched.batch():
            straggler = asyncio.ensure_future(later())
            watched.task(jobs.note, "sooner")
            await asyncio.sleep(0)
        batch_has_ended.set()
        await straggler

    asyncio.run(produce())
    assert [len(ids) for _, ids in backend.pushes] == [1, 1]


def test_a_task_made_by_another_coroutine_is_not_lost_with_a_batch_that_raises(
    watched: Gator, backend: WatchedBackend
) -> None:
    async def produce() -> None:
        async def beside() -> None:
            watched.task(jobs.note, "beside")

        with watched.batch():
            await asyncio.ensure_future(beside())
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(produce())
    assert [len(ids) for _, ids in backend.pushes] == [1]


def test_the_hooks_hear_of_a_batch_when_it_is_pushed() -> None:
    class Hooks:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            jobs.ran.append("before")

        @hookimpl
        def after_enqueue(self, task: Task) -> None:
            jobs.ran.append("after")

    gator = Gator("locmem://", plugins=[Hooks()])
    with gator.batch():
        gator.task(jobs.note, 1)
        gator.task(jobs.note, 2)
        assert jobs.ran == ["before", "before"]
    assert jobs.ran == ["before", "before", "after", "after"]


def test_a_task_of_a_batch_waits_until_the_time_it_was_given_however_long_the_block_takes(
    watched: Gator, backend: WatchedBackend
) -> None:
    now, started = [1000.0], time.monotonic()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("time.time", lambda: now[0])
        with watched.batch():
            task = watched.options(delay_until=1100.0).task(jobs.note, 1)
            now[0] = 1060.0
    entry = backend.inner.peek("all", task.task_id)
    assert entry
    assert 39 - (time.monotonic() - started) < entry.ready_in <= 40


def test_a_batch_runs_nothing_twice(gator: Gator) -> None:
    with gator.batch():
        gator.map(jobs.note, range(10))
    drain(gator)
    assert jobs.ran == list(range(10))
