"""A worker whose backend is away for a while: it goes on, loses nothing, and says what happens."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from alligator import Gator, Outcome, Task, Worker, hookimpl
from alligator_core.intake import Intake

from . import jobs
from .backends import WatchedBackend
from .helpers import drain, eventually, working


@pytest.fixture
def backend(watched: Gator) -> WatchedBackend:
    assert isinstance(watched.backend, WatchedBackend)
    return watched.backend


def test_a_worker_whose_backend_is_away_tries_again_until_it_is_back(
    watched: Gator, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.down.add("reserve")
    watched.task(jobs.note, 1)
    with working(Worker(watched, nap_time=0.05)):
        eventually(lambda: backend.calls.count("reserve") >= 2)
        assert jobs.ran == []
        backend.down.clear()
        eventually(lambda: jobs.ran == [1])
    assert "The backend failed, trying again in" in caplog.text


def test_a_worker_whose_backend_is_away_waits_longer_each_time(watched: Gator, backend: WatchedBackend) -> None:
    backend.down.add("reserve")
    started = time.monotonic()
    with working(Worker(watched, nap_time=0.05)):
        eventually(lambda: backend.calls.count("reserve") >= 3)
        # At least half of 0.2 and 0.4 s.
        assert time.monotonic() - started >= 0.3


def test_a_worker_whose_backend_is_away_can_be_stopped(watched: Gator, backend: WatchedBackend) -> None:
    backend.down |= {"reserve", "settle", "keep_alive", "close_consumer"}
    with working(Worker(watched, nap_time=0.05)) as thread:
        eventually(lambda: backend.calls.count("reserve") >= 2)
    assert not thread.is_alive()


def test_acks_that_did_not_get_through_are_repeated_and_their_tasks_are_not(
    watched: Gator, backend: WatchedBackend
) -> None:
    watched.map(jobs.note, range(20))
    backend.down.add("settle")
    with working(Worker(watched, nap_time=0.05)):
        eventually(lambda: backend.calls.count("settle") >= 2)
        assert jobs.ran
        backend.down.clear()
        eventually(lambda: backend.inner.size("all") == (0, 0, 0, 0, True))
    assert jobs.ran == list(range(20))


def test_a_burst_waits_for_its_acks_to_get_through(watched: Gator, backend: WatchedBackend) -> None:
    watched.map(jobs.note, range(3))
    backend.failures["settle"] = 3
    drain(watched)
    assert jobs.ran == [0, 1, 2]
    assert backend.inner.size("all") == (0, 0, 0, 0, True)


def test_a_burst_whose_acks_do_not_get_through_does_not_spin(watched: Gator, backend: WatchedBackend) -> None:
    watched.task(jobs.note, 1)
    backend.down.add("settle")
    worker = Worker(watched, nap_time=0.05, burst=True)
    with working(worker):
        eventually(lambda: backend.calls.count("settle") >= 3)
        assert backend.calls.count("reserve") <= 10
        backend.down.clear()


def test_a_reserve_that_fails_now_and_then_costs_nothing(watched: Gator, backend: WatchedBackend) -> None:
    watched.map(jobs.note, range(50))
    backend.failures["reserve"] = 2
    drain(watched)
    assert jobs.ran == list(range(50))


def test_a_backend_that_is_away_at_the_end_does_not_fail_the_worker(
    watched: Gator, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    watched.task(jobs.hold)
    worker = Worker(watched, nap_time=0.05)
    with working(worker):
        eventually(lambda: jobs.ran)
        worker.stop()
        backend.down |= {"settle", "close_consumer"}
        jobs.let_go.set()
    assert "could not be settled: they will run again" in caplog.text
    assert "Could not give back" in caplog.text


def test_heartbeats_that_fail_do_not_end_the_work(watched: Gator, backend: WatchedBackend) -> None:
    backend.down.add("keep_alive")
    with working(Worker(watched, nap_time=0.05, lease=0.2)):
        eventually(lambda: backend.calls.count("keep_alive") >= 3)
        watched.task(jobs.note, 1)
        eventually(lambda: jobs.ran == [1])


def test_a_worker_that_was_declared_dead_can_settle_nothing_and_goes_on(
    watched: Gator, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.down.add("keep_alive")
    task = watched.task(jobs.hold)
    with working(Worker(watched, nap_time=0.05, lease=0.3)):
        eventually(lambda: jobs.ran)
        # Another worker takes it over, and has it now.
        other = backend.inner.consumer(["all"], 30)
        (delivery,) = other.reserve(1, 20)
        assert (delivery.id, delivery.deliveries) == (task.task_id, 2)
        jobs.let_go.set()
        eventually(lambda: f"{task.task_id} was settled too late" in caplog.text)
        assert backend.inner.size("all").reserved == 1
        watched.task(jobs.note, "next")
        eventually(lambda: jobs.ran == ["held", "next"])


def hand_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("alligator-hand-")]


def test_what_is_given_back_because_the_worker_failed_is_not_started_any_more(
    gator: Gator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks, gate = tmp_path / "marks", tmp_path / "gate"
    for _ in range(2):
        gator.task(jobs.wait_at_gate, str(marks), str(gate))
    gator.map(jobs.note, range(20))
    worker = Worker(gator, threads=2, nap_time=0.05)
    worker._pace.limit = 50

    def fail(intake: Intake) -> None:
        eventually(lambda: marks.exists() and marks.read_text().count("running") == 2)
        raise RuntimeError("a bug")

    monkeypatch.setattr(Intake, "flush_if_due", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        worker.run_forever()
    assert gator.size().ready == 22
    gate.touch()
    eventually(lambda: not hand_threads())
    assert jobs.ran == []


class Broken(BaseException):
    """What nobody expects a hook to raise."""


class BreakingHooks:
    @hookimpl
    def after_task(self, task: Task, outcome: Outcome) -> None:
        if jobs.ran == [1, 2]:
            raise Broken


def test_a_worker_one_of_whose_threads_has_failed_does_not_go_on_without_it(gator: Gator) -> None:
    gator.plugins.add(BreakingHooks())
    gator.task(jobs.note, 1)
    worker, failures = Worker(gator, threads=2, nap_time=0.05), []

    def run() -> None:
        try:
            worker.run_forever()
        except Broken as exc:
            failures.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        eventually(lambda: gator.size() == (0, 0, 0, 0, True))
        gator.task(jobs.note, 2)
        eventually(lambda: failures)
    finally:
        worker.stop()
        thread.join(20)
    assert gator.size() == (1, 0, 0, 0, True)
