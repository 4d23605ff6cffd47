"""No system, but the ceiling: what a Redis client in Python can do with batches, and with nothing around them.

Single is redis-py's LPUSH. Bulk is one script for 1,000 tasks. A worker is the bare loop: one script reserves 500
(RPOP, SADD to the consumer's set, HMGET), msgspec decodes, a task object is made, the function is looked up and
called, and one script settles 500 (SREM as the fence, HDEL).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import marks
import msgspec
from redis import Redis

NAME = "ceiling"
GUARANTEE = "fenced, but nobody takes over what a killed worker held"
CONFIGURATION = "LPUSH one by one; scripts of 1,000 for bulk; bare loop of 500"
PACKAGES = ("redis", "hiredis", "msgspec")
RATES = {"single": 8_000, "bulk": 200_000, "drain": 250_000}
BATCH = 500

PUSH = """
for i = 1, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1]) == 1 then redis.call('LPUSH', KEYS[1], ARGV[i]) end
end
"""
RESERVE = """
local ids = redis.call('RPOP', KEYS[1], ARGV[1])
if not ids then return {} end
redis.call('SADD', KEYS[3], unpack(ids))
return {ids, redis.call('HMGET', KEYS[2], unpack(ids))}
"""
SETTLE = """
if redis.call('SREM', KEYS[3], unpack(ARGV)) ~= #ARGV then return redis.error_reply('fenced') end
return redis.call('HDEL', KEYS[2], unpack(ARGV))
"""


class Envelope(msgspec.Struct):
    """What is sent."""

    id: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]


class Task:
    """What is run."""

    __slots__ = ("args", "func", "id", "kwargs")

    def __init__(self, id: str, func: Callable[..., object], args: list[Any], kwargs: dict[str, Any]) -> None:
        self.id, self.func, self.args, self.kwargs = id, func, args, kwargs


redis = Redis.from_url(os.environ["BENCH_URL"])
encode = msgspec.json.Encoder().encode
KEYS = ["bench:ready", "bench:bodies", f"bench:held:{os.getpid()}"]
push, reserve, settle = (redis.register_script(source) for source in (PUSH, RESERVE, SETTLE))


def ran(number: int) -> None:
    marks.ran(number)


def _body(number: int) -> bytes:
    return encode(Envelope(f"{number:032x}", "ran", [number], {}))


def enqueue(number: int) -> None:
    redis.lpush("bench:plain", _body(number))


def enqueue_bulk(numbers: range) -> None:
    arguments: list[bytes | str] = []
    for number in numbers:
        arguments += (f"{number:032x}", _body(number))
    push(KEYS[:2], arguments)


def work() -> None:
    decode = msgspec.json.Decoder(Envelope).decode
    functions = {"ran": ran}
    while True:
        reserved = reserve(KEYS, [BATCH])
        if not reserved:
            return
        for body in reserved[1]:
            envelope = decode(body)
            task = Task(envelope.id, functions[envelope.task], envelope.args, envelope.kwargs)
            task.func(*task.args, **task.kwargs)
        settle(KEYS, reserved[0])
