"""What arrives at Sentry from a worker of the command line, by the real transport of its SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from alligator_sentry import Sentry

from alligator import Gator

from . import jobs
from .conftest import Event, Sink

pytestmark = pytest.mark.long

MODES = [(), ("--threads", "3"), ("--async-limit", "4")]

every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode[0][2:] if mode else "inline")

BARE = {"default_integrations": False}
"""Without Sentry's own eyes on logs, duplicates and the end of the process."""

RunWorker = Callable[..., None]


def exception(event: Event) -> dict[str, Any]:
    last: dict[str, Any] = event["exception"]["values"][-1]
    return last


def tags(event: Event) -> dict[str, str]:
    return {name: value for name, value in event["tags"].items() if name.startswith("alligator.")}


@every_mode
@pytest.mark.parametrize("init", [{}, BARE], ids=["default", "bare"])
def test_the_last_failure_of_a_task_is_reported_once_with_the_task(
    gator: Gator, sink: Sink, run_worker: RunWorker, mode: tuple[str, ...], init: Event
) -> None:
    for function in (jobs.fail, jobs.fail_soon):
        gator.options(task_id=function.__name__, retries=1).task(function, "no")
    run_worker(*mode, "--name", "mailer", init=init)
    assert len(sink.items) == 2
    for event in sink.items:
        check_report(event, event["tags"]["alligator.task_id"])


def check_report(event: Event, function: str) -> None:
    name = f"tests.sentry.jobs:{function}"
    assert (event["level"], event["transaction"], event["transaction_info"]) == ("error", name, {"source": "task"})
    assert tags(event) == {
        "alligator.task": name,
        "alligator.task_id": function,
        "alligator.queue": "all",
        "alligator.attempt": "2",
    }
    assert event["contexts"]["alligator"].items() >= {
        "task": name, "task_id": function, "queue": "all", "attempt": 2, "retries": 1, "deliveries": 1,
        "worker": "mailer",
    }.items()  # fmt: skip
    assert (exception(event)["type"], exception(event)["value"]) == ("ValueError", "no")
    assert (exception(event)["mechanism"]["type"], exception(event)["mechanism"]["handled"]) == ("alligator", False)
    assert exception(event)["stacktrace"]["frames"][-1]["function"] == function
    assert "logentry" not in event
    assert "arguments" not in event["contexts"]


def test_every_failure_is_reported_where_that_is_asked_for(gator: Gator, sink: Sink, run_worker: RunWorker) -> None:
    gator.options(task_id="bad", retries=1).task(jobs.fail)
    run_worker(failures="all")
    assert [(event["level"], event["tags"]["alligator.attempt"]) for event in sink.items] == [
        ("warning", "1"),
        ("error", "2"),
    ]


@pytest.mark.parametrize("failures", ["last", "all"])
def test_what_a_task_decides_itself_is_no_failure_but_giving_up_is(
    gator: Gator, sink: Sink, run_worker: RunWorker, failures: str
) -> None:
    gator.task(jobs.put_off)
    gator.task(jobs.drop)
    gator.options(retries=1, task_id="again").task(jobs.try_again)
    gator.options(task_id="hopeless").task(jobs.bury)
    run_worker(failures=failures)
    assert sorted(event["tags"]["alligator.task_id"] for event in sink.items) == ["again", "hopeless"]


@every_mode
def test_what_a_task_tells_sentry_stays_with_that_task(
    gator: Gator, sink: Sink, run_worker: RunWorker, mode: tuple[str, ...]
) -> None:
    marks = [f"mark{number}" for number in range(6)]
    for mark in marks:
        function = jobs.fail_marked if mark < "mark3" else jobs.fail_marked_soon
        gator.options(task_id=mark).task(function, mark)
    run_worker(*mode)
    assert sorted(event["tags"]["alligator.task_id"] for event in sink.items) == marks
    for event in sink.items:
        mark = event["tags"]["alligator.task_id"]
        assert [name for name in event["tags"] if name in marks] == [mark]
        crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"] if crumb["message"] in marks]
        assert crumbs == [mark]


def test_arguments_are_shown_where_that_is_asked_for_but_for_secrets(
    gator: Gator, sink: Sink, run_worker: RunWorker
) -> None:
    gator.task(jobs.log_in, "ann", "hush")
    run_worker(arguments=True)
    [event] = sink.items
    assert event["contexts"]["arguments"] == {"user": "'ann'", "password": "***"}
    assert "hush" not in str(event)


def test_without_local_variables_nothing_shows_an_argument(gator: Gator, sink: Sink, run_worker: RunWorker) -> None:
    gator.task(jobs.fail_marked, "hush-hush")
    gator.task(jobs.log_in, "ann", "hush")
    run_worker(init={"include_local_variables": False, "max_breadcrumbs": 0})
    [_, event] = sink.items
    assert "hush" not in str(event)


