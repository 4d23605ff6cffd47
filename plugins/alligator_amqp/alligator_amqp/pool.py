"""The connections of producers and operators, and how a connection is made."""

from __future__ import annotations

import os
import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar
from weakref import WeakSet

from alligator_core.errors import BackendError

from .failures import LinkError, Lost, Unreachable, explained
from .link import Link
from .settings import Settings

T = TypeVar("T")

IDLE: Final = 1.0
"""Seconds without use after which a connection is tried before it is trusted: its server may have restarted."""

SPARE: Final = 4
"""Connections that are kept for later."""


class Pool:
    """Connections to one server or cluster. Threads take and give them; a forked child makes its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._free: deque[Link] = deque()
        self._context = settings.tls_context() if settings.tls else None
        _pools.add(self)

    def connect(self, heartbeat: int = 0) -> Link:
        """Return a new connection, to the first node that can be reached. Raises Unreachable or Refused."""
        failed: Unreachable | None = None
        for host, port in self.settings.hosts:
            try:
                return Link(self.settings, host, port, self._context, heartbeat)
            except Unreachable as exc:
                failed = exc
        raise failed or Unreachable("no host")

    def take(self) -> Link:
        """Return a connection that nobody else uses. Raises Unreachable or Refused."""
        while True:
            try:
                link = self._free.pop()
            except IndexError:
                return self.connect()
            if link.is_open and (time.monotonic() - link.used_at < IDLE or link.is_alive()):
                return link
            link.shut()
            # What ended this one ended the others, most likely, and to wait for each takes long.
            while self._free:
                with suppress(IndexError):
                    self._free.pop().shut()

    def give(self, link: Link) -> None:
        """Give back a connection that holds nothing and has no answer outstanding."""
        if len(self._free) >= SPARE:
            link.close()
            return
        self._free.append(link)

    def call(self, action: Callable[[Link], T], *, repeat: bool = False) -> T:
        """Do something with a connection, and once more on another one if it fails and may be repeated.

        Raises BackendError or BackendUnavailable.
        """
        for is_last in (False, True):
            sent = False
            try:
                link = self.take()
                sent = True
                try:
                    result = action(link)
                except BaseException:
                    link.shut()
                    # What ended this one may have ended the others.
                    self.distrust()
                    raise
            except LinkError as exc:
                if is_last or not repeat or not isinstance(exc, Lost):
                    raise self.explain(exc, maybe_applied=sent and not repeat) from exc
                time.sleep(random.uniform(0.01, 0.03))  # noqa: S311
            else:
                self.give(link)
                return result
        raise AssertionError("unreachable")

    def distrust(self) -> None:
        """Try each connection before it is used again."""
        for link in list(self._free):
            link.used_at = -IDLE

    def explain(self, exc: LinkError, *, maybe_applied: bool) -> BackendError:
        """Return the error that an app gets to see."""
        return explained(exc, self.settings.shown, maybe_applied=maybe_applied)

    def close(self) -> None:
        """Close what nobody uses just now."""
        while self._free:
            try:
                self._free.pop().close()
            except IndexError:
                return

    def forget(self) -> None:
        """Let go of the parent's connections, in a forked child, without a word to the server."""
        _inherited.extend(self._free)
        self._free = deque()


def _forget_parents_connections() -> None:
    for pool in list(_pools):
        pool.forget()


_pools: WeakSet[Pool] = WeakSet()
_inherited: list[Link] = []
"""Connections of the parent. They are kept, since the client library might say good-bye when they are collected."""

os.register_at_fork(after_in_child=_forget_parents_connections)
