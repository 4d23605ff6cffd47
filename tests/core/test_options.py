from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from alligator import DELAYED, WAITING, Gator, MultipleDelayError, OptionError, UnsupportedFeature
from alligator_core.backend import Backend
from alligator_core.dsn import Dsn

from . import jobs
from .backends import WatchedBackend
from .helpers import drain


def test_several_tasks_are_made_under_the_same_options(gator: Gator) -> None:
    with gator.options(retries=3, priority=7) as opts:
        first, second = opts.task(jobs.note, 1), opts.task(jobs.note, 2)
    assert first.retries == second.retries == 3
    assert first.task_id != second.task_id
    entry = gator.peek(first.task_id)
    assert entry
    assert entry.priority == 7


def test_options_can_be_kept_and_used_again_without_with(gator: Gator) -> None:
    opts = gator.options(retries=1)
    opts.task(jobs.note, 1)
    with opts:
        opts.task(jobs.note, 2)
    opts.task(jobs.note, 3)
    drain(gator)
    assert jobs.ran == [1, 2, 3]


def test_the_options_of_some_tasks_do_not_stick_to_the_gator(gator: Gator) -> None:
    gator.options(retries=3).task(jobs.note, 1)
    assert gator.task(jobs.note, 2).retries == 0


def test_a_task_of_a_higher_priority_runs_first(gator: Gator) -> None:
    for priority in (0, None, 9):
        gator.options(priority=priority).task(jobs.note, priority)
    drain(gator)
    assert jobs.ran == [9, None, 0]


def test_a_delayed_task_waits_and_says_so(gator: Gator) -> None:
    started = time.monotonic()
    task = gator.options(delay_by=timedelta(minutes=1)).task(jobs.note, 1)
    entry = gator.peek(task.task_id)
    assert entry
    assert (task.status, entry.state) == (DELAYED, "delayed")
    assert 59 - (time.monotonic() - started) < entry.ready_in <= 60
    drain(gator)
    assert jobs.ran == []


def test_a_time_to_wait_for_becomes_a_delay_when_the_task_is_made(gator: Gator) -> None:
    started = time.monotonic()
    opts = gator.options(delay_until=time.time() + 60)
    entry = gator.peek(opts.task(jobs.note, 1).task_id)
    assert entry
    assert 59 - (time.monotonic() - started) < entry.ready_in <= 60


def test_a_task_for_a_time_in_the_past_is_ready_and_says_so(gator: Gator) -> None:
    task = gator.options(delay_until=1).task(jobs.note, 1)
    assert task.status == WAITING
    drain(gator)
    assert jobs.ran == [1]


def test_another_queue_may_be_named(gator: Gator) -> None:
    gator.options(queue_name="other").task(jobs.note, 1)
    assert gator.len() == 0
    drain(gator, to_consume="other")
    assert jobs.ran == [1]


def test_a_task_may_have_an_id_of_the_callers_own_which_makes_its_push_happen_once(gator: Gator) -> None:
    for value in (1, 2):
        assert gator.options(task_id="order-7").task(jobs.note, value).task_id == "order-7"
    assert gator.len() == 1
    drain(gator)
    assert jobs.ran == [1]


@pytest.mark.parametrize("task_id", ["", "x" * 201, "two\nlines", "\x00", 5, "\ud800"])
def test_an_id_that_no_store_could_hold_is_refused(gator: Gator, task_id: Any) -> None:
    with pytest.raises(OptionError, match=r"task_id=.*: it must be 1 to 200 printable characters"):
        gator.options(task_id=task_id)


@pytest.mark.parametrize("queue_name", ["", "x" * 201, "two\nlines", 5])
def test_a_queue_name_that_no_store_could_hold_is_refused(gator: Gator, queue_name: Any) -> None:
    with pytest.raises(OptionError, match=r"queue_name=.*: it must be 1 to 200 printable characters"):
        gator.options(queue_name=queue_name)


def test_the_names_of_environment_variables_work_as_an_option(gator: Gator) -> None:
    task = gator.options(**{"async": "no"}).task(jobs.note, 1)
    assert jobs.ran == [1]
    assert task.result == 1


def test_is_async_is_what_the_gator_says_unless_the_options_say_otherwise() -> None:
    gator = Gator("locmem://", plugins=[], is_async=False)
    gator.options(retries=1).task(jobs.note, 1)
    gator.options(is_async=None).task(jobs.note, 2)
    gator.options(is_async=True).task(jobs.note, 3)
    assert jobs.ran == [1, 2]
    assert gator.len() == 1


@pytest.mark.parametrize(
    "options", [{"retry": 1}, {"retries": -1}, {"priority": 11}, {"on_start": 5}, {"delay_by": "x"}]
)
def test_a_bad_option_is_an_error_where_the_options_are_made(gator: Gator, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        gator.options(**options)


def test_both_delays_are_an_error_where_the_options_are_made(gator: Gator) -> None:
    with pytest.raises(MultipleDelayError):
        gator.options(delay_by=5, delay_until=5)


def test_a_callback_that_no_worker_could_find_is_an_error_where_the_options_are_made(gator: Gator) -> None:
    with pytest.raises(Exception, match="is a lambda"):
        gator.options(on_success=lambda task, result: None)


def test_a_delay_above_what_the_backend_can_hold_is_refused(watched: Gator) -> None:
    with pytest.raises(OptionError, match="A delay of 1001 s is above the 1000 s that watched can hold"):
        watched.options(delay_by=1001)
    with pytest.raises(OptionError, match="above the 1000 s"):
        watched.options(delay_until=time.time() + 1100)


def test_a_delay_until_a_time_is_held_against_the_limit_when_it_begins(watched: Gator) -> None:
    assert watched.options(delay_by=1000).task(jobs.note, 1).status == DELAYED


def plain_backend(dsn: Dsn) -> Backend:
    backend = WatchedBackend(dsn)
    backend.features = frozenset()
    return backend


@pytest.mark.parametrize(
    ("options", "feature"), [({"priority": 5}, "priority"), ({"delay_by": 0}, "delay"), ({"delay_until": 0}, "delay")]
)
def test_an_option_that_the_backend_has_no_feature_for_is_refused(options: dict[str, Any], feature: str) -> None:
    gator = Gator("watched://", backend_class=plain_backend, plugins=[])
    with pytest.raises(UnsupportedFeature, match=rf"The watched backend has no '{feature}', which {feature}") as caught:
        gator.options(**options)
    assert (caught.value.backend, caught.value.feature) == ("watched", feature)


def test_the_repr_of_options_shows_no_password() -> None:
    gator = Gator("watched://ann:hunter2@host", backend_class=WatchedBackend, plugins=[])
    assert "hunter2" not in repr(gator.options(retries=2))
    assert "retries=2" in repr(gator.options(retries=2))
