"""Time limits of tasks: the soft one in all kinds of hands, the hard one that ends the process, and what expires."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from alligator import EXPIRED, Gator, Outcome, Task, Worker, hookimpl

from . import jobs, long_jobs
from .conftest import Spawn
from .helpers import drain, eventually, working

THREADS = {"threads": 4}
KINDS: dict[str, tuple[dict[str, Any], Callable[..., Any]]] = {
    "main thread": ({}, long_jobs.dawdle),
    "main thread in one call": ({}, long_jobs.sleep_through),
    "thread": (THREADS, long_jobs.dawdle),
    "coroutine": ({}, long_jobs.dawdle_softly),
    "coroutine beside threads": (THREADS, long_jobs.dawdle_softly),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Callable[..., Any]]:
    return KINDS[request.param]


Kind = tuple[dict[str, Any], Callable[..., Any]]


def test_a_task_that_runs_too_long_has_a_timeout_raised_in_it_and_fails(gator: Gator, kind: Kind) -> None:
    options, function = kind
    gator.options(timeout=0.5).task(function, "slow")
    gator.task(jobs.note, "next")
    drain(gator, **options)
    assert jobs.ran.pop(0 if jobs.ran[0] != "next" else 1)[::2] == ("slow", True)
    assert jobs.ran == ["next"]
    assert "It ran longer than its timeout" in gator.dead()[0].reason


def test_a_task_that_ran_too_long_is_tried_again_as_after_any_failure(gator: Gator, kind: Kind) -> None:
    options, function = kind
    gator.options(timeout=timedelta(seconds=0.5), retries=2).task(function, "slow")
    drain(gator, **options)
    assert [mark[0] for mark in jobs.ran] == ["slow"] * 3
    assert "(attempt 3 of 3)" in gator.dead()[0].reason


def test_a_task_that_keeps_its_limit_is_left_alone(gator: Gator, kind: Kind) -> None:
    options, function = kind
    gator.options(timeout=30).task(function, "quick", 0.05)
    drain(gator, **options)
    assert gator.size() == (0, 0, 0, 0, True)


def test_what_cleans_up_on_cancellation_only_does_so_at_a_timeout_too(gator: Gator) -> None:
    gator.options(timeout=0.1).task(long_jobs.wait_for_another, "it")
    drain(gator)
    assert jobs.ran == [("it", "cleaned up", False)]
    assert "It ran longer than its timeout" in gator.dead()[0].reason


def test_hooks_are_beyond_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Outcome] = []

    class Hooks:
        @hookimpl
        def on_failure(self) -> None:
            time.sleep(0.7)

        @hookimpl
        def after_task(self, outcome: Outcome) -> None:
            time.sleep(0.7)
            seen.append(outcome)

    for options, function in (({}, long_jobs.dawdle), (THREADS, long_jobs.dawdle), ({}, long_jobs.dawdle_softly)):
        gator = Gator("locmem://", plugins=[Hooks()])
        gator.options(timeout=0.5).task(function, "slow")
        gator.options(timeout=0.5).task(jobs.note if function is long_jobs.dawdle else jobs.note_soon, "quick")
        drain(gator, **options)  # type: ignore[arg-type]
    assert Counter(outcome.kind for outcome in seen) == {"dead": 3, "success": 3}
    assert "Plugin" not in caplog.text


@pytest.mark.parametrize(
    ("options", "function"),
    [({}, long_jobs.be_short), (THREADS, long_jobs.be_short), ({}, long_jobs.be_short_softly)],
    ids=["main thread", "threads", "coroutines"],
)
def test_a_limit_that_comes_when_the_task_ends_hits_nothing_else(
    gator: Gator, options: dict[str, Any], function: Callable[..., Any]
) -> None:
    # The keeper looks every 20 ms: tasks of up to 40 ms are hit at all places, and the many short ones at their ends.
    count = 600
    for number in range(count):
        gator.options(timeout=0.0001 + 0.001 * (number % 7)).task(function, number, (number * 7919) % 60_000)
    worker = drain(gator, **options)
    assert worker.tasks_run == count
    assert sorted(jobs.ran) == sorted(set(jobs.ran))
    letters = gator.dead(limit=1000)
    assert all("It ran longer than its timeout" in letter.reason for letter in letters)
    size = gator.size()
    assert size == (0, 0, 0, len(letters), True)


def test_a_signal_to_stop_is_not_lost_among_timeouts(spawn: Spawn, durable: Gator, marks: Path) -> None:
    with durable.batch():
        for number in range(3000):
            durable.options(timeout=0.001).task(long_jobs.shrug_off, str(marks), 0.02 + 0.001 * (number % 10))
    worker = spawn()
    eventually(lambda: marks.read_text().count("shrugged") > 10)
    worker.terminate()
    assert worker.exit_code() == 0
    assert durable.size().reserved == 0


HARD = {
    "main thread": ({}, long_jobs.shrug_off),
    "thread": ({"threads": 3}, long_jobs.shrug_off),
    "coroutine": ({}, long_jobs.shrug_off_softly),
    "coroutine that blocks the loop": ({"threads": 3}, long_jobs.block_the_loop),
}


@pytest.mark.parametrize("hard", HARD)
def test_a_task_that_outlasts_its_hard_limit_ends_the_process_and_nobody_else_pays(
    spawn: Spawn, durable: Gator, marks: Path, hard: str
) -> None:
    options, function = HARD[hard]
    for number in range(20):
        durable.task(jobs.mark, str(marks), f"before {number}")
    slow = durable.options(timeout=1, hard_timeout=2.5, retries=1).task(function, str(marks))
    if options:
        durable.task(jobs.mark_and_sleep, str(marks), "beside", 30)
    for number in range(20):
        durable.task(jobs.mark, str(marks), f"behind {number}")
    worker = spawn(hoarding=1e9, in_hand=50, **options)
    assert worker.exit_code() == 1
    assert "exceeded its hard limit: the process ends under it" in worker.log.read_text()
    lines = Counter(marks.read_text().split("\n")[:-1])
    assert all(lines[f"before {number}"] == 1 for number in range(20))
    assert lines["running"] == 1
    size = durable.size()
    assert (size.reserved, size.dead) == (0, 0)
    entry = durable.peek(slow.task_id)
    assert entry
    # It failed once; nobody died.
    assert (durable.codec.read(entry.body, "all").attempt, entry.deliveries) == (2, 1)
    drained = durable.backend.consumer(["all"], 30).reserve(100, 0)
    assert all(delivery.deliveries == 1 for delivery in drained)
    not_run = {f"behind {number}" for number in range(20)} - set(lines)
    assert len(drained) == 1 + bool(options) + len(not_run)


def test_a_hard_limit_alone_is_kept_too_and_a_dead_letter_says_so(spawn: Spawn, durable: Gator, marks: Path) -> None:
    durable.options(hard_timeout=0.3).task(long_jobs.shrug_off, str(marks))
    assert spawn().exit_code() == 1
    assert durable.dead()[0].reason.startswith(
        "alligator_core.errors.TaskTimeout: It ran longer than its hard limit of 0.3 s."
    )
    assert "shrugged" not in marks.read_text()


def test_the_hooks_hear_of_a_task_that_outlasted_its_hard_limit(spawn: Spawn, durable: Gator, marks: Path) -> None:
    durable.options(timeout=1, hard_timeout=2, on_error=mark_the_error).task(long_jobs.shrug_off, str(marks))
    assert spawn().exit_code() == 1
    assert "error TaskTimeout" in marks.read_text()


def mark_the_error(task: Task, error: BaseException) -> None:
    jobs.mark(task.args[0], f"error {type(error).__name__}")


# What is too old.


EXPIRIES = [0.05, timedelta(seconds=0.05), datetime.now(timezone.utc) - timedelta(seconds=5)]


@pytest.mark.parametrize("expires", EXPIRIES, ids=["seconds", "timedelta", "datetime"])
@pytest.mark.parametrize(
    ("options", "function"),
    [({}, jobs.note), (THREADS, jobs.note), ({}, jobs.note_soon)],
    ids=["inline", "threads", "coroutine"],
)
def test_what_is_too_old_when_it_is_reserved_is_not_run_and_no_dead_letter(
    expires: Any, options: dict[str, Any], function: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[str, str]] = []

    class Hooks:
        @hookimpl
        def after_task(self, task: Task, outcome: Outcome) -> None:
            seen.append((outcome.kind, task.status))

    gator = Gator("locmem://", plugins=[Hooks()])
    caplog.set_level("INFO", "alligator.task")
    gator.options(expires=expires).task(function, "old")
    gator.options(expires=60).task(function, "fresh")
    time.sleep(0.06)
    drain(gator, **options)
    assert jobs.ran == ["fresh"]
    assert gator.size() == (0, 0, 0, 0, True)
    assert sorted(seen) == [("expired", EXPIRED), ("success", "success")]
    assert " expired in " in caplog.text


def test_a_retry_expires_with_the_task(gator: Gator) -> None:
    gator.options(expires=3, retries=5).task(jobs.ask_for_retry, 3.2)
    started = time.monotonic()
    while gator.len():
        drain(gator)
        assert time.monotonic() - started < 20
    assert jobs.ran == ["asked"]
    assert gator.size() == (0, 0, 0, 0, True)


def test_pop_returns_nothing_for_what_is_too_old(gator: Gator) -> None:
    gator.options(expires=0.001).task(jobs.note, 1)
    time.sleep(0.01)
    assert gator.pop() is None
    assert jobs.ran == []


def test_a_worker_in_another_thread_keeps_the_limits_and_leaves_what_outlasts_its_grace(gator: Gator) -> None:
    long_jobs.forget()
    gator.options(timeout=1).task(long_jobs.dawdle, "slow")
    worker = Worker(gator, nap_time=0.05, grace=0.1)
    with working(worker):
        eventually(lambda: jobs.ran)
        gator.options(hard_timeout=60).task(long_jobs.dawdle, "left")
        eventually(lambda: "left" in long_jobs.active and gator.size() == (0, 0, 1, 1, True))
        worker.stop()
    assert jobs.ran == [("slow", "TaskTimeout", True), ("left", "Interrupted", False)]
    assert gator.size() == (1, 0, 0, 1, True)


def test_a_worker_in_the_main_thread_leaves_the_signal_of_the_limits_as_it_was(gator: Gator) -> None:
    before = signal.getsignal(signal.SIGURG)
    drain(gator)
    assert signal.getsignal(signal.SIGURG) == before
