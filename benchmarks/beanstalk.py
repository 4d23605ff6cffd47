"""The beanstalkd backend beside plain greenstalk, in one run on one server.

    python -m benchmarks.beanstalk beanstalk://localhost:11300/

It works in tubes of its own, and leaves them empty. Plain greenstalk puts, and reserves and deletes, one after the
other: that is all that its client can do. Rates move with the machine, ratios are what counts; without `-b` on the
server, so that no disk takes part.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from uuid import uuid4

import greenstalk

from alligator_core.backend import Ack, Message
from alligator_core.dsn import Dsn
from alligator_core.gator import Gator
from alligator_core.plugins import PluginManager
from alligator_core.worker import Worker

from .noop import noop

BODY = b'json\n{"id":"019ac1a2b3c4000000011234567890ab","task":"benchmarks.noop:noop","args":[12345]}'
PUT, RESERVE = "greenstalk, put", "greenstalk, reserve + delete"
BATCH = 500


class Bench:
    def __init__(self, dsn: str, count: int) -> None:
        parsed = Dsn.parse(dsn)
        self.count = count
        self.queue = f"bench-{uuid4().hex[:8]}"
        self.gator = Gator(dsn, self.queue)
        self.backend = PluginManager().make_backend(parsed)
        self.address = (parsed.host or "localhost", parsed.port or 11300)
        self.messages = [Message(f"{number:032x}", BODY) for number in range(count)]
        self.rates: dict[str, list[float]] = {}

    def measure(self, name: str, count: int, run: Callable[[], object]) -> None:
        started = time.perf_counter()
        run()
        self.rates.setdefault(name, []).append(count / (time.perf_counter() - started))

    def run(self) -> None:
        few = self.count // 5
        with greenstalk.Client(self.address, encoding=None, use=self.queue, watch=self.queue) as client:
            self.measure(PUT, few, lambda: [client.put(BODY) for _ in range(few)])
            self.measure(RESERVE, few, lambda: [client.delete(client.reserve(0)) for _ in range(few)])
        self.measure("gator.task, one by one", few, lambda: [self.gator.task(noop, n) for n in range(few)])
        self.gator.purge()
        self.measure("backend, push in bulk", self.count, self.push)
        self.measure("backend, reserve + settle", self.count, self.drain)
        self.measure("gator.map", self.count, lambda: self.gator.map(noop, range(self.count)))
        self.measure("worker, drain", self.count, Worker(self.gator, burst=True).run_forever)
        assert self.gator.size()[:3] == (0, 0, 0)

    def push(self) -> None:
        for start in range(0, self.count, 10_000):
            self.backend.push(self.queue, self.messages[start : start + 10_000])

    def drain(self) -> None:
        consumer = self.backend.consumer([self.queue], 30.0)
        while batch := consumer.reserve(BATCH, 0.0):
            assert not consumer.settle([Ack(delivery) for delivery in batch])
        consumer.close()

    def report(self) -> None:
        put, reserve = (statistics.median(self.rates[name]) for name in (PUT, RESERVE))
        print(f"{'':30}{'per second':>12}{'x put':>9}{'x reserve + delete':>20}")
        for name, rates in self.rates.items():
            rate = statistics.median(rates)
            print(f"{name:30}{rate:12,.0f}{rate / put:9.2f}{rate / reserve:20.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsn", help="a server to use")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    bench = Bench(options.dsn, options.count)
    for _ in range(options.rounds):
        bench.run()
    bench.report()


if __name__ == "__main__":
    main()
