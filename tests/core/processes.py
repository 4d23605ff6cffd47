"""Workers in processes of their own, for tests that send them signals or kill them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

WORKER = """
import json, logging, sys
import alligator_core.keeper as keeper
import alligator_core.stopping as stopping
from alligator import Gator, Worker

dsn, options = sys.argv[1], json.loads(sys.argv[2])
keeper.HOARDING = options.pop("hoarding", keeper.HOARDING)
stopping.LAST_RESORT = options.pop("last_resort", stopping.LAST_RESORT)
in_hand = options.pop("in_hand", 1)
logging.basicConfig(level=logging.INFO)
worker = Worker(Gator(dsn, plugins=[]), **options)
worker._pace.limit = in_hand
worker.run_forever()
"""


class WorkerProcess:
    """A running worker. It is killed when the test ends, if it lives still.

    Besides the options of a Worker there are `hoarding`, the seconds that tasks may wait in hand, `in_hand`, how many
    it takes the first time, and `last_resort`, the seconds that a task gets to unwind.
    """

    def __init__(self, dsn: str, log: Path, **options: Any) -> None:
        self.log = log
        with log.open("a") as stderr:
            arguments = [sys.executable, "-c", WORKER, dsn, json.dumps(options)]
            self.process = subprocess.Popen(arguments, stdout=stderr, stderr=stderr)

    def send(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def is_running(self) -> bool:
        return self.process.poll() is None

    def exit_code(self) -> int:
        """Wait for the end, and return the exit code."""
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker did not end:\n{self.log.read_text()}") from None
