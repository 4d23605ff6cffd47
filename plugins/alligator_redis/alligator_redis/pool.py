"""Connections to one server: redis-py's own, without what its clients do around each command.

A command costs redis-py 15 µs of Python besides the round trip. Here it is packed once and written straight to a
`redis.Connection`, which keeps to itself what it does well: connecting, TLS, authentication, RESP2 and RESP3.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition
from typing import Any, Final
from weakref import WeakSet

from redis.exceptions import RedisError

from alligator_core.errors import BackendError

from .link import Link, packed, read, send
from .scripts import Script, scripts

log = logging.getLogger("alligator.redis")

IDLE: Final = 1.0
"""Seconds without use after which a connection is looked at before it is trusted: its server may have restarted."""

OLDEST: Final = (6, 2)


class Pool:
    """The connections to one server. Threads take and give them; a forked child makes its own."""

    def __init__(self, connect: Callable[[], Link], limit: int, timeout: float) -> None:
        self._connect = connect
        self._limit = limit
        self._timeout = timeout
        self._free: deque[tuple[Link, float]] = deque()
        self._made = 0
        self._changed = Condition()
        self._starving = 0
        self.scripts: dict[str, Script] = {}
        self.push_one_head = b""
        _pools.add(self)

    def take(self) -> Link:
        """Return a connection that nobody else uses, connected. Raises what redis-py raises."""
        while True:
            try:
                connection, used_at = self._free.pop()
            except IndexError:
                return self._new()
            if time.monotonic() - used_at < IDLE or _is_open(connection):
                return connection
            self.drop(connection)

    def take_idle(self) -> Link | None:
        """Return a connection that is free already; None if there is none, or others may have to wait for one."""
        if self._made >= self._limit:
            return None
        try:
            connection, used_at = self._free.pop()
        except IndexError:
            return None
        if time.monotonic() - used_at < IDLE:
            return connection
        self._free.append((connection, used_at))
        return None

    def give(self, connection: Link) -> None:
        """Give back a connection that has no reply outstanding."""
        self._free.append((connection, time.monotonic()))
        if self._starving:
            with self._changed:
                self._changed.notify()

    def drop(self, connection: Link) -> None:
        """Close a connection that was taken."""
        connection.disconnect()
        with self._changed:
            self._made -= 1
            self._changed.notify()

    def close(self) -> None:
        """Close what nobody uses just now."""
        while self._free:
            self.drop(self._free.pop()[0])

    def forget(self) -> None:
        """Let go of the parent's connections, in a forked child, without disturbing them."""
        free, self._free = self._free, deque()
        self._changed = Condition()
        self._made = self._starving = 0
        for connection, _ in free:
            connection.disconnect()

    def load(self, connection: Link) -> None:
        """Make all scripts known to the server."""
        loads = [packed("SCRIPT", "LOAD", script.source) for script in self.scripts.values()]
        send(connection, b"".join(loads))
        replies = [read(connection) for _ in loads]
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply

    def pack(self, name: str, keys: Sequence[bytes], args: Sequence[Any]) -> bytes:
        """Return the call of a script as it goes over the wire."""
        return packed("EVALSHA", self.scripts[name].sha, len(keys), *keys, *args)

    def use_scripts(self, *, have_flags: bool) -> None:
        """Choose the scripts by whether the server knows flags in them."""
        chosen = dict(scripts(have_flags=have_flags))
        sha = chosen["push_one"].sha.encode()
        self.push_one_head = b"*6\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n1\r\n" % sha
        self.scripts = chosen

    def _new(self) -> Link:
        free = self._wait_for_room()
        if free is not None:
            return free
        try:
            connection = self._connect()
            connection.connect()
            if not self.scripts:
                self._introduce(connection)
        except BaseException:
            with self._changed:
                self._made -= 1
                self._changed.notify()
            raise
        return connection

    def _wait_for_room(self) -> Link | None:
        """Wait until a connection may be made, or one is free."""
        deadline = time.monotonic() + self._timeout
        with self._changed:
            self._starving += 1
            try:
                while self._made >= self._limit:
                    if self._free:
                        return self._free.pop()[0]
                    if not self._changed.wait(deadline - time.monotonic()):
                        raise BackendError(
                            f"All {self._limit} connections were in use for {self._timeout:g} s: raise "
                            "max_connections= in the DSN, or use fewer threads."
                        )
                self._made += 1
            finally:
                self._starving -= 1
        return None

    def _introduce(self, connection: Link) -> None:
        """Check once that the server will do, and choose the scripts for its version."""
        send(connection, packed("INFO", "server") + packed("INFO", "memory"))
        server, memory = read(connection), read(connection)
        for reply in (server, memory):
            if isinstance(reply, Exception):
                raise reply
        facts = _facts(server + b"\n" + memory)
        version = facts.get("redis_version", "0")
        number = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if number < OLDEST:
            raise BackendError(f"The server is Redis {version}: 6.2 or later is needed, or Valkey 7.2.")
        if facts.get("maxmemory_policy", "noeviction") != "noeviction":
            log.warning(
                "The server may throw away queued tasks when its memory is full: maxmemory-policy is %s, "
                "and should be noeviction.",
                facts["maxmemory_policy"],
            )
        self.use_scripts(have_flags=number >= (7, 0))


def _is_open(connection: Link) -> bool:
    try:
        # Nothing was asked, so anything to be read is the end of the stream, or no good sign either.
        return not connection.can_read(0)
    except (RedisError, OSError):
        return False


def _facts(info: bytes) -> dict[str, str]:
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


_pools: WeakSet[Pool] = WeakSet()


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
