"""The end of what tests have started, when they are gone themselves."""

from __future__ import annotations

import subprocess


class Watcher:
    """Kills a process when this one is gone, in whatever way: then the input of a shell ends."""

    def __init__(self, pid: int) -> None:
        watch = ["sh", "-c", f"read _; kill -9 {pid}"]
        self._shell = subprocess.Popen(watch, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)

    def close(self) -> None:
        """Watch no more: its pid may soon be another's."""
        self._shell.kill()
        self._shell.communicate()
