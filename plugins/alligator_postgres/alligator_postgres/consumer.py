"""A consumer: one row with a lease, and the messages that point to it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Final

from alligator_core.backend import Consumer, Delivery, Settlement
from alligator_core.errors import BackendError

from .dead_letters import DeadLetters
from .hold import Hold
from .link import Link, Row, Statement
from .pool import Pool
from .settling import statements_for
from .statements import Statements, is_storable

LONGEST_NAP: Final = 1.0
"""Seconds after which a waiting consumer looks again, whatever it heard: somebody's lease may have begun meanwhile."""
STEP: Final = 0.25
"""Seconds after which a waiting consumer looks whether it was closed."""


class PostgresConsumer(Consumer):
    """One worker process's hold on some queues.

    Its number in the table of consumers is its fence. When that row is gone, it was declared dead, and goes on under
    another number. So it does after an answer was lost: what it doesn't know of is given back with the old number.
    """

    def __init__(
        self,
        pool: Pool,
        statements: Statements,
        dead: DeadLetters,
        queues: Sequence[str],
        lease: float,
        holder: str,
    ) -> None:
        self._pool = pool
        self._statements = statements
        self._dead = dead
        self._queues = tuple(dict.fromkeys(queues))
        self._lease = lease
        self._holder = holder
        self._hold = Hold()
        # For all but the wait: whoever changes number or hold has it, also while it asks the server.
        self._lock = threading.RLock()
        self._number: int | None = None
        self._doubtful: set[int] = set()
        self._in_vain: str | None = None
        self._extended = 0.0
        self._closed = False
        self._waits = threading.Lock()
        self._link: Link | None = None
        self._pid = os.getpid()

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take messages, waiting on the server for the first."""
        if wait <= 0:
            return self._look(limit, None)[0]
        try:
            with self._waits:
                return self._wait_for(limit, time.monotonic() + wait)
        finally:
            if self._closed:
                self._let_go()

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Settle what is held."""
        with self._lock:
            self._resolve()
            mine = self._hold.current(settlements)
            done = self._settle(mine) if mine and self._number is not None else set()
            self._hold.settled(mine)
        # Of two settlements of one delivery the first one counts.
        carried = {each.delivery.token for each in mine if (each.delivery.queue, each.delivery.id) in done}
        return [each.delivery for each in settlements if not _took(carried, each.delivery.token)]

    def keep_alive(self) -> list[Delivery]:
        """Extend the lease, and take back what dead consumers held."""
        with self._lock:
            if self._closed:
                return []
            self._resolve()
            statements = list(self._statements.reap())
            if self._number is not None:
                statements.append(self._statements.extend(self._number, self._lease))
            rows = self._pool.run(*statements, repeat=True)[-1]
            if self._number is not None and not rows:
                self._start_over()
            self._extended = time.monotonic()
            return self._hold.take_lost()

    def close(self) -> None:
        """Give back what is held."""
        with self._lock:
            self._closed = True
            numbers = [*self._doubtful, *(() if self._number is None else (self._number,))]
            if numbers:
                self._pool.run(*self._statements.give_back(numbers), repeat=True)
            self._doubtful.clear()
            self._start_over()
        # A thread that waits has the connection: it sees that the consumer is closed, and lets go of it then.
        if self._waits.acquire(blocking=False):
            self._let_go()
            self._waits.release()

    def get(self, queue: str, id: str) -> Delivery | None:
        """Reserve one message by its id."""
        if self._closed or not is_storable(queue + id):
            return None
        number = self._ready()
        try:
            [rows] = self._pool.run(self._statements.get(number, queue, id))
        except BackendError:
            self._doubt()
            raise
        if not rows and self._has_gone(number):
            return self.get(queue, id)
        return next(iter(self._note(number, rows)), None)

    def take_over(self, holder: str) -> list[Delivery]:
        """Take over what the other consumers of a holder hold."""
        if self._closed or not holder:
            return []
        with self._lock:
            vain = self._recovered(holder)
            number = self._ready()
            try:
                rows = self._pool.run(*self._statements.take_over(number, self._queues, holder))
            except BackendError:
                self._doubt()
                self._in_vain = holder
                raise
            if not rows[-1]:
                self._start_over()
                return self.take_over(holder)
            return vain + self._hold.add(rows[1])

    def stops(self) -> list[str]:
        """Return the ids of what is to be stopped."""
        with self._lock:
            if self._closed or self._number is None:
                return []
            [rows] = self._pool.run(self._statements.stops(self._number), repeat=True)
            return [row[0] for row in rows]

    def _wait_for(self, limit: int, deadline: float) -> list[Delivery]:
        while not self._closed:
            link = self._own_link()
            # Before the look: what comes during it is heard of.
            link.rung = False
            found, pause = self._look(limit, link)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            self._nap(link, min(left, pause, LONGEST_NAP))
        return []

    def _look(self, limit: int, link: Link | None) -> tuple[list[Delivery], float]:
        """Take what is there; otherwise tell in how many seconds something may be due."""
        force = False
        while not self._closed:
            number = self._ready()
            rows = self._take(link, number, limit, force=force)
            if not rows:
                self._lose(number)
                continue
            found = [row[2:] for row in rows if row[2] is not None]
            pause = rows[0][1]
            if found or force or pause is None or pause > 0:
                return self._note(number, found), LONGEST_NAP if pause is None else max(pause, 0.01)
            force = True
        return [], 0.0

    def _take(self, link: Link | None, number: int, limit: int, *, force: bool) -> list[Row]:
        now = time.monotonic()
        lease = self._lease if now - self._extended > self._lease / 10 else None
        statements = [self._statements.take(number, self._queues, limit, lease, force=force)]
        if force:
            statements = [*self._statements.reap(), self._statements.promote(self._queues), *statements]
        try:
            rows = self._run(link, statements)
        except BackendError:
            self._doubt()
            raise
        if lease is not None:
            self._extended = now
        return rows

    def _run(self, link: Link | None, statements: Sequence[Statement]) -> list[Row]:
        if link is None:
            return self._pool.run(*statements)[-1]
        return self._pool.guarded(link, lambda: link.run(*statements))[-1]

    def _note(self, number: int, rows: Sequence[Row]) -> list[Delivery]:
        with self._lock:
            if self._closed:
                return []
            return self._hold.add(rows, is_lost=number != self._number)

    def _settle(self, settlements: Sequence[Settlement]) -> set[tuple[str, str]]:
        assert self._number is not None
        statements, buried = statements_for(self._statements, self._number, settlements)
        trims = self._dead.trim(buried, len(buried)) if buried else []
        results = self._pool.run(*statements, *trims)
        return {(row[0], row[1]) for rows in results[: len(statements)] for row in rows}

    def _ready(self) -> int:
        """Return the number to reserve under."""
        with self._lock:
            if not self._closed:
                self._resolve()
            if self._number is None:
                self._number = self._new_number()
            return self._number

    def _new_number(self) -> int:
        [[(number,)]] = self._pool.run(self._statements.start(self._holder, self._lease), repeat=True)
        self._extended = time.monotonic()
        return int(number)

    def _doubt(self) -> None:
        """Note that the server may have given this consumer what it doesn't know of."""
        with self._lock:
            if self._number is not None:
                self._doubtful.add(self._number)
                self._number = None

    def _resolve(self) -> None:
        """Go on under a new number with what is known to be held, and give back the rest."""
        if not self._doubtful:
            return
        old, new = sorted(self._doubtful), self._new_number()
        self._doubtful.add(new)
        statements = [*self._statements.move(old, new, self._hold.deliveries), self._statements.free(old)]
        moved = self._pool.run(*statements)[1]
        self._settle_doubts(new)
        self._hold.keep(moved)

    def _recovered(self, holder: str) -> list[Delivery]:
        """Return what an earlier call took over for whose answer this consumer waited in vain."""
        if not self._doubtful or self._in_vain != holder:
            return []
        old, new = sorted(self._doubtful), self._new_number()
        self._doubtful.add(new)
        moved = self._pool.run(*self._statements.move_all(old, new))[1]
        self._settle_doubts(new)
        self._hold.keep(moved)
        known = {(each.queue, each.id) for each in self._hold.deliveries}
        return self._hold.add(row for row in moved if (row[0], row[1]) not in known)

    def _settle_doubts(self, number: int) -> None:
        self._doubtful.clear()
        self._in_vain = None
        self._number = number

    def _has_gone(self, number: int) -> bool:
        [rows] = self._pool.run(self._statements.extend(number, self._lease), repeat=True)
        if not rows:
            self._lose(number)
        return not rows

    def _lose(self, number: int) -> None:
        """Start over, unless another thread has done so."""
        with self._lock:
            if number == self._number:
                self._start_over()

    def _start_over(self) -> None:
        self._number = None
        self._hold.lose(self._hold.deliveries)

    def _own_link(self) -> Link:
        """Return the connection that this consumer waits on, and which is rung by its queues."""
        if self._pid != os.getpid():
            self._link, self._pid = None, os.getpid()  # the pool keeps the parent's from being closed here
        link = self._link
        if link is None or link.is_stale():
            self._let_go()
            link = self._pool.connect()
            channels = [self._pool.tables.channel(queue) for queue in self._queues]
            self._pool.guarded(link, lambda: link.listen(channels))
            self._link = link
        return link

    def _nap(self, link: Link, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._closed and (left := end - time.monotonic()) > 0:
            if self._pool.guarded(link, lambda left=left: link.hear(min(left, STEP))):  # type: ignore[misc]
                return

    def _let_go(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _took(tokens: set[object], token: object) -> bool:
    found = token in tokens
    tokens.discard(token)
    return found
