"""What a worker does as its options say: modes, logs, health, title, dump."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator
from alligator_core.health import age_of

pytestmark = pytest.mark.long

Start = Callable[..., "subprocess.Popen[str]"]
Shell = Callable[..., tuple[int, str, str]]

APP = """
import asyncio, os, threading, time
from alligator import Gator
gator = Gator("sqlite:///queue.db")

def say(text):
    os.write(1, f"{text}\\n".encode())  # whole lines, whichever thread says them

def note(text="hello"):
    say(f"{text} {os.getpid()} {threading.current_thread().name}")

def nap():
    say("napping")
    while True:
        time.sleep(0.05)  # in slices: a signal that comes just before a system call is noticed after it

async def doze():
    # Said once it waits: while it runs, it is in the stacks of the threads.
    asyncio.get_running_loop().call_soon(say, "dozing")
    await asyncio.sleep(600)

def fail():
    raise KeyError("redis://user:s3cr3t@host")

def meet():
    barrier.wait(60)
    say("met")

barrier = threading.Barrier(2)
"""


@pytest.fixture(autouse=True)
def app(folder: Path) -> None:
    (folder / "app.py").write_text(APP)


@pytest.fixture
def enqueue(folder: Path) -> Callable[..., None]:
    """Enqueue functions of the app, each by its name."""

    def enqueue(*names: str) -> None:
        sys.path.insert(0, str(folder))
        import app

        gator = Gator(f"sqlite:///{folder}/queue.db")
        for name in names:
            gator.task(getattr(app, name))
        gator.close()

    return enqueue


def lines_of(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


def err_until(process: subprocess.Popen[str], end: str) -> str:
    assert process.stderr is not None
    said = ""
    while end not in said:
        came = process.stderr.readline()
        assert came, said
        said += came
    return said


def stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return err


def test_threads_run_tasks_side_by_side(shell: Shell, enqueue: Any) -> None:
    enqueue("meet", "meet")

    code, out, _ = shell("alligator", "worker", "app:gator", "--burst", "--threads", "2")

    assert (code, out) == (0, "met\nmet\n")


def test_coroutines_run_side_by_side_up_to_a_limit(start: Start, enqueue: Any) -> None:
    enqueue("doze", "doze", "doze")

    process = start("alligator", "worker", "app:gator", "--async-limit", "2", "--grace", "0")

    assert lines_of(process, 2) == ["dozing", "dozing"]
    stop(process)


def test_processes_run_under_a_supervisor_with_the_same_options(start: Start, enqueue: Any) -> None:
    words = ("--processes", "2", "--threads", "2", "--log-format", "json", "--name", "mailer", "--max-tasks", "50")
    process = start("alligator", "worker", "app:gator", *words, "--health-file", "alive")
    err_until(process, "starts on")
    enqueue("note")

    (said,) = lines_of(process, 1)

    _, pid, thread = said.split(" ", 2)
    assert int(pid) != process.pid
    assert thread.startswith("alligator-hand-")
    logged = [json.loads(line) for line in stop(process).splitlines()]
    (ended,) = [line for line in logged if line["logger"] == "alligator.task"]
    assert (ended["worker"], ended["pid"]) == (f"mailer:{pid}", int(pid))
    assert {line["pid"] for line in logged} > {process.pid}


def test_a_bad_option_of_a_process_is_refused_by_the_supervisor(shell: Shell) -> None:
    code, out, err = shell("alligator", "worker", "app:gator", "--processes", "2", "--health-file", "no/alive")

    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "health_file='no/alive': it can't be written" in err


def test_an_app_that_fails_at_import_ends_the_supervisor_at_once(shell: Shell, folder: Path) -> None:
    (folder / "app.py").write_text("1 / 0")

    code, _, err = shell("alligator", "worker", "app:gator", "--processes", "2")

    assert (code, err.count("ZeroDivisionError")) == (1, 1)


def test_each_task_is_a_readable_line(shell: Shell, enqueue: Any) -> None:
    enqueue("note")

    _, out, err = shell("alligator", "worker", "app:gator", "--burst", "--name", "mailer")

    (line,) = [line for line in err.splitlines() if "app:note" in line]
    _, _, level, worker, task, _, outcome, *duration = line.split()
    assert (level, worker, task, outcome) == ("INFO", f"mailer:{out.split()[1]}", "app:note", "success")
    assert duration[0] == "in"
    assert duration[-1] == "ms"


def test_each_task_is_a_json_object(shell: Shell, enqueue: Any) -> None:
    enqueue("note", "fail")

    _, _, err = shell("alligator", "worker", "app:gator", "--burst", "--log-format", "json")

    logged = [json.loads(line) for line in err.splitlines()]
    ended = [line for line in logged if "outcome" in line]
    assert [(line["task"], line["outcome"]) for line in ended] == [("app:note", "success"), ("app:fail", "dead")]
    assert ended[0].keys() > {"id", "queue", "attempt", "deliveries", "seconds", "waited", "time", "worker"}
    (failed,) = [line for line in logged if "exception" in line]
    assert "KeyError: 'redis://***@host'" in failed["exception"]
    assert "s3cr3t" not in err


def test_a_quiet_worker_logs_warnings_and_errors_only(shell: Shell, enqueue: Any) -> None:
    enqueue("note", "fail")

    _, out, err = shell("alligator", "worker", "app:gator", "-q", "--burst")

    assert out.startswith("hello ")
    assert {line.split()[2] for line in err.splitlines() if line.startswith("2")} == {"ERROR"}


def test_a_quiet_worker_is_quiet_in_an_app_that_sets_up_logging(shell: Shell, enqueue: Any, folder: Path) -> None:
    (folder / "app.py").write_text(APP + "import logging\nlogging.basicConfig(format='MINE %(message)s', level='INFO')")
    enqueue("note", "fail")

    _, _, err = shell("alligator", "worker", "app:gator", "-q", "--burst")

    assert "MINE app:fail" in err
    assert "app:note" not in err


@pytest.mark.parametrize("words", [(), ("--processes", "1")])
def test_the_health_file_is_new_while_a_worker_is_idle_and_while_it_is_busy(
    start: Start, enqueue: Any, shell: Shell, folder: Path, words: tuple[str, ...]
) -> None:
    process = start("alligator", "worker", "app:gator", "--health-file", "alive", "--grace", "0", *words)
    ping = ("alligator", "ping", "--health-file", "alive", "--max-age", "30")
    while shell(*ping)[0]:
        assert process.poll() is None
    enqueue("nap")
    assert lines_of(process, 1) == ["napping"]

    os.utime(folder / "alive", (5, 5))

    while (age_of(folder / "alive") or 0) > 30:
        time.sleep(0.05)
    stop(process)


@pytest.mark.parametrize("mode", [(), ("--threads", "2"), ("--processes", "1")])
def test_sigusr1_tells_what_runs_and_where(start: Start, enqueue: Any, mode: tuple[str, ...]) -> None:
    enqueue("doze", "nap") if mode != ("--processes", "1") else enqueue("doze")
    process = start("alligator", "worker", "app:gator", "--grace", "0", *mode)
    assert "dozing" in lines_of(process, 1 if mode == ("--processes", "1") else 2)

    process.send_signal(signal.SIGUSR1)

    said = err_until(process, "coroutine ") + err_until(process, "in doze\n")
    assert "(most recent call first)" in said
    assert "app:doze" in said
    assert re.search(r" of queue 'all' for \d+\.\d s", said)
    stop(process)


def test_a_worker_told_to_stop_while_its_app_is_imported_ends_with_exit_code_0(start: Start, folder: Path) -> None:
    (folder / "app.py").write_text("print('importing', flush=True)\n" + "import time\ntime.sleep(600)\n")
    process = start("alligator", "worker", "app:gator")
    assert lines_of(process, 1) == ["importing"]

    assert "Traceback" not in stop(process)


def test_an_app_that_swallows_the_signal_while_it_is_imported_does_nothing_else(
    start: Start, folder: Path, enqueue: Any
) -> None:
    enqueue("note")
    swallow = "print('importing', flush=True)\ntry:\n    time.sleep(600)\nexcept BaseException:\n    pass\n"
    (folder / "app.py").write_text(APP + swallow)
    process = start("alligator", "worker", "app:gator")
    assert lines_of(process, 1) == ["importing"]

    process.send_signal(signal.SIGTERM)

    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")


def title_of(pid: int) -> str:
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout


def test_a_worker_has_a_title_without_the_dsn(start: Start, enqueue: Any) -> None:
    pytest.importorskip("setproctitle")
    enqueue("nap")
    words = ("--queue", "mail", "--queue", "all", "--name", "mailer", "--lease", "5")
    process = start("alligator", "worker", "sqlite:///queue.db", *words)
    assert lines_of(process, 1) == ["napping"]

    assert title_of(process.pid).strip() == "alligator worker mailer: mail all, running"
    process.send_signal(signal.SIGTERM)
    err_until(process, "was told to stop")
    while "stopping" not in title_of(process.pid):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_supervisor_and_processes_have_titles(start: Start) -> None:
    pytest.importorskip("setproctitle")
    process = start("alligator", "worker", "app:gator", "--processes", "1", "--name", "mailer")
    err_until(process, "starts on")

    assert title_of(process.pid).strip() == "alligator supervisor mailer: all, 1 processes"
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    while "running" not in title_of(int(child)):
        assert process.poll() is None
    assert title_of(int(child)).strip() == "alligator child mailer: all, running"
    stop(process)
