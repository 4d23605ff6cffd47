"""What the plugin does in one process: where spans begin and end, what they say, and what a message carries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alligator_opentelemetry import Tracing, installed
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

from alligator import SUCCESS, BackendError, Gator, OptionError, SkipTask, Worker, hookimpl
from alligator_core.backend import Message
from alligator_core.locmem import LocmemBackend
from alligator_core.task import Task

from . import jobs


@pytest.fixture
def gator(provider: TracerProvider) -> Gator:
    return Gator("locmem://", plugins=[Tracing(tracer_provider=provider)])


def drain(gator: Gator) -> None:
    Worker(gator, burst=True, max_tasks=100).run_forever()


def carried(task: Task) -> str:
    """Return the ids of the trace and the span that a message carries."""
    return task.headers["traceparent"][3:-3]


def id_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}-{span.context.span_id:016x}"


def hand_over(producer: Gator, worker: Gator) -> None:
    """Move a message from the queue of one Gator to that of another."""
    [delivery] = producer.backend.consumer(["all"], 30).reserve(1, 0)
    worker.backend.push("all", [Message(delivery.id, delivery.body)])


def test_the_span_of_a_message_says_what_was_sent_where(gator: Gator, exporter: InMemorySpanExporter) -> None:
    gator.options(task_id="a", queue_name="mail").task(jobs.work, "a")
    [sent] = exporter.get_finished_spans()
    assert (sent.name, sent.kind, sent.links) == ("send mail", SpanKind.PRODUCER, ())
    assert dict(sent.attributes or {}) == {
        "messaging.system": "locmem",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "mail",
        "messaging.message.id": "a",
        "alligator.task.name": "tests.opentelemetry.jobs:work",
    }


@pytest.mark.parametrize(
    ("dsn", "known"),
    [
        (
            "redis://ann:hush@cache:6380/0",
            {"messaging.system": "redis", "server.address": "cache", "server.port": 6380},
        ),
        ("beanstalk://queue", {"messaging.system": "beanstalk", "server.address": "queue"}),
        ("redis+cluster://one:1,two:2", {"messaging.system": "redis"}),
        ("sqs://us-west-2/", {"messaging.system": "aws_sqs"}),
    ],
)
def test_systems_and_servers_are_named_as_the_conventions_have_it(dsn: str, known: dict[str, Any]) -> None:
    from alligator_opentelemetry.attributes import of_sending

    attributes = of_sending(Gator(dsn, plugins=[]), Task("a"))
    assert {name: attributes[name] for name in attributes if name.startswith("server.")} | {
        "messaging.system": attributes["messaging.system"]
    } == known


def test_a_message_carries_the_context_of_its_own_span(gator: Gator, exporter: InMemorySpanExporter) -> None:
    tasks = gator.map(jobs.work, ["a", "b", "c"])
    spans = exporter.get_finished_spans()
    assert [carried(task) for task in tasks] == [id_of(span) for span in spans]
    assert len({id_of(span) for span in spans}) == 3


def test_a_message_of_a_batch_is_sent_when_the_batch_is(gator: Gator, exporter: InMemorySpanExporter) -> None:
    with gator.batch():
        task = gator.task(jobs.work, "a")
        assert exporter.get_finished_spans() == ()
    [sent] = exporter.get_finished_spans()
    assert carried(task) == id_of(sent)


def test_a_message_is_sent_within_the_span_of_the_app(
    gator: Gator, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    with provider.get_tracer("shop").start_as_current_span("request"):
        gator.task(jobs.work, "a")
        assert trace.get_current_span().is_recording()
    sent, request = exporter.get_finished_spans()
    assert sent.parent == request.context


def test_a_context_that_the_app_has_given_a_message_is_kept_and_linked(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    given = f"00-{'a' * 32}-{'b' * 16}-01"

    class Giving:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            task.headers["traceparent"] = given

    gator = Gator("locmem://", plugins=[Tracing(tracer_provider=provider), Giving()])
    task = gator.task(jobs.work, "a")
    [sent] = exporter.get_finished_spans()
    assert task.headers["traceparent"] == given
    assert [f"{link.context.trace_id:032x}" for link in sent.links] == ["a" * 32]


def test_a_task_that_is_left_out_has_no_span(provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
    class Quiet:
        @hookimpl
        def before_enqueue(self) -> None:
            raise SkipTask

    Gator("locmem://", plugins=[Quiet(), Tracing(tracer_provider=provider)]).task(jobs.work, "a")
    assert exporter.get_finished_spans() == ()


def test_a_task_that_could_not_be_sent_has_no_span_and_leaves_none_behind(
    gator: Gator, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BackendError("full")

    monkeypatch.setattr(LocmemBackend, "push", refuse)
    with pytest.raises(BackendError, match="full"):
        gator.task(jobs.work, "a")
    assert exporter.get_finished_spans() == ()


def test_nothing_of_the_arguments_is_shown(gator: Gator, exporter: InMemorySpanExporter) -> None:
    gator.task(jobs.log_in, "ann", password="hush")
    drain(gator)
    spans = exporter.get_finished_spans()
    assert len(spans) == 2
    shown = "".join(span.to_json() for span in spans)
    assert "ann" not in shown
    assert "hush" not in shown


def test_a_task_that_runs_in_process_is_a_child_of_where_it_is_called(
    gator: Gator, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    with provider.get_tracer("shop").start_as_current_span("request") as current:
        token = context.attach(baggage.set_baggage("tenant", "acme"))
        task = gator.options(is_async=False).task(jobs.work, "a")
        context.detach(token)
        assert trace.get_current_span() is current
    assert task.status == SUCCESS
    run, request = exporter.get_finished_spans()
    assert (run.name, run.parent, run.links) == ("process all", request.context, ())
    assert "traceparent" not in task.headers


def test_attempts_in_process_are_siblings(gator: Gator, exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="no"):
        gator.options(is_async=False, retries=2).task(jobs.fail)
    spans = exporter.get_finished_spans()
    assert [dict(span.attributes or {})["alligator.task.outcome"] for span in spans] == ["retry", "retry", "dead"]
    assert [span.parent for span in spans] == [None, None, None]


def test_a_task_that_is_popped_within_a_span_belongs_to_its_sender_and_is_linked_to_both(
    gator: Gator, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    gator.task(jobs.work, "a")
    with provider.get_tracer("shop").start_as_current_span("cron"):
        gator.pop()
    sent, run, cron = exporter.get_finished_spans()
    assert run.parent is not None
    assert run.parent.span_id == sent.get_span_context().span_id
    assert [link.context.span_id for link in run.links] == [
        each.context.span_id for each in (sent, cron) if each.context is not None
    ]


def test_nothing_is_current_any_more_when_a_worker_is_done(gator: Gator) -> None:
    gator.map(jobs.work, ["a", "b"])
    drain(gator)
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert baggage.get_all() == {}


def test_a_worker_does_as_the_sender_who_left_a_trace_out(exporter: InMemorySpanExporter) -> None:
    def gator_with(sampler: Sampler) -> Gator:
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        return Gator("locmem://", plugins=[Tracing(tracer_provider=provider)])

    producer = gator_with(ALWAYS_OFF)
    task = producer.task(jobs.work, "a")
    assert not int(task.headers["traceparent"][-2:], 16) & trace.TraceFlags.SAMPLED

    class Always(Sampler):
        def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
            return SamplingResult(Decision.RECORD_AND_SAMPLE)

        def get_description(self) -> str:
            return "always"

    worker = gator_with(ParentBased(root=Always()))
    hand_over(producer, worker)
    drain(worker)
    assert exporter.get_finished_spans() == ()


def test_garbage_in_the_headers_starts_a_new_trace(gator: Gator, exporter: InMemorySpanExporter) -> None:
    class Garbage:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            task.headers.update(traceparent="00-zz-zz-01", tracestate="=,=", baggage="%%;=")

    plain = Gator("locmem://", plugins=[Garbage()])
    plain.task(jobs.work, "a")
    hand_over(plain, gator)
    drain(gator)
    [run] = exporter.get_finished_spans()
    assert (run.parent, run.links) == (None, ())


def test_a_sampler_that_breaks_fails_no_task(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Sampler):
        def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
            raise LookupError("no sample")

        def get_description(self) -> str:
            return "broken"

    gator = Gator("locmem://", plugins=[Tracing(tracer_provider=TracerProvider(sampler=Broken()))])
    task = gator.task(jobs.work, "a")
    drain(gator)
    assert gator.len() == gator.size().dead == 0
    assert not task.has_headers
    assert "Plugin alligator_opentelemetry failed in before_enqueue" in caplog.text
    assert "Plugin alligator_opentelemetry failed in before_task" in caplog.text


def test_without_an_sdk_nothing_is_carried_but_the_baggage() -> None:
    gator = Gator("locmem://", plugins=["opentelemetry"])
    assert not gator.task(jobs.work, "a").has_headers
    token = context.attach(baggage.set_baggage("tenant", "acme"))
    assert gator.task(jobs.work, "a").headers == {"baggage": "tenant=acme"}
    context.detach(token)
    drain(gator)


def test_an_installed_plugin_is_found_by_its_name() -> None:
    assert installed in Gator("locmem://", plugins=["opentelemetry"]).plugins.get_plugins()


def test_a_relation_must_be_one_of_two() -> None:
    with pytest.raises(OptionError, match="relation='child': it must be parent or link"):
        Tracing(relation="child")


def test_what_a_message_carries_is_text_of_the_envelope(gator: Gator) -> None:
    task = gator.task(jobs.work, "a")
    payload = json.loads(task.serialize().partition(b"\n")[2])
    assert payload["headers"] == task.headers
