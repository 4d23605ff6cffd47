from __future__ import annotations

import logging
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator, OptionError, Task, Worker, hookimpl
from alligator_core.backend import Ack, Message

from . import jobs
from .backends import WatchedBackend
from .helpers import drain, eventually, working


@pytest.fixture
def backend(watched: Gator) -> WatchedBackend:
    assert isinstance(watched.backend, WatchedBackend)
    return watched.backend


def test_a_burst_runs_all_that_is_ready_and_ends(gator: Gator) -> None:
    gator.map(jobs.note, range(100))
    gator.options(delay_by=60).task(jobs.note, "later")
    assert drain(gator).tasks_run == 100
    assert jobs.ran == list(range(100))
    assert gator.size() == (0, 1, 0, 0, True)


def test_a_burst_runs_what_its_tasks_enqueue(gator: Gator) -> None:
    gator.task(enqueue_again, 3, name="again")
    with_names["again"] = gator
    drain(gator)
    assert jobs.ran == [3, 2, 1, 0]


with_names: dict[str, Gator] = {}


def enqueue_again(left: int, name: str) -> None:
    jobs.ran.append(left)
    if left:
        with_names[name].task(enqueue_again, left - 1, name)


def test_a_worker_waits_for_tasks_until_it_is_stopped(gator: Gator) -> None:
    with working(Worker(gator, nap_time=0.05)) as thread:
        for number in range(3):
            gator.task(jobs.note, number)
            eventually(lambda number=number: jobs.ran[-1:] == [number])
        assert thread.is_alive()
    assert gator.size() == (0, 0, 0, 0, True)


def test_an_idle_worker_stops_soon_however_long_its_nap(gator: Gator) -> None:
    with working(Worker(gator, nap_time=600)) as thread:
        eventually(lambda: "alligator-keeper" in {thread.name for thread in threading.enumerate()})
    assert not thread.is_alive()


def test_the_queues_are_served_in_the_order_they_are_named(gator: Gator) -> None:
    for queue in ("c", "b", "a"):
        gator.options(queue_name=queue).map(jobs.note, [queue, queue])
    gator.task(jobs.note, "not named")
    drain(gator, to_consume=["a", "b", "a", "c"])
    assert jobs.ran == ["a", "a", "b", "b", "c", "c"]


def test_a_task_says_which_queue_it_came_from(gator: Gator) -> None:
    class Seeing(Task):
        def run(self) -> Any:
            jobs.ran.append(self.queue)

    gator = Gator("locmem://", task_class=Seeing, plugins=[])
    gator.options(queue_name="mail").task(jobs.note, 1)
    drain(gator, to_consume="mail")
    assert jobs.ran == ["mail"]


