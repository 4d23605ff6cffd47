"""How a worker ends: SIGTERM and SIGINT, the grace period, a second signal, and tasks that don't want to go."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from alligator import Gator

from . import jobs, long_jobs
from .conftest import Spawn
from .helpers import eventually

FOREVER = 1e9
SIGNALS = [signal.SIGTERM, signal.SIGINT]


class Mode(NamedTuple):
    options: dict[str, Any]
    wait_at_gate: Callable[..., Any] = jobs.wait_at_gate
    clean_up: Callable[..., Any] = jobs.sleep_and_clean_up
    hang_on: Callable[..., Any] = jobs.hang_on
    mark: Callable[..., Any] = jobs.mark


MODES = {
    "inline": Mode({}),
    "threads": Mode({"threads": 3}, clean_up=long_jobs.dawdle_and_clean_up),
    "async": Mode(
        {"async_limit": 3},
        wait_at_gate=long_jobs.wait_at_gate_softly,
        clean_up=long_jobs.sleep_and_clean_up_softly,
        hang_on=jobs.hang_on_softly,
        mark=long_jobs.mark_softly,
    ),
}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    return MODES[request.param]


def running(marks: Path) -> bool:
    return "running" in marks.read_text()


def given_back(gator: Gator) -> bool:
    """Whether the one task is ready again, and nobody is blamed for it."""
    size = gator.size()
    letters = gator.backend.consumer(["all"], 30).reserve(1, 0) if size.ready == 1 else []
    return [delivery.deliveries for delivery in letters] == [1]


@pytest.mark.parametrize("signum", SIGNALS)
def test_an_idle_worker_ends_with_exit_code_0(
    spawn: Spawn, durable: Gator, marks: Path, signum: signal.Signals
) -> None:
    worker = spawn(nap_time=600)
    durable.task(jobs.mark, str(marks), "running")
    eventually(lambda: running(marks))
    worker.send(signum)
    assert worker.exit_code() == 0


def test_what_has_not_started_is_given_back_at_once_and_what_runs_is_finished(
    spawn: Spawn, durable: Gator, marks: Path, tmp_path: Path, mode: Mode
) -> None:
    busy = 3 if "threads" in mode.options or "async_limit" in mode.options else 1
    for _ in range(busy):
        durable.task(mode.wait_at_gate, str(marks), str(tmp_path / "gate"))
    for number in range(20):
        durable.task(mode.mark, str(marks), f"behind {number}")
    # Without this, they would be given back anyhow once they have waited for a second.
    worker = spawn(hoarding=FOREVER, in_hand=50, **mode.options)
    eventually(lambda: marks.read_text().count("running") == busy)
    eventually(lambda: durable.size().reserved >= (busy if "async_limit" in mode.options else 20 + busy))
    worker.terminate()
    eventually(lambda: durable.size() == (20, 0, busy, 0, True))
    assert worker.is_running()
    (tmp_path / "gate").touch()
    assert worker.exit_code() == 0
    assert "passed" in marks.read_text()
    assert "behind" not in marks.read_text()
    assert durable.size() == (20, 0, 0, 0, True)
    assert [delivery.deliveries for delivery in durable.backend.consumer(["all"], 30).reserve(20, 0)] == [1] * 20


def test_what_outlasts_the_grace_is_given_back_uncounted_after_it_has_cleaned_up(
    spawn: Spawn, durable: Gator, marks: Path, mode: Mode
) -> None:
    durable.task(mode.clean_up, str(marks), 600, 0.5)
    worker = spawn(grace=0.2, last_resort=20, **mode.options)
    eventually(lambda: running(marks))
    worker.terminate()
    assert worker.exit_code() == 0
    assert "cleaned up" in marks.read_text()
    assert given_back(durable)


def test_a_second_signal_gives_back_what_runs_and_lets_it_clean_up(
    spawn: Spawn, durable: Gator, marks: Path, mode: Mode
) -> None:
    durable.task(mode.clean_up, str(marks), 600, 0.5)
    worker = spawn(grace=600, last_resort=20, **mode.options)
    eventually(lambda: running(marks))
    worker.send(signal.SIGTERM)
    eventually(lambda: "was told to stop" in worker.log.read_text())
    worker.send(signal.SIGINT)
    assert worker.exit_code() == 0
    assert "cleaned up" in marks.read_text()
    assert given_back(durable)


def test_a_signal_that_comes_while_it_cleans_up_does_not_cut_that_short(
    spawn: Spawn, durable: Gator, marks: Path
) -> None:
    durable.task(jobs.sleep_and_clean_up, str(marks), 600, 1.0)
    worker = spawn(grace=600, last_resort=20)
    eventually(lambda: running(marks))
    worker.terminate()
    eventually(lambda: "was told to stop" in worker.log.read_text())
    worker.terminate()
    eventually(lambda: "cleaning" in marks.read_text())
    worker.terminate()
    assert worker.exit_code() == 0
    assert "cleaned up" in marks.read_text()
    assert given_back(durable)


def test_a_task_that_cannot_be_interrupted_is_given_back_and_the_process_ends_under_it(
    spawn: Spawn, durable: Gator, marks: Path, mode: Mode
) -> None:
    durable.task(mode.hang_on, str(marks))
    worker = spawn(grace=0.1, **mode.options)
    eventually(lambda: running(marks))
    worker.terminate()
    assert worker.exit_code() == 0
    assert "can't be interrupted: the process ends under it" in worker.log.read_text()
    assert given_back(durable)


def test_without_grace_what_runs_is_given_back_at_once(spawn: Spawn, durable: Gator, marks: Path, mode: Mode) -> None:
    durable.task(mode.clean_up, str(marks), 600, 0.0)
    for number in range(20):
        durable.task(mode.mark, str(marks), f"behind {number}")
    worker = spawn(grace=0, hoarding=FOREVER, in_hand=50, **mode.options)
    eventually(lambda: running(marks))
    worker.terminate()
    assert worker.exit_code() == 0
    assert "cleaned up" in marks.read_text()
    behind = marks.read_text().count("behind")
    ready, *others = durable.size()
    assert others == [0, 0, 0, True]
    # A thread may be left between its mark and its end.
    assert 0 <= ready - (21 - behind) <= mode.options.get("threads", 1) - 1
    left = durable.backend.consumer(["all"], 30).reserve(50, 0)
    assert {delivery.deliveries for delivery in left} == {1}


def test_what_was_finished_before_the_end_is_settled(spawn: Spawn, durable: Gator, marks: Path, mode: Mode) -> None:
    durable.map(jobs.note, range(200))
    durable.task(mode.clean_up, str(marks), 0.3, 0.0)
    worker = spawn(**mode.options)
    eventually(lambda: running(marks))
    worker.terminate()
    assert worker.exit_code() == 0
    assert durable.size() == (0, 0, 0, 0, True)


def test_a_worker_in_a_script_leaves_the_handlers_of_signals_as_they_were(gator: Gator) -> None:
    from alligator import Worker

    before = [signal.getsignal(signum) for signum in SIGNALS]
    Worker(gator, burst=True).run_forever()
    assert [signal.getsignal(signum) for signum in SIGNALS] == before


@pytest.mark.parametrize("options", [{}, {"threads": 2}])
def test_a_process_that_a_task_has_forked_ends_when_it_is_told_to(
    spawn: Spawn, durable: Gator, marks: Path, options: dict[str, Any]
) -> None:
    durable.task(long_jobs.fork_and_terminate, str(marks))
    worker = spawn(burst=True, **options)
    assert worker.exit_code() == 0
    assert marks.read_text() == "forked\nexit code -15\n"


@pytest.mark.parametrize("options", [{}, {"threads": 2}])
@pytest.mark.parametrize(
    "fork",
    [long_jobs.fork_and_return, long_jobs.fork_and_raise, long_jobs.fork_and_exit, long_jobs.fork_in_coroutine],
)
def test_a_process_that_a_task_has_forked_is_no_second_worker(
    spawn: Spawn, durable: Gator, marks: Path, fork: Callable[[str], object], options: dict[str, Any]
) -> None:
    durable.task(fork, str(marks))
    durable.map(long_jobs.note_process, [str(marks)] * 20)
    worker = spawn(burst=True, **options)
    assert worker.exit_code() == 0
    eventually(lambda: marks.read_text().count("child"))
    lines = marks.read_text().splitlines()
    assert sorted(lines) == sorted([str(worker.process.pid)] * 20 + ["parent", "child"])
    assert durable.size() == (0, 0, 0, 0, True)


def test_a_coroutine_beside_a_function_is_given_back_too_at_the_second_signal(
    spawn: Spawn, durable: Gator, marks: Path
) -> None:
    durable.task(long_jobs.sleep_and_clean_up_softly, str(marks), 30, 0)
    durable.task(jobs.sleep_and_clean_up, str(marks), 30, 0)
    worker = spawn()
    eventually(lambda: marks.read_text().count("running") == 2)
    worker.terminate()
    eventually(lambda: "was told to stop" in worker.log.read_text())
    worker.terminate()
    assert worker.exit_code() == 0
    assert marks.read_text().count("cleaned up") == 2
    assert durable.size() == (2, 0, 0, 0, True)
