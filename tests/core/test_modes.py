"""What holds however a worker runs its tasks: in the thread that reserves, in several, on an event loop."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from alligator import Gator, OptionError, Outcome, Task, Worker, hookimpl

from . import jobs, long_jobs
from .helpers import drain, eventually, working


class Mode(NamedTuple):
    options: dict[str, Any]
    is_soft: bool = False

    def pick(self, function: Callable[..., Any], soft: Callable[..., Any]) -> Callable[..., Any]:
        return soft if self.is_soft else function


MODES = {
    "inline": Mode({}),
    "threads": Mode({"threads": 4}),
    "async": Mode({"async_limit": 20}, is_soft=True),
    "async beside threads": Mode({"threads": 2, "async_limit": 20}, is_soft=True),
}
CONCURRENT = [name for name in MODES if name != "inline"]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    long_jobs.forget()
    return MODES[request.param]


def dead_worker_had(gator: Gator, deaths: int = 1) -> None:
    """Make it so that what is ready now has had workers die under it."""
    for _ in range(deaths):
        gator.backend.consumer(["all"], 0.001).reserve(500, 0)
        time.sleep(0.002)


def test_each_task_runs_once(each_gator: Gator, mode: Mode) -> None:
    each_gator.map(mode.pick(jobs.note, jobs.note_soon), range(300))
    assert drain(each_gator, **mode.options).tasks_run == 300
    assert sorted(jobs.ran) == list(range(300))
    assert each_gator.size() == (0, 0, 0, 0, True)


def test_a_worker_ends_after_exactly_as_many_tasks_as_it_may_run(each_gator: Gator, mode: Mode) -> None:
    each_gator.map(mode.pick(jobs.note, jobs.note_soon), range(100))
    assert drain(each_gator, max_tasks=37, **mode.options).tasks_run == 37
    assert len(jobs.ran) == 37
    assert each_gator.size() == (63, 0, 0, 0, True)


def test_a_failed_task_is_tried_again(gator: Gator, mode: Mode) -> None:
    gator.options(retries=2).task(mode.pick(jobs.fail, long_jobs.fail_softly), "x")
    drain(gator, **mode.options)
    assert jobs.ran == ["x"] * 3
    assert gator.dead()[0].reason.startswith("ValueError: x (attempt 3 of 3)")


def test_what_cannot_be_read_is_a_dead_letter_and_the_others_run(gator: Gator, mode: Mode) -> None:
    from alligator_core.backend import Message

    for number in range(10):
        gator.backend.push("all", [Message(f"bad {number}", b"garbage")])
        gator.task(mode.pick(jobs.note, jobs.note_soon), number)
    drain(gator, **mode.options)
    assert sorted(jobs.ran) == list(range(10))
    assert len(gator.dead()) == 10


@pytest.mark.parametrize("mode", CONCURRENT, indirect=True)
def test_tasks_run_side_by_side(gator: Gator, mode: Mode) -> None:
    function = mode.pick(long_jobs.hold_on, long_jobs.hold_on_softly)
    count = 20 if mode.is_soft else 4
    for number in range(count):
        gator.task(function, number)
    with working(Worker(gator, nap_time=0.05, **mode.options)):
        eventually(lambda: len(long_jobs.active) == count)
        jobs.let_go.set()
    assert gator.size() == (0, 0, 0, 0, True)


@pytest.mark.parametrize("mode", CONCURRENT, indirect=True)
def test_no_more_run_at_a_time_than_there_are_hands_and_no_more_are_held_for_long(gator: Gator, mode: Mode) -> None:
    function = mode.pick(long_jobs.hold_on, long_jobs.hold_on_softly)
    count = 20 if mode.is_soft else 4
    for number in range(60):
        gator.task(function, number)
    with working(Worker(gator, nap_time=0.05, **mode.options)):
        eventually(lambda: len(long_jobs.active) == count)
        eventually(lambda: gator.size() == (60 - count, 0, count, 0, True))
        jobs.let_go.set()
        eventually(lambda: gator.size() == (0, 0, 0, 0, True))
    assert max(long_jobs.seen.values()) == count


@pytest.mark.parametrize("mode", ["threads"], indirect=True)
def test_what_waits_behind_long_tasks_goes_to_other_workers(gator: Gator, mode: Mode) -> None:
    gator.map(jobs.note, range(300))
    for number in range(4):
        gator.task(long_jobs.hold_on, f"held {number}")
    gator.map(jobs.note, range(300, 340))
    with working(Worker(gator, nap_time=0.05, **mode.options)):
        eventually(lambda: len(long_jobs.active) == 4)
        eventually(lambda: (drain(gator), len(jobs.ran) == 340)[1])
        eventually(lambda: gator.size() == (0, 0, 4, 0, True))
        jobs.let_go.set()


def test_coroutines_run_beside_a_long_task_in_a_thread(gator: Gator) -> None:
    gator.task(jobs.hold)
    with working(Worker(gator, nap_time=0.05, threads=2)):
        eventually(lambda: jobs.ran == ["held"])
        gator.map(jobs.note_soon, range(20))
        eventually(lambda: len(jobs.ran) == 21)
        jobs.let_go.set()


def test_what_a_worker_died_under_runs_alone(gator: Gator, mode: Mode) -> None:
    function = mode.pick(long_jobs.side_by_side, long_jobs.side_by_side_soon)
    for number in range(3):
        gator.task(function, f"alone {number}")
    dead_worker_had(gator)
    for number in range(40):
        gator.task(function, number)
    drain(gator, **mode.options)
    assert len(jobs.ran) == 43
    assert {long_jobs.seen[f"alone {number}"] for number in range(3)} == {1}
    assert gator.size() == (0, 0, 0, 0, True)


@pytest.mark.parametrize("mode", CONCURRENT, indirect=True)
def test_what_is_to_run_alone_is_not_kept_from_others_by_a_long_task(gator: Gator, mode: Mode) -> None:
    gator.task(mode.pick(long_jobs.hold_on, long_jobs.hold_on_softly), "held")
    with working(Worker(gator, nap_time=0.05, **mode.options)):
        eventually(lambda: long_jobs.active)
        gator.task(jobs.note, "alone")
        dead_worker_had(gator)
        eventually(lambda: (drain(gator), jobs.ran == ["alone"])[1])
        jobs.let_go.set()
    assert gator.size() == (0, 0, 0, 0, True)


def test_what_too_many_workers_died_under_is_buried(gator: Gator, mode: Mode) -> None:
    gator.task(mode.pick(jobs.note, jobs.note_soon), "poison")
    dead_worker_had(gator, 2)
    gator.task(mode.pick(jobs.note, jobs.note_soon), "good")
    drain(gator, max_deliveries=2, **mode.options)
    assert jobs.ran == ["good"]
    assert gator.dead()[0].reason == "Its worker died under it 2 times."


def test_a_task_knows_itself_and_what_its_hook_set_and_nothing_of_the_one_before(mode: Mode) -> None:
    class Hooks:
        @hookimpl
        def before_task(self, task: Task) -> None:
            long_jobs.where.set(f"{long_jobs.where.get()}before {task.task_id}")

    gator = Gator("locmem://", plugins=[Hooks()])
    tasks = [gator.task(mode.pick(long_jobs.tell, long_jobs.tell_softly)) for _ in range(20)]
    drain(gator, **mode.options)
    assert sorted(jobs.ran) == sorted((task.task_id, f"before {task.task_id}") for task in tasks)


def test_hooks_hear_of_each_task_and_once_of_the_worker(mode: Mode) -> None:
    calls: list[object] = []

    class Hooks:
        @hookimpl
        def on_worker_start(self) -> None:
            calls.append("start")

        @hookimpl
        def after_task(self, task: Task, outcome: Outcome) -> None:
            calls.append(outcome.kind)

        @hookimpl
        def on_worker_stop(self) -> None:
            calls.append("stop")

    gator = Gator("locmem://", plugins=[Hooks()])
    gator.map(mode.pick(jobs.note, jobs.note_soon), range(5))
    drain(gator, **mode.options)
    assert calls == ["start", *["success"] * 5, "stop"]


def test_results_are_passed_on_and_one_that_raises_changes_nothing(
    gator: Gator, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    class Following(Worker):
        def result(self, result: object) -> None:
            results.append(result)
            if result == 3:
                raise LookupError("a bug in the app")

    results: list[object] = []
    gator.map(mode.pick(jobs.note, jobs.note_soon), range(6))
    Following(gator, burst=True, **mode.options).run_forever()
    assert sorted(results, key=str) == list(range(6))
    assert gator.size() == (0, 0, 0, 0, True)
    assert "Worker.result failed" in caplog.text


def test_a_worker_that_takes_too_much_memory_stops_between_tasks(gator: Gator, mode: Mode) -> None:
    function = mode.pick(long_jobs.side_by_side, long_jobs.side_by_side_soon)
    for number in range(200):
        gator.options(task_id=str(number)).task(function, number, 0.5)
    worker = Worker(gator, nap_time=0.05, max_memory=1, **mode.options)
    worker.run_forever()
    assert gator.size() == (200 - len(jobs.ran), 0, 0, 0, True)
    assert worker.tasks_run == len(jobs.ran) < 200


def test_a_worker_logs_a_line_about_each_task(gator: Gator, mode: Mode, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "alligator.task")
    task = gator.task(mode.pick(jobs.note, jobs.note_soon), 1)
    drain(gator, name="mine", **mode.options)
    (record,) = [record for record in caplog.records if record.name == "alligator.task"]
    assert record.getMessage().startswith(f"{task.name} {task.task_id} success in ")
    fields = record.alligator  # type: ignore[attr-defined]
    assert fields["seconds"] >= 0 <= fields.pop("waited")
    del fields["seconds"]
    assert fields == {
        "task": task.name,
        "id": task.task_id,
        "queue": "all",
        "outcome": "success",
        "attempt": 1,
        "deliveries": 1,
        "worker": "mine",
    }


def test_the_threads_of_a_worker_end_with_it(gator: Gator, mode: Mode) -> None:
    gator.map(mode.pick(jobs.note, jobs.note_soon), range(10))
    before = set(threading.enumerate())
    drain(gator, **mode.options)
    eventually(lambda: not set(threading.enumerate()) - before)


def test_a_coroutine_that_nobody_waits_for_cannot_end_the_event_loop(
    gator: Gator, caplog: pytest.LogCaptureFixture
) -> None:
    gator.task(long_jobs.leave_in_the_background)
    gator.task(jobs.note_soon, "next")
    drain(gator)
    assert sorted(jobs.ran) == ["next", "waited"]
    jobs.background.clear()


def test_a_coroutine_of_a_plain_function_is_awaited_on_the_same_loop(gator: Gator) -> None:
    gator.options(on_success=jobs.succeeded_soon).task(jobs.note, 1)
    gator.task(lambda_like, 2)
    drain(gator, threads=2)
    assert jobs.ran.count(1) == jobs.ran.count(2) == 1
    assert len(jobs.ran) == 3


def lambda_like(value: object) -> Any:
    return jobs.note_soon(value)


def test_a_task_that_needs_the_main_thread_says_what_helps(gator: Gator) -> None:
    gator.task(long_jobs.catch_signals)
    drain(gator, threads=2)
    assert "main thread" in gator.dead()[0].reason
    assert "use --threads 1 or --processes" in gator.dead()[0].reason


def test_two_workers_of_one_name_do_not_disturb_each_other(gator: Gator, mode: Mode) -> None:
    gator.map(mode.pick(jobs.note, jobs.note_soon), range(500))
    first, second = (Worker(gator, nap_time=0.05, name="same", **mode.options) for _ in range(2))
    assert first.ident() == second.ident() == "same"
    with working(first), working(second):
        eventually(lambda: gator.size() == (0, 0, 0, 0, True))
    assert sorted(jobs.ran) == list(range(500))


@pytest.mark.parametrize("mode", ["threads", "async"], indirect=True)
def test_a_health_file_is_touched_while_every_hand_is_busy(gator: Gator, mode: Mode, tmp_path: Path) -> None:
    path = tmp_path / "health"
    function = mode.pick(long_jobs.hold_on, long_jobs.hold_on_softly)
    for number in range(20):
        gator.task(function, number)
    with working(Worker(gator, nap_time=0.05, health_file=path, **mode.options)):
        eventually(lambda: len(long_jobs.active) == (20 if mode.is_soft else 4))
        os.utime(path, (0, 0))
        eventually(lambda: path.stat().st_mtime > 0)
        jobs.let_go.set()


@pytest.mark.parametrize(
    ("option", "value"),
    [(name, value) for name in ("threads", "async_limit") for value in (0, -1, 1.5, "x", True, None)]
    + [("max_memory", value) for value in (-1, "1G", 1.5)],
)
def test_a_nonsensical_number_of_hands_is_an_error_that_names_it(gator: Gator, option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=option):
        Worker(gator, **{option: value})
