"""Fixtures of the core's tests."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator
from alligator_core import entry_points

from . import jobs
from .backends import WatchedBackend
from .processes import WorkerProcess


@pytest.fixture(autouse=True)
def _fresh_marks() -> Iterator[None]:
    jobs.ran.clear()
    jobs.let_go.clear()
    yield
    jobs.let_go.set()
    logging.getLogger("alligator").setLevel(logging.NOTSET)


@pytest.fixture
def gator() -> Gator:
    return Gator("locmem://", plugins=[])


@pytest.fixture
def watched() -> Gator:
    """A Gator on a WatchedBackend."""
    return Gator("watched://", backend_class=WatchedBackend, plugins=[])


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """The file in which functions of other processes leave their marks."""
    path = tmp_path / "marks"
    path.touch()
    return path


Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Returns a function that makes a distribution installed: its metadata, and modules with their source."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.delenv("ALLIGATOR_PLUGINS")
    before = set(sys.modules)

    def install(distribution: str, modules: Mapping[str, str] | None = None, **groups: Mapping[str, str]) -> None:
        info = site / f"{distribution.replace('-', '_')}-1.2.3.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2.3\n")
        (info / "entry_points.txt").write_text("\n".join(map(_section, groups.items())))
        for name, source in (modules or {}).items():
            (site / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        entry_points.entry_points.cache_clear()

    yield install
    entry_points.entry_points.cache_clear()
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(site)):
            del sys.modules[name]


def _section(group: tuple[str, Mapping[str, str]]) -> str:
    name, entries = group
    return f"[alligator.{name}]\n" + "\n".join(f"{key} = {value}" for key, value in entries.items())


@pytest.fixture
def durable(tmp_path: Path) -> Gator:
    """A Gator on a SQLite file that worker processes can share."""
    return Gator(f"sqlite:///{tmp_path}/queue.db", plugins=[])


@pytest.fixture(params=["locmem", "sqlite"])
def each_gator(request: pytest.FixtureRequest, gator: Gator, durable: Gator) -> Gator:
    """A Gator on each of the embedded backends in turn."""
    return gator if request.param == "locmem" else durable


Spawn = Callable[..., WorkerProcess]


@pytest.fixture
def spawn(durable: Gator, tmp_path: Path) -> Iterator[Spawn]:
    """Returns a function that starts a worker of `durable` in a process of its own."""
    started: list[WorkerProcess] = []

    def spawn(**options: Any) -> WorkerProcess:
        worker = WorkerProcess(f"sqlite://{durable.dsn.path}", tmp_path / f"worker-{len(started)}.log", **options)
        started.append(worker)
        return worker

    yield spawn
    for worker in started:
        if worker.is_running():
            worker.send(signal.SIGCONT)
            worker.kill()
    durable.close()
