"""Messages that are no tasks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from alligator_core.backend import Message

GOOD: dict[str, Any] = {
    "id": "x",
    "task": "tests.chaos.tasks:work",
    "args": ["/dev/null", 0, 0.0],
    "kwargs": {},
    "retries": 0,
    "attempt": 1,
    "enqueued_at": 0.0,
    "options": {},
    "headers": {},
}
WRONG: list[Any] = [None, True, -1, 1.5, [], {}, {"a": 1}, "text", 10**30, [[1]], "\x00"]


def corpus(rng: random.Random, count: int) -> Iterator[Message]:
    """Make so many of them, of every kind."""
    kinds: list[Callable[[random.Random], bytes]] = [
        _random, _truncated, _wrong_type, _missing, _unknown_name, _nested, _first_line,
    ]  # fmt: skip
    for number in range(count):
        yield Message(f"garbage-{number}", kinds[number % len(kinds)](rng))


def _packed(payload: object) -> bytes:
    return b"json\n" + json.dumps(payload).encode()


def _random(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(200))


def _truncated(rng: random.Random) -> bytes:
    whole = _packed(GOOD)
    return whole[: rng.randrange(len(whole))]


def _wrong_type(rng: random.Random) -> bytes:
    # These four have a type that none of the wrong values has, or only in a range that isn't theirs.
    key = rng.choice(["task", "args", "kwargs", "attempt"])
    good = type(GOOD[key])
    return _packed({**GOOD, key: rng.choice([value for value in WRONG if type(value) is not good or value == -1])})


def _missing(rng: random.Random) -> bytes:
    left_out = rng.choice(["id", "task"])
    return _packed({key: value for key, value in GOOD.items() if key != left_out})


def _unknown_name(rng: random.Random) -> bytes:
    names = [
        "nowhere:f",
        "tests.chaos.tasks:nothing",
        "os:system",
        "builtins:eval",
        ":",
        "a.b.c",
        "tests.chaos.tasks:",
        "",
    ]
    return _packed({**GOOD, "task": rng.choice(names)})


def _nested(rng: random.Random) -> bytes:
    depth = rng.choice([1_000, 5_000, 20_000])
    return b"json\n" + b'{"args":' + b"[" * depth + rng.choice([b"", b"]" * depth + b"}"])


def _first_line(rng: random.Random) -> bytes:
    lines = [
        b"yaml\n{}",
        b"json;v=2\n{}",
        b"json;sig=00\n{}",
        b"pickle\n\x80\x05.",
        b"json\r\n{}",
        b"\n{}",
        b"json",
        b"",
    ]
    return rng.choice(lines)
