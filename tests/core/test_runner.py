"""What becomes of one run of a task, in a worker."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from alligator import Bury, Defer, Gator, Outcome, Retry, Task, hookimpl
from alligator_core.backend import Message

from . import jobs
from .helpers import drain


def reason_of_death(gator: Gator) -> str:
    (letter,) = gator.dead()
    return letter.reason


def test_a_task_that_returns_is_done(gator: Gator) -> None:
    gator.task(jobs.add, 1, b=2)
    drain(gator)
    assert gator.size() == (0, 0, 0, 0, True)


def test_a_task_that_raises_goes_to_the_dead_letters_with_its_traceback(gator: Gator) -> None:
    gator.task(jobs.fail, "what went wrong")
    drain(gator)
    reason = reason_of_death(gator)
    assert reason.startswith("ValueError: what went wrong (attempt 1 of 1)\n\nTraceback (most recent call last)")
    assert 'jobs.py", line' in reason


def test_a_failed_task_runs_again_as_often_as_its_retries_say(gator: Gator) -> None:
    task = gator.options(retries=2).task(jobs.fail, "x")
    drain(gator)
    assert jobs.ran == ["x"] * 3
    assert "(attempt 3 of 3)" in reason_of_death(gator)
    assert gator.dead()[0].id == task.task_id


def test_a_task_that_succeeds_at_last_is_done(gator: Gator) -> None:
    gator.options(retries=5).task(jobs.fail_until, 3, "x")
    drain(gator)
    assert len(jobs.ran) == 3
    assert gator.size() == (0, 0, 0, 0, True)


def test_a_retry_keeps_the_id_and_counts_the_attempts() -> None:
    seen = []

    class Hooks:
        @hookimpl
        def before_task(self, task: Task) -> None:
            seen.append((task.task_id, task.attempt, task.deliveries, task.retries))

    gator = Gator("locmem://", plugins=[Hooks()])
    gator.options(retries=2, task_id="mine").task(jobs.fail)
    drain(gator)
    assert seen == [("mine", 1, 1, 2), ("mine", 2, 1, 2), ("mine", 3, 1, 2)]


def test_a_retry_is_made_from_the_message_not_from_arguments_that_the_function_changed(each_gator: Gator) -> None:
    each_gator.options(retries=2).task(jobs.spoil, ["a"], {"k": 1})
    drain(each_gator)
    assert jobs.ran == [(["a"], {"k": 1})] * 3
    assert b"spoilt" not in each_gator.dead()[0].body


def test_a_dead_letter_that_is_requeued_has_all_its_retries_again(gator: Gator) -> None:
    gator.options(retries=1).task(jobs.fail, "x")
    drain(gator)
    gator.requeue()
    drain(gator)
    assert jobs.ran == ["x"] * 4
    assert "(attempt 2 of 2)" in reason_of_death(gator)


def test_a_retry_keeps_the_priority(gator: Gator) -> None:
    task = gator.options(retries=1, priority=9).task(jobs.ask_for_retry, 60)
    drain(gator)
    entry = gator.peek(task.task_id)
    assert entry
    assert entry.priority == 9


@pytest.mark.parametrize("function", [jobs.leave, jobs.press_ctrl_c, jobs.cancel_itself])
def test_what_ends_other_programs_is_a_failure_of_the_task_and_the_worker_goes_on(gator: Gator, function: Any) -> None:
    gator.task(function)
    gator.task(jobs.note, "next")
    drain(gator)
    assert jobs.ran == ["next"]
    assert reason_of_death(gator).startswith(("SystemExit", "KeyboardInterrupt", "asyncio.exceptions.CancelledError"))


async def leave_soon() -> None:
    raise SystemExit(5)


async def press_ctrl_c_soon() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("function", [leave_soon, press_ctrl_c_soon])
def test_a_coroutine_may_raise_them_too(gator: Gator, function: Any) -> None:
    gator.task(function)
    gator.task(jobs.note_soon, "next")
    drain(gator)
    assert jobs.ran == ["next"]
    assert gator.size().dead == 1


def test_an_error_that_no_store_can_hold_as_text_still_becomes_a_reason(each_gator: Gator) -> None:
    each_gator.task(jobs.complain_in_bytes)
    drain(each_gator)
    reason = reason_of_death(each_gator)
    assert reason.encode()
    assert "caf" in reason


def test_an_error_of_any_length_becomes_a_short_reason(gator: Gator) -> None:
    gator.task(jobs.fail, "x" * 1_000_000)
    drain(gator)
    assert len(reason_of_death(gator)) < 10_000


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def raise_unspeakable() -> None:
    raise Unspeakable


def test_an_error_that_cannot_even_be_shown_becomes_a_reason(gator: Gator) -> None:
    gator.task(raise_unspeakable)
    gator.task(jobs.note, "next")
    drain(gator)
    assert jobs.ran == ["next"]
    assert "Unspeakable" in reason_of_death(gator)


def test_a_coroutine_function_is_awaited(gator: Gator) -> None:
    gator.task(jobs.note_soon, 1)
    gator.task(jobs.note_soon, 2)
    drain(gator)
    assert jobs.ran == [1, 2]


def test_a_class_is_made_an_instance_of(gator: Gator) -> None:
    gator.task(jobs.Robot, "r2")
    drain(gator)
    assert jobs.ran == ["r2"]


def test_arguments_that_do_not_fit_the_function_are_a_failure(gator: Gator) -> None:
    gator.task(jobs.note, 1, 2, 3)  # type: ignore[call-arg]
    drain(gator)
    assert "TypeError: note() takes 1 positional argument" in reason_of_death(gator)


def test_a_task_may_ask_to_be_run_again_which_counts_against_its_retries(gator: Gator) -> None:
    gator.options(retries=1).task(jobs.ask_for_retry)
    drain(gator)
    assert jobs.ran == ["asked", "asked"]
    assert reason_of_death(gator).startswith("alligator_core.decisions.Retry")


def test_a_task_may_ask_to_be_run_again_later(gator: Gator) -> None:
    started = time.monotonic()
    task = gator.options(retries=1).task(jobs.ask_for_retry, 60)
    drain(gator)
    entry = gator.peek(task.task_id)
    assert entry
    assert entry.state == "delayed"
    assert 59 - (time.monotonic() - started) < entry.ready_in <= 60


def test_a_task_may_be_put_off_which_counts_as_no_attempt(gator: Gator) -> None:
    task = gator.task(jobs.put_off)
    drain(gator)
    entry = gator.peek(task.task_id)
    assert entry
    assert (entry.state, entry.deliveries) == ("delayed", 1)
    assert gator.codec.read(entry.body, "all").attempt == 1


def test_a_task_may_be_dropped(gator: Gator) -> None:
    gator.task(jobs.drop)
    drain(gator)
    assert gator.size() == (0, 0, 0, 0, True)


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf")])
@pytest.mark.parametrize("decision", [Retry, Defer])
def test_a_delay_that_would_lose_the_task_cannot_be_asked_for(decision: Any, delay: float) -> None:
    with pytest.raises(ValueError, match="seconds, 0 or more"):
        decision(delay)


def test_the_callbacks_of_a_task_are_called(gator: Gator) -> None:
    options = {"on_start": jobs.started, "on_success": jobs.succeeded, "on_error": jobs.errored}
    task = gator.options(**options).task(jobs.note, 1)
    other = gator.options(**options).task(jobs.fail, "x")
    drain(gator)
    assert jobs.ran == [
        ("started", task.task_id),
        1,
        ("succeeded", task.task_id, 1),
        ("started", other.task_id),
        "x",
        ("errored", other.task_id, "x"),
    ]


def test_callbacks_may_be_given_by_path(gator: Gator) -> None:
    task = gator.options(on_success="tests.core.jobs.succeeded").task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, ("succeeded", task.task_id, 1)]


def test_callbacks_may_be_coroutine_functions(gator: Gator) -> None:
    task = gator.options(on_success=jobs.succeeded_soon).task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, ("succeeded", task.task_id, 1)]


def test_on_error_is_called_for_each_failed_attempt(gator: Gator) -> None:
    gator.options(retries=1, on_error=jobs.errored).task(jobs.fail, "x")
    drain(gator)
    assert [mark[0] for mark in jobs.ran] == ["x", "errored", "x", "errored"]


def test_what_on_start_raises_fails_the_task_before_it_runs(gator: Gator) -> None:
    gator.options(on_start=jobs.refuse_to_start).task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == []
    assert reason_of_death(gator).startswith("PermissionError: not started")


@pytest.mark.parametrize(
    "callback", [jobs.stumble, jobs.leave_in_callback, jobs.cancel_in_callback, "tests.core.jobs:gone"]
)
def test_what_a_later_callback_raises_is_logged_and_changes_nothing(
    gator: Gator, callback: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gator.options(on_success=callback, on_error=callback).task(jobs.note, 1)
    gator.options(on_success=callback, on_error=callback).task(jobs.fail, "x")
    drain(gator)
    assert jobs.ran == [1, "x"]
    assert reason_of_death(gator).startswith("ValueError: x")
    assert caplog.text.count("the task is not affected") == 2


def test_callbacks_of_a_message_are_held_to_the_allow_list() -> None:
    gator = Gator("locmem://", plugins=[], allow=["tests.core.jobs.note", "tests.core.jobs.started"])
    body = b'json\n{"id":"1","task":"tests.core.jobs:note","args":[1],"options":{"on_start":"tests.core.jobs:stumble"}}'
    gator.backend.push("all", [Message("1", body)])
    drain(gator)
    assert jobs.ran == []
    assert "is not on the allow list" in reason_of_death(gator)


def test_each_failure_and_the_final_one_are_logged(gator: Gator, caplog: pytest.LogCaptureFixture) -> None:
    gator.options(retries=1).task(jobs.fail, "x")
    drain(gator)
    said = [record for record in caplog.records if record.name.startswith("alligator")]
    assert [(record.levelno, record.name) for record in said] == [
        (logging.WARNING, "alligator.task"),
        (logging.ERROR, "alligator.task"),
    ]


def test_the_outcome_of_a_run_tells_how_it_ended() -> None:
    seen: list[Outcome] = []

    class Hooks:
        @hookimpl
        def after_task(self, outcome: Outcome) -> None:
            seen.append(outcome)

    gator = Gator("locmem://", plugins=[Hooks()])
    gator.task(jobs.note, 1)
    gator.options(retries=1).task(jobs.fail, "x")
    gator.task(jobs.put_off, 60)
    gator.task(jobs.drop, "why")
    drain(gator)
    assert [(o.kind, type(o.error).__name__, o.delay, o.reason) for o in seen] == [
        ("success", "NoneType", 0.0, ""),
        ("retry", "ValueError", 0.0, ""),
        ("defer", "NoneType", 60.0, ""),
        ("discard", "Discard", 0.0, "why"),
        ("dead", "ValueError", 0.0, ""),
    ]


def test_a_bury_with_a_reason_is_a_dead_letter_with_that_reason() -> None:
    class Hooks:
        @hookimpl
        def on_failure(self) -> Bury:
            return Bury("the customer is gone")

    gator = Gator("locmem://", plugins=[Hooks()])
    gator.options(retries=5).task(jobs.fail, "x")
    drain(gator)
    assert jobs.ran == ["x"]
    assert reason_of_death(gator).startswith("the customer is gone (attempt 1 of 6)\n\nTraceback")


def test_a_task_that_was_put_off_runs_when_its_time_has_come(gator: Gator) -> None:
    gator.options(retries=1).task(jobs.ask_for_retry, 0.2)
    started = time.monotonic()
    while len(jobs.ran) < 2:
        drain(gator)
        assert time.monotonic() - started < 20
    assert time.monotonic() - started >= 0.2
