"""Worker processes of a scene: each the leader of a group of its own, so that all of it can be hurt at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

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
        # Ends the group when this process is gone, in whatever way: then the input of that shell ends.
        watch = ["sh", "-c", f"read _; kill -9 -{self.process.pid}"]
        self._watcher = subprocess.Popen(
            watch, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        # Not waited for: as long as it is a zombie, its id and its group's are nobody else's.
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
        """Kill its whole group."""
        for pid in [self.pid, *self.children()]:
            self._history.note("killed", pid=pid)
        self._signal_all(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the whole group."""
        for pid in [self.pid, *self.children()]:
            self._history.note("hurt", pid=pid)
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        pids = [self.pid, *self.children()]
        self._signal_all(signal.SIGCONT)
        for pid in pids:
            self._history.note("healed", pid=pid)

    def terminate(self) -> None:
        """Ask it to stop."""
        os.kill(self.pid, signal.SIGTERM)

    def close(self) -> int:
        """Kill what is left of it, and return the exit code that it had."""
        if self.process.returncode is None:
            self._watcher.kill()
            self._watcher.communicate()
            self._signal_all(signal.SIGKILL)
        return self.process.wait()

    def _signal_all(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def kill(pid: int, history: History) -> None:
    """Kill one process of a group."""
    history.note("killed", pid=pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
