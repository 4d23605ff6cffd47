"""A proxy before a server that loses connections and replies when it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Proxy:
    """Passes everything on, until `lose_reply` or `cut` says otherwise."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._loses: Callable[[bytes], bool] | None = None
        self.lost = threading.Event()
        self._doomed: set[socket.socket] = set()
        self._fatal: tuple[bytes, int] | None = None
        self._is_down = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def dsn(self) -> str:
        """The server's DSN by way of this."""
        return f"redis://127.0.0.1:{self.port}/0"

    def lose_reply(self, to: bytes, *, after: int = 0) -> None:
        """Let the server carry out the next request that contains these bytes, and cut the connection instead of
        passing its reply on; `after` so many others of that kind."""
        self.lost.clear()
        before = iter(range(after))
        self._loses = lambda data: to in data and next(before, None) is None

    def go_down(self, *, at: bytes, number: int) -> None:
        """Let the server carry out the so-manieth request from now that contains these bytes, and then cut all
        connections and take no more, until told to `revive`."""
        self._fatal = at, number

    def stay_away(self) -> None:
        """Cut all connections and take no more, until told to `revive`."""
        self._is_down = True
        self.cut()

    def revive(self) -> None:
        """Take connections again."""
        self._is_down = False

    def cut(self) -> None:
        """Cut all connections."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)

    def close(self) -> None:
        """End it."""
        _close(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            if self._is_down:
                _close(client, server)
                continue
            self._pairs.append((client, server))
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._replies, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if self._loses is not None and self._loses(data):
                    self._loses = None
                    self._doomed.add(server)
                self._count(data, server)
                server.sendall(data)
        _close(client, server)

    def _replies(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if server in self._doomed:
                    self._doomed.discard(server)
                    self.lost.set()
                    break
                client.sendall(data)
        _close(client, server)

    def _count(self, data: bytes, server: socket.socket) -> None:
        if self._fatal is None or self._fatal[0] not in data:
            return
        self._fatal = self._fatal[0], self._fatal[1] - 1
        if self._fatal[1] == 0:
            self._fatal = None
            self._is_down = True
            self._doomed.add(server)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
