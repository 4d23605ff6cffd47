"""A fleet that runs is switched from one serializer to another: old and new producers and workers, side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from alligator import Gator, Worker
from tests.core.helpers import drain, eventually, working
from tests.fleet import jobs
from tests.fleet.jobs import Price, sell

MakeGator = Callable[..., Gator]

EACH = 60

JSON = {"serializer": "json"}
READY = {"serializer": "json", "accept": ["json", "msgpack"]}
SWITCHED = {"serializer": "msgpack"}
DONE = {"serializer": "msgpack", "accept": ["msgpack"]}


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    jobs.ran.clear()


def produce(gator: Gator, producer: str, numbers: range) -> None:
    with gator.options(retries=1) as opts:
        for number in numbers:
            opts.task(sell, producer, number, Price(Decimal("9.90")))


def sold() -> list[tuple[str, int]]:
    return sorted(jobs.ran)


def test_old_and_new_producers_and_workers_share_a_queue(make_gator: MakeGator) -> None:
    old, ready, switched = make_gator(**JSON), make_gator(**READY), make_gator(**SWITCHED)
    with working(Worker(ready)), working(Worker(switched)), ThreadPoolExecutor(3) as producers:
        for name, gator in (("old", old), ("ready", ready), ("switched", switched)):
            producers.submit(produce, gator, name, range(EACH))
        eventually(lambda: len(jobs.ran) >= 3 * EACH, 60)
    assert sold() == sorted((name, number) for name in ("old", "ready", "switched") for number in range(EACH))
    assert old.dead() == []
    assert old.size().waiting == 0


@pytest.mark.parametrize("settings", [READY, SWITCHED], ids=["ready", "switched"])
def test_each_of_the_workers_runs_what_either_producer_made(make_gator: MakeGator, settings: dict[str, object]) -> None:
    produce(make_gator(**JSON), "old", range(20))
    produce(make_gator(**SWITCHED), "switched", range(20))
    drain(make_gator(**settings))
    assert sold() == sorted((name, number) for name in ("old", "switched") for number in range(20))


def test_a_retry_stays_in_the_serializer_that_it_came_in(make_gator: MakeGator) -> None:
    old, switched = make_gator(**JSON), make_gator(**SWITCHED)
    produce(old, "old", range(1))
    drain(switched, max_tasks=1)
    drain(make_gator(**JSON))
    assert sold() == [("old", 0)]
    assert old.dead() == []


def test_a_worker_that_was_left_behind_buries_what_it_cannot_read_and_it_can_be_requeued(
    make_gator: MakeGator,
) -> None:
    produce(make_gator(**SWITCHED), "switched", range(1, 5))
    behind = make_gator(**JSON)
    produce(behind, "old", range(1, 5))
    drain(behind)
    assert sold() == [("old", number) for number in range(1, 5)]
    assert len(behind.dead()) == 4
    assert all("serialized with 'msgpack'; this worker accepts json" in letter.reason for letter in behind.dead())

    switched = make_gator(**SWITCHED)
    assert len(switched.requeue()) == 4
    drain(switched)
    assert len(sold()) == 8


def test_at_the_end_json_is_refused_where_nobody_is_to_send_it(make_gator: MakeGator) -> None:
    produce(make_gator(**JSON), "old", range(1, 2))
    done = make_gator(**DONE)
    drain(done)
    [letter] = done.dead()
    assert "serialized with 'json'; this worker accepts msgpack" in letter.reason


def test_the_page_shows_these_steps() -> None:
    page = (Path(__file__).parents[2] / "docs" / "serializers.md").read_text("utf-8")
    for line in ('Gator(dsn, accept=["json", "msgpack"])', 'Gator(dsn, serializer="msgpack")', 'accept=["msgpack"]'):
        assert line in page
