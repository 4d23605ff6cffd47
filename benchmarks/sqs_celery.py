"""Celery's drain of no-ops on an emulator of SQS, by a Python that has `celery[sqs]`: a part of `benchmarks.sqs`."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.sqs.servers import REGION, Ministack

APP = """
import os
from celery import Celery

app = Celery("sqs_celery_app", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=100,
    broker_transport_options={"region": os.environ["BENCH_REGION"], "is_secure": False, "polling_interval": 0.01,
                              "wait_time_seconds": 1, "visibility_timeout": 600},
)

@app.task
def noop(number):
    pass
"""
PATIENCE = 120.0


def rate_of_celery(python: str, server: Ministack, count: int) -> float:
    """Return how many tasks a second a Celery worker drains: late acks, a pool of one, prefetching 100."""
    client = server.client()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sqs_celery_app.py").write_text(APP)
        environment = {
            **os.environ,
            "AWS_DEFAULT_REGION": REGION,
            "BENCH_BROKER": f"sqs://testing:testing@127.0.0.1:{server.port}//",
            "BENCH_REGION": REGION,
        }
        push = f"from sqs_celery_app import noop\nfor number in range({count}): noop.delay(number)"
        subprocess.run([python, "-c", push], env=environment, cwd=folder, check=True, timeout=PATIENCE)
        url = client.get_queue_url(QueueName="celery")["QueueUrl"]
        command = [python, "-m", "celery", "-A", "sqs_celery_app", "worker", "--pool", "solo", "--loglevel", "ERROR"]
        worker = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            return _rate(client, url, count)
        finally:
            worker.terminate()
            worker.wait(PATIENCE)


def _rate(client: Any, url: str, count: int) -> float:
    """Time it from the first task that is done, so that its start takes no part."""
    deadline = time.monotonic() + PATIENCE
    began, first = 0.0, count
    while time.monotonic() < deadline:
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        left = int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])
        if left < count and not began:
            began, first = time.monotonic(), left
        if not left:
            return first / (time.monotonic() - began)
        time.sleep(0.05)
    raise TimeoutError(f"Celery did not drain {count} tasks within {PATIENCE:g} s")
