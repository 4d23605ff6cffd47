"""What a long queue costs on Redis: memory for each waiting task, and the rate at which a worker drains it.

    python -m benchmarks.redis_backlog redis://localhost:6379/15 [--count 1000000]

It empties that database. The rates to compare: a drain of 20,000 tasks, of a million, and of 20,000 with a million
delayed ones beside them. The CPU columns don't depend on how busy the machine is otherwise.
"""

from __future__ import annotations

import argparse
import time

import redis

from alligator_core.backend import Ack, Message
from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager
from alligator_core.task import new_id

FEW = 20_000


class Backlog:
    def __init__(self, dsn: str) -> None:
        self.client = redis.Redis.from_url(dsn, protocol=2)
        self.backend = PluginManager().make_backend(Dsn.parse(dsn))

    def push(self, count: int, *, delay: float = 0.0, body: bytes = b"x" * 120) -> None:
        for start in range(0, count, 10_000):
            chunk = range(min(10_000, count - start))
            self.backend.push("all", [Message(new_id(), body, 5, delay) for _ in chunk])

    def memory(self, count: int, body: bytes, *, delay: float = 0.0) -> float:
        self.client.flushdb()
        before = self.client.info("memory")["used_memory"]
        self.push(count, delay=delay, body=body)
        used: float = (self.client.info("memory")["used_memory"] - before) / count
        return used

    def drain(self, name: str, count: int) -> None:
        consumer = self.backend.consumer(["all"], 30.0)
        cpu, client, started, done = self._server_time(), time.process_time(), time.perf_counter(), 0
        while done < count:
            batch = consumer.reserve(500, 0.0)
            assert not consumer.settle([Ack(delivery) for delivery in batch])
            done += len(batch)
        elapsed = time.perf_counter() - started
        client, cpu = time.process_time() - client, self._server_time() - cpu
        consumer.close()
        rate = f"{done / elapsed:12,.0f}/s"
        print(f"{name:44}{rate}  client {client / done * 1e6:5.2f} us  server {cpu / done * 1e6:5.2f} us")

    def _server_time(self) -> float:
        facts: dict[str, float] = self.client.info("cpu")  # type: ignore[assignment]
        return facts["used_cpu_user"] + facts["used_cpu_sys"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsn", help="a database to empty and use")
    parser.add_argument("--count", type=int, default=1_000_000)
    options = parser.parse_args()
    backlog = Backlog(options.dsn)
    for size in (0, 120, 1000):
        print(f"a waiting task with {size:4} bytes of body: {backlog.memory(100_000, b'x' * size):6.0f} bytes")
    print(f"a delayed one with   120 bytes of body: {backlog.memory(100_000, b'x' * 120, delay=3600):6.0f} bytes")
    for _ in range(2):
        backlog.client.flushdb()
        backlog.push(FEW)
        backlog.drain(f"{FEW:,} waiting", FEW)
    backlog.push(options.count)
    backlog.drain(f"{options.count:,} waiting", options.count)
    backlog.push(options.count, delay=3600)
    backlog.push(FEW)
    backlog.drain(f"{FEW:,} waiting, {options.count:,} delayed", FEW)
    backlog.client.flushdb()


if __name__ == "__main__":
    main()
