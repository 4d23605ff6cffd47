"""What the processes do that the suite starts: read a job from standard input, and do it until that ends.

Runs as a script, and imports nothing of the suite: its start takes part of each test's time.
"""

from __future__ import annotations

import json
import sys
from threading import Event, Thread
from typing import Any

from alligator_core.backend import Ack, Backend, Delivery, Message
from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager


def produce(backend: Backend, job: dict[str, Any]) -> None:
    """Push messages, one by one."""
    for id in job["ids"]:
        backend.push(job["queue"], [Message(id, b"")])


def consume(backend: Backend, job: dict[str, Any]) -> None:
    """Take and ack whatever comes, and say what, until the input ends."""
    ended = Event()

    def watch() -> None:
        sys.stdin.read()
        ended.set()

    Thread(target=watch, daemon=True).start()
    consumer = backend.consumer([job["queue"]], 60.0)
    while not ended.is_set():
        batch = consumer.reserve(5, 0.1)
        stale = consumer.settle([Ack(delivery) for delivery in batch])
        for delivery in batch:
            _say(f"stale {delivery.id}" if delivery in stale else delivery.id)
    consumer.close()


def hold(backend: Backend, job: dict[str, Any]) -> None:
    """Take messages, say which, and keep them, alive, until told to settle, or to say which are to be stopped."""
    consumer = backend.consumer([job["queue"]], job["lease"], job.get("holder", ""))
    held: list[Delivery] = []
    while len(held) < job["count"]:
        held += consumer.reserve(job["count"] - len(held), 1.0)
    ended = Event()

    def keep() -> None:
        while not ended.wait(job["lease"] / 4):
            consumer.keep_alive()

    Thread(target=keep, daemon=True).start()
    for delivery in held:
        _say(delivery.id)
    for line in sys.stdin:
        if line == "stops\n":
            for id in consumer.stops():
                _say(f"stop {id}")
        else:
            for delivery in consumer.settle([Ack(delivery) for delivery in held]):
                _say(f"stale {delivery.id}")
    ended.set()
    consumer.close()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main() -> None:
    """Do the job that the first line of the input describes."""
    job = json.loads(sys.stdin.readline())
    backend = PluginManager().make_backend(Dsn.parse(job["dsn"]))
    {"produce": produce, "consume": consume, "hold": hold}[job["job"]](backend, job)
    backend.close()


if __name__ == "__main__":
    main()
