"""SQS for the tests: two emulators, each on a port and in a folder of its own, and plain clients for looking behind."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.waiting import free_port, wait_until
from tests.watching import Watcher

PATIENCE: Final = 60.0
START: Final = 60.0
"""Seconds for an emulator to start: it imports a lot, and others may be busy with the same."""
REGION: Final = "us-west-2"

# Nothing of this machine's own may be found, and no address outside of it be asked.
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def use_test_credentials() -> None:
    """Let this process, and those that it starts, have credentials that are good for emulators only."""
    os.environ.update(ENVIRONMENT)


def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a condition."""
    wait_until(condition, patience)


def client_of(endpoint: str) -> Any:
    """Return a plain boto3 client."""
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
    return boto3.client("sqs", region_name=REGION, endpoint_url=endpoint, config=config)


class Server:
    """An emulator as a process of its own, which keeps all in memory."""

    command: ClassVar[tuple[str, ...]]
    health: ClassVar[str]

    def __init__(self) -> None:
        use_test_credentials()
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="sqs-")
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        self.start()

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def dsn(self, *options: str) -> str:
        """Return its DSN: with short waits, and queues that are created where they are missing."""
        usual = (f"endpoint={self.endpoint}/", "create=yes", "wait=1", "timeout=5")
        given = {option.partition("=")[0] for option in options}
        kept = [option for option in usual if option.partition("=")[0] not in given]
        return f"sqs://{REGION}/?{'&'.join((*kept, *options))}"

    def client(self) -> Any:
        """Return a client for looking behind the scenes."""
        return client_of(self.endpoint)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = {
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": f"{self.port}",
            "LOG_LEVEL": "ERROR",
            "SERVICES": "sqs",
            "TMPDIR": self._folder.name,
        }
        command = [sys.executable, "-W", "ignore", *(word.format(port=self.port) for word in self.command)]
        with (Path(self._folder.name) / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self._folder.name)
        self._watcher = Watcher(self._process.pid)
        until(self._answers, START)

    def kill(self) -> None:
        """End it, with all that it keeps."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def close(self) -> None:
        """End it, and remove its folder."""
        self.kill()
        self._folder.cleanup()

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((Path(self._folder.name) / "log").read_text())
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            asking.request("GET", self.health)
            return asking.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asking.close()


class Ministack(Server):
    """The main one. It refuses stale receipts, and keeps the order of standard queues too."""

    command = ("-m", "ministack")
    health = "/_ministack/health"


class Moto(Server):
    """The second opinion. It lets anybody delete by a stale receipt."""

    command = ("-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}")
    health = "/moto-api/data.json"
