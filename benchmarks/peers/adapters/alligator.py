"""This project, as its README shows it: nothing is tuned."""

from __future__ import annotations

import os

import marks

from alligator import Gator, Worker

NAME = "alligator"
GUARANTEE = "at least once, fenced; a killed worker's tasks re-run within 31 s"
CONFIGURATION = "defaults"
PACKAGES = ("alligator-core", "alligator-redis", "redis", "hiredis", "msgspec")
RATES = {"single": 10_000, "bulk": 150_000, "drain": 120_000, "flow": 10_000}

gator = Gator(os.environ["BENCH_URL"])


def ran(number: int) -> None:
    marks.ran(number)


def enqueue(number: int) -> None:
    gator.task(ran, number)


def enqueue_bulk(numbers: range) -> None:
    gator.map(ran, numbers)


def work() -> None:
    Worker(gator).run_forever()
