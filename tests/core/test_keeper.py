from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from alligator import Gator
from alligator_core.keeper import Keeper
from alligator_core.session import Session

from . import jobs
from .backends import WatchedBackend, WatchedConsumer
from .helpers import eventually


@pytest.fixture
def backend(watched: Gator) -> WatchedBackend:
    assert isinstance(watched.backend, WatchedBackend)
    return watched.backend


@pytest.fixture
def session(watched: Gator) -> Iterator[Session]:
    session = Session(watched, ["all"], lease=0.6, max_deliveries=3)
    yield session
    session.close()


def running(session: Session) -> threading.Thread:
    """Run what is in hand in a thread, the first of which holds until it is let go."""

    def run() -> None:
        while session.run_next():
            pass

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: "held" in jobs.ran)
    return thread


def test_the_lease_is_renewed_while_nothing_happens(session: Session, backend: WatchedBackend) -> None:
    with Keeper(session, 0.6):
        eventually(lambda: backend.calls.count("keep_alive") >= 4)


def test_the_lease_outlasts_a_task_that_runs_longer_than_it(watched: Gator) -> None:
    session = Session(watched, ["all"], lease=3, max_deliveries=3)
    watched.task(jobs.hold)
    session.reserve(1, 0)
    other = watched.backend.consumer(["all"], 30)
    with Keeper(session, 3):
        thread = running(session)
        assert other.reserve(1, 4) == []
        jobs.let_go.set()
        thread.join()
    session.close()
    assert watched.size() == (0, 0, 0, 0, True)


def test_a_heartbeat_that_fails_is_tried_again_often_enough_to_keep_the_lease(
    watched: Gator, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    session = Session(watched, ["all"], lease=6, max_deliveries=3)
    watched.task(jobs.note, 1)
    session.reserve(1, 0)
    backend.failures["keep_alive"] = 4
    with Keeper(session, 6):
        assert watched.backend.consumer(["all"], 30).reserve(1, 6.5) == []
    session.close()
    assert caplog.text.count("Could not renew the lease, will try again") == 4


def test_whatever_happens_to_the_keeper_it_goes_on(
    session: Session, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    looks = []

    def look() -> None:
        looks.append(1)
        if len(looks) < 3:
            raise LookupError("a bug")

    with Keeper(session, 0.6, look):
        eventually(lambda: "keep_alive" in backend.calls)
    assert "The keeper failed, and goes on" in caplog.text


def test_a_look_that_always_fails_does_not_cost_the_lease(session: Session, backend: WatchedBackend) -> None:
    def look() -> None:
        raise LookupError("a bug")

    with Keeper(session, 0.6, look):
        eventually(lambda: backend.calls.count("keep_alive") >= 2)


def test_acks_do_not_wait_behind_a_long_task(
    watched: Gator, session: Session, backend: WatchedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("ledger", "session"):
        monkeypatch.setattr(f"alligator_core.{module}.COALESCE", 1.0)  # however slow the machine, for both acks
    for function in (jobs.note, jobs.note, jobs.hold):
        watched.task(function, "held" if function is jobs.hold else 1)
    session.reserve(3, 0)
    with Keeper(session, 30):
        thread = running(session)
        eventually(lambda: backend.settled)
        assert [len(batch) for batch in backend.settled] == [2]
        assert jobs.let_go.is_set() is False
        jobs.let_go.set()
        thread.join()


def test_what_waits_behind_a_long_task_is_given_back(watched: Gator, session: Session) -> None:
    watched.task(jobs.hold)
    watched.map(jobs.note, range(3))
    session.reserve(4, 0)
    assert watched.size().reserved == 4
    with Keeper(session, 30):
        thread = running(session)
        eventually(lambda: watched.size() == (3, 0, 1, 0, True))
        jobs.let_go.set()
        thread.join()
    assert jobs.ran == ["held"]


def test_what_turns_out_to_be_lost_is_not_started(
    watched: Gator, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alligator_core.keeper.HOARDING", 600.0)
    watched.task(jobs.hold)
    watched.map(jobs.note, range(2))
    session.reserve(3, 0)
    assert isinstance(session.consumer, WatchedConsumer)
    session.consumer.lost = [session.waiting[1]]
    with Keeper(session, 0.6):
        thread = running(session)
        eventually(lambda: len(session.waiting) == 1)
        jobs.let_go.set()
        thread.join()
    assert jobs.ran == ["held", 1]


def test_its_thread_ends_with_the_block(session: Session) -> None:
    with Keeper(session, 30):
        assert "alligator-keeper" in {thread.name for thread in threading.enumerate()}
    assert "alligator-keeper" not in {thread.name for thread in threading.enumerate()}


def test_what_waits_behind_many_slow_tasks_is_given_back_as_well(watched: Gator, session: Session) -> None:
    # A batch that was reserved when tasks were fast: none of these alone takes long.
    for number in range(10):
        watched.task(jobs.take, 0.3, number)
    session.reserve(10, 0)
    with Keeper(session, 30):
        while session.run_next():
            pass
    session.flush()
    assert 1 <= len(jobs.ran) < 10
    assert watched.size() == (10 - len(jobs.ran), 0, 0, 0, True)
