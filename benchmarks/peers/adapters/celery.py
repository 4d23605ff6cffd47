"""Celery with late acks, so that it is at least once, and the solo pool, its fastest for tasks this small."""

from __future__ import annotations

import os

import marks
from celery import Celery

NAME = "celery"
GUARANTEE = "at least once by late acks; a killed worker's tasks re-run after 1 h"
CONFIGURATION = "`acks_late`, `--pool solo`, prefetch 100, results and events off, without gossip, mingle, heartbeat"
PACKAGES = ("celery", "kombu", "redis", "hiredis")
RATES = {"single": 2_000, "drain": 1_300, "flow": 1_200}

app = Celery("bench", broker=os.environ["BENCH_URL"])
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=100,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    worker_disable_rate_limits=True,
)


@app.task(name="ran")
def ran(number: int) -> None:
    marks.ran(number)


enqueue = ran.delay


def work() -> None:
    options = ["--pool", "solo", "--concurrency", "1", "--loglevel", "WARNING"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", *options, *quiet, "--hostname", f"w{os.getpid()}@bench"])
