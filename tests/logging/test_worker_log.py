"""What a worker of the command line writes: JSON lines, or text on a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator

from . import jobs
from .conftest import RunWorker

pytestmark = pytest.mark.long

MODES = [(), ("--threads", "3"), ("--async-limit", "4")]


def of(task_id: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("task_id") == task_id]


def names(lines: list[dict[str, Any]]) -> list[str]:
    return [line["event"] for line in lines]


@pytest.mark.parametrize("mode", MODES)
def test_each_step_of_a_task_is_one_event_with_all_that_is_known(
    gator: Gator, run_worker: RunWorker, mode: tuple[str, ...]
) -> None:
    gator.options(task_id="good").task(jobs.speak, "hush")
    lines = run_worker(*mode, "--name", "mailer")
    began, said, sung, ended = of("good", lines)
    for line, event in ((began, "task started"), (ended, "task succeeded")):
        assert line.items() >= {
            "event": event, "level": "info", "logger": "alligator.events", "task": "tests.logging.jobs:speak",
            "queue": "all", "attempt": 1, "worker": "mailer",
        }.items()  # fmt: skip
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
        assert 0 <= line["wait"] < 60
    assert 0 <= ended["run"] < 60
    assert (said["event"], said["logger"]) == ("said hush", "shop")
    assert (sung["event"], sung["word"]) == ("sung", "hush")


@pytest.mark.parametrize("mode", MODES)
def test_the_apps_own_lines_in_a_coroutine_carry_the_id_of_its_task_and_of_no_other(
    gator: Gator, run_worker: RunWorker, mode: tuple[str, ...]
) -> None:
    words = ["one", "two", "three"]
    for word in words:
        gator.options(task_id=word).task(jobs.speak_soon, word)
    lines = run_worker(*mode)
    for word in words:
        own = of(word, lines)
        assert names(own) == ["task started", f"said {word}", "sung", f"said {word} in a thread", "task succeeded"]
        assert own[2]["word"] == word


def test_a_task_that_fails_is_told_once_and_not_by_the_core_as_well(gator: Gator, run_worker: RunWorker) -> None:
    gator.options(task_id="bad", retries=1).task(jobs.fail, "at redis://user:hush@host/0")
    lines = run_worker()
    steps = ["task started", "task failed", "task retried", "task started", "task failed", "task dead"]
    assert names(of("bad", lines)) == steps
    assert [line["attempt"] for line in of("bad", lines)] == [1, 1, 1, 2, 2, 2]
    failed, retried, dead = of("bad", lines)[1], of("bad", lines)[2], of("bad", lines)[-1]
    assert (failed["level"], failed["error"]) == ("warning", "ValueError: at redis://***@host/0")
    assert retried["delay"] == 0
    assert dead["level"] == "error"
    assert "jobs.py" in dead["exception"]
    assert not [line for line in lines if line["logger"] == "alligator.task"]
    assert "hush" not in str(lines)


def test_what_else_may_become_of_a_task_is_told_too(gator: Gator, run_worker: RunWorker) -> None:
    gator.options(task_id="late").task(jobs.put_off)
    gator.options(task_id="unwanted").task(jobs.drop)
    gator.options(task_id="old", expires=0.001).task(jobs.speak, "never")
    lines = run_worker()
    ends = {id: of(id, lines)[-1] for id in ("late", "unwanted", "old")}
    assert {id: line["event"] for id, line in ends.items()} == {
        "late": "task deferred", "unwanted": "task discarded", "old": "task expired",
    }  # fmt: skip
    assert (ends["late"]["delay"], ends["unwanted"]["reason"]) == (60, "not wanted")


def test_a_task_that_outlasts_its_hard_timeout_is_told_once(gator: Gator, run_worker: RunWorker) -> None:
    gator.options(task_id="stuck", hard_timeout=2.0).task(jobs.sleep, 60)
    lines = run_worker(code=1)
    assert names(of("stuck", lines)) == ["task started", "task failed", "task dead"]
    assert not [line for line in lines if line["logger"] == "alligator.task"]


def test_the_worker_itself_is_told_of(gator: Gator, run_worker: RunWorker) -> None:
    gator.task(jobs.speak, "hush")
    lines = run_worker("--name", "mailer")
    assert lines[0].items() >= {"event": "worker started", "worker": "mailer", "queues": "all"}.items()
    assert lines[-1].items() >= {"event": "worker stopped", "worker": "mailer", "tasks": 1}.items()


def test_what_cannot_be_read_is_still_logged_by_the_core(gator: Gator, run_worker: RunWorker) -> None:
    from alligator_core.backend import Message

    gator.backend.push("all", [Message("junk", b"garbage")])
    assert [line for line in run_worker() if line["level"] == "error" and "dead letters" in line["event"]]


def test_above_info_only_what_went_wrong_is_logged(gator: Gator, run_worker: RunWorker) -> None:
    gator.options(task_id="good").task(jobs.speak, "hush")
    gator.options(task_id="bad").task(jobs.fail)
    assert names(run_worker("--log-level", "WARNING")) == ["task failed", "task dead"]


def test_every_process_of_a_supervisor_tells_of_its_tasks(gator: Gator, run_worker: RunWorker) -> None:
    for number in range(6):
        gator.options(task_id=f"n{number}").task(jobs.speak, "hush")
    lines = run_worker("--processes", "2", "--log-format", "json")
    for number in range(6):
        assert names(of(f"n{number}", lines)) == ["task started", "said hush", "sung", "task succeeded"]


def test_on_a_terminal_lines_are_text_in_which_nothing_steers_it(
    gator: Gator, run_on_terminal: Callable[..., str]
) -> None:
    gator.options(task_id="odd").task(jobs.steer, "\x1b[2J at redis://user:hush@host/0\nworker stopped")
    plain = re.sub(r"\x1b\[\d*m", "", run_on_terminal("--name", "mailer"))
    assert re.search(
        r"\[info +\] task succeeded +\[alligator.events\] attempt=1 queue=all run=[\d.]+ task=tests", plain
    )
    assert r"\x1b[2J at redis://***@host/0" in plain
    assert "\n    worker stopped" in plain
    assert "\x1b" not in plain
    assert "task_id=odd" in plain


def test_the_style_may_be_set(
    gator: Gator, worker_env: dict[str, str], run_on_terminal: Callable[..., str], run_worker: RunWorker, tmp_path: Path
) -> None:
    worker_env["LOGGING_STYLE"] = "json"
    gator.task(jobs.speak, "hush")
    assert '"event": "task succeeded"' in run_on_terminal()
    worker_env["LOGGING_STYLE"] = ""
    gator.task(jobs.speak, "hush")
    assert '"event": "task succeeded"' in run_on_terminal("--log-format", "json")
