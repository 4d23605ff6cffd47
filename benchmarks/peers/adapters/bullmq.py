"""BullMQ's Python edition."""

from __future__ import annotations

import asyncio
import os

import marks
from bullmq import Queue, Worker

NAME = "bullmq"
GUARANTEE = "at least once; a killed worker's jobs re-run after about 75 s"
CONFIGURATION = "`concurrency=20`, `removeOnComplete`"
PACKAGES = ("bullmq", "redis", "hiredis")
RATES = {"single": 5_000, "bulk": 25_000, "drain": 3_000, "flow": 2_800}

OPTIONS = {"removeOnComplete": True}
queue: Queue


async def ran(job: object, _: str) -> None:
    marks.ran(job.data["number"])  # type: ignore[attr-defined]


async def open() -> None:
    global queue
    queue = Queue("bench", {"connection": os.environ["BENCH_URL"]})


async def enqueue(number: int) -> None:
    await queue.add("ran", {"number": number}, OPTIONS)


async def enqueue_bulk(numbers: range) -> None:
    await queue.addBulk([{"name": "ran", "data": {"number": number}, "opts": OPTIONS} for number in numbers])


async def serve() -> None:
    Worker("bench", ran, {"connection": os.environ["BENCH_URL"], "concurrency": 20})
    await asyncio.Event().wait()


def work() -> None:
    asyncio.run(serve())
