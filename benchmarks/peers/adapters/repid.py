"""repid: asyncio, Redis streams."""

from __future__ import annotations

import asyncio
import os

import marks
from repid import RedisServer, Repid, Router

NAME = "repid"
GUARANTEE = "at least once by `claim_interval` (off by default): a killed worker's tasks re-run after 60 to 75 s"
CONFIGURATION = "`batch_size=100`, `tasks_limit=30`, `claim_interval=15`, JSON arguments; the stream is never trimmed"
PACKAGES = ("repid", "redis", "hiredis")
RATES = {"single": 6_000, "drain": 10_000, "flow": 6_000}

app = Repid(title="bench")
server = RedisServer(os.environ["BENCH_URL"], batch_size=100, claim_interval=15.0)
app.servers.register_server("default", server, is_default=True)
router = Router()
HEADERS = {"topic": "ran"}


@router.actor(channel="bench")
async def ran(number: int) -> None:
    marks.ran(number)


app.include_router(router)


async def open() -> None:
    await server.connect()


async def enqueue(number: int) -> None:
    await app.send_message_json(channel="bench", payload={"number": number}, headers=HEADERS)


async def serve() -> None:
    async with server.connection():
        await app.run_worker(tasks_limit=30)


def work() -> None:
    asyncio.run(serve())
