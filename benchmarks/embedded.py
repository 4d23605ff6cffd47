"""Measure the embedded backends: python -m benchmarks.embedded [--tasks N]."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date

from alligator import Gator, Worker
from benchmarks import noop

FIRST_ENQUEUE = "import alligator, benchmarks.noop as n; alligator.Gator('locmem://').task(n.noop, 1)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    tasks = parser.parse_args().tasks
    pin()
    print(f"{date.today()}, Python {platform.python_version()}, {platform.machine()}, one core, medians of 3 runs\n")
    print("| backend | single enqueue/s | bulk enqueue/s | drain/s, one worker |\n|---|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, dsn in {
            "locmem": "locmem://",
            "sqlite, synchronous=normal": f"sqlite:///{folder}/normal.db?synchronous=normal",
            "sqlite, synchronous=full": f"sqlite:///{folder}/full.db?synchronous=full",
        }.items():
            rates = [measure(dsn, tasks // 5 if "full" in name else tasks) for _ in range(3)]
            print(
                f"| {name} | "
                + " | ".join(f"{statistics.median(column):,.0f}" for column in zip(*rates, strict=True))
                + " |"
            )
        print(f"\nimport alligator + first enqueue on locmem: {start_up():.0f} ms (Python itself: {bare():.0f} ms)")
        memory, cpu = idle(f"sqlite:///{folder}/idle.db")
        print(f"an idle worker on SQLite: {memory:.1f} MB, {cpu:.2f} % of a core")


def pin() -> None:
    """Keep this process and its children on one core, where the system lets us."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measure(dsn: str, tasks: int) -> tuple[float, float, float]:
    """Return single enqueues, bulk enqueues and drained tasks per second."""
    gator = Gator(dsn)
    singles = tasks // 5
    single = timed(lambda: [gator.task(noop.noop, number) for number in range(singles)])
    bulk = timed(lambda: gator.map(noop.noop, range(tasks)))
    before = noop.ran
    drain = timed(lambda: Worker(gator, burst=True).run_forever())
    assert noop.ran - before == tasks + singles, "not every task ran exactly once"
    gator.close()
    return singles / single, tasks / bulk, (tasks + singles) / drain


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def start_up() -> float:
    """Return the milliseconds of a fresh interpreter up to its first enqueue."""
    return statistics.median(timed(lambda: run_python(FIRST_ENQUEUE)) for _ in range(5)) * 1000


def bare() -> float:
    """Return the milliseconds of a fresh interpreter that does nothing."""
    return statistics.median(timed(lambda: run_python("pass")) for _ in range(5)) * 1000


def run_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def idle(dsn: str) -> tuple[float, float]:
    """Return the memory (PSS in MB) and the CPU (percent of a core) of a worker that waits."""
    worker = subprocess.Popen([sys.executable, "-m", "alligator", "worker", dsn, "--log-level", "error"])
    try:
        time.sleep(2)
        before, started = cpu_seconds(worker.pid), time.monotonic()
        time.sleep(5)
        used = cpu_seconds(worker.pid) - before
        return pss(worker.pid), 100 * used / (time.monotonic() - started)
    finally:
        worker.terminate()
        worker.wait(10)


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss(pid: int) -> float:
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main()
