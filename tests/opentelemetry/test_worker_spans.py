"""Spans of two processes: this one enqueues, and a worker of the command line runs, with an SDK of its own."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from alligator import Gator
from tests.workspace.repository import ROOT

from . import jobs
from .conftest import COMMAND, LIMIT, RunWorker, Span, spans_of

pytestmark = pytest.mark.long

MODES = [(), ("--threads", "3"), ("--async-limit", "4")]

every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode[0][2:] if mode else "inline")


def runs(spans: list[Span], task_id: str) -> list[Span]:
    """Return the spans of a task's runs, in the order in which they began."""
    found = [span for span in spans if span["attributes"].get("messaging.message.id") == task_id]
    return sorted((span for span in found if span["name"].startswith("process ")), key=lambda span: span["start_time"])


def named(spans: list[Span], name: str) -> Span:
    [span] = [span for span in spans if span["name"] == name]
    return span


def events(span: Span) -> list[tuple[str, dict[str, Any]]]:
    return [(event["name"], event["attributes"]) for event in span["events"]]


def ids(span: ReadableSpan | Span) -> tuple[int, int]:
    """Return the ids of a trace and of a span, of this process or of another one."""
    if isinstance(span, dict):
        return int(span["context"]["trace_id"], 16), int(span["context"]["span_id"], 16)
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


@every_mode
def test_a_run_is_a_child_of_the_span_that_sent_its_task_and_is_linked_to_it(
    gator: Gator, exporter: InMemorySpanExporter, run_worker: RunWorker, mode: tuple[str, ...]
) -> None:
    functions: tuple[Callable[..., Any], ...] = (jobs.work, jobs.work_soon)
    for function in functions:
        gator.options(task_id=function.__name__).task(function, function.__name__)
    spans = run_worker(*mode, "--name", "mailer")
    for function, sent in zip(functions, exporter.get_finished_spans(), strict=True):
        [run] = runs(spans, function.__name__)
        check_child(run, sent, function.__name__)


def check_child(run: Span, sent: ReadableSpan, function: str) -> None:
    assert (run["name"], run["kind"]) == ("process all", "SpanKind.CONSUMER")
    assert ids(run)[0] == ids(sent)[0]
    assert int(run["parent_id"], 16) == ids(sent)[1]
    assert [ids(link) for link in run["links"]] == [ids(sent)]
    assert run["attributes"] == {
        "messaging.system": "sqlite",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "all",
        "messaging.message.id": function,
        "messaging.client.id": "mailer",
        "alligator.task.name": f"tests.opentelemetry.jobs:{function}",
        "alligator.task.attempt": 1,
        "alligator.task.outcome": "success",
    }
    assert run["status"]["status_code"] == "UNSET"
    assert run["events"] == []


@every_mode
def test_the_function_runs_inside_of_the_span(gator: Gator, run_worker: RunWorker, mode: tuple[str, ...]) -> None:
    for word in ("one", "two", "three"):
        gator.options(task_id=f"plain {word}").task(jobs.work, word)
        gator.options(task_id=f"soon {word}").task(jobs.work_soon, f"soon {word}")
    spans = run_worker(*mode)
    for word in ("one", "two", "three"):
        for name, task_id in (
            (f"work {word}", f"plain {word}"),
            (f"work soon {word}", f"soon {word}"),
            (f"work soon {word} in a thread", f"soon {word}"),
        ):
            [run] = runs(spans, task_id)
            assert named(spans, name)["parent_id"] == run["context"]["span_id"]


@every_mode
def test_baggage_is_there_in_the_function_and_not_in_the_next_one(
    gator: Gator, run_worker: RunWorker, mode: tuple[str, ...]
) -> None:
    token = context.attach(baggage.set_baggage("tenant", "acme"))
    gator.task(jobs.work, "mine")
    context.detach(token)
    gator.task(jobs.work, "nobody's")
    spans = run_worker(*mode)
    assert named(spans, "work mine")["attributes"] == {"tenant": "acme"}
    assert named(spans, "work nobody's")["attributes"] == {"tenant": "None"}


@every_mode
def test_every_attempt_is_a_span_with_its_error_and_what_became_of_it(
    gator: Gator, exporter: InMemorySpanExporter, run_worker: RunWorker, mode: tuple[str, ...]
) -> None:
    functions: tuple[Callable[..., Any], ...] = (jobs.fail, jobs.fail_soon)
    for function in functions:
        gator.options(task_id=function.__name__, retries=1).task(function, "at redis://user:hush@host/0")
    spans = run_worker(*mode)
    for function, sent in zip(functions, exporter.get_finished_spans(), strict=True):
        first, second = runs(spans, function.__name__)
        check_failure(first, sent, attempt=1, outcome="retry")
        check_failure(second, sent, attempt=2, outcome="dead")
    assert "hush" not in str(spans)


