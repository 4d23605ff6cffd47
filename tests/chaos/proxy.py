"""A proxy on loopback that does to connections what networks do."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress


class Proxy:
    """Passes everything on, unless told otherwise. All switches may be set at any time."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.delay: Callable[[], float] | None = None
        """Returns how many seconds a piece of data takes."""
        self.is_hole = False
        """Swallow all data both ways, and let the connections stand."""
        self.replies_lost = 0
        self._loses: Callable[[bytes], bool] | None = None
        self._doomed: set[socket.socket] = set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_replies(self, share: float, rng: random.Random) -> None:
        """Lose the replies to a share of all requests, and their connections with them; 0 ends it."""
        self._loses = (lambda data: rng.random() < share) if share else None

    def cut(self) -> None:
        """Cut all connections."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)

    def half_close(self) -> None:
        """Let no more requests through on the connections that stand: the server sees their end, the client doesn't."""
        for _, server in self._pairs:
            with suppress(OSError):
                server.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End it."""
        _close(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the server is away: so is this
                _close(client)
                continue
            self._pairs.append((client, server))
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._replies, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if self._loses is not None and self._loses(data):
                    self._doomed.add(server)
                self._pass(data, server)
        _close(client, server)

    def _replies(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if server in self._doomed:
                    self._doomed.discard(server)
                    self.replies_lost += 1
                    break
                self._pass(data, client)
        _close(client, server)

    def _pass(self, data: bytes, to: socket.socket) -> None:
        if self.delay is not None:
            time.sleep(self.delay())
        if not self.is_hole:
            to.sendall(data)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
