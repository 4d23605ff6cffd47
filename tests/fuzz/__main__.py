"""`make fuzz`: mutates messages, payloads and DSNs, in several processes, and prints every error that nobody expects.

python -m tests.fuzz --executions 10000000 --seconds 3600
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Final, NamedTuple

from tests.fuzz.loop import Report
from tests.fuzz.targets import TARGETS
from tests.fuzz.work import limit, work

_SLICE: Final = 20_000
"""Executions that a process does of one target before it takes the next."""


class Slice(NamedTuple):
    """The arguments of `work`."""

    name: str
    seed: int
    executions: int
    deadline: float


def main() -> None:
    """Read the arguments, run, and end with 1 if there was an error that nobody expects."""
    arguments = _arguments()
    names = arguments.target or list(TARGETS)
    seed = arguments.seed if arguments.seed is not None else int.from_bytes(os.urandom(4), "big")
    print(f"Targets: {', '.join(names)}. Seed {seed}. Processes: {arguments.processes}.", flush=True)
    total = {name: Report() for name in names}
    begun = time.time()
    slices = _slices(names, seed, arguments.executions, begun + arguments.seconds)
    # Processes that are spawned, not forked: one that dies breaks the pool, and can't leave it waiting for ever.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.processes, mp_context=spawn, initializer=limit) as pool:
        _run(pool, slices, 2 * arguments.processes, total)
    _print(total, time.time() - begun)
    raise SystemExit(any(report.crashes for report in total.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make fuzz ARGS=…")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after so long")
    parser.add_argument("--executions", type=int, default=1_000_000, help="of all targets together (1,000,000)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one; may be given several times")
    parser.add_argument("--seed", type=int, help="the same seed makes the same inputs")
    return parser.parse_args()


def _slices(names: list[str], seed: int, executions: int, deadline: float) -> Iterator[Slice]:
    each = min(_SLICE, math.ceil(executions / len(names)))
    for number in range(math.ceil(executions / each)):
        if time.time() > deadline:
            return
        yield Slice(names[number % len(names)], seed + number, each, deadline)


def _run(pool: ProcessPoolExecutor, slices: Iterator[Slice], at_once: int, total: dict[str, Report]) -> None:
    running: set[Future[tuple[str, Report]]] = set()
    for each in slices:
        running.add(pool.submit(work, *each))
        if len(running) >= at_once:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            _add(total, done)
    _add(total, running)


def _add(total: dict[str, Report], done: set[Future[tuple[str, Report]]]) -> None:
    for future in done:
        name, report = future.result()
        total[name].executions += report.executions
        total[name].effects |= report.effects
        for kind in report.crashes.keys() - total[name].crashes.keys():
            total[name].crashes[kind] = report.crashes[kind]
            print(f"{name}: {kind}\n  {report.crashes[kind]!r}", flush=True)


def _print(total: dict[str, Report], seconds: float) -> None:
    for name, report in total.items():
        outcomes = f"{len(report.effects)} kinds of outcome, {len(report.crashes)} uncaught"
        print(f"{name:8} {report.executions:>12,} executions, {outcomes}")
    executions = sum(report.executions for report in total.values())
    print(f"{'all':8} {executions:>12,} executions in {seconds:,.0f} s, {executions / seconds:,.0f} a second")


if __name__ == "__main__":
    main()
