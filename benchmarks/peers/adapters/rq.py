"""RQ with its SimpleWorker, which doesn't fork for each job: three times as fast as the default Worker."""

from __future__ import annotations

import os

import marks
from redis import Redis
from rq import Queue, SimpleWorker

NAME = "rq"
GUARANTEE = "a killed worker's job ends up failed; not re-run"
CONFIGURATION = "`SimpleWorker`, `result_ttl=0`, level WARNING"
PACKAGES = ("rq", "redis", "hiredis")
RATES = {"single": 2_500, "bulk": 15_000, "drain": 330, "flow": 330}

redis = Redis.from_url(os.environ["BENCH_URL"])
queue = Queue(connection=redis)


def ran(number: int) -> None:
    marks.ran(number)


def enqueue(number: int) -> None:
    queue.enqueue(ran, number, result_ttl=0)


def enqueue_bulk(numbers: range) -> None:
    queue.enqueue_many([Queue.prepare_data(ran, (number,), result_ttl=0) for number in numbers])


def work() -> None:
    SimpleWorker([queue], connection=redis).work(logging_level="WARNING")
