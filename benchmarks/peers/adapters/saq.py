"""SAQ on Redis."""

from __future__ import annotations

import asyncio
import logging
import os

import marks
from saq import Queue, Worker

NAME = "saq"
GUARANTEE = "a killed worker's job is aborted after a sweep; re-run only with retries"
CONFIGURATION = "`concurrency=100`, `ttl=-1` (no results kept)"
PACKAGES = ("saq", "redis", "hiredis")
RATES = {"single": 5_000, "drain": 1_800, "flow": 1_600}

queue = Queue.from_url(os.environ["BENCH_URL"])


async def ran(_: object, *, number: int) -> None:
    marks.ran(number)


async def open() -> None:
    await queue.connect()


async def enqueue(number: int) -> None:
    await queue.enqueue("ran", number=number, ttl=-1)


async def serve() -> None:
    await Worker(queue, functions=[("ran", ran)], concurrency=100).start()


def work() -> None:
    logging.disable(logging.INFO)
    asyncio.run(serve())
