"""Ten thousand tasks while the worker is killed once a second and the server is killed and started again twice.

    python -m tests.redis.chaos [tasks]

The judge is a file outside the server, to which each task writes its number. Exits with 1 if a task is lost.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alligator_core.errors import AlligatorException
from alligator_core.gator import Gator
from tests.redis.chaos_tasks import note
from tests.redis.servers import Server

LONGEST = 300.0
"""Seconds until it is given up."""


def main(tasks: int = 10_000) -> int:
    """Run it, print the counts, and return how many tasks were lost."""
    with tempfile.TemporaryDirectory() as folder:
        done = Path(folder) / "done"
        done.touch()
        server = Server(Path(folder) / "server", "--appendonly", "yes", "--appendfsync", "always", "--save", "")
        try:
            return _run(server, done, tasks)
        finally:
            server.stop()


def _run(server: Server, done: Path, tasks: int) -> int:
    gator = Gator(server.dsn)
    started = time.monotonic()
    with _workers(server, done) as next_worker:
        kills, restarts = _disturb(gator, server, done, tasks, next_worker)
    counts = Counter(_numbers(done))
    lost, repeated = tasks - len(counts), counts.total() - len(counts)
    print(f"{tasks} tasks, {kills} workers killed, {restarts} servers killed, {time.monotonic() - started:.0f} s")
    print(f"lost {lost}, repeated {repeated}, dead letters {len(gator.dead())}")
    for letter in gator.dead():
        print(f"dead: {letter.id} {letter.reason}")
    return lost


def _disturb(gator: Gator, server: Server, done: Path, tasks: int, next_worker: Callable[[], None]) -> tuple[int, int]:
    kills = restarts = sent = 0
    started = time.monotonic()
    kill_at = started + 1.0
    next_worker()
    while sent < tasks or not _is_settled(gator):
        _push(gator, range(sent, min(sent + 20, tasks)))
        sent = min(sent + 20, tasks)
        if time.monotonic() > kill_at:
            next_worker()
            # Not in step with the leases: else one task would come back just before each kill, and be called poison.
            kill_at, kills = time.monotonic() + random.uniform(0.7, 1.3), kills + 1
        if restarts < 2 and len(_numbers(done)) > tasks * (restarts + 1) // 3:
            server.kill()
            server.start()
            restarts += 1
        if time.monotonic() - started > LONGEST:
            print("it takes too long:", gator.size())
            break
        time.sleep(0.01)
    return kills, restarts


@contextmanager
def _workers(server: Server, done: Path) -> Iterator[Callable[[], None]]:
    command = [sys.executable, "-m", "tests.redis.chaos_worker", server.dsn]
    environment = {**os.environ, "CHAOS_DONE": str(done)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdin is not None
        ask = process.stdin

        def next_worker() -> None:
            ask.write(b"\n")
            ask.flush()

        yield next_worker


def _push(gator: Gator, numbers: Sequence[int]) -> None:
    while numbers:
        try:
            gator.map(note, numbers)
        except AlligatorException:
            time.sleep(0.1)
        else:
            return


def _is_settled(gator: Gator) -> bool:
    try:
        return sum(gator.size()[:3]) == 0
    except AlligatorException:
        return False


def _numbers(done: Path) -> list[int]:
    return [int(line) for line in done.read_text(encoding="ascii").split()]


if __name__ == "__main__":
    sys.exit(1 if main(*map(int, sys.argv[1:])) else 0)
