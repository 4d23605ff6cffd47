"""How near the Redis backend comes to what its server and client can do at all, in one run on one server.

    python -m benchmarks.redis_ceiling redis://localhost:6379/15

It empties that database. The ceilings: redis-py's own LPUSH, one by one, and a bare loop that does no more than any
queue must: one script reserves 500 (RPOP, SADD as the fence, HMGET), msgspec decodes each body, a function is called,
one script settles 500 (SREM, HDEL). Rates move with the machine, ratios are what counts; the CPU columns say how much
of it the client and the server spent on each message.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import redis

from alligator_core.backend import Ack, Message
from alligator_core.dsn import Dsn
from alligator_core.gator import Gator
from alligator_core.plugins import PluginManager
from alligator_core.worker import Worker

BODY = b'json\n{"id":"019ac1a2b3c4000000011234567890ab","task":"benchmarks.redis_ceiling:noop","args":[12345]}'
BATCH = 500
RESERVE = """
local ids = redis.call('RPOP', KEYS[1], ARGV[1])
if not ids then return {{}, {}} end
redis.call('SADD', KEYS[3], unpack(ids))
return {ids, redis.call('HMGET', KEYS[2], unpack(ids))}
"""
SETTLE = """
if redis.call('SREM', KEYS[2], unpack(ARGV)) ~= #ARGV then return 0 end
return redis.call('HDEL', KEYS[1], unpack(ARGV))
"""


class Call(msgspec.Struct):
    id: str
    task: str
    args: list[Any]


def noop(*_: object) -> None:
    """Do nothing."""


class Bench:
    def __init__(self, dsn: str, count: int) -> None:
        self.dsn, self.count = dsn, count
        self.few = count // 5
        self.client = redis.Redis.from_url(dsn, protocol=2)
        self.backend = PluginManager().make_backend(Dsn.parse(dsn))
        self.ids = [f"{number:032x}" for number in range(count)]
        self.messages = [Message(id, BODY) for id in self.ids]
        self.rates: dict[str, list[float]] = {}
        self.costs: dict[str, tuple[float, float]] = {}

    def measure(self, name: str, count: int, run: Callable[[], object]) -> None:
        server, client, wall = self._server_time(), time.process_time(), time.perf_counter()
        run()
        wall, client, server = (
            time.perf_counter() - wall,
            time.process_time() - client,
            self._server_time() - server,
        )
        self.rates.setdefault(name, []).append(count / wall)
        self.costs[name] = client / count * 1e6, server / count * 1e6

    def run(self) -> None:
        self.client.flushdb()
        self.measure("redis-py LPUSH, one by one", self.few, self.lpush)
        self.client.flushdb()
        self.measure("backend, push one by one", self.few, self.push_each)
        self.client.flushdb()
        gator = Gator(self.dsn)
        self.measure(
            "gator.task, one by one", self.few, lambda: [gator.task(noop, number) for number in range(self.few)]
        )
        self.client.flushdb()
        self.fill()
        self.measure("bare loop", self.count, self.bare)
        self.client.flushdb()
        self.measure("backend, push in bulk", self.count, self.push_all)
        self.measure("backend, reserve + settle", self.count, self.drain)
        self.measure("gator.map", self.count, lambda: list(gator.map(noop, range(self.count))))
        self.measure("worker, drain", self.count, Worker(gator, burst=True).run_forever)
        assert gator.size()[:3] == (0, 0, 0)

    def lpush(self) -> None:
        for _ in range(self.few):
            self.client.lpush("x", BODY)

    def push_each(self) -> None:
        push = self.backend.push
        for message in self.messages[: self.few]:
            push("all", [message])

    def push_all(self) -> None:
        for start in range(0, self.count, 10_000):
            self.backend.push("all", self.messages[start : start + 10_000])

    def fill(self) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for start in range(0, self.count, 1000):
            ids = self.ids[start : start + 1000]
            pipeline.lpush("r", *ids)
            pipeline.hset("b", mapping=dict.fromkeys(ids, BODY))
        pipeline.execute()

    def bare(self) -> None:
        reserve, settle = self.client.script_load(RESERVE), self.client.script_load(SETTLE)
        decode = msgspec.json.Decoder(Call).decode
        functions = {"benchmarks.redis_ceiling:noop": noop}
        while True:
            ids, bodies = self.client.evalsha(reserve, 3, "r", "b", "h", BATCH)
            if not ids:
                return
            for body in bodies:
                call = decode(body[5:])
                functions[call.task](*call.args)
            self.client.evalsha(settle, 2, "b", "h", *ids)

    def drain(self) -> None:
        consumer = self.backend.consumer(["all"], 30.0)
        while batch := consumer.reserve(BATCH, 0.0):
            assert not consumer.settle([Ack(delivery) for delivery in batch])
        consumer.close()

    def report(self) -> None:
        base = statistics.median(self.rates["redis-py LPUSH, one by one"])
        bare = statistics.median(self.rates["bare loop"])
        print(f"{'':28}{'per second':>12}{'x LPUSH':>9}{'x bare':>8}{'client us':>11}{'server us':>11}")
        for name, rates in self.rates.items():
            rate = statistics.median(rates)
            client, server = self.costs[name]
            print(f"{name:28}{rate:12,.0f}{rate / base:9.2f}{rate / bare:8.2f}{client:11.2f}{server:11.2f}")

    def _server_time(self) -> float:
        facts: dict[str, float] = self.client.info("cpu")  # type: ignore[assignment]
        return facts["used_cpu_user"] + facts["used_cpu_sys"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsn", help="a database to empty and use")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sys.modules.setdefault("benchmarks.redis_ceiling", sys.modules[__name__])
    bench = Bench(options.dsn, options.count)
    for _ in range(options.rounds):
        bench.run()
    bench.report()


if __name__ == "__main__":
    main()
