"""The functions that the tests of alligator-sentry enqueue; `queue` is what their workers are started with."""

from __future__ import annotations

import asyncio
import json
import os
import time

import sentry_sdk
from alligator_logging import Logging
from alligator_sentry import Sentry

from alligator import Bury, Defer, Discard, Gator, Retry


def queue() -> Gator:
    """As an app does: Sentry is set up, and the plugin finds it. (It needn't look for all that is installed here.)"""
    options = json.loads(os.environ.get("INIT", "{}"))
    sentry_sdk.init(os.environ["SINK"], release="shop@1", auto_enabling_integrations=False, **options)
    plugin = Sentry(**json.loads(os.environ.get("SETTINGS", "{}")))
    more = [Logging()] if os.environ.get("LOGGING") else []
    return Gator(os.environ["QUEUE"], plugins=[plugin, *more])


def work(word: str) -> str:
    return word


def fail(text: str = "no") -> None:
    raise ValueError(text)


async def fail_soon(text: str = "no") -> None:
    await asyncio.sleep(0.01)
    raise ValueError(text)


def fail_marked(mark: str) -> None:
    sentry_sdk.set_tag(mark, "yes")
    sentry_sdk.add_breadcrumb(message=mark)
    raise ValueError(mark)


async def fail_marked_soon(mark: str) -> None:
    sentry_sdk.set_tag(mark, "yes")
    sentry_sdk.add_breadcrumb(message=mark)
    await asyncio.sleep(0.05)
    raise ValueError(mark)


def log_in(user: str, password: str) -> None:
    raise PermissionError(user)


def put_off() -> None:
    raise Defer(60)


def drop() -> None:
    raise Discard("not wanted")


def try_again() -> None:
    raise Retry(0)


def bury() -> None:
    raise Bury("hopeless")


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def complain(task: object, result: object) -> None:
    raise LookupError("a callback")
