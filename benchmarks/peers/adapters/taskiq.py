"""taskiq with its stream broker, which is the one that acknowledges."""

from __future__ import annotations

import asyncio
import os
import sys

import marks
import uvloop
from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisStreamBroker

NAME = "taskiq"
GUARANTEE = "at least once; a killed worker's tasks re-run after 10 min of traffic"
CONFIGURATION = (
    "`RedisStreamBroker`, one worker, orjson, uvloop, `--no-parse`, prefetch 100; the stream is never trimmed"
)
PACKAGES = ("taskiq", "taskiq-redis", "redis", "hiredis", "uvloop", "orjson")
RATES = {"single": 4_000, "drain": 4_300, "flow": 4_000}

broker = RedisStreamBroker(os.environ["BENCH_URL"], consumer_id="0").with_serializer(ORJSONSerializer())


@broker.task(task_name="ran")
async def ran(number: int) -> None:
    marks.ran(number)


def new_loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def open() -> None:
    await broker.startup()


async def enqueue(number: int) -> None:
    await ran.kiq(number)


def work() -> None:
    from taskiq.__main__ import main

    options = ["--workers", "1", "--no-parse", "--max-async-tasks", "100", "--max-prefetch", "100"]
    sys.argv = ["taskiq", "worker", "adapters.taskiq:broker", *options, "--log-level", "WARNING"]
    main()
