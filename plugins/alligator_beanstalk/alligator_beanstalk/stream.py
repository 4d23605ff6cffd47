"""The bytes of one connection: commands go out, lines and chunks come in."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from weakref import WeakSet

from .failures import Garbled, Lost, Unreachable

_LONGEST_LINE: Final = 512
_MOST: Final = 1 << 18
_MANY: Final = 64
_NAP: Final = 0.0003


class Stream:
    """A connection, as far as it doesn't matter what is said. One thread at a time may use it; any may `shut` it."""

    def __init__(self, host: str, port: int, timeout: float, connect_timeout: float) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=connect_timeout)
        except OSError as exc:
            raise Unreachable(_plain(exc)) from exc
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.settimeout(timeout)
        self._timeout = timeout
        self._data = b""
        self._at = 0
        self.is_open = True
        _streams.add(self)

    def is_alive(self) -> bool:
        """Whether the server has not closed its end, and has said nothing that nobody asked for."""
        try:
            self._socket.setblocking(False)
            self._socket.recv(1, socket.MSG_PEEK)
            return False
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        finally:
            with suppress(OSError):
                self._socket.settimeout(self._timeout)

    def close(self) -> None:
        """End it. Whatever was reserved by way of it is ready again, and counts as if its holder had died."""
        self.is_open = False
        self._socket.close()

    def __del__(self) -> None:
        # Of a consumer that nobody closed: as if its process had ended.
        if hasattr(self, "_socket"):
            self._socket.close()

    def shut(self) -> None:
        """End it from another thread: whoever waits for an answer gets Lost at once."""
        self.is_open = False
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def send(self, data: bytes) -> None:
        """Send commands. Raises Lost."""
        try:
            self._socket.sendall(data)
        except OSError as exc:
            raise Lost(_plain(exc)) from exc

    def line(self) -> bytes:
        """Return the next line of an answer. Raises Lost or Garbled."""
        while (end := self._data.find(b"\r\n", self._at)) < 0:
            if len(self._data) - self._at > _LONGEST_LINE:
                raise Garbled(self._data[self._at : self._at + 60])
            self._fill()
        line = self._data[self._at : end]
        self._at = end + 2
        return line

    def lines(self, count: int) -> list[bytes]:
        """Return the next lines, so many. Raises Lost or Garbled."""
        if not count:
            return []
        while self._data.count(b"\n", self._at) < count:
            if self._data.rfind(b"\n", self._at) < len(self._data) - _LONGEST_LINE - 2 > self._at:
                raise Garbled(self._data[-60:])
            nap(count)
            self._fill()
        lines = self._data[self._at :].split(b"\r\n", count)
        if len(lines) <= count:
            raise Garbled(lines[-1])
        self._data, self._at = lines.pop(), 0
        return lines

    def chunk(self, size: int) -> bytes:
        """Return the so many bytes that follow a line. Raises Lost or Garbled."""
        missing = self._at + size + 2 - len(self._data)
        if missing > 0:
            self._fill(missing)
        end = self._at + size
        found = self._data[self._at : end]
        if self._data[end : end + 2] != b"\r\n":
            raise Garbled(self._data[end : end + 60])
        self._at = end + 2
        return found

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Give the server so many seconds more for its answers within the block. Raises Lost."""
        try:
            self._socket.settimeout(seconds + self._timeout)
        except OSError as exc:
            raise Lost(_plain(exc)) from exc
        try:
            yield
        finally:
            with suppress(OSError):
                self._socket.settimeout(self._timeout)

    def _fill(self, missing: int = 1) -> None:
        """Receive at least so many bytes."""
        parts = [self._data[self._at :]]
        while missing > 0:
            try:
                part = self._socket.recv(_MOST)
            except OSError as exc:
                raise Lost(_plain(exc)) from exc
            if not part:
                where = " in the middle of an answer" if any(parts) else ""
                raise Lost(f"it closed the connection{where}")
            parts.append(part)
            missing -= len(part)
        self._data, self._at = b"".join(parts), 0


def nap(count: int) -> None:
    """Let the server get on: the first of many answers would wake this thread, and each of the others again."""
    if count > _MANY:
        time.sleep(_NAP)


def _plain(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return "it doesn't answer in time"
    return exc.strerror or str(exc) or type(exc).__name__


def _forget_parents_streams() -> None:
    # The descriptor alone is closed: the parent goes on with its own, and must not share it with a child that lives
    # longer, or the server would not notice the parent's end.
    for stream in list(_streams):
        stream.close()


_streams: WeakSet[Stream] = WeakSet()
os.register_at_fork(after_in_child=_forget_parents_streams)
