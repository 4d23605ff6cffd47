"""Interrupting what a hand runs: in the task's own code, or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from alligator import TaskTimeout
from alligator_core.async_exception import raise_in
from alligator_core.hand import Hand

from .helpers import eventually


class Run:
    """A thread that runs one task's own code, and then its worker's."""

    def __init__(self, own_code: Callable[[], None]) -> None:
        self.hand = Hand(0)
        self.ended: list[str] = []
        self.shutting = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(own_code,))
        self.thread.start()

    def _run(self, own_code: Callable[[], None]) -> None:
        self.hand.thread = threading.get_ident()
        try:
            try:
                self.hand.open()
                own_code()
            finally:
                self.shutting.set()
                self.hand.shut()
        except TaskTimeout:
            self.ended.append("interrupted")
        else:
            self.ended.append("returned")
        try:
            for _ in range(200_000):
                pass
        except TaskTimeout:
            self.ended.append("stray")


def test_what_runs_is_interrupted_once() -> None:
    run = Run(lambda: eventually(lambda: False))
    eventually(lambda: run.hand.is_open)
    assert run.hand.interrupt(TaskTimeout) is True
    assert run.hand.interrupt(TaskTimeout) is False
    run.thread.join()
    assert run.ended == ["interrupted"]


def test_what_has_ended_is_not_interrupted() -> None:
    run = Run(lambda: None)
    run.shutting.wait()
    eventually(lambda: run.ended)
    assert run.hand.interrupt(TaskTimeout) is False
    run.thread.join()
    assert run.ended == ["returned"]


def test_a_task_that_ends_while_it_is_being_interrupted_waits_for_that() -> None:
    # As if the thread that interrupts lost the processor between its two steps.
    released = threading.Event()
    run = Run(released.wait)  # type: ignore[arg-type]
    eventually(lambda: run.hand.is_open)
    assert run.hand.take_token()
    released.set()
    run.shutting.wait()
    time.sleep(0.05)
    assert run.ended == []
    raise_in(run.thread.ident or 0, TaskTimeout)
    run.hand._sent = True
    run.thread.join()
    assert run.ended in (["interrupted"], ["returned"])


def test_an_interruption_that_the_task_has_swallowed_is_waited_for_no_more() -> None:
    inside = threading.Event()

    def swallow() -> None:
        try:
            inside.set()
            eventually(lambda: False)
        except TaskTimeout:
            return

    run = Run(swallow)
    inside.wait()
    assert run.hand.interrupt(TaskTimeout)
    run.thread.join()
    assert run.ended == ["returned"]


def test_only_one_gets_the_right_to_settle() -> None:
    hand = Hand(0)
    assert hand.claim() is False
    hand.owe()
    assert [hand.claim(), hand.claim()] == [True, False]
