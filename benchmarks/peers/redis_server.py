"""The one redis-server that all systems are measured on: a free port on loopback, no persistence."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import processes


class RedisServer:
    """A running redis-server, and a connection to it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """Start the server. Raises SystemExit if there is none to start."""
        binary = shutil.which("redis-server")
        if binary is None:
            raise SystemExit("There is no redis-server to measure on: apt-get install redis-server")
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = [binary, *options, "--dir", str(folder), "--loglevel", "warning"]
        self.process = processes.start(command, environment, log=folder / "redis.log")
        self._socket = _connect(self.port)
        self.version = self._info("redis_version")

    def flush(self) -> None:
        """Remove everything."""
        self._command("FLUSHALL", "SYNC")

    def stop(self) -> None:
        """Stop the server."""
        self._socket.close()
        processes.end(self.process)

    def _info(self, field: str) -> str:
        for line in self._command("INFO").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return value.strip()
        raise LookupError(field)

    def _command(self, *words: str) -> str:
        parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
        self._socket.sendall(f"*{len(parts)}\r\n{''.join(parts)}".encode())
        with self._socket.makefile("rb") as replies:
            first = replies.readline().decode().strip()
            if first.startswith("-"):
                raise RuntimeError(first)
            return replies.read(int(first[1:]) + 2).decode() if first.startswith("$") else first


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _connect(port: int) -> socket.socket:
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