def check_failure(run: Span, sent: ReadableSpan, *, attempt: int, outcome: str) -> None:
    assert int(run["parent_id"], 16) == ids(sent)[1]
    assert run["attributes"]["alligator.task.attempt"] == attempt
    assert run["attributes"]["alligator.task.outcome"] == outcome
    assert run["attributes"]["error.type"] == "ValueError"
    assert run["status"] == {"status_code": "ERROR", "description": "ValueError: at redis://***@host/0"}
    (ending, said), (exception, details) = events(run)
    assert (ending, exception) == (f"alligator.task.{outcome}", "exception")
    assert said == ({"alligator.task.delay": 0.0} if outcome == "retry" else {})
    assert details["exception.type"] == "ValueError"
    assert details["exception.message"] == "at redis://***@host/0"
    assert "jobs.py" in details["exception.stacktrace"]


def test_what_a_task_decides_itself_is_no_error(gator: Gator, run_worker: RunWorker) -> None:
    gator.options(task_id="late").task(jobs.put_off)
    gator.options(task_id="unwanted").task(jobs.drop)
    gator.options(task_id="old", expires=0.001).task(jobs.work, "never")
    spans = run_worker()
    told = {id: events(*runs(spans, id)) for id in ("late", "unwanted", "old")}
    assert told == {
        "late": [("alligator.task.defer", {"alligator.task.delay": 60.0})],
        "unwanted": [("alligator.task.discard", {"alligator.task.reason": "not wanted"})],
        "old": [("alligator.task.expired", {})],
    }
    assert {span["status"]["status_code"] for span in spans} == {"UNSET"}
    assert not [span for span in spans if span["name"].startswith("work")]


def test_what_a_task_enqueues_belongs_to_its_trace(
    gator: Gator, exporter: InMemorySpanExporter, run_worker: RunWorker
) -> None:
    gator.options(task_id="first").task(jobs.send_on)
    [sent] = exporter.get_finished_spans()
    spans = run_worker()
    [first], [second], sent_on = runs(spans, "first"), runs(spans, "next"), named(spans, "send all")
    assert sent_on["parent_id"] == first["context"]["span_id"]
    assert second["parent_id"] == sent_on["context"]["span_id"]
    assert ids(second)[0] == ids(sent)[0]


def test_a_run_may_have_a_trace_of_its_own_and_only_be_linked(
    gator: Gator, exporter: InMemorySpanExporter, worker_env: dict[str, str], run_worker: RunWorker
) -> None:
    worker_env["RELATION"] = "link"
    token = context.attach(baggage.set_baggage("tenant", "acme"))
    gator.options(task_id="a").task(jobs.work, "a")
    context.detach(token)
    [sent] = exporter.get_finished_spans()
    spans = run_worker()
    [run] = runs(spans, "a")
    assert run["parent_id"] is None
    assert ids(run)[0] != ids(sent)[0]
    assert [ids(link) for link in run["links"]] == [ids(sent)]
    assert named(spans, "work a")["attributes"] == {"tenant": "acme"}


def test_a_task_that_outlasts_its_hard_timeout_has_a_span_too(
    gator: Gator, run_worker: RunWorker, tmp_path: Path
) -> None:
    gator.options(task_id="stuck", hard_timeout=2.0).task(jobs.sleep, str(tmp_path / "started"), 60)
    [run] = runs(run_worker(code=1), "stuck")
    assert run["attributes"]["alligator.task.outcome"] == "dead"
    assert run["attributes"]["error.type"] == "alligator_core.errors.TaskTimeout"


@pytest.mark.parametrize(
    ("mode", "function"),
    [
        ((), jobs.sleep),
        ((), jobs.sleep_soon),
        (("--threads", "3"), jobs.sleep),
        (("--async-limit", "4"), jobs.sleep_soon),
    ],
    ids=["inline", "inline, soon", "threads", "async-limit"],
)
def test_a_run_that_its_worker_leaves_when_it_stops_is_said_to_be_given_back(
    gator: Gator, worker_env: dict[str, str], tmp_path: Path, mode: tuple[str, ...], function: Callable[..., Any]
) -> None:
    started = tmp_path / "started"
    gator.options(task_id="long").task(function, str(started), 60)
    with subprocess.Popen([*COMMAND, "--grace", "0.1", *mode], cwd=ROOT, env=worker_env) as worker:
        try:
            deadline = time.monotonic() + LIMIT
            while not started.exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(LIMIT) == 0
        finally:
            worker.kill()
    [run] = runs(spans_of(worker_env), "long")
    assert run["attributes"]["alligator.task.outcome"] == "given back"


def test_every_process_of_a_supervisor_has_its_spans_exported(
    gator: Gator, exporter: InMemorySpanExporter, run_worker: RunWorker
) -> None:
    for number in range(6):
        gator.options(task_id=f"n{number}").task(jobs.work, str(number))
    sent = exporter.get_finished_spans()
    spans = run_worker("--processes", "2")
    for number in range(6):
        [run] = runs(spans, f"n{number}")
        assert int(run["parent_id"], 16) == ids(sent[number])[1]
