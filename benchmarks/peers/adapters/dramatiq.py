"""Dramatiq on Redis, with the default middleware less Prometheus and the time limits' thread."""

from __future__ import annotations

import os
import sys

import dramatiq
import marks
from dramatiq.brokers.redis import RedisBroker

NAME = "dramatiq"
GUARANTEE = "at least once; a killed worker's tasks re-run after 60 s of traffic, by chance"
CONFIGURATION = "one process of one thread, default middleware"
PACKAGES = ("dramatiq", "redis", "hiredis")
RATES = {"single": 5_500, "drain": 3_300, "flow": 2_000}

broker = RedisBroker(url=os.environ["BENCH_URL"])
dramatiq.set_broker(broker)


@dramatiq.actor
def ran(number: int) -> None:
    marks.ran(number)


enqueue = ran.send


def work() -> None:
    from dramatiq.cli import main

    sys.argv = ["dramatiq", "adapters.dramatiq:broker", "--processes", "1", "--threads", "1", "--skip-logging"]
    sys.exit(main())
