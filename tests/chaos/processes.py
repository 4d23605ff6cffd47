"""Worker processes of a scene, each with its children where it is a supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.watching import Watcher

from .history import History

COMMAND = "from alligator_core.cli import main; main()"


class WorkerProcess:
    """One `alligator worker`, and its children where it is a supervisor."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, history: History) -> None:
        self._history = history
        command = [sys.executable, "-c", COMMAND, "worker", "tests.chaos.app:gator", *arguments]
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                command, stdout=stderr, stderr=stderr, env=environment, start_new_session=True
            )
        self._watcher = Watcher(self.process.pid)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        # Not waited for: as long as it is a zombie, its id is nobody else's.
        if self.process.returncode is not None:
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def children(self) -> list[int]:
        """Return the ids of its children."""
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True, check=False
        )
        return [int(word) for word in found.stdout.split()]

    def kill(self) -> None:
        """Kill this process, and none of its children."""
        self._history.note("killed", pid=self.pid)
        self.process.kill()

    def kill_all(self) -> None:
        """Kill it with all its children."""
        pids = self._pids()
        for pid in pids:
            self._history.note("killed", pid=pid)
        _signal(pids, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it with all its children."""
        pids = self._pids()
        for pid in pids:
            self._history.note("hurt", pid=pid)
        _signal(pids, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let all of it go on."""
        pids = self._pids()
        _signal(pids, signal.SIGCONT)
        for pid in pids:
            self._history.note("healed", pid=pid)

    def terminate(self) -> None:
        """Ask it to stop."""
        os.kill(self.pid, signal.SIGTERM)

    def close(self) -> int:
        """Kill what is left of it, and return the exit code that it had."""
        if self.process.returncode is None:
            self._watcher.close()
            # Itself first, or it would start new ones.
            pids = self._pids()
            _signal(pids, signal.SIGKILL)
        return self.process.wait()

    def _pids(self) -> list[int]:
        return [self.pid, *self.children()]


def kill(pid: int, history: History) -> None:
    """Kill one process of a group."""
    history.note("killed", pid=pid)
    _signal([pid], signal.SIGKILL)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
