"""Signals that a supervisor passes on without ending."""

from __future__ import annotations

import signal
import sys

from alligator import Gator
from tests.conftest import Launch
from tests.core.helpers import eventually

from . import jobs
from .conftest import Marks, on_sqlite


@on_sqlite
def test_every_process_shows_what_it_runs_one_after_the_other(
    launch: Launch, dsn: str, gator: Gator, marks: Marks
) -> None:
    log = marks.path.with_name("log")
    with log.open("w") as stderr:
        command = [sys.executable, "-m", "alligator", "worker", dsn, "--processes", "2"]
        process = launch(command, stderr=stderr)
    eventually(lambda: log.read_text().count(" starts on ") == 2)
    for number in range(2):
        gator.task(jobs.mark_and_sleep, str(marks), number, 10)
    eventually(lambda: {"0", "1"} <= marks.counted().keys())
    process.send_signal(signal.SIGUSR1)
    eventually(lambda: log.read_text().count("tests.supervisor.jobs:mark_and_sleep") == 2)
    assert len({pid for _, pid in marks.lines}) == 2
    process.terminate()
    assert process.wait(30) == 0
