from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from alligator import BackendUnavailable, EnqueueError, Gator, OptionError, SkipTask, Task, hookimpl
from alligator_core.task import new_id

from . import jobs
from .backends import WatchedBackend
from .helpers import drain


@pytest.fixture
def backend(watched: Gator) -> WatchedBackend:
    assert isinstance(watched.backend, WatchedBackend)
    return watched.backend


def test_each_task_gets_an_id_of_its_own_that_sorts_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert {len(id) for id in ids} == {32}


FORKING = """
import os
from alligator_core.task import new_id
before = new_id()
child = os.fork()
os.write(1, new_id()[12:].encode() + b"\\n")
os.waitpid(child, 0) if child else os._exit(0)
"""


def test_a_forked_child_makes_other_ids_than_its_parent() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True, timeout=60)
    parent, child = ran.stdout.split()
    assert parent != child


def test_a_task_says_when_it_was_enqueued(gator: Gator) -> None:
    before = time.time()
    assert before <= gator.task(jobs.note, 1).enqueued_at <= time.time()


def test_a_backend_that_is_away_reaches_the_caller(watched: Gator, backend: WatchedBackend) -> None:
    backend.down.add("push")
    with pytest.raises(BackendUnavailable):
        watched.task(jobs.note, 1)


def test_mapping_makes_one_task_per_element_the_element_its_one_argument(gator: Gator) -> None:
    tasks = gator.map(jobs.note, [(1, 2), [3], {"a": 4}, None])
    assert [task.args for task in tasks] == [((1, 2),), ([3],), ({"a": 4},), (None,)]
    drain(gator)
    assert jobs.ran == [[1, 2], [3], {"a": 4}, None]


def test_starmapping_makes_one_task_per_element_the_element_its_arguments(gator: Gator) -> None:
    gator.starmap(jobs.note, [("a",), ["b"]])
    drain(gator)
    assert jobs.ran == ["a", "b"]


def test_a_bulk_goes_to_the_backend_as_one_push_per_chunk(watched: Gator, backend: WatchedBackend) -> None:
    tasks = watched.map(jobs.note, range(250))
    assert [len(ids) for _, ids in backend.pushes] == [100, 100, 50]
    assert [id for _, ids in backend.pushes for id in ids] == [task.task_id for task in tasks]


def test_a_bulk_from_a_generator_is_made_chunk_by_chunk(watched: Gator, backend: WatchedBackend) -> None:
    pushed_before: list[int] = []

    def elements() -> Iterator[int]:
        for number in range(201):
            pushed_before.append(len(backend.pushes))
            yield number

    watched.map(jobs.note, elements())
    assert (pushed_before[99], pushed_before[100], pushed_before[200]) == (0, 1, 2)


def test_an_empty_bulk_pushes_nothing(watched: Gator, backend: WatchedBackend) -> None:
    assert watched.map(jobs.note, []) == []
    assert backend.pushes == []


def test_an_element_that_cannot_be_carried_keeps_its_whole_chunk_back(watched: Gator, backend: WatchedBackend) -> None:
    with pytest.raises(EnqueueError):
        watched.map(jobs.note, [*range(150), {1}])
    assert [len(ids) for _, ids in backend.pushes] == [100]


def test_a_bulk_may_have_options(gator: Gator) -> None:
    tasks = gator.options(priority=9, retries=2, queue_name="other").map(jobs.note, [1, 2])
    assert {(task.retries, task.queue, task.options.priority) for task in tasks} == {(2, "other", 9)}


def test_a_bulk_cannot_have_one_id_for_all(gator: Gator) -> None:
    with pytest.raises(OptionError, match="task_id names one task"):
        gator.options(task_id="x").map(jobs.note, [1, 2])


def test_hooks_are_asked_about_each_task_of_a_bulk() -> None:
    class Odd:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            if task.args[0] % 2 == 0:
                raise SkipTask

    gator = Gator("locmem://", plugins=[Odd()])
    tasks = gator.map(jobs.note, range(4))
    assert [task.status for task in tasks] == ["canceled", "waiting"] * 2
    drain(gator)
    assert jobs.ran == [1, 3]


def test_an_async_producer_enqueues_without_blocking_its_loop(watched: Gator, backend: WatchedBackend) -> None:
    entered, may_go_on = threading.Event(), threading.Event()
    push = backend.push

    def slow_push(*arguments: object) -> None:
        entered.set()
        assert may_go_on.wait(20)
        push(*arguments)  # type: ignore[arg-type]

    backend.push = slow_push  # type: ignore[method-assign]

    async def produce() -> Task:
        enqueuing = asyncio.ensure_future(watched.atask(jobs.note, 1))
        while not entered.is_set():
            await asyncio.sleep(0.001)
        # The push stands still, and this runs all the same.
        assert not enqueuing.done()
        may_go_on.set()
        return await enqueuing

    task = asyncio.run(produce())
    assert backend.pushes == [("all", [task.task_id])]


def test_many_async_producers_enqueue_at_once(gator: Gator) -> None:
    async def produce() -> list[Task]:
        return await asyncio.gather(*(gator.options(retries=1).atask(jobs.note, n) for n in range(50)))

    assert len({task.task_id for task in asyncio.run(produce())}) == 50
    assert gator.len() == 50


def test_an_async_producer_hears_of_errors(gator: Gator) -> None:
    async def produce() -> None:
        with pytest.raises(EnqueueError):
            await gator.atask(lambda: None)
        with pytest.raises(EnqueueError):
            await gator.atask(jobs.note, {1})

    asyncio.run(produce())


def test_a_task_shows_its_function_but_not_its_arguments(gator: Gator) -> None:
    shown = repr(gator.task(jobs.note, "s3cret"))
    assert "'tests.core.jobs:note' waiting" in shown
    assert "s3cret" not in shown
