"""mayu: Rust core, Redis streams. Wants Python 3.13; with a GIL its workers are processes of one thread each."""

from __future__ import annotations

import os
import sys

import marks
from mayu import App

NAME = "mayu"
GUARANTEE = "at least once; a killed worker's tasks re-run after 30 s"
CONFIGURATION = "one process a worker, `--prefetch-multiplier 32`, no results kept"
PACKAGES = ("mayu",)
RATES = {"single": 10_000, "drain": 40_000, "flow": 10_000}

app = App(broker=os.environ["BENCH_URL"], serializer="msgpack")


@app.task(name="ran")
def task(number: int) -> None:
    marks.ran(number)


enqueue = task.delay


def work() -> None:
    from mayu.cli import main

    options = ["--mode", "process", "--processes", "1", "--prefetch-multiplier", "32", "--log-level", "WARNING"]
    sys.argv = ["mayu", "worker", "adapters.mayu:app", *options]
    main()
