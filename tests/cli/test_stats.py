from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_stats_count_each_queue_by_state(
    run: Callable[..., Any], run_json: Callable[..., Any], enqueue: Callable[..., str], bury: Any, dsn: str
) -> None:
    bury(1)
    enqueue("send")
    enqueue("send", "--queue", "mail", "--delay", "60")

    found = run_json("stats", dsn, "--queue", "all", "--queue", "mail", "--queue", "all")

    assert found == {
        "dsn": dsn,
        "queues": [
            {"queue": "all", "ready": 1, "delayed": 0, "reserved": 0, "dead": 1, "exact": True},
            {"queue": "mail", "ready": 0, "delayed": 1, "reserved": 0, "dead": 0, "exact": True},
        ],
    }
    assert run("stats", dsn).stdout.splitlines() == [
        "QUEUE  READY  DELAYED  RESERVED  DEAD  EXACT",
        "all        1        0         0     1  yes",
    ]
