"""Fixtures of the tests of alligator-sentry: a server that takes what Sentry's SDK sends, and workers that use it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk

from alligator import Gator
from tests.workspace.repository import ROOT, tool

LIMIT = 60.0

COMMAND = [tool("alligator"), "worker", "tests.sentry.jobs:queue", "--burst"]

Event = dict[str, Any]


class Sink(ThreadingHTTPServer):
    """Takes envelopes as Sentry does, and keeps the events and transactions in them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.items: list[Event] = []
        self.dsn = f"http://key@127.0.0.1:{self.server_address[1]}/1"

    @property
    def errors(self) -> list[Event]:
        return [item for item in self.items if item.get("type") != "transaction"]

    @property
    def transactions(self) -> list[Event]:
        return [item for item in self.items if item.get("type") == "transaction"]


class Handler(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.items += [item for kind, item in read_envelope(body) if kind in ("event", "transaction")]
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


def read_envelope(body: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the type and the payload of each item: https://develop.sentry.dev/sdk/data-model/envelopes/."""
    _, _, rest = body.partition(b"\n")
    while rest:
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length", len(rest.partition(b"\n")[0]))
        payload, rest = rest[:length], rest[length:].lstrip(b"\n")
        if header["type"] in ("event", "transaction"):
            yield header["type"], json.loads(payload)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A Sentry of its own on 127.0.0.1, for each test."""
    server = Sink()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(LIMIT)


@pytest.fixture
def sdk(sink: Sink) -> Iterator[Callable[..., None]]:
    """Returns a function that sets up Sentry in this process, without what would patch it for all other tests."""

    def init(**options: Any) -> None:
        sentry_sdk.init(
            sink.dsn, default_integrations=False, auto_enabling_integrations=False, release="shop@1", **options
        )

    yield init
    sentry_sdk.get_client().close(timeout=LIMIT)
    sentry_sdk.Scope.get_global_scope().set_client(None)


@pytest.fixture
def gator(tmp_path: Path) -> Iterator[Gator]:
    """What enqueues for the workers, without the plugin."""
    gator = Gator(f"sqlite:///{tmp_path}/queue.db", plugins=[])
    yield gator
    gator.close()


@pytest.fixture
def worker_env(tmp_path: Path, sink: Sink) -> dict[str, str]:
    """The environment that a worker runs in."""
    return {**os.environ, "QUEUE": f"sqlite:///{tmp_path}/queue.db", "SINK": sink.dsn, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def run_worker(worker_env: dict[str, str]) -> Callable[..., None]:
    """Returns a function that lets a worker empty the queue."""

    def run(*options: str, code: int = 0, init: Event | None = None, **settings: Any) -> None:
        env = {**worker_env, "SETTINGS": json.dumps({"flush_timeout": 60, **settings}), "INIT": json.dumps(init or {})}
        ran = subprocess.run([*COMMAND, *options], cwd=ROOT, env=env, capture_output=True, text=True, timeout=LIMIT)
        assert ran.returncode == code, ran.stderr

    return run
