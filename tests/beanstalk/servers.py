"""A real beanstalkd for the tests, on a port and in a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import greenstalk

from tests.waiting import free_port, wait_until
from tests.watching import Watcher

PATIENCE: Final = 45.0


def beanstalkd_binary() -> str:
    """Return the path of beanstalkd. Raises RuntimeError that says how to get it."""
    found = shutil.which("beanstalkd", path="/usr/bin:/usr/local/bin:/usr/sbin:/opt/homebrew/bin")
    if found is None:
        raise RuntimeError("beanstalkd is not installed. On Debian: apt-get install --no-install-recommends beanstalkd")
    return found


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    wait_until(condition, PATIENCE)


class Server:
    """One beanstalkd; with a folder it keeps its log there, and survives a kill. `options` are its command line's."""

    def __init__(self, folder: Path | None, *options: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        self.start()

    @property
    def dsn(self) -> str:
        """Its DSN. The time to run is long: a test that stands still for a moment loses nothing by that."""
        return f"beanstalk://127.0.0.1:{self.port}/?ttr=60"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def client(self, **options: Any) -> greenstalk.Client[bytes]:
        """Return a client for looking behind the scenes."""
        return greenstalk.Client(("127.0.0.1", self.port), encoding=None, **options)

    def stats(self, tube: str = "") -> dict[str, Any]:
        """Return what it tells of itself, or of a tube."""
        with self.client() as client, suppress(greenstalk.NotFoundError):
            return {**(client.stats_tube(tube) if tube else client.stats())}
        return {}

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [beanstalkd_binary(), "-l", "127.0.0.1", "-p", str(self.port), *self._options]
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            command += ["-b", str(self._folder), "-f0"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._watcher = Watcher(self._process.pid)
        until(self._answers)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut does; it has no gentler way."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def restart(self) -> None:
        """Kill it and start it again, on the same port."""
        self.kill()
        self.start()

    def _answers(self) -> bool:
        assert self._process is None or self._process.poll() is None, "beanstalkd ended"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                return True
        except OSError:
            return False
