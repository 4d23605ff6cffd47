"""What hooks cost a task in the drain of one worker: python -m benchmarks.hooks [DSN …] [--tasks N] [--rounds N].

Each round drains the same number of no-op tasks with no plugin, with an object whose hooks do nothing, and with
alligator-logging where only warnings are logged, alone and with alligator-prometheus. Compared is the CPU time of the
worker's process, which hardly depends on how busy the machine is otherwise. What a DSN such as
redis://localhost:6379/15 names must be empty.
"""

from __future__ import annotations

import argparse
import logging
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date

from alligator_logging import Logging
from alligator_prometheus import Prometheus

from alligator import Gator, Task, Worker, hookimpl
from benchmarks import noop
from benchmarks.embedded import pin


class EmptyObservers:
    """Every hook that a task's run has and that only watches."""

    @hookimpl
    def on_worker_start(self) -> None: ...

    @hookimpl
    def on_worker_stop(self) -> None: ...

    @hookimpl
    def on_success(self, task: Task, result: object) -> None: ...

    @hookimpl
    def on_retry(self, task: Task) -> None: ...

    @hookimpl
    def on_dead(self, task: Task) -> None: ...

    @hookimpl
    def after_task(self, task: Task, outcome: object) -> None: ...


class EmptyHooks(EmptyObservers):
    """Every hook that a task's run has."""

    @hookimpl
    def before_task(self, task: Task) -> None: ...

    @hookimpl
    def on_failure(self, task: Task) -> None: ...


PLUGINS: dict[str, Callable[[], list[object]]] = {
    "no plugin": list,
    "empty observers": lambda: [EmptyObservers()],
    "empty hooks, deciders too": lambda: [EmptyHooks()],
    "alligator-logging at WARNING": lambda: [Logging()],
    "alligator-prometheus": lambda: [Prometheus()],
    "logging at WARNING + prometheus": lambda: [Logging(), Prometheus()],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsn", nargs="*", help="databases to measure beside locmem")
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pin()
    logging.getLogger("alligator").setLevel(logging.WARNING)
    print(f"{date.today()}, Python {platform.python_version()}, one core, medians of {options.rounds} rounds\n")
    print(
        "| backend | plugins | drain/s | CPU µs a task | more than with none, µs | × none |\n|---|---|--:|--:|--:|--:|"
    )
    for dsn in ["locmem://", *options.dsn]:
        report(dsn, measured(dsn, options.tasks, options.rounds))


def measured(dsn: str, tasks: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall and CPU seconds a task for each set of plugins, round by round."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PLUGINS}
    for turn in range(rounds + 1):
        for name, plugins in PLUGINS.items():
            seconds = drain(Gator(dsn, plugins=plugins()), tasks if turn else tasks // 4)
            if turn:  # the first one warms up
                found[name].append(seconds)
    return found


def drain(gator: Gator, tasks: int) -> tuple[float, float]:
    assert gator.len() == 0, f"{gator} has tasks: name an empty database"
    gator.map(noop.noop, range(tasks))
    before, cpu, wall = noop.ran, time.process_time(), time.perf_counter()
    Worker(gator, burst=True).run_forever()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert noop.ran - before == tasks, "not every task ran exactly once"
    gator.close()
    return wall / tasks, cpu / tasks


def report(dsn: str, found: dict[str, list[tuple[float, float]]]) -> None:
    none = [cpu for _, cpu in found["no plugin"]]
    for name, rounds in found.items():
        walls, cpus = zip(*rounds, strict=True)
        # Round by round: neighbours in time met the same machine.
        more = statistics.median(cpu - without for cpu, without in zip(cpus, none, strict=True)) * 1e6
        ratio = statistics.median(cpu / without for cpu, without in zip(cpus, none, strict=True))
        rate, cost = 1 / statistics.median(walls), statistics.median(cpus) * 1e6
        print(f"| {dsn.partition(':')[0]} | {name} | {rate:,.0f} | {cost:.1f} | {more:.1f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
