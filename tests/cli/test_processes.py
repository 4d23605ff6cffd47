"""Commands in processes of their own, on one file: as in a shell."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

Start = Callable[..., "subprocess.Popen[str]"]
Shell = Callable[..., tuple[int, str, str]]

DSN = "sqlite:///queue.db"


def test_a_task_goes_from_one_process_to_another(shell: Shell, start: Start, folder: Path) -> None:
    (folder / "jobs.py").write_text("def note(*args, **kwargs):\n    print(args, kwargs, flush=True)\n")
    worker = start("alligator", "worker", DSN)
    assert worker.stdout is not None

    code, out, err = shell("alligator", "enqueue", DSN, "jobs:note", "1", '"two"', "key=3")

    assert worker.stdout.readline() == "(1, 'two') {'key': 3}\n"
    assert (code, len(out.strip()), err) == (0, 32, "")
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)
    assert worker.returncode == 0
    counted = json.loads(shell("alligator", "stats", DSN, "--json")[1])
    assert counted["queues"][0]["reserved"] == counted["queues"][0]["ready"] == 0


def test_a_dead_letter_is_mended_and_requeued(shell: Shell, folder: Path) -> None:
    (folder / "jobs.py").write_text("def note():\n    return 1 / 0\n")
    shell("alligator", "enqueue", "-", "jobs:note", environ={"ALLIGATOR_CONN": DSN})
    shell("latergator", DSN, "--burst")
    (letter,) = json.loads(shell("alligator", "dead", "list", DSN, "--json")[1])["dead"]
    assert letter["reason"].startswith("ZeroDivisionError")
    (folder / "jobs.py").write_text("def note():\n    print('mended')\n")

    assert shell("alligator", "dead", "requeue", DSN, letter["id"]) == (0, "Requeued 1 task.\n", "")
    code, out, _ = shell("latergator", DSN, "--burst")

    assert (code, out) == (0, "mended\n")


def test_a_file_that_cannot_be_opened_is_exit_code_3(shell: Shell) -> None:
    code, out, err = shell("alligator", "stats", "sqlite:///no/such/folder/queue.db")

    assert (code, out, len(err.splitlines())) == (3, "", 1)
