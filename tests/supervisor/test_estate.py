"""The estate of a dead worker process: each message it held has one fate."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from alligator import Gator
from alligator_core.backend import Ack, Backend, Bury, Delivery, Message, Release, Settlement
from alligator_core.board import Board
from alligator_core.child_estate import Death, Estate, death_of
from alligator_core.child_process import how_it_died


@pytest.fixture
def backend() -> Backend:
    return Gator("locmem://", plugins=[]).backend


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board.make()
    yield made
    made.close()


def bury(delivery: Delivery) -> Settlement:
    return Bury(delivery, "too slow")


def settled(
    backend: Backend, death: Death, max_deliveries: int = 5, queues: tuple[str, ...] = ("all",)
) -> dict[tuple[str, str], type]:
    """Have a process hold whatever is ready, and die; return what became of each message."""
    backend.consumer(queues, 30, "dead").reserve(100, 0)
    heir = backend.consumer(queues, 30, "heir")
    done = Estate("dead", death, max_deliveries, bury).settle(heir)
    assert backend.holders(queues) == []
    return {(each.delivery.queue, each.delivery.id): type(each) for each in done}


def push(backend: Backend, *ids: str, queue: str = "all") -> None:
    backend.push(queue, [Message(id, b"body") for id in ids])


def test_only_what_ran_counts_as_what_a_worker_died_under(backend: Backend) -> None:
    push(backend, "ran", "waited")
    settled(backend, Death("somehow", running=frozenset([b"ran"])))
    consumer = backend.consumer(["all"], 30)
    (first,), (second,) = consumer.reserve(9, 0), consumer.reserve(9, 0)
    assert (first.id, first.deliveries) == ("ran", 2)
    assert (second.id, second.deliveries) == ("waited", 1)


def test_what_was_done_is_acked_and_what_took_too_long_has_failed(backend: Backend) -> None:
    push(backend, "done", "slow", "beside")
    death = Death("by SIGKILL", overdue=frozenset([b"slow"]), done=frozenset([b"done", b"long gone"]))
    assert settled(backend, death) == {("all", "done"): Ack, ("all", "slow"): Bury, ("all", "beside"): Release}
    assert backend.size("all") == (1, 0, 0, 1, True)


def test_what_had_its_worker_die_too_often_is_a_dead_letter_that_says_how(backend: Backend) -> None:
    push(backend, "poison", "waited")
    death = Death("by SIGSEGV (signal 11)", running=frozenset([b"poison"]))
    settled(backend, death, max_deliveries=3)
    settled(backend, death, max_deliveries=3)
    assert backend.dead("all") == []
    settled(backend, death, max_deliveries=3)
    (letter,) = backend.dead("all")
    assert letter.id == "poison"
    assert letter.reason == "Its worker died under it 3 times, the last time by SIGSEGV (signal 11)."


def test_one_death_may_be_enough(backend: Backend) -> None:
    push(backend, "poison")
    settled(backend, Death("with exit code 3", running=frozenset([b"poison"])), max_deliveries=1)
    assert backend.dead("all")[0].reason == "Its worker died under it once with exit code 3."


def test_of_the_same_id_on_two_queues_none_is_taken_for_done(backend: Backend) -> None:
    for queue in ("all", "other"):
        push(backend, "same", queue=queue)
    found = settled(backend, Death("somehow", done=frozenset([b"same"])), queues=("all", "other"))
    assert found == {("all", "same"): Release, ("other", "same"): Release}


def test_of_the_same_id_on_two_queues_both_may_have_been_the_one_that_took_too_long(backend: Backend) -> None:
    for queue in ("all", "other"):
        push(backend, "same", queue=queue)
    found = settled(backend, Death("somehow", overdue=frozenset([b"same"])), queues=("all", "other"))
    assert set(found.values()) == {Release}
    (delivery,) = backend.consumer(["all"], 30).reserve(9, 0)
    assert delivery.deliveries == 2


def test_an_estate_may_be_empty(backend: Backend) -> None:
    assert settled(backend, Death("somehow")) == {}


def test_a_board_tells_who_is_blamed(board: Board) -> None:
    board.started(0, "one")
    board.started(1, "two", 100.0)
    assert death_of(board, "how") == Death("how", running=frozenset([b"one", b"two"]))


def test_a_process_that_was_killed_for_one_task_blames_no_other(board: Board) -> None:
    board.started(0, "in time", 200.0)
    board.started(1, "slow", 100.0, ["done"])
    death = death_of(board, "how", killed_at=150.0)
    assert death == Death("how", overdue=frozenset([b"slow"]), done=frozenset([b"done"]))


def test_a_process_that_was_told_to_stop_blames_nobody(board: Board) -> None:
    board.started(0, "one")
    assert death_of(board, "how", told_to_stop=True) == Death("how")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "with exit code 0"),
        (-signal.SIGSEGV, "by SIGSEGV (signal 11)"),
        (-signal.SIGKILL, "by SIGKILL (signal 9), which the system also sends when memory runs out"),
        (-250, "by signal 250"),
    ],
)
def test_an_exit_code_is_put_into_words(code: int, words: str) -> None:
    assert how_it_died(code) == words
