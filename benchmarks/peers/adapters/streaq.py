"""streaQ: anyio and Redis streams, with bulk enqueueing."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack

import marks
from streaq import Worker

NAME = "streaq"
GUARANTEE = "at least once; a killed worker's tasks re-run after 60 s"
CONFIGURATION = "`concurrency=64`, `prefetch=256`, results kept for 0 s"
PACKAGES = ("streaq", "coredis", "anyio")
RATES = {"single": 4_000, "bulk": 15_000, "drain": 1_400, "flow": 1_400}

worker = Worker(redis_url=os.environ["BENCH_URL"], concurrency=64, prefetch=256)
stack = AsyncExitStack()


@worker.task(ttl=0, silent=True)
async def ran(number: int) -> None:
    marks.ran(number)


async def open() -> None:
    await stack.enter_async_context(worker)


async def enqueue(number: int) -> None:
    await ran.enqueue(number)


async def enqueue_bulk(numbers: range) -> None:
    await worker.enqueue_many([ran.enqueue(number) for number in numbers])


def work() -> None:
    logging.disable(logging.INFO)
    worker.run_sync()
