from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shell = Callable[..., tuple[int, str, str]]

HANGING = """
import time
from alligator import Gator
gator = Gator("locmem://")
gator.backend.ping = lambda: time.sleep(600)
"""
HOLDING = """
import ctypes
from alligator import Gator
gator = Gator("locmem://")
# PyDLL, unlike CDLL, keeps the GIL while it calls.
gator.backend.ping = lambda: ctypes.PyDLL(None).sleep(600)
"""


def test_a_backend_that_answers_is_exit_code_0(run: Any, dsn: str) -> None:
    assert run("ping", dsn).stdout.startswith(f"{dsn} answers within ")


def test_the_environment_may_have_the_dsn(run: Any, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_CONN", dsn)

    run("ping")


def test_a_backend_that_cannot_be_reached_is_exit_code_1_without_its_password(run: Any) -> None:
    result = run("ping", "redis://user:s3cr3t@127.0.0.1:1/0", "--timeout", "30", code=1)

    assert result.stdout == ""
    assert "redis://user:***@127.0.0.1:1/0 doesn't answer: " in result.stderr
    assert "s3cr3t" not in result.stderr


@pytest.mark.parametrize("app", [HANGING, HOLDING])
def test_a_ping_never_hangs(shell: Shell, folder: Path, app: str) -> None:
    (folder / "app.py").write_text(app)

    code, out, err = shell("alligator", "ping", "app:gator", "--timeout", "1")

    assert (code, out) == (1, "")
    assert "No answer within 1 s." in err or "Timeout" in err


def test_a_health_file_must_be_there_and_new(run: Any, folder: Path) -> None:
    words = ("ping", "--health-file", "alive", "--max-age", "60")
    assert "There is no health file 'alive'." in run(*words, code=1).stderr

    (folder / "alive").touch()
    assert re.match(r"alive was touched \d+\.\d s ago", run(*words).stdout)

    os.utime("alive", (5, 5))
    assert "which is more than 60 s." in run(*words, code=1).stderr

    os.utime("alive", (0, 0))
    assert "'alive' was never touched, which is more than 60 s." in run(*words, code=1).stderr


def test_with_a_target_a_new_health_file_is_not_enough(run: Any, folder: Path, dsn: str) -> None:
    (folder / "alive").touch()

    assert len(run("ping", dsn, "--health-file", "alive").stdout.splitlines()) == 2
    run("ping", "redis://127.0.0.1:1/0", "--health-file", "alive", code=1)


def test_without_a_target_the_backend_is_not_asked(run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_CONN", "redis://127.0.0.1:1/0")
    (folder / "alive").touch()

    run("ping", "--health-file", "alive")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["locmem://", "--timeout", "0"], "timeout=0.0: it must be more than 0 seconds."),
        (["locmem://", "--timeout", "nan"], "timeout=nan: it must be more than 0 seconds."),
        (["--health-file", "x", "--max-age", "-1"], "max_age=-1.0: it must be more than 0 seconds."),
        (["nosuch://host"], "No backend for 'nosuch://host'."),
        ([], "TARGET is missing"),
    ],
)
def test_nonsense_is_exit_code_2(run: Any, words: list[str], problem: str) -> None:
    assert problem in run("ping", *words, code=2).stderr
