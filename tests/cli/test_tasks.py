from __future__ import annotations

import os
import pty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator, Task


def test_enqueue_prints_the_id_and_passes_the_arguments(run: Any, gator: Gator, dsn: str, shop: str) -> None:
    task_id = run("enqueue", dsn, f"{shop}:send", "1", '"2"', "three", "key=4", "--", "-5").stdout.strip()

    task = gator.pop()
    assert isinstance(task, Task)
    assert (task.task_id, task.result) == (task_id, ((1, "2", "three", -5), {"key": 4}))


def test_enqueue_prints_json(run_json: Any, dsn: str, shop: str) -> None:
    found = run_json("enqueue", dsn, f"{shop}:send", "--task-id", "mine", "--queue", "mail", "--delay", "5")

    assert found == {"task_id": "mine", "queue": "mail", "task": f"{shop}:send", "status": "delayed"}


def test_enqueue_carries_all_options(run: Any, run_json: Any, dsn: str, shop: str) -> None:
    run("enqueue", dsn, f"{shop}:send", "--task-id", "a", "--retries", "2", "--priority", "9", "--delay", "600")

    found = run_json("peek", dsn, "a")

    assert (found["retries"], found["priority"], found["state"]) == (2, 9, "delayed")
    assert 590 < found["ready_in"] <= 600


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nothing"], "'nothing' is not of the form package.module:name."),
        (["no_such_module:send"], "There is no module 'no_such_module'"),
        (["SHOP:gone"], "is unknown: the module has no 'gone'."),
        (["os:system", "ls"], "'os:system' is in the standard library."),
        (["SHOP:send", "--retries", "-1"], "retries=-1: it must be a whole number, 0 or more"),
        (["SHOP:send", "--delay", "inf"], "delay_by=inf: it must be seconds"),
        (["SHOP:send", "--priority", "10"], "priority=10: it must be a whole number from 0 to 9."),
        (["SHOP:send", "--task-id", ""], "task_id='': it must be 1 to 200 printable characters."),
        (["SHOP:send", "a=1", "a=2"], "The argument 'a' is given twice."),
        (["SHOP:send", "--retires", "3"], "No such option"),
    ],
)
def test_enqueue_refuses_what_cannot_be(run: Any, gator: Gator, dsn: str, shop: str, words: Any, problem: str) -> None:
    words = [word.replace("SHOP", shop) for word in words]

    assert problem in run("enqueue", dsn, *words, code=2).stderr.splitlines()[-1]
    assert gator.len() == 0


def test_enqueue_shows_the_traceback_of_a_module_that_fails(run: Any, folder: Path, dsn: str) -> None:
    (folder / "broken_shop.py").write_text("1 / 0\n")

    lines = run("enqueue", dsn, "broken_shop:send", code=1).stderr.splitlines()

    assert "ZeroDivisionError: division by zero" in lines
    assert lines[-1] == "Error: The module 'broken_shop' can't be imported."


def test_enqueue_runs_the_function_here_where_the_environment_says_so(
    run: Any, run_json: Any, monkeypatch: pytest.MonkeyPatch, shop: str
) -> None:
    monkeypatch.setenv("ALLIGATOR_CONN", "locmem://")
    monkeypatch.setenv("ALLIGATOR_ASYNC", "no")

    assert run_json("enqueue", "-", f"{shop}:send", "1")["status"] == "success"
    assert "ValueError: no number 7" in run("enqueue", "-", f"{shop}:fail", "7", code=1).stderr


def test_enqueue_says_when_a_plugin_left_the_task_out(run: Any, folder: Path, shop: str) -> None:
    (folder / f"{shop}_skipping.py").write_text(
        "from alligator import Gator, SkipTask, hookimpl\n"
        "class Skipping:\n    @hookimpl\n    def before_enqueue(self, task):\n        raise SkipTask\n"
        "gator = Gator('locmem://', plugins=[Skipping()])\n"
    )

    result = run("enqueue", f"{shop}_skipping:gator", f"{shop}:send", code=1)

    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == "Error: Not enqueued: a plugin left it out."


def test_peek_shows_a_task_and_its_arguments_on_demand(
    run: Any, run_json: Any, enqueue: Any, gator: Gator, dsn: str, shop: str
) -> None:
    id = enqueue("send", "1", "key=hush")

    found = run_json("peek", dsn, id)
    enqueued_at = found.pop("enqueued_at")
    assert enqueued_at > 1.7e9
    assert found == {
        "queue": "all", "id": id, "state": "ready", "priority": 5, "deliveries": 1, "ready_in": 0.0,
        "task": f"{shop}:send", "attempt": 1, "retries": 0, "unreadable": None, "size": found["size"],
    }  # fmt: skip
    assert run_json("peek", dsn, id, "--args").items() >= {"args": [1], "kwargs": {"key": "hush"}}.items()
    assert "hush" not in run("peek", dsn, id).output
    assert "kwargs       key='hush'" in run("peek", dsn, id, "--args").stdout


def test_peek_at_nothing_is_exit_code_1(run: Any, dsn: str) -> None:
    result = run("peek", dsn, "nothing", "--json", code=1)

    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == "Error: No task 'nothing' waits or runs on the queue 'all'."


def test_cancel_takes_waiting_tasks_off_and_names_the_others(run: Any, run_json: Any, enqueue: Any, dsn: str) -> None:
    first, second = enqueue("send"), enqueue("send")

    assert run_json("cancel", dsn, first, "gone", code=1) == {
        "queue": "all", "canceled": [first], "not_waiting": ["gone"],
    }  # fmt: skip
    assert run("cancel", dsn, second).stdout == f"{second}\n"
    assert (
        run("cancel", dsn, second, code=1).stderr.splitlines()[-1].endswith(f"Not waiting on the queue 'all': {second}")
    )


def test_purge_removes_what_waits_when_told_yes(run: Any, run_json: Any, enqueue: Any, gator: Gator, dsn: str) -> None:
    enqueue("send")
    enqueue("send", "--delay", "60")

    assert run_json("purge", dsn, "--yes") == {"queue": "all", "purged": 2}
    assert gator.len() == 0
    assert run("purge", dsn, "--yes").stdout == "Removed 0 tasks.\n"


def test_purge_wants_a_yes_where_it_cannot_ask(run: Any, enqueue: Any, gator: Gator, dsn: str) -> None:
    enqueue("send")

    assert "This can't be undone: say --yes." in run("purge", dsn, code=2).stderr
    assert gator.len() == 1


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 1, 1), (b"y\n", 0, 0)])
def test_purge_asks_on_a_terminal(
    shell: Callable[..., tuple[int, str, str]], folder: Path, shop: str, answer: bytes, code: int, left: int
) -> None:
    (folder / f"{shop}_app.py").write_text(
        f"import atexit\nfrom alligator import Gator\nimport {shop}\n"
        f"gator = Gator('locmem://')\ngator.task({shop}.send)\natexit.register(lambda: print('left', gator.len()))\n"
    )
    ours, theirs = pty.openpty()
    os.write(ours, answer)

    found, out, err = shell("alligator", "purge", f"{shop}_app:gator", stdin=theirs)

    os.close(ours)
    os.close(theirs)
    assert (found, out.splitlines()[-1]) == (code, f"left {left}")
    assert "Remove 1 task from the queue 'all' of locmem://? [y/N]:" in err
