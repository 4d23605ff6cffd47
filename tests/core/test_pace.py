from __future__ import annotations

from alligator_core.pace import MAX_BATCH, WORK_IN_HAND, Pace


def test_the_first_batch_is_one_task() -> None:
    assert Pace().limit == 1


def test_batches_of_fast_tasks_grow_to_double_each_time_up_to_the_most() -> None:
    pace, limits = Pace(), []
    for _ in range(12):
        pace.record(pace.limit, 0.0)
        limits.append(pace.limit)
    assert limits == [2, 4, 8, 16, 32, 64, 128, 256, 500, 500, 500, 500]
    assert limits[-1] == MAX_BATCH


def test_a_batch_holds_as_much_work_as_fits_in_hand() -> None:
    pace = Pace()
    for _ in range(12):
        pace.record(pace.limit, pace.limit * 0.001)
    assert pace.limit == WORK_IN_HAND / 0.001


def test_slow_tasks_are_taken_one_by_one_at_once() -> None:
    pace = Pace()
    for _ in range(12):
        pace.record(pace.limit, 0.0)
    pace.record(1, 0.5)
    assert pace.limit == 1


def test_a_batch_that_ran_nothing_says_nothing() -> None:
    pace = Pace()
    pace.record(1, 0.0)
    pace.record(0, 100.0)
    assert pace.limit == 2
