"""ArdiQ: Rust core, Redis streams."""

from __future__ import annotations

import asyncio
import os

import marks
from ardiq import Ardiq

NAME = "ardiq"
GUARANTEE = "at least once; a killed worker's tasks re-run after about 60 s"
CONFIGURATION = "coroutine tasks, `concurrency=256`, `prefetch=1024`, results dropped (`result_ttl_ms=0`)"
PACKAGES = ("ardiq",)
RATES = {"single": 5_500, "bulk": 80_000, "drain": 13_000, "flow": 6_000}

app = Ardiq(os.environ["BENCH_URL"], queue_name="bench", concurrency=256, prefetch=1024, result_ttl_ms=0)


@app.task()
async def ran(number: int) -> None:
    marks.ran(number)


async def open() -> None:
    """Nothing to open: the core connects by itself."""


async def enqueue(number: int) -> None:
    await ran.enqueue(number)


async def enqueue_bulk(numbers: range) -> None:
    await app.enqueue_many([ran.prepare(number) for number in numbers])


def work() -> None:
    asyncio.run(app.run())
