"""How long a process takes to its first push, and with what: python -m benchmarks.first_push DSN [--rounds N].

Each round starts a process that imports alligator, makes a Gator and enqueues a task, among 100 distributions in a
temporary folder beside those of this environment. All modules are compiled before. CPU time is shown besides, which
hardly depends on how busy the machine is otherwise. What a DSN such as redis://localhost:6379/15 names is purged.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path

from alligator import Gator

DISTRIBUTIONS = 100
# The client's import apart: it is the part that nobody here can make shorter.
CHILD = """
import sys, time

def now():
    return time.perf_counter(), time.process_time()

moments = [now()]
from alligator import Gator
moments.append(now())
from alligator_core.entry_points import entry_points
entry_points("alligator.backends")
moments.append(now())
if sys.argv[2]:
    __import__(sys.argv[2])
moments.append(now())
gator = Gator(sys.argv[1])
moments.append(now())
from benchmarks.noop import noop
gator.task(noop, 1)
moments.append(now())
import json
print(json.dumps(moments))
"""
PARTS = ("import alligator", "discovery", "import of the client", "the rest of Gator(…)", "connect and push")
CLIENTS = {"redis": "redis", "rediss": "redis", "sqlite": "sqlite3", "beanstalk": "greenstalk", "sqs": "boto3"}

Seconds = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsn", nargs="*", default=["locmem://"])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(f"{date.today()}, Python {platform.python_version()}, medians of {options.rounds} rounds, wall / CPU ms\n")
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        for dsn in options.dsn:
            report(dsn, measured(dsn, folder, options.rounds))


def fill(folder: Path) -> None:
    """Make distributions as they lie about in an environment: half of them have entry points."""
    for number in range(DISTRIBUTIONS):
        info = folder / f"package_{number}-1.{number}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.{number}\n")
        if number % 2:
            (info / "entry_points.txt").write_text(f"[console_scripts]\npackage-{number} = package_{number}:main\n")


def measured(dsn: str, folder: str, rounds: int) -> list[list[Seconds]]:
    """Return the seconds of each part, round by round."""
    found = []
    for turn in range(rounds + 1):
        moments = [tuple(moment) for moment in json.loads(output(dsn, folder))]
        if turn:  # the first one compiles
            found.append([(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(moments)])
    if not dsn.startswith("locmem"):
        Gator(dsn, plugins=[]).purge()
    return found


def output(dsn: str, folder: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPATH": os.pathsep.join([folder, os.getcwd()]), "ALLIGATOR_PLUGINS": ""}
    command = [sys.executable, "-c", CHILD, dsn, CLIENTS.get(dsn.partition(":")[0], "")]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60).stdout


def report(dsn: str, found: list[list[Seconds]]) -> None:
    print(f"| {dsn.partition(':')[0]} | ms | CPU ms |\n|---|--:|--:|")
    for name, rounds in zip(PARTS, zip(*found, strict=True), strict=True):
        print(f"| {name} | {shown(rounds)} |")
    own = [[part for name, part in zip(PARTS, parts, strict=True) if name != PARTS[2]] for parts in found]
    print(f"| from Gator(…) to the first push | {shown(added(parts[1:]) for parts in found)} |")
    print(f"| the same without the client's import | {shown(added(parts[1:]) for parts in own)} |\n")


def added(parts: list[Seconds]) -> Seconds:
    return sum(wall for wall, _ in parts), sum(cpu for _, cpu in parts)


def shown(rounds: Iterable[Seconds]) -> str:
    walls, cpus = zip(*rounds, strict=True)
    return f"{statistics.median(walls) * 1000:.1f} | {statistics.median(cpus) * 1000:.1f}"


if __name__ == "__main__":
    main()
