"""What it costs to encode and decode a message, and what a signature costs a worker.

    python -m benchmarks.codec [redis://localhost:6379/15]

Each line is the whole way, envelope included: from a task to bytes, and from bytes to a task that can be called. With a
DSN it also drains tasks from there, with and without a secret in turn; that database is emptied. The figures are
those of the process's own time, so that other processes matter less; ratios of one run are what counts.
"""

from __future__ import annotations

import argparse
import base64
import os
import statistics
import time
from collections.abc import Callable

from alligator import Gator, Task, UnknownPluginError, Worker
from benchmarks import noop

SECRET = "a secret of these benchmarks"
KEY = base64.urlsafe_b64encode(bytes(32)).decode()
CALLS = 2000
ROUNDS = 40
TASKS = 100_000


def call(a: int, b: int, text: str) -> None:
    """What is called: two integers and a string."""


def gators() -> dict[str, Gator]:
    """Return a Gator for each line of the table: with every serializer that is installed, and what goes around it."""
    os.environ["ALLIGATOR_ENCRYPTION_KEYS"] = KEY
    found = {}
    for name in ("json", "msgpack", "pickle"):
        options = "&pickle.unsafe=yes" if name == "pickle" else ""
        try:
            dsn = f"locmem://?serializer={name}{options}"
            found[name] = Gator(dsn, plugins=[], secret=[])
        except UnknownPluginError:
            continue
        found[f"{name}, signed"] = Gator(dsn, plugins=[], secret=SECRET)
        if name != "pickle":
            dsn = f"locmem://?serializer=encrypt&encrypt.inner={name}"
            found[f"{name}, encrypted"] = Gator(dsn, plugins=[], secret=[])
            found[f"{name}, encrypted and signed"] = Gator(dsn, plugins=[], secret=SECRET)
    return found


def best(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the nanoseconds of one call of each, the best of rounds in which they take turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.process_time()
            for _ in range(CALLS):
                run()
            times[name].append((time.process_time() - started) / CALLS * 1e9)
    return {name: min(found) for name, found in times.items()}


def table() -> None:
    made = gators()
    tasks: dict[str, Task] = {name: gator.task(call, 7, 8, "hello") for name, gator in made.items()}
    bodies = {name: gator.codec.encode(tasks[name]) for name, gator in made.items()}
    encode = best({name: (lambda g=gator, t=tasks[name]: g.codec.encode(t)) for name, gator in made.items()})
    decode = best({name: (lambda g=gator, b=bodies[name]: g.codec.decode(b, "all")) for name, gator in made.items()})
    print(
        "| serializer | bytes | encode, ns | decode, ns | both, ns | more than without, ns |\n|---|--:|--:|--:|--:|--:|"
    )
    for name in made:
        both = encode[name] + decode[name]
        plain = name.partition(",")[0]
        more = f"{both - encode[plain] - decode[plain]:,.0f}" if plain != name else ""
        figures = f"{encode[name]:,.0f} | {decode[name]:,.0f} | {both:,.0f}"
        print(f"| {name} | {len(bodies[name])} | {figures} | {more} |")


def drains(dsn: str, rounds: int) -> None:
    """Drain a queue with and without a secret in turn, and print the rates and what is kept of them."""
    rates: dict[str, list[float]] = {"unsigned": [], "signed": []}
    cpu: dict[str, list[float]] = {"unsigned": [], "signed": []}
    for _ in range(rounds):
        for name, secret in (("unsigned", []), ("signed", [SECRET])):
            gator = Gator(dsn, f"bench-{name}", plugins=[], secret=secret)
            gator.purge()
            gator.map(noop.noop, range(TASKS))
            before, started, busy = noop.ran, time.perf_counter(), time.process_time()
            Worker(gator, burst=True).run_forever()
            rates[name].append(TASKS / (time.perf_counter() - started))
            cpu[name].append((time.process_time() - busy) / TASKS * 1e6)
            assert noop.ran - before == TASKS, "not every task ran exactly once"
            gator.close()
    print("\n| drain | rate /s | CPU of the worker, µs a task |\n|---|--:|--:|")
    for name in rates:
        print(f"| {name} | {statistics.median(rates[name]):,.0f} | {statistics.median(cpu[name]):.2f} |")
    kept = [signed / plain for signed, plain in zip(rates["signed"], rates["unsigned"], strict=True)]
    print(f"\nkept with signatures: {statistics.median(kept):.0%} (rounds: {', '.join(f'{it:.0%}' for it in kept)})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsn", nargs="?", help="where to drain tasks; its database is emptied")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    table()
    if options.dsn:
        drains(options.dsn, options.rounds)


if __name__ == "__main__":
    main()
