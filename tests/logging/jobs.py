"""The functions that the tests of alligator-logging enqueue; `queue` is what their workers are started with."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Any

import structlog
from alligator_logging import Logging

from alligator import Defer, Discard, Gator

log = logging.getLogger("shop")
events = structlog.get_logger("shop.events")


def queue() -> Gator:
    options = os.environ.get("LOGGING_STYLE") or None
    return Gator(os.environ["LOGGING_DSN"], plugins=[Logging(style=options)])


@dataclass
class Login:
    user: str
    password: str
    pin: str = field(repr=False)


@dataclass
class Discreet:
    word: str

    def __repr__(self) -> str:
        return "Discreet()"


def speak(word: str) -> None:
    log.info("said %s", word)
    events.info("sung", word=word)


async def speak_soon(word: str) -> None:
    await asyncio.sleep(0.01)
    log.info("said %s", word)
    events.info("sung", word=word)
    await asyncio.to_thread(log.info, "said %s in a thread", word)


def fail(text: str = "no") -> None:
    raise ValueError(text)


def put_off() -> None:
    raise Defer(60)


def drop() -> None:
    raise Discard("not wanted")


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def log_in(user: str, password: str, **more: Any) -> None:
    log.info("%s is in", user)


def steer(text: str) -> None:
    log.info("%s", text)
