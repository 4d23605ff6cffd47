"""The SQS backend beside plain boto3, in one run on one emulator that it starts.

    python -m benchmarks.sqs [--celery PYTHON]

Plain boto3 sends, and receives and deletes, tens at a time on as many threads. Both sides spend nearly all of their
time in boto3 and in the emulator, which is one process: rates say nothing of AWS, ratios say what the plugin adds.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from alligator_core.backend import Ack, Message
from alligator_core.dsn import Dsn
from alligator_core.gator import Gator
from alligator_core.plugins import PluginManager
from alligator_core.worker import Worker
from tests.sqs.servers import Ministack

from .noop import noop
from .sqs_celery import rate_of_celery

BODY = 'json\n{"id":"019ac1a2b3c4000000011234567890ab","task":"benchmarks.noop:noop","args":[12345]}'
SEND, DRAIN = "boto3, send in tens", "boto3, receive + delete in tens"
PUSH, RESERVE, WORK = "backend, push in bulk", "backend, reserve + settle", "worker, drain"
THREADS = 8


class Bench:
    def __init__(self, server: Ministack, count: int) -> None:
        self.count = count
        self.queue = f"bench-{uuid4().hex[:8]}"
        dsn = server.dsn(f"threads={THREADS}")
        self.gator = Gator(dsn, self.queue)
        self.backend = PluginManager().make_backend(Dsn.parse(dsn))
        self.client = self._client(server)
        self.url = self.client.create_queue(QueueName=self.queue)["QueueUrl"]
        self.messages = [Message(f"{number:032x}", BODY.encode()) for number in range(count)]
        self.rates: dict[str, list[float]] = {}
        self.requests: dict[str, list[float]] = {}
        self._seen = 0
        for backend in (self.gator.backend, self.backend):
            client = backend._service.client  # type: ignore[attr-defined]  # noqa: SLF001
            client.meta.events.register("before-send.sqs", self._count)

    def _client(self, server: Ministack) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(max_pool_connections=2 * THREADS, connect_timeout=5, read_timeout=30)
        return boto3.client("sqs", region_name="us-west-2", endpoint_url=server.endpoint, config=config)

    def _count(self, **_: Any) -> None:
        self._seen += 1

    def measure(self, name: str, run: Callable[[], object]) -> None:
        self._seen, started = 0, time.perf_counter()
        run()
        self.rates.setdefault(name, []).append(self.count / (time.perf_counter() - started))
        self.requests.setdefault(name, []).append(self._seen * 1000 / self.count)

    def run(self) -> None:
        self.measure(SEND, self.send)
        self.measure(DRAIN, self.receive)
        self.measure(PUSH, self.push)
        self.measure(RESERVE, self.drain)
        self.gator.map(noop, range(self.count))
        self.measure(WORK, Worker(self.gator, burst=True).run_forever)
        assert self.gator.size()[:3] == (0, 0, 0)

    def send(self) -> None:
        def ten(start: int) -> None:
            entries = [{"Id": f"{n}", "MessageBody": BODY} for n in range(start, min(start + 10, self.count))]
            assert not self.client.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(ten, range(0, self.count, 10)))

    def receive(self) -> None:
        def loop() -> None:
            while found := self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
                entries = [{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in found]
                assert not self.client.delete_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

        threads = [threading.Thread(target=loop) for _ in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def push(self) -> None:
        for start in range(0, self.count, 1000):
            self.backend.push(self.queue, self.messages[start : start + 1000])

    def drain(self) -> None:
        consumer = self.backend.consumer([self.queue], 30.0)
        while batch := consumer.reserve(500, 0.0):
            assert not consumer.settle([Ack(delivery) for delivery in batch])
        consumer.close()

    def report(self) -> None:
        rates = {name: statistics.median(found) for name, found in self.rates.items()}
        print(f"{'':34}{'per second':>12}{'x boto3':>9}{'requests per 1,000':>21}")
        for name, rate in rates.items():
            ratio = rate / rates[SEND if name in (SEND, PUSH) else DRAIN]
            asked = statistics.median(self.requests[name])
            print(f"{name:34}{rate:12,.0f}{ratio:9.2f}{f'{asked:,.0f}' if asked else '':>21}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--celery", metavar="PYTHON", help="a Python that has celery[sqs], to be measured as well")
    options = parser.parse_args()
    server = Ministack()
    try:
        bench = Bench(server, options.count)
        for _ in range(options.rounds):
            bench.run()
            if options.celery:
                rate = rate_of_celery(options.celery, server, options.count // 4)
                bench.rates.setdefault("Celery, drain", []).append(rate)
                bench.requests["Celery, drain"] = [0.0]
        bench.report()
    finally:
        server.close()


if __name__ == "__main__":
    main()
