"""The place of a worker process: when the next one may start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alligator_core import child_slot
from alligator_core.child_process import ChildProcess
from alligator_core.child_slot import LONGEST_PAUSE, PAUSE_AFTER_TASK, Slot


@pytest.fixture
def child() -> Iterator[ChildProcess]:
    child = ChildProcess(["--version"])
    yield child
    child.signal(9)
    child._process.wait()
    child.close()


def ends(slot: Slot, child: ChildProcess, **how: bool) -> float:
    slot.fill(child)
    return slot.empty(**{"well": False, **how})


def test_pauses_grow_with_each_process_that_ends_soon(child: ChildProcess) -> None:
    slot = Slot()
    pauses = [ends(slot, child) for _ in range(12)]
    assert pauses[:4] == [0, 0.1, 0.2, 0.4]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert slot.failed_starts == 12


def test_the_next_one_starts_at_once_after_one_that_ended_well(child: ChildProcess) -> None:
    slot = Slot()
    child.board.ready()
    ends(slot, child)
    ends(slot, child)
    assert ends(slot, child, well=True) == 0
    assert [ends(slot, child), ends(slot, child)] == [0, 0.1]
    assert slot.failed_starts == 0


def test_one_that_was_never_ready_did_not_end_well(child: ChildProcess) -> None:
    slot = Slot()
    assert [ends(slot, child, well=True), ends(slot, child, well=True)] == [0, 0.1]


def test_the_next_one_starts_at_once_after_one_that_lived_for_long(
    child: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_slot, "WELL", 0.0)
    child.board.ready()
    slot = Slot()
    assert [ends(slot, child), ends(slot, child)] == [0, 0]


def test_tasks_that_end_their_process_do_not_keep_the_others_waiting_for_long(child: ChildProcess) -> None:
    slot = Slot()
    child.board.ready()
    assert max(ends(slot, child, by_task=True) for _ in range(12)) == PAUSE_AFTER_TASK


def test_a_process_that_cannot_be_started_is_tried_again_later() -> None:
    slot = Slot()
    assert [slot.fail(), slot.fail(), slot.fail()] == [0, 0.1, 0.2]
