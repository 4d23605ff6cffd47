"""Huey on Redis."""

from __future__ import annotations

import logging
import os

import marks
from huey import RedisHuey

NAME = "huey"
GUARANTEE = "at most once: a killed worker's task is lost"
CONFIGURATION = "one worker thread, blocking pop, no results (`results=False`)"
PACKAGES = ("huey", "redis", "hiredis")
RATES = {"single": 8_000, "drain": 3_700, "flow": 3_500}

huey = RedisHuey("bench", url=os.environ["BENCH_URL"], results=False, blocking=True)


@huey.task()
def ran(number: int) -> None:
    marks.ran(number)


enqueue = ran


def work() -> None:
    logging.disable(logging.INFO)
    huey.create_consumer(workers=1, worker_type="thread", periodic=False).run()