def test_fast_tasks_are_reserved_in_batches_that_grow(
    watched: Gator, backend: WatchedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alligator_core.pace.WORK_IN_HAND", 60.0)  # however slow the machine
    watched.map(jobs.note, range(1000))
    drain(watched)
    assert backend.reserved[:3] == [1, 2, 4]
    assert max(backend.reserved) <= 500
    assert len(backend.reserved) < 40


def test_slow_tasks_are_reserved_one_by_one(watched: Gator, backend: WatchedBackend) -> None:
    for number in range(4):
        watched.task(jobs.take, 0.06, number)
    drain(watched)
    assert set(backend.reserved) == {1}


def test_fast_tasks_share_the_round_trips_of_their_acks(watched: Gator, backend: WatchedBackend) -> None:
    watched.map(jobs.note, range(1000))
    drain(watched)
    assert sum(len(batch) for batch in backend.settled) == 1000
    assert all(type(settlement) is Ack for batch in backend.settled for settlement in batch)
    assert backend.calls.count("settle") < 100


def test_the_ack_of_a_last_task_does_not_wait_for_the_next_one(watched: Gator, backend: WatchedBackend) -> None:
    with working(Worker(watched, nap_time=30)):
        watched.task(jobs.note, 1)
        eventually(lambda: backend.inner.size("all") == (0, 0, 0, 0, True), timeout=10)


def test_never_more_is_reserved_than_max_tasks_leaves(watched: Gator, backend: WatchedBackend) -> None:
    watched.map(jobs.note, range(30))
    assert drain(watched, max_tasks=10).tasks_run == 10
    assert backend.inner.size("all") == (20, 0, 0, 0, True)
    assert [type(settlement) for batch in backend.settled for settlement in batch] == [Ack] * 10


def test_a_worker_goes_on_after_whatever_lies_on_the_queue(each_gator: Gator, caplog: pytest.LogCaptureFixture) -> None:
    gator = each_gator
    messages = {
        "empty": (b"", "names no serializer|first line"),
        "garbage": (b"\x00\xff garbage", "no Alligator message"),
        "binary": (bytes(range(256)), "no Alligator message"),
        "other version": (b'json;v=2\n{"id":"1","task":"a:b"}', "wire format '2'"),
        "signed": (b"json;sig=ab\n{}", "signed"),
        "unknown serializer": (b"yaml\nx: 1", "serialized with 'yaml'"),
        "half": (b'json\n{"id":"1"', "can't be read"),
        "no task": (b'json\n{"id":"1"}', "'task'"),
        "gone module": (b'json\n{"id":"1","task":"no.such:f"}', "ModuleNotFoundError"),
        "gone function": (b'json\n{"id":"1","task":"tests.core.jobs:gone"}', "Was it renamed or removed"),
        "forbidden": (b'json\n{"id":"1","task":"os:system","args":["true"]}', "standard library"),
        "bad tag": (b'json\n{"id":"1","task":"tests.core.jobs:note","args":[{"$date":"never"}]}', "date"),
        "unknown tag": (b'json\n{"id":"1","task":"tests.core.jobs:note","args":[{"$x":1}]}', "x"),
        "forbidden class": (
            b'json\n{"id":"1","task":"tests.core.jobs:note","args":[{"$dataclass":["subprocess:Popen",{}]}]}',
            "standard library",
        ),
        "bad options": (b'json\n{"id":"1","task":"tests.core.jobs:note","options":{"priority":99}}', "priority"),
    }
    for number, (id, (body, _)) in enumerate(messages.items()):
        gator.backend.push("all", [Message(id, body)])
        gator.task(jobs.note, number)
    drain(gator)
    assert jobs.ran == list(range(len(messages)))
    dead = {letter.id: letter for letter in gator.dead()}
    assert set(dead) == set(messages)
    for id, (body, reason) in messages.items():
        assert dead[id].body == body
        assert re.search(reason, dead[id].reason), (id, dead[id].reason)
        assert f"{id} goes to the dead letters" in caplog.text


def test_a_module_that_ends_the_program_when_imported_is_a_dead_letter(
    gator: Gator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exiting_module.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    gator.backend.push("all", [Message("1", b'json\n{"id":"1","task":"exiting_module:f"}')])
    gator.task(jobs.note, "next")
    drain(gator)
    assert jobs.ran == ["next"]
    assert "SystemExit" in gator.dead()[0].reason


def test_failures_and_crashes_are_counted_apart(gator: Gator) -> None:
    # Two workers die under it, and then it fails twice: neither count knows of the other.
    task = gator.options(retries=1).task(jobs.fail, "x")
    for _ in range(2):
        gator.backend.consumer(["all"], 0.001).reserve(1, 0)
        time.sleep(0.002)
    seen = []

    class Hooks:
        @hookimpl
        def before_task(self, task: Task) -> None:
            seen.append((task.attempt, task.deliveries))

    gator.plugins.add(Hooks())
    drain(gator)
    assert seen == [(1, 3), (2, 1)]
    assert gator.dead()[0].id == task.task_id
    assert "(attempt 2 of 2)" in gator.dead()[0].reason


def test_a_message_under_which_too_many_workers_died_is_buried_without_running(gator: Gator) -> None:
    gator.task(jobs.note, "poison")
    for _ in range(2):
        gator.backend.consumer(["all"], 0.001).reserve(1, 0)
        time.sleep(0.002)
    drain(gator, max_deliveries=2)
    assert jobs.ran == []
    assert gator.dead()[0].reason == "Its worker died under it 2 times."


def test_the_lease_of_a_task_is_kept_however_long_it_runs(gator: Gator) -> None:
    gator.task(jobs.hold)
    with working(Worker(gator, nap_time=0.05, lease=3)):
        eventually(lambda: jobs.ran)
        other = gator.backend.consumer(["all"], 30)
        assert other.reserve(1, 3.5) == []
        jobs.let_go.set()
        eventually(lambda: gator.size() == (0, 0, 0, 0, True))


def test_what_waits_behind_a_long_task_goes_to_another_worker(gator: Gator) -> None:
    # Fast ones first, so that the batch grows; then a long one with others behind it.
    gator.map(jobs.note, range(200))
    gator.task(jobs.hold)
    gator.map(jobs.note, range(200, 220))
    with working(Worker(gator, nap_time=0.05)):
        eventually(lambda: "held" in jobs.ran)
        drain(gator)
        eventually(lambda: (drain(gator), len(jobs.ran) == 221)[1])
        eventually(lambda: gator.size() == (0, 0, 1, 0, True))
        jobs.let_go.set()
    assert gator.size() == (0, 0, 0, 0, True)


def test_acks_do_not_wait_behind_a_long_task(gator: Gator) -> None:
    gator.map(jobs.note, range(10))
    gator.task(jobs.hold)
    with working(Worker(gator, nap_time=0.05)):
        eventually(lambda: "held" in jobs.ran)
        eventually(lambda: gator.size() == (0, 0, 1, 0, True))
        jobs.let_go.set()


def test_workers_share_the_work_and_run_nothing_twice(gator: Gator) -> None:
    gator.map(jobs.note, range(2000))
    first, second, third = (Worker(gator, nap_time=0.05) for _ in range(3))
    with working(first), working(second), working(third):
        eventually(lambda: gator.size() == (0, 0, 0, 0, True))
    assert sorted(jobs.ran) == list(range(2000))


def test_a_worker_in_a_thread_stops_when_told_and_gives_back_what_it_has_not_started(gator: Gator) -> None:
    gator.map(jobs.note, range(100))
    gator.task(jobs.hold)
    gator.map(jobs.note, range(100, 120))
    worker = Worker(gator, nap_time=0.05)
    with working(worker) as thread:
        eventually(lambda: "held" in jobs.ran)
        worker.stop()
        eventually(lambda: gator.size() == (20, 0, 1, 0, True))
        assert thread.is_alive()
        jobs.let_go.set()
    assert gator.size() == (20, 0, 0, 0, True)


def test_a_task_in_a_thread_that_outlasts_the_grace_is_given_to_others(
    gator: Gator, caplog: pytest.LogCaptureFixture
) -> None:
    gator.task(jobs.hold)
    worker = Worker(gator, nap_time=0.05, grace=0.1)
    with working(worker):
        eventually(lambda: jobs.ran)
        worker.stop()
        eventually(lambda: gator.size() == (1, 0, 0, 0, True))
        jobs.let_go.set()
    drain(gator)
    assert jobs.ran == ["held", "held"]
    assert "still runs after the grace period" in caplog.text


def test_interrupt_is_called_once_when_a_worker_is_told_to_stop(gator: Gator) -> None:
    class Following(Worker):
        def interrupt(self) -> None:
            jobs.ran.append("interrupt")

    gator.task(jobs.hold)
    worker = Following(gator, nap_time=0.05)
    with working(worker):
        eventually(lambda: jobs.ran)
        worker.stop()
        eventually(lambda: "interrupt" in jobs.ran)
        jobs.let_go.set()
    assert jobs.ran == ["held", "interrupt"]


def test_a_worker_that_was_stopped_before_it_started_runs_nothing(gator: Gator) -> None:
    gator.task(jobs.note, 1)
    worker = Worker(gator, nap_time=0.05)
    worker.stop()
    worker.run_forever()
    assert jobs.ran == []


def test_a_worker_says_what_it_is_doing(gator: Gator, caplog: pytest.LogCaptureFixture) -> None:
    Worker(gator, burst=True, log_level="INFO").run_forever()
    assert "starts on locmem://, queues all" in caplog.text
    assert "stops after 0 tasks" in caplog.text


def test_the_level_of_the_log_can_be_set(gator: Gator) -> None:
    Worker(gator, log_level=logging.ERROR)
    assert logging.getLogger("alligator").level == logging.ERROR


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("max_tasks", value) for value in (-1, 1.5, "3", True, None)],
        *[("nap_time", value) for value in (0, -1, "x", float("nan"), float("inf"), True)],
        *[("lease", value) for value in (0, -1, float("inf"), float("nan"), "x")],
        *[("grace", value) for value in (-1, "x", float("nan"))],
        *[("max_deliveries", value) for value in (0, -1, 2.5, "x", True)],
        *[("to_consume", value) for value in ("", [""], ["a", "two\nlines"], [5], 5)],
        *[("log_level", value) for value in ("NOISY", 1.5)],
    ],
)
def test_a_bad_option_is_an_error_that_names_it(gator: Gator, option: str, value: Any) -> None:
    with pytest.raises(OptionError, match="queue_name" if option == "to_consume" else option):
        Worker(gator, **{option: value})


def test_a_grace_without_end_is_allowed(gator: Gator) -> None:
    assert Worker(gator, grace=float("inf")).grace == float("inf")


def test_a_module_whose_import_fails_with_words_that_no_store_can_hold_is_a_dead_letter(
    each_gator: Gator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "babbling_module.py").write_text("raise RuntimeError('caf' + chr(0xDCE9) + 'x' * 100_000)")
    monkeypatch.syspath_prepend(tmp_path)
    each_gator.backend.push("all", [Message("1", b'json\n{"id":"1","task":"babbling_module:f"}')])
    each_gator.task(jobs.note, "next")
    drain(each_gator)
    assert jobs.ran == ["next"]
    assert "caf" in each_gator.dead()[0].reason
    assert len(each_gator.dead()[0].reason) < 20_000
