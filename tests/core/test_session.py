from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator

import pytest

from alligator import BackendUnavailable, Gator
from alligator_core import ledger
from alligator_core import session as session_module
from alligator_core.backend import Ack, Message, Release
from alligator_core.board import Board
from alligator_core.limits import Limits
from alligator_core.session import Session

from . import jobs
from .backends import WatchedBackend, WatchedConsumer
from .helpers import eventually


@pytest.fixture
def backend(watched: Gator) -> WatchedBackend:
    assert isinstance(watched.backend, WatchedBackend)
    return watched.backend


@pytest.fixture
def session(watched: Gator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    for module in (ledger, session_module):  # What is settled when is for the tests to say, however slow the machine.
        monkeypatch.setattr(module, "COALESCE", 600.0)
    session = Session(watched, ["all"], lease=30, max_deliveries=3)
    yield session
    session.close()


def kinds(backend: WatchedBackend) -> list[list[str]]:
    return [[type(settlement).__name__ for settlement in batch] for batch in backend.settled]


def test_nothing_in_hand_is_nothing_to_run(session: Session) -> None:
    assert session.reserve(10, 0) == 0
    assert session.run_next() is None


def test_acks_wait_for_one_another_and_are_settled_together(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    watched.map(jobs.note, range(5))
    assert session.reserve(10, 0) == 5
    while session.run_next():
        pass
    assert backend.settled == []
    assert session.flush_at
    session.flush()
    assert kinds(backend) == [["Ack"] * 5]
    assert session.flush_at == 0.0


def test_flushing_nothing_asks_nobody(session: Session, backend: WatchedBackend) -> None:
    session.flush()
    assert backend.calls == []


def test_what_the_backend_was_not_told_is_kept_and_repeated(
    watched: Gator, session: Session, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    watched.map(jobs.note, range(3))
    session.reserve(10, 0)
    while session.run_next():
        pass
    backend.down.add("settle")
    with pytest.raises(BackendUnavailable):
        session.flush()
    assert session.try_flush() is False
    assert session.flush_at
    assert "Could not settle, will try again" in caplog.text
    backend.down.clear()
    assert session.try_flush() is True
    assert kinds(backend) == [["Ack"] * 3]
    assert backend.inner.size("all").reserved == 0


def test_a_backend_that_is_away_is_not_asked_after_each_task(
    watched: Gator, session: Session, backend: WatchedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    backend.down.add("settle")
    for number in range(5):
        watched.task(jobs.take, 0.02, number)
    watched.map(jobs.note, range(500))
    session.reserve(505, 0)
    while session.run_next():
        pass
    assert 1 <= backend.calls.count("settle") <= 20
    backend.down.clear()
    session.flush()
    assert kinds(backend) == [["Ack"] * 505]


def test_what_ends_while_others_are_settled_waits_for_the_next_time(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    watched.map(jobs.note, range(2))
    session.reserve(10, 0)
    session.run_next()
    settle = backend.inner.consumer(["other"], 30)  # only to have a Consumer's type at hand
    assert isinstance(session.consumer, WatchedConsumer)
    inner, ran_meanwhile = session.consumer.inner, []

    class Meanwhile(type(inner)):  # type: ignore[misc]
        def settle(self, settlements):  # type: ignore[no-untyped-def]
            if not ran_meanwhile:
                ran_meanwhile.append(session.run_next())
            return super().settle(settlements)

    settle.close()
    inner.__class__ = Meanwhile
    session.flush()
    assert kinds(backend) == [["Ack"]]
    assert session.flush_at
    session.flush()
    assert kinds(backend) == [["Ack"], ["Ack"]]


class Appending(list):  # type: ignore[type-arg]
    """Has something appended to it by another thread at the very moment that it is found to be empty."""

    def __init__(self, items: list[object], session: Session) -> None:
        super().__init__(items)
        self.session: Session | None = session

    def __bool__(self) -> bool:
        found = len(self) > 0
        if not found and self.session is not None:
            session, self.session = self.session, None
            session.run_next()
        return found


def test_a_settlement_that_comes_at_the_worst_moment_is_not_forgotten(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    watched.map(jobs.note, range(2))
    session.reserve(10, 0)
    session.run_next()
    session._settlements = Appending(session._settlements, session)
    session.flush()
    assert len(session._settlements) == 1
    # Nobody would flush it without this.
    assert session.flush_at


def test_a_time_to_flush_that_was_noted_after_the_flush_is_forgotten_by_the_next(session: Session) -> None:
    # One thread appends, another flushes that, and only then the first one says when.
    session.flush_at = 1.0
    session.flush()
    assert session.flush_at == 0.0


def test_what_is_in_hand_can_be_given_back_uncounted(watched: Gator, session: Session, backend: WatchedBackend) -> None:
    watched.map(jobs.note, range(3))
    session.reserve(10, 0)
    session.run_next()
    assert session.give_back() == 2
    assert kinds(backend) == [["Ack", "Release", "Release"]]
    assert session.run_next() is None
    assert session.reserve(10, 0) == 2
    assert [delivery.deliveries for delivery in session.waiting] == [1, 1]
    session.run_next()
    assert jobs.ran == [0, 1]


def test_nothing_in_hand_is_nothing_to_give_back(session: Session, backend: WatchedBackend) -> None:
    assert session.give_back() == 0
    assert backend.calls == []


def test_what_was_lost_is_not_run(watched: Gator, session: Session) -> None:
    watched.map(jobs.note, range(3))
    session.reserve(10, 0)
    session.forget([session.waiting[1], session.waiting[0]._replace(id="another")])
    while session.run_next():
        pass
    assert jobs.ran == [0, 2]


def test_what_was_settled_too_late_is_logged(
    watched: Gator, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    task = watched.task(jobs.note, 1)
    session.reserve(10, 0)
    session.run_next()
    assert isinstance(session.consumer, WatchedConsumer)
    session.consumer.inner.close()
    session.flush()
    assert f"{task.task_id} was settled too late" in caplog.text


def test_closing_settles_what_is_done_and_gives_back_the_rest(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    watched.map(jobs.note, range(3))
    session.reserve(10, 0)
    session.run_next()
    session.close()
    assert kinds(backend) == [["Ack"]]
    assert backend.inner.size("all") == (2, 0, 0, 0, True)


def test_closing_while_the_backend_is_away_says_what_will_happen(
    watched: Gator, session: Session, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    watched.map(jobs.note, range(2))
    session.reserve(10, 0)
    session.run_next()
    backend.down |= {"settle", "close_consumer"}
    session.close()
    assert "1 finished tasks could not be settled: they will run again" in caplog.text
    assert "Could not give back" in caplog.text


def test_a_task_that_workers_died_under_runs_alone_with_all_else_settled(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    watched.task(jobs.note, "first")
    session.reserve(10, 0)
    session.run_next()
    watched.task(jobs.note, "crashed")
    session.reserve(10, 0)
    session.waiting[0] = session.waiting[0]._replace(deliveries=2)
    session.run_next()
    assert jobs.ran == ["first", "crashed"]
    assert kinds(backend) == [["Ack"]]
    assert session.task
    assert session.task.deliveries == 2


@pytest.mark.parametrize(("deaths", "ran"), [(0, True), (2, True), (3, False), (4, False)])
def test_a_message_is_poison_once_as_many_workers_died_under_it_as_may(
    watched: Gator, session: Session, backend: WatchedBackend, deaths: int, ran: bool
) -> None:
    watched.task(jobs.note, "ran")
    session.reserve(10, 0)
    session.waiting[0] = session.waiting[0]._replace(deliveries=deaths + 1)
    session.run_next()
    session.flush()
    assert jobs.ran == (["ran"] if ran else [])
    letters = backend.inner.dead("all")
    assert [letter.reason for letter in letters] == ([] if ran else [f"Its worker died under it {deaths} times."])


def test_what_cannot_be_read_is_buried_as_it_came_with_the_reason(
    watched: Gator, session: Session, backend: WatchedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.push("all", [Message("bad", b"garbage")])
    session.reserve(10, 0)
    outcome = session.run_next()
    session.flush()
    (letter,) = backend.inner.dead("all")
    assert outcome
    assert outcome.kind == "dead"
    assert (letter.body, letter.reason) == (b"garbage", outcome.reason)
    assert f"bad goes to the dead letters: {outcome.reason}" in caplog.text


def test_settling_from_two_threads_tells_the_backend_each_thing_once(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    watched.map(jobs.note, range(500))
    while session.reserve(500, 0):
        flushing = [threading.Thread(target=session.flush) for _ in range(4)]
        for thread in flushing:
            thread.start()
        while session.run_next():
            pass
        for thread in flushing:
            thread.join()
    session.flush()
    told = [settlement.delivery.id for batch in backend.settled for settlement in batch]
    assert len(told) == len(set(told)) == 500


def test_giving_back_and_running_at_once_neither_loses_nor_repeats(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    logging.getLogger("alligator").setLevel(logging.CRITICAL)
    watched.map(jobs.note, range(1000))
    while session.reserve(200, 0):
        for _ in range(100):
            session.run_next()
        giving = threading.Thread(target=session.give_back)
        giving.start()
        while session.run_next():
            pass
        giving.join()
        session.flush()
    assert sorted(jobs.ran) == list(range(1000))
    assert backend.inner.size("all") == (0, 0, 0, 0, True)
    acked = sum(isinstance(settlement, Ack) for batch in backend.settled for settlement in batch)
    given = sum(isinstance(settlement, Release) for batch in backend.settled for settlement in batch)
    assert (acked, given >= 0) == (1000, True)


def test_a_task_that_was_settled_from_outside_while_it_ran_is_not_settled_again(
    watched: Gator, session: Session, backend: WatchedBackend
) -> None:
    session.limits = Limits()
    watched.options(hard_timeout=60).task(jobs.hold)
    session.reserve(1, 0)
    thread = threading.Thread(target=session.run_next)
    thread.start()
    eventually(lambda: jobs.ran)
    assert session.main.claim()
    jobs.let_go.set()
    thread.join()
    session.flush()
    assert backend.settled == []


class FlushingBoard(Board):
    """A board whose session flushes, in another thread, just before it is told what is not flushed yet."""

    session: Session | None = None

    def started(self, hand: int, id: str, hard_deadline: float = 0.0, unflushed: Iterable[str] = ()) -> None:
        if unflushed and self.session is not None:
            self.session.flush()
        super().started(hand, id, hard_deadline, unflushed)


def test_what_is_flushed_at_the_worst_moment_does_not_stay_on_the_board(watched: Gator) -> None:
    board = FlushingBoard(os.dup((made := Board.make()).fileno()))
    made.close()
    session = board.session = Session(watched, ["all"], lease=30, max_deliveries=3, board=board)
    session.limits = Limits()
    watched.task(jobs.note, 1)
    watched.options(hard_timeout=60).task(jobs.note, 2)
    session.reserve(10, 0)
    while session.run_next():
        pass
    session.flush()
    assert board.unflushed() == set()
    session.close()
    board.close()
