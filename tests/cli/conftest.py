from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from alligator import Gator, Worker
from alligator_core.cli import main

BIN = Path(sys.executable).parent

SHOP = """
def send(*args, **kwargs):
    return args, kwargs

def fail(number):
    raise ValueError(f"no number {number}")
"""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALLIGATOR_CONN", "ALLIGATOR_PREFIX", "ALLIGATOR_ASYNC", "ALLIGATOR_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of a user; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def shop(folder: Path) -> str:
    """A module of the app, with `send` and `fail`."""
    name = f"shop_{uuid4().hex[:8]}"
    (folder / f"{name}.py").write_text(SHOP)
    return name


@pytest.fixture
def dsn() -> str:
    return f"locmem://{uuid4().hex}"


@pytest.fixture
def gator(dsn: str) -> Gator:
    return Gator(dsn)


@pytest.fixture
def run(folder: Path) -> Callable[..., Result]:
    """Run `alligator` in this process, and check its exit code."""

    def run(*words: str, code: int = 0, command: Any = main, **settings: Any) -> Result:
        result = CliRunner().invoke(command, list(words), **settings)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def run_json(run: Callable[..., Result]) -> Callable[..., Any]:
    """Run `alligator … --json` in this process, and return the document that it prints."""
    return lambda *words, **settings: json.loads(run(*words, "--json", **settings).stdout)


@pytest.fixture
def enqueue(run: Callable[..., Result], dsn: str, shop: str) -> Callable[..., str]:
    """Enqueue a call of the shop, and return its id."""
    return lambda function, *words: run("enqueue", dsn, f"{shop}:{function}", *words).stdout.strip()


@pytest.fixture
def work(gator: Gator) -> Callable[[], None]:
    """Run all that is ready."""
    return lambda: Worker(gator, burst=True).run_forever()


@pytest.fixture
def bury(enqueue: Callable[..., str], work: Callable[[], None]) -> Callable[..., list[str]]:
    """Make dead letters: calls of `fail` with each of the numbers. Return their ids."""

    def bury(*numbers: int) -> list[str]:
        ids = [enqueue("fail", str(number)) for number in numbers]
        work()
        return ids

    return bury


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start an installed command in the folder; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, environ: dict[str, str] | None = None, **settings: Any) -> subprocess.Popen[str]:
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        process = subprocess.Popen(
            [BIN / words[0], *words[1:]], cwd=folder, env={**os.environ, **(environ or {})}, text=True, **settings
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        # Not to the end of its output: what it started may hold that open.
        with process:
            pass


@pytest.fixture
def shell(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., tuple[int, str, str]]:
    """Run an installed command to its end; return exit code, stdout and stderr."""

    def shell(*words: str, **settings: Any) -> tuple[int, str, str]:
        process = start(*words, **settings)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    return shell


@pytest.fixture
def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a plugin for the commands that are started."""
    site = folder / "site"
    site.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)

    def install(name: str, code: str, *, group: str = "alligator.hooks") -> None:
        (site / f"alligator_{name}.py").write_text(code)
        info = site / f"alligator_{name}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: alligator-{name}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = alligator_{name}\n")

    return install
