"""Measure the worker's modes: python -m benchmarks.modes [DSN] [--soak N] [--restarts N].

Threads beside inline, coroutines, two processes beside one, what a supervisor with two idle processes takes, whether a
process that ran two million tasks grew, and what a thousand restarts leave behind. Without a DSN the queue is an SQLite
file. Every part prints its line when it is done, and leaves the queue empty.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from alligator import Gator, Worker
from benchmarks import noop
from benchmarks.embedded import pss, timed

MEGABYTE = bytes(2**20)
PATIENCE = 900.0
SETTLED_AT = 100_000
"""Tasks after which a process has all that it needs, so that more memory would be a leak."""


def hash_megabyte(times: str) -> None:
    """Use a core for a moment, and note when that ended."""
    hashlib.sha256(MEGABYTE).digest()
    with open(times, "a") as file:
        file.write(f"{time.time()}\n")


async def nap() -> None:
    await asyncio.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsn", nargs="?", help="an empty database. Default: a temporary SQLite file")
    parser.add_argument("--soak", type=int, default=2_000_000, metavar="N", help="no-op tasks for one process")
    parser.add_argument("--restarts", type=int, default=1_000, metavar="N", help="restarts of a process")
    options = parser.parse_args()
    print(f"{date.today()}, Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        dsn = options.dsn or f"sqlite:///{folder}/queue.db"
        report_threads(dsn)
        report_coroutines(dsn)
        report_processes(dsn, Path(folder))
        report_idle(dsn)
        report_soak(dsn, options.soak)
        report_restarts(dsn, options.restarts, Path(folder))


def report_threads(dsn: str, tasks: int = 50_000) -> None:
    rates: dict[int, list[float]] = {1: [], 8: []}
    for _ in range(5):
        for threads, found in rates.items():
            found.append(tasks / drain(dsn, tasks, threads))
    inline, threaded = (statistics.median(found) for found in rates.values())
    print(f"drain: {inline:,.0f}/s inline, {threaded:,.0f}/s by 8 threads: {threaded / inline:.2f} of that", flush=True)


def drain(dsn: str, tasks: int, threads: int) -> float:
    with closing(Gator(dsn)) as gator:
        assert gator.len() == 0, f"{gator} has tasks: name an empty database"
        gator.map(noop.noop, range(tasks))
        worker = Worker(gator, burst=True, threads=threads)
        return timed(worker.run_forever)


def report_coroutines(dsn: str) -> None:
    seconds = []
    for _ in range(5):
        with closing(Gator(dsn)) as gator:
            gator.starmap(nap, [()] * 1000)
            seconds.append(timed(Worker(gator, burst=True, async_limit=500).run_forever))
    print(f"1,000 coroutines that sleep for 0.1 s, 500 at a time: {statistics.median(seconds):.3f} s", flush=True)


def report_processes(dsn: str, folder: Path) -> None:
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(3):
        for processes, found in seconds.items():
            found.append(hashing(dsn, processes, str(folder / f"{turn}-{processes}")))
    one, two = (statistics.median(found) for found in seconds.values())
    print(f"SHA-256 of 1 MB, 3,000 times: {one:.2f} s, {two:.2f} s by two processes: {one / two:.2f} ×", flush=True)


def hashing(dsn: str, processes: int, times: str) -> float:
    """Return the seconds from when all processes run to the end of the last task."""
    with closing(Gator(dsn)) as gator, working(dsn, "--processes", str(processes)) as worker:
        until(lambda: len(children(worker.pid)) == processes)
        time.sleep(1.0)  # until they have imported what they need
        started = time.time()
        gator.starmap(hash_megabyte, [(times,)] * 3000)
        until(lambda: sum(gator.size()[:3]) == 0)
        ends = [float(line) for line in Path(times).read_text().split()]
    assert len(ends) == 3000, "not every task ran exactly once"
    return max(ends) - started


def report_idle(dsn: str) -> None:
    with working(dsn, "--processes", "2") as worker:
        until(lambda: len(children(worker.pid)) == 2)
        time.sleep(2.0)
        all_of_them = [worker.pid, *children(worker.pid)]
        memory = sum(map(pss, all_of_them))
    print(f"a supervisor and two idle processes: {memory:.0f} MB (PSS)", flush=True)


def report_soak(dsn: str, tasks: int) -> None:
    settled = 0.0
    with closing(Gator(dsn)) as gator, working(dsn, "--processes", "1") as worker:
        for done in range(0, tasks, SETTLED_AT):
            gator.map(noop.noop, range(SETTLED_AT))
            until(lambda: sum(gator.size()[:3]) == 0)
            [child] = children(worker.pid)
            settled = settled or resident(child)
            last = resident(child) - settled
            if done % 500_000 == 0:
                print(f"  after {done + SETTLED_AT:,} tasks: {last:+.2f} MB", flush=True)
    print(f"memory of a process from task {SETTLED_AT:,} to {tasks:,}: {last:+.2f} MB", flush=True)


def report_restarts(dsn: str, restarts: int, folder: Path) -> None:
    """Print what a supervisor has open before and after many restarts, and what is left in the temporary folder."""
    temporary = folder / "tmp"
    temporary.mkdir()
    seen: list[tuple[int, int, int]] = []
    with (
        closing(Gator(dsn)) as gator,
        working(dsn, "--processes", "2", "--max-tasks", "1", TMPDIR=str(temporary)) as worker,
    ):
        for tasks in (20, restarts):
            gator.map(noop.noop, range(tasks))
            until(lambda: sum(gator.size()[:3]) == 0)
            time.sleep(3.0)  # until the last ones have been replaced
            threads = len(os.listdir(f"/proc/{worker.pid}/task"))
            files = len(os.listdir(f"/proc/{worker.pid}/fd"))
            seen.append((threads, files, len(list(temporary.rglob("*")))))
    print(f"threads, open files, temporary files: {seen[0]} after 20 restarts, {seen[1]} after {restarts:,} more")


@contextmanager
def working(dsn: str, *options: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "alligator", "worker", dsn, "--log-level", "warning", *options]
    worker = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        yield worker
        worker.terminate()
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait()


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    # Leave out multiprocessing's own helper process, which runs nothing.
    return [int(child) for child in found if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()]


def resident(pid: int) -> float:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the worker takes too long"
        time.sleep(0.02)


if __name__ == "__main__":
    main()