def test_the_frames_of_the_worker_show_no_arguments(gator: Gator, sink: Sink, run_worker: RunWorker) -> None:
    gator.task(jobs.log_in, "ann", "hush")
    run_worker()
    [event] = sink.items
    *outer, own = exception(event)["stacktrace"]["frames"]
    assert own["vars"] == {"user": "'ann'", "password": "[Filtered]"}
    assert "hush" not in str(outer)


@pytest.mark.parametrize("options", [(), ("--processes", "2")], ids=["inline", "processes"])
@pytest.mark.parametrize("init", [{}, BARE], ids=["default", "bare"])
def test_a_task_that_outlasts_its_hard_timeout_is_reported_before_the_process_ends(
    gator: Gator, sink: Sink, run_worker: RunWorker, options: tuple[str, ...], init: Event
) -> None:
    gator.options(task_id="stuck", hard_timeout=2.0).task(jobs.sleep, 60)
    run_worker(*options, code=0 if options else 1, init=init)
    events = [event for event in sink.items if "exception" in event]
    # A process that takes too long to say so is killed by its supervisor, which says it too.
    assert 1 <= len(events) <= (2 if options else 1)
    for event in events:
        assert exception(event)["type"] == "TaskTimeout"
        assert event["tags"]["alligator.task_id"] == "stuck"


def test_alligator_logging_makes_no_second_report(
    gator: Gator, sink: Sink, run_worker: RunWorker, worker_env: dict[str, str]
) -> None:
    worker_env["LOGGING"] = "yes"
    gator.task(jobs.fail)
    run_worker()
    [event] = sink.items
    assert exception(event)["mechanism"]["type"] == "alligator"


def test_what_else_the_worker_logs_as_an_error_is_reported_by_sentry_itself(
    gator: Gator, sink: Sink, run_worker: RunWorker
) -> None:
    gator.options(task_id="good", on_success=jobs.complain).task(jobs.work, "a")
    run_worker()
    [event] = sink.items
    assert exception(event)["value"] == "a callback"
    assert event["logger"] == "alligator.task"
    assert event["tags"]["alligator.task_id"] == "good"


def test_every_process_of_a_supervisor_reports(gator: Gator, sink: Sink, run_worker: RunWorker) -> None:
    for number in range(6):
        gator.options(task_id=f"n{number}").task(jobs.fail)
    run_worker("--processes", "2", init=BARE)
    assert sorted(event["tags"]["alligator.task_id"] for event in sink.items) == [f"n{number}" for number in range(6)]


def test_a_failure_belongs_to_the_trace_in_which_its_task_was_enqueued(
    gator: Gator, sink: Sink, run_worker: RunWorker, sdk: Callable[..., None]
) -> None:
    sdk()
    gator.plugins.register(Sentry())
    with sentry_sdk.isolation_scope():
        trace, _, _ = (sentry_sdk.get_traceparent() or "").partition("-")
        gator.task(jobs.fail)
    run_worker()
    [event] = sink.items
    assert event["contexts"]["trace"]["trace_id"] == trace


@every_mode
def test_a_run_is_a_transaction_of_the_trace_that_enqueued_its_task(
    gator: Gator, sink: Sink, run_worker: RunWorker, sdk: Callable[..., None], mode: tuple[str, ...]
) -> None:
    sdk(traces_sample_rate=1.0)
    gator.plugins.register(Sentry())
    with sentry_sdk.start_transaction(name="request", op="http.server"):
        gator.options(task_id="a").task(jobs.work, "a")
        gator.options(task_id="b").task(jobs.fail_soon)
    sentry_sdk.flush(timeout=60)
    run_worker(*mode, init={"traces_sample_rate": 1.0})
    request, *runs = sink.transactions
    published = {span["data"]["messaging.message.id"]: span for span in request["spans"]}
    assert {span["op"] for span in published.values()} == {"queue.publish"}
    ends = {}
    for run in runs:
        [span] = [span for span in run["spans"] if span["op"] == "queue.process"]
        task_id = span["data"]["messaging.message.id"]
        trace = run["contexts"]["trace"]
        ends[task_id] = trace["status"]
        assert trace["op"] == "queue.task.alligator"
        assert trace["trace_id"] == request["contexts"]["trace"]["trace_id"]
        assert trace["parent_span_id"] == published[task_id]["span_id"]
        assert span["data"].items() >= {"messaging.destination.name": "all", "messaging.system": "sqlite"}.items()
        assert span["data"]["messaging.message.retry.count"] == 0
        assert 0 <= span["data"]["messaging.message.receive.latency"] < 60_000
    assert ends == {"a": "ok", "b": "internal_error"}
    [error] = sink.errors
    assert error["contexts"]["trace"]["trace_id"] == request["contexts"]["trace"]["trace_id"]


def test_a_task_that_outlasts_its_hard_timeout_has_a_transaction_too(
    gator: Gator, sink: Sink, run_worker: RunWorker
) -> None:
    gator.options(task_id="stuck", hard_timeout=2.0).task(jobs.sleep, 60)
    run_worker(code=1, init={"traces_sample_rate": 1.0})
    [run] = sink.transactions
    assert run["contexts"]["trace"]["status"] == "internal_error"
