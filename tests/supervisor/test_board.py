"""The board: what a supervisor reads there, whatever became of the worker that wrote it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from alligator_core.board import MAX_DONE, MAX_HANDS, Board, key_of


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board.make()
    yield made
    made.close()


@pytest.fixture
def worker(board: Board) -> Iterator[Board]:
    opened = Board(os.dup(board.fileno()))
    yield opened
    opened.close()


def test_an_empty_board_says_nothing(board: Board) -> None:
    assert not board.is_ready()
    assert board.reserved_at() == 0
    assert board.running() == []
    assert board.unflushed() == set()


def test_what_runs_is_on_the_board_until_it_is_finished(board: Board, worker: Board) -> None:
    before = time.monotonic()
    worker.started(0, "one")
    worker.started(7, "two", before + 60)
    one, two = board.running()
    assert (one.number, one.key, one.hard_deadline) == (0, b"one", 0)
    assert (two.number, two.key, two.hard_deadline) == (7, b"two", before + 60)
    assert before <= one.since <= two.since <= time.monotonic()
    worker.finished(0, "one")
    assert board.running() == [two]


def test_the_worker_says_that_it_is_ready_and_when_it_asked_for_messages(board: Board, worker: Board) -> None:
    worker.ready()
    worker.reserved(12.5)
    assert board.is_ready()
    assert board.reserved_at() == 12.5


def test_what_is_done_is_noted_only_beside_a_hard_deadline(board: Board, worker: Board) -> None:
    worker.started(0, "one")
    worker.done("one")
    assert board.unflushed() == set()
    worker.started(1, "two", 1e9, ["zero"])
    worker.done("one")
    assert board.unflushed() == {b"zero", b"one"}


def test_what_was_flushed_is_not_on_the_board(board: Board, worker: Board) -> None:
    worker.started(0, "limited", 1e9, ["a", "b", "c"])
    worker.flushed(["a", "never heard of"])
    assert board.unflushed() == {b"b", b"c"}
    worker.flushed()
    assert board.unflushed() == set()


def test_a_message_that_came_back_is_not_done(board: Board, worker: Board) -> None:
    worker.started(0, "limited", 1e9, ["again"])
    worker.started(1, "again")
    assert board.unflushed() == set()


def test_more_than_fits_does_no_harm(board: Board, worker: Board) -> None:
    worker.started(MAX_HANDS, "too many", 1e9)
    worker.finished(MAX_HANDS, "too many")
    worker.started(0, "limited", 1e9, map(str, range(MAX_DONE + 10)))
    assert len(board.unflushed()) == MAX_DONE
    worker.flushed()
    worker.started(1, "limited too", 1e9, ["room"])
    assert board.unflushed() == {b"room"}


def test_the_key_of_any_id_fits(board: Board, worker: Board) -> None:
    ids = ["plain", "é" * 200, "é" * 199, "x" * 200, "\ud800", "with\0zero\0"]
    for number, id in enumerate(ids):
        worker.started(number, id)
    assert [hand.key for hand in board.running()] == [key_of(id) for id in ids]
    assert len({key_of(id) for id in ids}) == len(ids)


def test_what_a_killed_process_wrote_can_be_read(board: Board) -> None:
    code = f"""
import os, signal
from alligator_core.board import Board
board = Board({board.fileno()})
board.ready()
board.started(3, "poison")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], pass_fds=[board.fileno()], check=False)
    assert board.is_ready()
    assert [(hand.number, hand.key) for hand in board.running()] == [(3, b"poison")]


def test_a_board_is_no_file_in_a_folder_and_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    # Also where the system knows no files in memory.
    monkeypatch.delattr(os, "memfd_create", raising=False)
    before = os.listdir("/proc/self/fd")
    board = Board.make()
    assert os.fstat(board.fileno()).st_nlink == 0
    board.started(0, "one")
    assert len(board.running()) == 1
    board.close()
    assert os.listdir("/proc/self/fd") == before
