"""The producer: enqueues what the harness asks for, and says how long it took."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import inspect
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, TextIO

import marks

BULK = 1_000
WARM_UP = 20
GAP = (0.003, 0.013)
TIMEOUT = 10.0

Reply = dict[str, Any]


def produce(name: str) -> None:
    """Answer requests until standard input ends."""
    adapter = importlib.import_module(f"adapters.{name}")
    # Whatever a library prints must not get between the answers.
    replies, sys.stdout = sys.stdout, sys.stderr
    if hasattr(adapter, "open"):
        # All in one coroutine: some clients belong to the task that opened them.
        new_loop(adapter).run_until_complete(_serve_async(adapter, replies))
        return
    _answer(replies, _about(adapter))
    for line in sys.stdin:
        request = json.loads(line)
        reply = REQUESTS[request.pop("do")](adapter, **request)
        _answer(replies, asyncio.run(reply) if inspect.iscoroutine(reply) else reply)


async def _serve_async(adapter: ModuleType, replies: TextIO) -> None:
    await adapter.open()
    _answer(replies, _about(adapter))
    for line in sys.stdin:
        request = json.loads(line)
        _answer(replies, await REQUESTS[request.pop("do")](adapter, **request))
    # Some clients take seconds to say goodbye.
    os._exit(0)


def _answer(replies: TextIO, reply: Reply) -> None:
    print(json.dumps(reply), file=replies, flush=True)


def new_loop(adapter: ModuleType) -> asyncio.AbstractEventLoop:
    """Make the event loop that the adapter wants."""
    factory: Callable[[], asyncio.AbstractEventLoop] = getattr(adapter, "new_loop", asyncio.new_event_loop)
    loop = factory()
    asyncio.set_event_loop(loop)
    return loop


def _about(adapter: ModuleType) -> Reply:
    return {
        "name": adapter.NAME,
        "guarantee": adapter.GUARANTEE,
        "configuration": adapter.CONFIGURATION,
        "rates": adapter.RATES,
        "bulk": hasattr(adapter, "enqueue_bulk"),
        "versions": {name: importlib.metadata.version(name) for name in adapter.PACKAGES},
        "python": sys.version.split()[0],
    }


def _single(adapter: ModuleType, first: int, count: int) -> Reply | Awaitable[Reply]:
    numbers = range(first, first + count)
    enqueue = adapter.enqueue
    if inspect.iscoroutinefunction(enqueue):
        return _single_async(enqueue, numbers)
    began = time.monotonic()
    for number in numbers:
        enqueue(number)
    return _took(began)


async def _single_async(enqueue: Callable[[int], Awaitable[Any]], numbers: range) -> Reply:
    began = time.monotonic()
    for number in numbers:
        await enqueue(number)
    return _took(began)


def _bulk(adapter: ModuleType, first: int, count: int) -> Reply | Awaitable[Reply]:
    chunks = [range(at, min(at + BULK, first + count)) for at in range(first, first + count, BULK)]
    enqueue = adapter.enqueue_bulk
    if inspect.iscoroutinefunction(enqueue):
        return _bulk_async(enqueue, chunks)
    began = time.monotonic()
    for chunk in chunks:
        enqueue(chunk)
    return _took(began)


async def _bulk_async(enqueue: Callable[[range], Awaitable[Any]], chunks: list[range]) -> Reply:
    began = time.monotonic()
    for chunk in chunks:
        await enqueue(chunk)
    return _took(began)


async def _latency(adapter: ModuleType, first: int, count: int, seconds: float) -> Reply:
    """Enqueue one task at a time, and note how long after the call its function ran."""
    samples: list[float] = []
    began = time.monotonic()
    for number in range(first, first + count + WARM_UP):
        await asyncio.sleep(random.uniform(*GAP))
        if number == first + WARM_UP:
            began = time.monotonic()
        samples.append(await _one(adapter, number))
        if number > first + WARM_UP and time.monotonic() - began > seconds:
            break
    return {"samples": samples[WARM_UP:]}


async def _one(adapter: ModuleType, number: int) -> float:
    called = time.monotonic()
    result = adapter.enqueue(number)
    if inspect.isawaitable(result):
        await result
    while not marks.ran_at(number):
        if time.monotonic() - called > TIMEOUT:
            raise TimeoutError(f"task {number} did not run")
        await asyncio.sleep(0.0002)
    return marks.ran_at(number) - called


def _took(began: float) -> Reply:
    return {"began": began, "seconds": time.monotonic() - began}


REQUESTS: dict[str, Callable[..., Any]] = {"single": _single, "bulk": _bulk, "latency": _latency}
