"""Dramatiq on Redis, with the default middleware."""

from __future__ import annotations

import os
import sys

import dramatiq
import marks
from dramatiq.brokers.redis import RedisBroker

NAME = "dramatiq"
GUARANTEE = "at least once; a killed worker's tasks re-run after 60 s of traffic, by chance"
CONFIGURATION = "one process, the default of 8 threads, `dramatiq_queue_prefetch=128`, default middleware"
PACKAGES = ("dramatiq", "redis", "hiredis")
RATES = {"single": 5_500, "drain": 3_300, "flow": 2_000}

broker = RedisBroker(url=os.environ["BENCH_URL"])
dramatiq.set_broker(broker)


@dramatiq.actor
def ran(number: int) -> None:
    marks.ran(number)


enqueue = ran.send


def work() -> None:
    # The command itself, for it forks: better from a process that has not imported the app.
    options = ["--processes", "1", "--threads", "8", "--skip-logging"]
    os.environ["dramatiq_queue_prefetch"] = "128"  # noqa: SIM112 - its name in Dramatiq's documentation
    os.execv(sys.executable, [sys.executable, "-m", "dramatiq", "adapters.dramatiq:broker", *options])
