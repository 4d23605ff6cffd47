"""The consumer: reserving, and keeping what is held."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Final

from alligator_core.backend import Consumer, Delivery, Settlement

from .failures import LinkError, Lost
from .guard import Guard
from .hold import Hold
from .intake import Intake, give_back, give_back_ahead
from .known import Known
from .link import Job, Link
from .pool import Pool
from .settling import Settling
from .tubes import Tubes

WORTH: Final = 250
"""Messages that a reserve has to bring for the next one to be sent ahead: where tasks are short, and many wait."""

AHEAD: Final = 1.0
"""Seconds after which what was reserved ahead is given back."""

POLL: Final = 0.02
"""Seconds between two looks during less than a second: the server waits for whole ones only."""


class BeanstalkConsumer(Consumer):
    """One worker's hold on some queues.

    A job belongs to the connection that it was reserved by, and a connection on which a reserve waits can do nothing
    else. So a wait takes place on a connection that holds nothing: there are as many as there are waits between the
    oldest unsettled message and now, and mostly one or two.
    """

    def __init__(self, pool: Pool, tubes: Tubes, known: Known, queues: Sequence[str], lease: float) -> None:
        self._pool = pool
        self._queues = {tubes.of(queue): queue for queue in queues}
        self._tubes = list(self._queues)
        self._lease = lease
        self._links: list[Link] = []
        self._changing = Lock()
        self._intake = Intake()
        self._settling = Settling(pool, tubes, known)
        self._lost: list[Delivery] = []
        self._closed = False
        self._seen = time.monotonic()
        self._guard = Guard(self, min(lease, pool.settings.ttr) / 4)

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        deadline = time.monotonic() + wait
        pause = 0.001
        while not self._closed:
            self._seen = time.monotonic()
            batch = self._take(limit)
            left = deadline - time.monotonic()
            if batch or left <= 0:
                return [] if self._closed else batch
            if left < 0.9:
                time.sleep(min(left, pause))
                pause = min(POLL, 2 * pause)
            elif batch := self._wait(int(left + 0.1)):
                return [] if self._closed else batch
        return []

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out what became of some deliveries, and return the stale ones."""
        self._seen = time.monotonic()
        return self._settling.settle(settlements, self._using, self._extend_meanwhile)

    def keep_alive(self) -> list[Delivery]:
        """Show life, extend all that is held, and return what was lost."""
        self._seen = time.monotonic()
        self._extend(within=1.0)
        if not self._closed and not any(link.is_open for link in self._links):
            # Whoever waits for signs of life from here should hear if the server is gone.
            with self._explained():
                self._add(self._pool.connect())
        with self._changing:
            lost, self._lost = self._lost, []
        return lost

    def close(self) -> None:
        """Give back everything that is held."""
        self._closed = True
        self._guard.end()
        with self._changing:
            links, self._links = self._links, []
        for link in links:
            if link.is_idle:
                # Its reserve may be waiting.
                link.shut()
            with link.lock, suppress(LinkError):
                link.collect()
                give_back_ahead(link)
                holds = [each.token for each in link.held.values() if isinstance(each.token, Hold)]
                link.held = {}
                if holds:
                    give_back(link, holds)
            link.close()

    def spare(self) -> None:
        """Give back what was reserved ahead."""
        for link in self._links.copy():
            if not link.is_idle:
                with suppress(LinkError), self._using(link):
                    if link.ahead:
                        give_back_ahead(link)

    def look_after_holds(self) -> None:
        """Extend what would run out soon; if nobody has shown life for too long, let go of everything."""
        if time.monotonic() - self._seen < self._lease:
            if any(time.monotonic() - link.since > AHEAD for link in self._links.copy()):
                self.spare()
            self._extend(within=0.6)
            return
        for link in self._links.copy():
            if not link.is_idle:
                self._drop(link)

    def _take(self, limit: int) -> list[Delivery]:
        """Take what is ready, queue after queue."""
        with self._explained():
            link = self._current()
            with self._using(link):
                if link.ahead:
                    return self._take_ahead(link, limit)
                found: list[Delivery] = []
                for tube in self._tubes:
                    link.watch([tube])
                    since = time.monotonic()
                    jobs = link.reserve(self._intake.limit(limit - len(found)))
                    more = self._accept(link, tube, jobs, since) if jobs else []
                    if found and more and more[0].deliveries > 1:
                        self._return(link, more)
                        break
                    found += more
                    if len(more) < len(jobs) or len(found) >= limit or (found and found[0].deliveries > 1):
                        break
                if len(found) >= max(limit, WORTH) and len(self._tubes) == 1:
                    link.ask_ahead(limit)
                return found

    def _take_ahead(self, link: Link, limit: int) -> list[Delivery]:
        limit = self._intake.limit(limit)
        jobs, link.ahead = link.ahead[:limit], link.ahead[limit:]
        found = self._accept(link, self._tubes[0], jobs, link.since)
        if len(found) < len(jobs):
            # What follows is behind what was given back.
            give_back_ahead(link)
        elif len(found) >= max(limit, WORTH) and not link.ahead:
            link.ask_ahead(limit)
        return found

    def _wait(self, seconds: int) -> list[Delivery]:
        """Let the server wait for one that becomes ready in any of the queues."""
        link = None
        try:
            link = self._idle()
            with self._using(link):
                link.watch(self._tubes)
                # The time to run begins when the job comes, whereas the server may have been asked long before.
                job = link.wait(seconds)
                if job is None:
                    return []
                [facts] = link.job_facts([job[0]])
                return self._accept(link, facts.tube, [job], time.monotonic()) if facts else []
        except LinkError as exc:
            if self._closed:
                return []
            if link is not None and isinstance(exc, Lost):
                # It held nothing: nothing happened but that the server may be gone, which the next try will tell.
                return []
            raise self._pool.explain(exc, maybe_applied=False) from exc

    def _accept(self, link: Link, tube: bytes, jobs: list[Job], since: float) -> list[Delivery]:
        taken = self._intake.take(link, self._queues[tube], jobs, since, has_log=self._pool.facts.has_log)
        self._guard.begin()
        return taken

    def _return(self, link: Link, deliveries: list[Delivery]) -> None:
        holds = [each.token for each in deliveries if isinstance(each.token, Hold)]
        give_back(link, holds)
        for hold in holds:
            del link.held[hold.job]

    def _current(self) -> Link:
        """Return the connection to reserve by: the last one that was opened or waited on."""
        with self._changing:
            for link in reversed(self._links):
                if link.is_open and (time.monotonic() - link.used_at < 1.0 or not link.is_idle or link.is_alive()):
                    return link
        return self._add(self._pool.connect())

    def _idle(self) -> Link:
        """Return a connection that holds nothing, as the current one; others that hold nothing are closed."""
        with self._changing:
            idle = [link for link in self._links if link.is_idle]
            for link in idle[1:]:
                self._links.remove(link)
                link.close()
            if idle:
                self._links.remove(idle[0])
                self._links.append(idle[0])
                return idle[0]
        return self._add(self._pool.connect())

    def _add(self, link: Link) -> Link:
        link.owner = self._settling
        with self._changing:
            self._links = [each for each in self._links if each.is_open]
            if self._closed:
                link.close()
            else:
                self._links.append(link)
        return link

    @contextmanager
    def _using(self, link: Link) -> Iterator[None]:
        """Have a connection to oneself; it is let go of if it turns out to be of no more use."""
        with link.lock:
            if not link.is_open:
                raise Lost("the connection was given up")
            try:
                link.collect()
                yield
            except BaseException:
                self._drop(link)
                raise
            link.used_at = time.monotonic()

    def _drop(self, link: Link) -> None:
        with self._changing:
            held, link.held = link.held, {}
            self._lost += held.values()
            if link in self._links:
                self._links.remove(link)
            # Last: whoever finds it shut may rely on it that the loss is noted.
            link.shut()
        link.close()

    def _extend(self, within: float) -> None:
        """Extend what has no more than this part of its time left; note what is lost."""
        for link in self._links.copy():
            with suppress(LinkError):
                if link.held:
                    with self._using(link):
                        self._touch(link, within)

    def _extend_meanwhile(self, link: Link) -> None:
        """Extend what is held by a connection that has been in use for long, which shows life."""
        self._seen = time.monotonic()
        self._touch(link, within=0.6)

    def _touch(self, link: Link, within: float) -> None:
        now = time.monotonic()
        held = [each.token for each in link.held.copy().values() if isinstance(each.token, Hold)]
        due = [hold for hold in held if hold.until - now < within * hold.ttr]
        lines = link.answers([b"touch %d\r\n" % hold.job for hold in due], b"TOUCHED")
        for hold, line in zip(due, lines, strict=True):
            if line == b"TOUCHED":
                hold.until = now + hold.ttr
            elif hold.job in link.held:
                self._lost.append(link.held[hold.job])
                del link.held[hold.job]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except LinkError as exc:
            raise self._pool.explain(exc, maybe_applied=False) from exc
