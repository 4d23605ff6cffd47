"""arq, which polls: the shorter its poll delay, the quicker it starts a task, and the busier an idle worker."""

from __future__ import annotations

import logging
import os

import marks
import uvloop
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.worker import Worker, func

NAME = "arq"
GUARANTEE = "at least once; a killed worker's tasks re-run after 310 s"
CONFIGURATION = "`max_jobs=100`, `poll_delay=0.05`, `keep_result=0`, uvloop"
PACKAGES = ("arq", "redis", "hiredis", "uvloop")
RATES = {"single": 5_000, "drain": 2_700, "flow": 1_900}

settings = RedisSettings.from_dsn(os.environ["BENCH_URL"])
new_loop = uvloop.new_event_loop
pool: ArqRedis


async def ran(_: object, number: int) -> None:
    marks.ran(number)


async def open() -> None:
    global pool
    pool = await create_pool(settings)


async def enqueue(number: int) -> None:
    await pool.enqueue_job("ran", number)


def work() -> None:
    logging.disable(logging.INFO)
    uvloop.install()
    functions = [func(ran, name="ran", keep_result=0)]
    Worker(functions, redis_settings=settings, max_jobs=100, poll_delay=0.05, keep_result=0, log_results=False).run()
