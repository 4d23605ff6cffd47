"""What the SQLite backend does without Gator and Worker on top: `python benchmarks/raw_sqlite.py [section …]`.

Sections: push, drain, delayed, size, shared, idle, wake. One process and no pinning, unless a section says otherwise.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alligator_sqlite import SqliteBackend

from alligator_core.backend import Ack, Message

BODY = b"json\n" + b"x" * 220
MESSAGES = int(os.environ.get("MESSAGES", "200000"))
SPAWN = multiprocessing.get_context("spawn")


def new_id() -> str:
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def batches(count: int, delay: float = 0.0) -> Iterator[list[Message]]:
    for _ in range(0, count, 1000):
        yield [Message(new_id(), BODY, 5, delay) for _ in range(1000)]


@contextmanager
def backend(**options: object) -> Iterator[SqliteBackend]:
    # In the current folder, not the temporary one: that may be in memory, where syncing costs nothing.
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR", ".")) as folder:
        made = SqliteBackend(os.path.abspath(f"{folder}/queue.db"), **options)  # type: ignore[arg-type]
        yield made
        made.close()


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    start, cpu = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"{what:48} {count / seconds:10,.0f}/s {seconds / count * 1e6:8.2f} µs, of which CPU {cpu / count * 1e6:.2f}")


def drain(store: SqliteBackend, queue: str = "q", batch: int = 500) -> int:
    consumer = store.consumer([queue], 30.0)
    count = 0
    while taken := consumer.reserve(batch, 0):
        consumer.settle([Ack(delivery) for delivery in taken])
        count += len(taken)
    consumer.close()
    return count


def push() -> None:
    for synchronous in ("normal", "off", "full"):
        with backend(synchronous=synchronous) as store:
            count = 2000 if synchronous == "full" else 20_000
            messages = [Message(new_id(), BODY) for _ in range(count)]
            store.push("q", [Message("first", BODY)])
            with timed(f"push one by one, synchronous={synchronous}", count):
                for message in messages:
                    store.push("q", [message])
    with backend() as store:
        made = list(batches(MESSAGES))
        with timed("push 1,000 at a time", MESSAGES):
            for batch in made:
                store.push("q", batch)


def drained() -> None:
    with backend() as store:
        for batch in batches(MESSAGES):
            store.push("q", batch)
        with timed(f"drain {MESSAGES:,}, 500 at a time", MESSAGES):
            assert drain(store) == MESSAGES
        for batch in batches(20_000):
            store.push("q", batch)
        with timed("drain, 1 at a time", 20_000):
            drain(store, batch=1)


def delayed() -> None:
    with backend() as store:
        for batch in batches(1_000_000):
            store.push("q", batch)
        with timed("drain 1,000,000", 1_000_000):
            drain(store)
        for batch in batches(1_000_000, delay=3600):
            store.push("q", batch)
        for batch in batches(1_000_000):
            store.push("q", batch)
        with timed("drain 1,000,000 beside 1,000,000 delayed", 1_000_000):
            drain(store)
        with timed("push one by one beside 1,000,000 delayed", 10_000):
            for _ in range(10_000):
                store.push("q", [Message(new_id(), BODY)])
        with timed("purge 1,010,000", 1_010_000):
            store.purge("q")
        print(f"file {size_of(store, ''):,} MB, write-ahead log {size_of(store, '-wal'):,} MB")


def size_of(store: SqliteBackend, suffix: str) -> int:
    return os.path.getsize(store.path + suffix) >> 20


def size() -> None:
    with backend() as store:
        for batch in batches(1_000_000):
            store.push("q", batch)
        start = time.perf_counter()
        print(store.size("q"), f"in {(time.perf_counter() - start) * 1e3:.0f} ms")


def shared() -> None:
    with backend() as store:
        store.size("q")
        seconds = 10.0
        pushers = [SPAWN.Process(target=push_for, args=(store.path, seconds)) for _ in range(2)]
        drainers = [SPAWN.Process(target=drain_for, args=(store.path, seconds)) for _ in range(2)]
        for process in (*pushers, *drainers):
            process.start()
        while any(process.is_alive() for process in pushers):
            time.sleep(1)
            print(f"  file {size_of(store, '')} MB, write-ahead log {size_of(store, '-wal')} MB, {store.size('q')}")
        for process in (*pushers, *drainers):
            process.join()


def push_for(path: str, seconds: float) -> None:
    store, until, count, worst = SqliteBackend(path), time.monotonic() + seconds, 0, 0.0
    while (now := time.monotonic()) < until:
        store.push("q", [Message(new_id(), BODY)])
        count, worst = count + 1, max(worst, time.monotonic() - now)
    print(f"  pushed {count / seconds:,.0f}/s one by one, the slowest {worst * 1e3:.0f} ms")


def drain_for(path: str, seconds: float) -> None:
    consumer, until, count, worst = SqliteBackend(path).consumer(["q"], 30.0), time.monotonic() + seconds, 0, 0.0
    while (now := time.monotonic()) < until:
        taken = consumer.reserve(500, 0.1)
        consumer.settle([Ack(delivery) for delivery in taken])
        count, worst = count + len(taken), max(worst, time.monotonic() - now)
    print(f"  drained {count / seconds:,.0f}/s, the slowest round {worst * 1e3:.0f} ms")


def idle() -> None:
    with backend() as store:
        consumer = store.consumer(["q"], 30.0)
        cpu, start = time.process_time(), time.perf_counter()
        consumer.reserve(500, 10.0)
        used = (time.process_time() - cpu) / (time.perf_counter() - start)
        print(f"waiting takes {used:.2%} of a core")
        consumer.close()


def wake() -> None:
    with backend() as store:
        store.size("q")
        pusher = SPAWN.Process(target=push_stamps, args=(store.path, 200))
        pusher.start()
        print("woken by another process:", latencies(store, 200))
        pusher.join()


def push_stamps(path: str, count: int) -> None:
    store = SqliteBackend(path)
    for number in range(count):
        time.sleep(0.03 + number % 10 * 0.007)
        store.push("q", [Message(new_id(), repr(time.time()).encode())])


def latencies(store: SqliteBackend, count: int) -> str:
    consumer = store.consumer(["q"], 30.0)
    seen: list[float] = []
    while len(seen) < count:
        for delivery in consumer.reserve(1, 5.0):
            seen.append((time.time() - float(delivery.body)) * 1000)
            consumer.settle([Ack(delivery)])
    consumer.close()
    cuts = statistics.quantiles(seen, n=100)
    return f"p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, most {max(seen):.1f} ms"


SECTIONS: dict[str, Callable[[], None]] = {
    "push": push,
    "drain": drained,
    "delayed": delayed,
    "size": size,
    "shared": shared,
    "idle": idle,
    "wake": wake,
}

if __name__ == "__main__":
    for section in sys.argv[1:] or SECTIONS:
        print(f"— {section}")
        SECTIONS[section]()
