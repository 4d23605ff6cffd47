"""A real RabbitMQ for the tests, on ports and in a folder of its own, with a port mapper of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import amqp

from tests.waiting import free_port, wait_until
from tests.watching import Watcher

PATIENCE: Final = 120.0
SCRIPTS: Final = "/usr/lib/rabbitmq/bin"
"""Debian's own commands, by which a server runs as whoever starts it; those on the PATH change to a user of its own."""


def server_binary() -> str:
    """Return the path of rabbitmq-server. Raises RuntimeError that says how to get it."""
    found = shutil.which("rabbitmq-server", path=f"{SCRIPTS}:/opt/homebrew/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError(
            "RabbitMQ is not installed. On Debian: apt-get install --no-install-recommends rabbitmq-server"
        )
    return found


def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a condition."""
    wait_until(condition, patience)


class UsersWatcher:
    """Kills a process when nobody has a shared lock on a file any more: each of those who use it ends when it likes."""

    def __init__(self, pid: int, users: Path) -> None:
        code = f"import fcntl, os; fcntl.flock(open({str(users)!r}), fcntl.LOCK_EX); os.kill({pid}, 9)"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stderr=subprocess.DEVNULL, start_new_session=True
        )

    def leave(self) -> None:
        """Let it watch on after this process has ended."""
        disown(self._process)

    def close(self) -> None:
        """Watch no more."""
        self._process.kill()
        self._process.wait()


def disown(process: subprocess.Popen[bytes]) -> None:
    """Have Python not wait for a process, nor warn that nobody did: it may outlive this one."""
    if process.returncode is None:
        process.returncode = 0


class Server:
    """One RabbitMQ node. `conf` are lines of its rabbitmq.conf."""

    def __init__(self, folder: Path, *conf: str, users: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._folder = folder
        self._users = users
        self._node = f"alligator{self.port}@localhost"
        self._dist, self._mapper = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._watchers: list[Watcher | UsersWatcher] = []
        (folder / "plugins").write_text("[].\n")
        lines = (f"listeners.tcp.default = 127.0.0.1:{self.port}", "disk_free_limit.absolute = 1MB", *conf)
        (folder / "rabbit.conf").write_text("\n".join(lines) + "\n")
        self.start()

    @property
    def dsn(self) -> str:
        """Its DSN."""
        return f"amqp://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # Its own port mapper would be started in the background, and stay there.
        self._run(["epmd", "-port", str(self._mapper), "-address", "127.0.0.1"])
        until(lambda: listens(self._mapper))
        self._run([server_binary()])
        until(lambda: self._has_ended() or _answers(self.port))
        assert not self._has_ended(), (self._folder / "output").read_text()

    def stop(self) -> None:
        """End it in good order."""
        if self._processes:
            self._processes[-1].terminate()
            self._processes[-1].wait(PATIENCE)
        self._end()

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end()

    def leave(self) -> None:
        """Use it no more, where it has other users: it ends with the last of them, perhaps right now."""
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
            disown(process)
        for watcher in self._watchers:
            if isinstance(watcher, UsersWatcher):
                watcher.leave()

    def restart(self) -> None:
        """Kill it and start it again, on the same port."""
        self.kill()
        self.start()

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl."""
        command = [f"{Path(server_binary()).parent}/rabbitmqctl", "-n", self._node, *arguments]
        done = subprocess.run(command, env=self._environment(), capture_output=True, timeout=PATIENCE, check=True)
        return done.stdout.decode()

    def messages(self) -> int:
        """Count the messages that wait or are held, dead letters left out."""
        lines = self.ctl("-q", "list_queues", "--no-table-headers", "name", "messages").splitlines()
        return sum(int(line.split("\t")[1]) for line in lines if not line.split("\t")[0].endswith("(dead)"))

    def connection(self, **options: Any) -> amqp.Connection:
        """Return a connection of the bare client, for looking behind the scenes."""
        connection = amqp.Connection(f"127.0.0.1:{self.port}", login_method="PLAIN", **options)
        connection.connect()
        return connection

    def _run(self, command: list[str]) -> None:
        with (self._folder / "output").open("ab") as output:
            process = subprocess.Popen(
                command, env=self._environment(), stdout=output, stderr=output, start_new_session=True
            )
        self._processes.append(process)
        self._watchers.append(Watcher(process.pid) if self._users is None else UsersWatcher(process.pid, self._users))

    def _has_ended(self) -> bool:
        return self._processes[-1].poll() is not None

    def _end(self) -> None:
        for watcher in self._watchers:
            watcher.close()
        for process in reversed(self._processes):
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(PATIENCE)
        self._processes, self._watchers = [], []

    def _environment(self) -> Mapping[str, str]:
        folder = str(self._folder)
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "ERL_EPMD_PORT": str(self._mapper),
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbit.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_LOGS": f"{folder}/log.txt",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_NODENAME": self._node,
            # One scheduler that doesn't spin: many tests run at the same time.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none "
            "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
        }


@contextmanager
def shared_server(basetemp: Path) -> Iterator[str]:
    """Yield the DSN of a server that all test processes of a run share: it takes seconds to start.

    `basetemp` is pytest's, for this process.
    """
    folder = (basetemp.parent if "PYTEST_XDIST_WORKER" in os.environ else basetemp) / "rabbitmq"
    folder.mkdir(exist_ok=True)
    users = folder / "users"
    users.touch()
    with users.open() as shared:
        with (folder / "start").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            # From here on nobody ends it.
            fcntl.flock(shared, fcntl.LOCK_SH)
            port, started = _started(folder, users)
        yield f"amqp://127.0.0.1:{port}/"
    if started is not None:
        started.leave()


def _started(folder: Path, users: Path) -> tuple[int, Server | None]:
    """Return the server's port, and the server where it was started here."""
    noted = folder / "port"
    if noted.exists() and listens(int(noted.read_text())):
        return int(noted.read_text()), None
    server = Server(folder / f"node-{os.getpid()}", users=users)
    noted.write_text(str(server.port))
    return server.port, server


def listens(port: int) -> bool:
    """Whether anybody listens on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def _answers(port: int) -> bool:
    if not listens(port):
        return False
    try:
        with amqp.Connection(f"127.0.0.1:{port}", login_method="PLAIN", connect_timeout=2.0):
            return True
    except (OSError, amqp.AMQPError):
        return False
