"""The connections of producers and operators, and how a connection is made."""

from __future__ import annotations

import logging
import os
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar
from weakref import WeakSet

from alligator_core.errors import BackendError

from .facts import ServerFacts, server_facts
from .failures import LinkError, Lost, Unreachable, explained
from .link import Link
from .settings import Settings

log = logging.getLogger("alligator.beanstalk")

T = TypeVar("T")

IDLE: Final = 1.0
"""Seconds without use after which a connection is looked at before it is trusted: its server may have restarted."""

SPARE: Final = 8
"""Connections that are kept for later."""


class Pool:
    """Connections to one server. Threads take and give them; a forked child makes its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._free: deque[Link] = deque()
        self._facts: ServerFacts | None = None
        _pools.add(self)

    @property
    def facts(self) -> ServerFacts:
        """What the server tells of itself; it is asked where that isn't known yet. Raises BackendError."""
        if self._facts is None:
            self.call(lambda _: None, repeat=True)
        assert self._facts is not None
        return self._facts

    def connect(self) -> Link:
        """Return a new connection. Raises Unreachable or Garbled."""
        settings = self.settings
        link = Link(settings.host, settings.port, settings.timeout, settings.connect_timeout)
        try:
            facts = server_facts(link.stats())
        except Lost as exc:
            link.close()
            raise Unreachable(str(exc)) from exc
        except BaseException:
            link.close()
            raise
        self._learn(facts)
        return link

    def take(self) -> Link:
        """Return a connection that nobody else uses. Raises Unreachable or Garbled."""
        while True:
            try:
                link = self._free.pop()
            except IndexError:
                return self.connect()
            if link.is_open and (time.monotonic() - link.used_at < IDLE or link.is_alive()):
                return link
            link.close()

    def give(self, link: Link) -> None:
        """Give back a connection that has no answer outstanding."""
        if len(self._free) >= SPARE:
            link.close()
            return
        link.used_at = time.monotonic()
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
                    link.close()
                    # What ended this one may have ended the others.
                    self.close()
                    raise
            except LinkError as exc:
                if is_last or not isinstance(exc, Lost) or (sent and not repeat):
                    raise self.explain(exc, maybe_applied=sent and not repeat) from exc
                time.sleep(random.uniform(0.01, 0.03))  # noqa: S311
            else:
                self.give(link)
                return result
        raise AssertionError("unreachable")

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
        """Let go of the parent's connections, in a forked child: they are closed already."""
        self._free = deque()

    def _learn(self, facts: ServerFacts) -> None:
        if facts != self._facts and not facts.has_log:
            log.warning("%s keeps no log (-b): everything on it is lost when it ends", self.settings.shown)
        self._facts = facts


def _forget_parents_connections() -> None:
    for pool in list(_pools):
        pool.forget()


_pools: WeakSet[Pool] = WeakSet()
os.register_at_fork(after_in_child=_forget_parents_connections)
