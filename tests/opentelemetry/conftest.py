"""Fixtures of the tests of alligator-opentelemetry: spans of this process in memory, spans of workers from a file."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alligator_opentelemetry import Tracing
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from alligator import Gator
from tests.workspace.repository import ROOT, tool

LIMIT = 60.0

COMMAND = [tool("alligator"), "worker", "tests.opentelemetry.jobs:queue"]

Span = dict[str, Any]
RunWorker = Callable[..., list[Span]]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Where the spans of this process are, once they have ended."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    """The SDK of this process. It isn't the global one, which can be set but once."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


@pytest.fixture
def gator(tmp_path: Path, provider: TracerProvider) -> Iterator[Gator]:
    """What enqueues for the workers."""
    gator = Gator(f"sqlite:///{tmp_path}/queue.db", plugins=[Tracing(tracer_provider=provider)])
    yield gator
    gator.close()


@pytest.fixture
def worker_env(tmp_path: Path) -> dict[str, str]:
    """The environment that a worker runs in."""
    dsn = f"sqlite:///{tmp_path}/queue.db"
    return {**os.environ, "SPANS_DSN": dsn, "SPANS": str(tmp_path / "spans.jsonl"), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def run_worker(worker_env: dict[str, str]) -> RunWorker:
    """Returns a function that lets a worker empty the queue, and returns all spans of workers so far."""

    def run(*options: str, code: int = 0) -> list[Span]:
        command = [*COMMAND, "--burst", *options]
        ran = subprocess.run(command, cwd=ROOT, env=worker_env, capture_output=True, text=True, timeout=LIMIT)
        assert ran.returncode == code, ran.stderr
        return spans_of(worker_env)

    return run


def spans_of(worker_env: dict[str, str]) -> list[Span]:
    lines = Path(worker_env["SPANS"]).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
