"""What the plugin does in one process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sentry_sdk
from alligator_sentry import Sentry, installed

from alligator import SUCCESS, Gator, OptionError, Worker, hookimpl
from alligator_core.task import Task

from . import jobs
from .conftest import Sink


def gator_with(plugin: Sentry) -> Gator:
    return Gator("locmem://", plugins=[plugin])


def drain(gator: Gator) -> None:
    Worker(gator, burst=True, max_tasks=100).run_forever()


def test_where_sentry_is_not_set_up_nothing_happens() -> None:
    gator = Gator("locmem://", plugins=["sentry"])
    assert not gator.task(jobs.work, "a").has_headers
    gator.task(jobs.fail)
    drain(gator)
    assert gator.size().dead == 1


def test_an_installed_plugin_is_found_by_its_name() -> None:
    assert installed in Gator("locmem://", plugins=["sentry"]).plugins.get_plugins()


def test_failures_must_be_one_of_two() -> None:
    with pytest.raises(OptionError, match="failures='some': it must be last or all"):
        Sentry(failures="some")


def test_a_message_carries_the_trace_under_names_that_are_nobody_elses(sdk: Callable[..., None]) -> None:
    sdk()
    task = gator_with(Sentry()).task(jobs.work, "a")
    assert sorted(task.headers) == ["sentry-baggage", "sentry-trace"]
    assert task.headers["sentry-trace"].startswith((sentry_sdk.get_traceparent() or "").partition("-")[0])


def test_a_message_carries_nothing_where_traces_are_not_wanted(sdk: Callable[..., None]) -> None:
    sdk(traces_sample_rate=1.0)
    assert not gator_with(Sentry(traces=False)).task(jobs.work, "a").has_headers


def test_a_task_that_runs_in_process_is_reported_and_raised(sdk: Callable[..., None], sink: Sink) -> None:
    sdk()
    gator = gator_with(Sentry())
    with pytest.raises(ValueError, match="no"):
        gator.options(is_async=False, retries=1, task_id="here").task(jobs.fail)
    assert gator.options(is_async=False).task(jobs.work, "a").status == SUCCESS
    sentry_sdk.flush(timeout=60)
    [event] = sink.items
    assert event["tags"]["alligator.task_id"] == "here"


def test_a_worker_sends_all_events_before_it_stops(sdk: Callable[..., None], sink: Sink) -> None:
    sdk()
    gator = gator_with(Sentry(flush_timeout=60))
    gator.map(jobs.fail, ["no"] * 20)
    drain(gator)
    assert len(sink.items) == 20


def test_nothing_of_a_task_is_left_when_it_is_done(sdk: Callable[..., None], sink: Sink) -> None:
    sdk()
    gator = gator_with(Sentry())
    gator.task(jobs.fail_marked, "one")
    drain(gator)
    sentry_sdk.capture_message("later")
    sentry_sdk.flush(timeout=60)
    assert "tags" not in sink.items[-1]
    assert "alligator" not in sink.items[-1]["contexts"]


def test_garbage_in_the_headers_starts_a_new_trace(sdk: Callable[..., None], sink: Sink) -> None:
    class Garbage:
        @hookimpl(trylast=True)
        def before_enqueue(self, task: Task) -> None:
            task.headers.update({"sentry-trace": "zz-zz-1", "sentry-baggage": "%%;=,sentry-trace_id=,="})

    sdk(traces_sample_rate=1.0)
    gator = Gator("locmem://", plugins=[Sentry(flush_timeout=60), Garbage()])
    gator.task(jobs.work, "a")
    drain(gator)
    [run] = sink.transactions
    assert run["contexts"]["trace"]["status"] == "ok"
    assert run["contexts"]["trace"].get("parent_span_id") is None


def test_a_redaction_that_breaks_shows_nothing_and_fails_no_task(sdk: Callable[..., None], sink: Sink) -> None:
    def broken(name: str, value: object) -> object:
        raise LookupError(value)

    sdk()
    gator = gator_with(Sentry(arguments=True, redact=broken, flush_timeout=60))
    gator.task(jobs.log_in, "ann", "hush")
    drain(gator)
    [event] = sink.items
    assert event["contexts"]["arguments"]["user"] == "(not shown: LookupError)"
