"""Reclaiming what dead processes of this host held, when a worker or a supervisor starts."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from alligator import BackendUnavailable, Gator, Worker
from alligator_core import holder, supervisor_keeper
from alligator_core.backend import Backend, Consumer, Delivery, Message, Settlement
from alligator_core.reclaim import reclaim_dead
from alligator_core.supervisor_keeper import SupervisorKeeper

from .conftest import eventually

RESERVE = """
import sys, time
from alligator import Gator, Worker
from alligator_core import holder

backend = Gator(sys.argv[1], plugins=[]).backend
consumer = backend.consumer(["all"], 3600, holder.this_process())
print(len(consumer.reserve(2, 0)), flush=True)
time.sleep(60)
"""


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def backend(dsn: str) -> Backend:
    backend = Gator(dsn, plugins=[]).backend
    backend.push("all", [Message("one", b""), Message("two", b""), Message("three", b"")])
    return backend


def reclaim(backend: Backend) -> int:
    consumer = backend.consumer(["all"], 30, holder.this_process())
    try:
        return reclaim_dead(consumer, backend, ["all"])
    finally:
        consumer.close()


def test_what_a_dead_process_held_is_given_back_at_once_and_counted(dsn: str, backend: Backend) -> None:
    with subprocess.Popen([sys.executable, "-c", RESERVE, dsn], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"2\n"
        assert reclaim(backend) == 0  # It lives.
        process.kill()
    assert reclaim(backend) == 2
    assert backend.size("all").ready == 3
    assert [entry.deliveries for id in ("one", "two", "three") if (entry := backend.peek("all", id))] == [2, 2, 1]
    assert reclaim(backend) == 0


def test_what_processes_of_other_hosts_and_nameless_ones_hold_is_left_to_them(backend: Backend) -> None:
    for name in ("00000000.1:1:1", "worker", ""):
        assert len(backend.consumer(["all"], 3600, name).reserve(1, 0)) == 1
    assert reclaim(backend) == 0
    assert backend.size("all").reserved == 3


def test_on_a_backend_without_take_over_nothing_happens(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(backend), "features", backend.features - {"take_over"})
    monkeypatch.setattr(holder, "is_dead", lambda name: True)
    backend.consumer(["all"], 3600, "gone").reserve(1, 0)
    assert reclaim(backend) == 0


def test_a_worker_without_a_supervisor_reclaims_when_it_starts(dsn: str, backend: Backend) -> None:
    with subprocess.Popen([sys.executable, "-c", RESERVE, dsn], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"2\n"
        process.kill()
    Worker(Gator(dsn, plugins=[]), burst=True).run_forever()
    # They are no tasks, so they went to the dead letters; but they went.
    assert backend.size("all") == (0, 0, 0, 3, True)


def test_what_a_worker_took_over_is_given_back_even_if_the_backend_fails_just_then(
    dsn: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", RESERVE, dsn], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"2\n"
        process.kill()
    gator = Gator(dsn, plugins=[])
    consumer = type(gator.backend.consumer(["all"], 30))
    settle, failures = consumer.settle, [BackendUnavailable("It is away.")]

    def fail_once(self: Consumer, settlements: Sequence[Settlement]) -> list[Delivery]:
        if failures:
            raise failures.pop()
        return settle(self, settlements)

    monkeypatch.setattr(consumer, "settle", fail_once)
    Worker(gator, burst=True).run_forever()
    assert backend.size("all") == (0, 0, 0, 3, True)


def test_a_supervisor_reclaims_what_dies_only_after_its_start(dsn: str, backend: Backend) -> None:
    with subprocess.Popen([sys.executable, "-c", RESERVE, dsn], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"2\n"
        keeper = SupervisorKeeper(backend, ["all"], 30, list)
        keeper.start()
        try:
            eventually(lambda: keeper.__dict__["_others"])
            assert backend.size("all").reserved == 2  # It lives.
            process.kill()
            eventually(lambda: backend.size("all").ready == 3)
        finally:
            keeper.end(10)


def test_a_supervisor_leaves_its_own_children_to_those_who_know_what_they_did(
    dsn: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_keeper, "LEFT", 0)
    with subprocess.Popen([sys.executable, "-c", RESERVE, dsn], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"2\n"
        living = [holder.of(process.pid)]
        keeper = SupervisorKeeper(backend, ["all"], 30, lambda: living)
        keeper.start()
        try:
            eventually(lambda: keeper.__dict__["_others_until"])
            living.clear()
            process.kill()
            process.wait()
            time.sleep(1.2)  # two looks
            assert backend.size("all").reserved == 2
        finally:
            keeper.end(10)
