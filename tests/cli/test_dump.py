from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

START = """
import itertools, os, signal, sys, time, threading
from alligator_core.dump import dumping_on_signal
with dumping_on_signal({report}):
    print("ready", flush=True)
    {block}
"""
NAP = "time.sleep(600)"
HOLD = "sum(itertools.repeat(1, 10**12))"
BUSY = "exec('while True: pass')"

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run() -> Iterator[Run]:
    started = []

    def run(block: str, report: str = "lambda: 'the report'") -> subprocess.Popen[str]:
        code = START.format(block=block, report=report)
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        with process:
            pass


def lines_until(process: subprocess.Popen[str], end: str) -> list[str]:
    assert process.stderr is not None
    found = []
    for line in process.stderr:
        found.append(line.rstrip("\n"))
        if end in line:
            return found
    raise AssertionError(found)


@pytest.mark.parametrize("block", [NAP, BUSY])
def test_a_signal_prints_the_stacks_and_then_the_report(run: Run, block: str) -> None:
    process = run(block)

    process.send_signal(signal.SIGUSR1)

    lines = lines_until(process, "the report")
    assert any("most recent call first" in line for line in lines)
    assert any('File "<string>"' in line for line in lines)
    process.send_signal(signal.SIGUSR1)
    lines_until(process, "the report")


def test_the_stacks_come_also_while_a_task_holds_the_interpreter(run: Run) -> None:
    process = run(HOLD)

    process.send_signal(signal.SIGUSR1)

    assert 'File "<string>", line ' in lines_until(process, "in <module>")[-1]


def test_the_report_comes_while_an_event_loop_has_the_signals_for_itself(run: Run) -> None:
    process = run("""
    import asyncio
    async def main():
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, print)
        print("looping", flush=True)
        await asyncio.sleep(600)
    asyncio.run(main())""")
    assert process.stdout is not None
    assert process.stdout.readline() == "looping\n"

    for _ in range(2):
        process.send_signal(signal.SIGUSR1)
        lines_until(process, "the report")


def test_a_report_that_fails_says_so(run: Run) -> None:
    process = run(NAP, "lambda: 1 / 0")

    process.send_signal(signal.SIGUSR1)

    assert "What runs can't be told just now: ZeroDivisionError" in lines_until(process, "told")[-1]


def test_afterwards_all_is_as_it_was() -> None:
    code = """
import os, signal, sys, threading
from alligator_core.dump import dumping_on_signal
before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
for _ in range(3):
    try:
        with dumping_on_signal(str):
            os.kill(os.getpid(), signal.SIGUSR1)
            raise KeyError
    except KeyError:
        pass
assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
assert threading.active_count() == 1
assert not before or len(os.listdir("/proc/self/fd")) == before
assert signal.set_wakeup_fd(-1) == -1
"""

    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_elsewhere_than_in_the_main_thread_nothing_happens() -> None:
    code = """
import threading
from alligator_core.dump import dumping_on_signal
def use():
    with dumping_on_signal(str):
        print(threading.active_count())
thread = threading.Thread(target=use)
thread.start()
thread.join()
"""

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "2\n"


def test_a_process_that_a_task_has_forked_does_not_keep_the_worker_from_ending(run: Run) -> None:
    nap = "target=time.sleep, args=(600,), daemon=True"
    process = run(f"import multiprocessing; multiprocessing.get_context('fork').Process({nap}).start()")
    assert process.wait(20) == 0


MISSED = """
import os, signal, threading, time
from alligator_core.dump import dumping_on_signal
from alligator_core.hand import INTERRUPT

def end(*_):
    print("handled", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, end)
signal.signal(INTERRUPT, lambda *_: None)
with dumping_on_signal(str):
    # Another thread gets the signal, so that the system call of this one is not interrupted.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGTERM]).start()
    time.sleep(600)
"""


def test_a_signal_that_misses_the_system_call_it_should_have_ended_is_handled_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", MISSED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("handled\n", 0)
