from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]
Shell = Callable[..., tuple[int, str, str]]

APP = """
import logging
from alligator import Gator
import jobs

gator = Gator("locmem://")

def filled():
    gator.task(jobs.note, "ready")
    with gator.options(queue_name="mail") as opts:
        opts.task(jobs.note, "mail")
    return gator
"""

JOBS = """
import time

def note(text):
    print(text, flush=True)

def forever():
    print("running", flush=True)
    while True:
        time.sleep(0.05)  # in slices: a signal that comes just before a system call is noticed after it
"""


@pytest.fixture(autouse=True)
def app(folder: Path) -> str:
    (folder / "jobs.py").write_text(JOBS)
    (folder / "app.py").write_text(APP)
    return "app:gator"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_ends_with_exit_code_0(start: Start, number: signal.Signals) -> None:
    process = start("alligator", "worker", "app:filled")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    process.send_signal(number)

    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "stops after 1 tasks" in err


def test_a_burst_ends_when_nothing_is_ready(shell: Shell) -> None:
    code, out, _ = shell("alligator", "worker", "app:filled", "--burst", "--queue", "mail", "--queue", "all")

    assert (code, out) == (0, "mail\nready\n")


def test_a_worker_stops_after_so_many_tasks(shell: Shell) -> None:
    code, out, _ = shell("alligator", "worker", "app:filled", "--max-tasks", "1", "--queue", "all", "--queue", "mail")

    assert (code, out) == (0, "ready\n")


def test_a_worker_logs_readable_lines_on_stderr(shell: Shell) -> None:
    code, _, err = shell("alligator", "worker", "app:filled", "--burst")

    assert code == 0
    started = next(line for line in err.splitlines() if "starts on" in line)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO \S+:\d+ Worker ", started)
    assert started.endswith("starts on locmem://, queues all")


def test_the_log_level_can_be_raised(shell: Shell) -> None:
    code, _, err = shell("alligator", "worker", "app:filled", "--burst", "--log-level", "Error")

    assert code == 0
    assert "alligator.worker" not in err


def test_the_logging_that_an_app_sets_up_is_left_alone(shell: Shell, folder: Path) -> None:
    (folder / "app.py").write_text(APP + "\nlogging.basicConfig(format='MINE %(message)s', level='INFO')\n")

    code, _, err = shell("alligator", "worker", "app:filled", "--burst")

    assert code == 0
    assert "MINE Worker " in err
    assert " INFO " not in err


def test_what_outlasts_the_grace_period_is_left_with_exit_code_0(start: Start, folder: Path) -> None:
    (folder / "slow.py").write_text(
        "from alligator import Gator\nimport jobs\ngator = Gator('locmem://')\ngator.task(jobs.forever)\n"
    )
    process = start("alligator", "worker", "slow:gator", "--grace", "0", "--lease", "5", "--max-deliveries", "2")
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"

    process.send_signal(signal.SIGTERM)

    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "it is given back" in err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--lease", "0"], "lease=0.0: it must be more than 0 seconds."),
        (["--grace", "-1"], "grace=-1.0: it must be 0 or more."),
        (["--max-tasks", "-1"], "max_tasks=-1: it must be 0 or more."),
        (["--max-deliveries", "0"], "max_deliveries=0: it must be 1 or more."),
        (["--queue", ""], "it must be 1 to 200 printable characters."),
        (["--log-level", "loud"], "Invalid value for '--log-level'"),
        (["--log-level", "info", "-q"], "Say --quiet or --log-level, not both."),
        (["--log-format", "xml"], "Invalid value for '--log-format'"),
        (["--threads", "0"], "threads=0: it must be 1 or more."),
        (["--threads", "many"], "Invalid value for '--threads'"),
        (["--async-limit", "-1"], "async_limit=-1: it must be 1 or more."),
        (["--processes", "0"], "processes=0: it must be 1 or more."),
        (["--processes", "2"], "the locmem backend lives in one process"),
        (["--processes", "2", "--threads", "0"], "threads=0: it must be 1 or more."),
        (["--max-memory", "lots"], "'lots' is no size: write 500MB, 1.5GiB or a number of bytes."),
        (["--name", ""], "name='': it must be 1 to 100 printable characters."),
        (["--name", "a\nb"], "it must be 1 to 100 printable characters."),
        (["--health-file", "no/such/alive"], "health_file='no/such/alive': it can't be written: "),
    ],
)
def test_a_worker_refuses_bad_limits(run: Callable[..., object], words: list[str], problem: str) -> None:
    assert problem in run("worker", "locmem://", *words, code=2).stderr  # type: ignore[attr-defined]


def test_an_app_that_fails_at_import_is_exit_code_1_with_its_traceback(shell: Shell, folder: Path) -> None:
    (folder / "app.py").write_text("import jobs\n\njobs.nothing()\n")

    code, out, err = shell("alligator", "worker", "app:gator")

    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "Traceback (most recent call last):"
    assert 'app.py", line 3' in err
    assert "AttributeError: module 'jobs' has no attribute 'nothing'" in err


def test_a_dsn_that_nobody_serves_is_exit_code_2_without_a_traceback(shell: Shell) -> None:
    code, out, err = shell("alligator", "worker", "nosuch://user:s3cr3t@host")

    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "s3cr3t" not in err


def test_latergator_is_the_worker(shell: Shell) -> None:
    code, out, _ = shell("latergator", "app:filled", "--burst")
    wrong, _, err = shell("latergator", "nosuch://user:s3cr3t@host")

    assert (code, out) == (0, "ready\n")
    assert (wrong, len(err.splitlines())) == (2, 1)


def test_a_worker_needs_no_target_where_the_environment_has_one(shell: Shell) -> None:
    environ = {"ALLIGATOR_CONN": "locmem://", "ALLIGATOR_PREFIX": "staging"}

    code, _, err = shell("alligator", "worker", "--burst", environ=environ)

    assert code == 0
    assert "queues staging_all" in err
