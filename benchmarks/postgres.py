"""The PostgreSQL backend beside plain psycopg, in one run on one server that it starts.

    python -m benchmarks.postgres [--tasks N] [--rounds N] [--fsync]

The bare loop is what people write first: a table with an index, SKIP LOCKED for a hundred at a time, the function
called, one DELETE for the hundred. It has no leases, no fence, no ids, no priorities. Absolute rates are the machine's,
ratios say what these cost.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec

from alligator_core.backend import Ack, Message
from alligator_core.gator import Gator
from alligator_core.worker import Worker
from tests.postgres.servers import Server

from .noop import noop

BODY = b'json\n{"id":"019ac1a2b3c4000000011234567890ab","task":"benchmarks.noop:noop","args":[12345]}'
TABLE = """
CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL, taken boolean NOT NULL
DEFAULT false); CREATE INDEX ON bare (id) WHERE NOT taken"""
TAKE = b"""
UPDATE bare SET taken = true WHERE id IN (
    SELECT id FROM bare WHERE NOT taken ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING id, body"""
BATCH = 100


class Bench:
    def __init__(self, server: Server, count: int) -> None:
        self.count = count
        self.gator = Gator(server.dsn, f"bench-{uuid4().hex[:8]}")
        self.backend = self.gator.backend
        self.connection: Any = server.connect(autocommit=True)
        self.rates: dict[str, list[float]] = {}

    def measure(self, name: str, run: Callable[[], object], count: int = 0) -> None:
        started = time.perf_counter()
        run()
        self.rates.setdefault(name, []).append((count or self.count) / (time.perf_counter() - started))

    def run(self) -> None:
        single = self.count // 10
        self.measure("psycopg: INSERT, one by one", lambda: self.insert(single), single)
        self.measure("gator.task, one by one", lambda: self.tasks(single), single)
        self.measure(
            "psycopg: INSERT of a thousand", lambda: self.insert_many(self.count - single), self.count - single
        )
        self.measure("gator.map", lambda: self.gator.map(noop, range(self.count - single)), self.count - single)
        self.measure("psycopg: SKIP LOCKED + DELETE, 100", self.bare)
        self.measure("worker, drain", Worker(self.gator, burst=True).run_forever)
        assert self.gator.size()[:3] == (0, 0, 0)
        self.backend_push()
        self.measure("backend, reserve + settle, 100", self.drain)

    def tasks(self, count: int) -> None:
        for number in range(count):
            self.gator.task(noop, number)

    def insert(self, count: int) -> None:
        for _ in range(count):
            self.connection.execute(b"INSERT INTO bare (body) VALUES (%b)", (BODY,))

    def insert_many(self, count: int) -> None:
        for start in range(0, count, 1000):
            bodies = [BODY] * min(1000, count - start)
            self.connection.execute(b"INSERT INTO bare (body) SELECT unnest(%b::bytea[])", (bodies,))

    def bare(self) -> None:
        while rows := self.connection.execute(TAKE).fetchall():
            for _, body in rows:
                noop(*msgspec.json.decode(body[5:])["args"])
            self.connection.execute(b"DELETE FROM bare WHERE id = ANY (%s)", ([row[0] for row in rows],))

    def backend_push(self) -> None:
        for start in range(0, self.count, 1000):
            ids = range(start, min(start + 1000, self.count))
            self.backend.push(self.gator.queue_name, [Message(f"{number:032x}", BODY) for number in ids])

    def drain(self) -> None:
        consumer = self.backend.consumer([self.gator.queue_name], 60.0)
        while batch := consumer.reserve(BATCH, 0.0):
            consumer.settle([Ack(each) for each in batch])
        consumer.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fsync", action="store_true", help="let each commit wait for the disk")
    given = parser.parse_args()
    server = Server(**({"fsync": "on"} if given.fsync else {}))
    try:
        server.execute(TABLE)
        bench = Bench(server, given.tasks)
        for _ in range(given.rounds):
            bench.run()
        for name, rates in bench.rates.items():
            print(f"{name:36} {statistics.median(rates):>10,.0f} /s")
    finally:
        server.close()


if __name__ == "__main__":
    main()
