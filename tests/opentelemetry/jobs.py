"""The functions that the tests of alligator-opentelemetry enqueue; `queue` is what their workers are started with."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from alligator_opentelemetry import Tracing
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from alligator import Defer, Discard, Gator, current_task

tracer = trace.get_tracer("shop")


class Spans(SpanExporter):
    """Writes spans to a file, one JSON object a line."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{span.to_json(indent=None)}\n" for span in spans))
        return SpanExportResult.SUCCESS


def queue() -> Gator:
    """As an app does: the SDK is set up, and the plugin finds it. Nothing is exported for an hour unless flushed."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(Spans(os.environ["SPANS"]), schedule_delay_millis=3_600_000, max_export_batch_size=500)
    )
    trace.set_tracer_provider(provider)
    return Gator(os.environ["SPANS_DSN"], plugins=[Tracing(relation=os.environ.get("RELATION", "parent"))])


def work(word: str) -> str:
    with tracer.start_as_current_span(f"work {word}") as span:
        span.set_attribute("tenant", str(baggage.get_baggage("tenant")))
    return word


async def work_soon(word: str) -> None:
    await asyncio.sleep(0.01)
    work(word)
    await asyncio.to_thread(work, f"{word} in a thread")


def fail(text: str = "no") -> None:
    raise ValueError(text)


async def fail_soon(text: str = "no") -> None:
    await asyncio.sleep(0.01)
    raise ValueError(text)


def put_off() -> None:
    raise Defer(60)


def drop() -> None:
    raise Discard("not wanted")


def sleep(started: str, seconds: float) -> None:
    Path(started).touch()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)  # a thread can't be interrupted in the middle of one


async def sleep_soon(started: str, seconds: float) -> None:
    Path(started).touch()
    await asyncio.sleep(seconds)


def send_on() -> None:
    task = current_task()
    assert task is not None
    assert task.gator is not None
    task.gator.options(task_id="next").task(work, "next")


def log_in(user: str, password: str) -> None:
    return None
