"""What every test folder shares: processes that end with their test, and no skipped test in CI."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any
from zlib import crc32

import hypothesis
import pytest

# On a busy machine any step may take a second.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

# The hook plugins of this repository are installed here; a test that wants one says so.
os.environ["ALLIGATOR_PLUGINS"] = ""

IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false", "no"}

Launch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start commands as `subprocess.Popen` does, in text mode; those still running when the test ends are killed.

    Killed through their own handle, never by name or group: a test ends nothing that it didn't start.
    """
    with ExitStack() as started:

        def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
            process = started.enter_context(subprocess.Popen(command, text=True, **options))
            started.callback(process.kill)  # A no-op for a process that was waited for.
            return process

        yield start


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix what computes with what waits; and let what takes long begin early, so that nothing is left to end alone.

    The order is of the files and classes, by a hash of their names: always the same, and of no meaning.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[float, str]:
    scope = item.nodeid.rpartition("::")[0] or item.nodeid
    turn = crc32(scope.encode()) / 2**32
    return turn * 0.6 if item.get_closest_marker("long") else turn, scope


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    report = _never_skipped((yield))
    # A test may log half a character on purpose, and the report has to get from one process to another.
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _never_skipped((yield))


def _never_skipped(report: Any) -> Any:
    # An expected failure is reported as skipped too, and is none.
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which CI counts as a failure: {report.longrepr[2]}"
    return report
