"""The consumer: one worker process's hold on some queues."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from typing import Final, TypeAlias, cast

from alligator_core.backend import Ack, Bury, Consumer, Delivery, Release, Replace, Settlement

from . import dead_letters, holders, stops, store
from .bell import Bell
from .connection import Database

SHORTEST_PAUSE: Final = 0.001
LONGEST_PAUSE: Final = 0.020
"""Seconds between two looks at the file: by so much a push from another process is noticed late, and the more looks,
the more processor time an idle worker takes."""

_EXPIRING: Final = "SELECT no, expires FROM consumers WHERE expires <= ? OR no = ?"
_SOONEST: Final = """
SELECT min(at) FROM (
    SELECT CASE WHEN EXISTS (SELECT 1 FROM ready WHERE queue = q.no) THEN 0
        ELSE (SELECT due / 1e6 FROM delayed WHERE queue = q.no ORDER BY due LIMIT 1) END AS at
    FROM queues q WHERE q.name IN ({})
    UNION ALL SELECT expires FROM consumers WHERE no IS NOT ?)
"""

_Token: TypeAlias = tuple[int, int]
"""The number that the consumer had, and the message's seq."""


class SqliteConsumer(Consumer):
    """A row in `consumers` with the time at which its lease runs out; what it holds is in `held` under its number.

    Whoever finds that time past removes the row, and hands back what it held. If this consumer lives after all, it
    finds its row gone, can settle nothing that it held, and goes on under a new number.
    """

    def __init__(self, database: Database, bell: Bell, queues: Sequence[str], lease: float, holder: str = "") -> None:
        self._database = database
        self._forks = database.forks
        self._bell = bell
        self._queues = tuple(queues)
        self._lease = lease
        self._holder = holder
        self._number: int | None = None
        self._held: dict[object, Delivery] = {}
        self._lost: dict[object, Delivery] = {}
        self._closed = False

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        deadline = time.monotonic() + wait
        while True:
            taken = self._take(limit)
            if taken or limit < 1 or not self._work_comes(deadline):
                return taken

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out all settlements in one transaction, and return what this consumer no longer held."""
        with self._database.lock:
            with self._database as db:
                self._show_life(db)
                mine, stale = self._sort(settlements)
                waits_again = self._carry_out(db, mine)
            for one in mine:
                del self._held[one.delivery.token]
            for delivery in stale:
                self._lost.pop(delivery.token, None)
        if waits_again:
            self._bell.ring()
        return stale

    def keep_alive(self) -> list[Delivery]:
        """Renew the lease, hand back what dead consumers held, and return what this one has lost."""
        with self._database.lock:
            with self._database as db:
                self._show_life(db)
            lost, self._lost = list(self._lost.values()), {}
        return lost

    def close(self) -> None:
        """Give back all that is held, and close the file."""
        with self._database.lock:
            self._closed = True
            if self._number is not None:
                with self._database as db:
                    self._show_life(db)
                    if self._number is not None:
                        store.give_back(db, self._number, died=False)
                self._number, self._held, self._lost = None, {}, {}
            self._database.close()
        self._bell.ring()

    def get(self, queue: str, id: str) -> Delivery | None:
        """Reserve one waiting message by its id, delayed or not."""
        with self._database.lock:
            if self._closed:
                return None
            with self._database as db:
                number = self._show_life(db) or self._register(db)
                row = store.take_one(db, self._database.number(queue), number, id)
            taken = [Delivery(queue, id, row.body, row.deliveries, row.priority, (number, row.seq))] if row else []
            self._hold(number, taken)
            return taken[0] if taken else None

    def take_over(self, holder: str) -> list[Delivery]:
        """Take over what the other consumers of a holder hold of this consumer's queues, in one transaction."""
        with self._database.lock:
            if self._closed:
                return []
            with self._database as db:
                # What is held under a lease that has run out must not be handed back first.
                holders.keep_alive(db, holder, time.time() + self._lease)
                number = self._show_life(db) or self._register(db)
                rows = holders.take_over(db, holder, number, self._queues)
            taken = [Delivery(r[0], r[1], r[2], r[3], r[4], (number, r[5])) for r in rows]
            self._hold(number, taken)
            return taken

    def stops(self) -> list[str]:
        """Return the ids of held messages that are to be stopped."""
        with self._database.lock:
            # A look needs no transaction, for which it would wait: there is hardly ever anything.
            if self._closed or not self._database.run(stops.HELD, self._number):
                return []
            with self._database as db:
                return stops.take(db, self._show_life(db))

    def _take(self, limit: int) -> list[Delivery]:
        taken: list[Delivery] = []
        with self._database.lock:
            if self._closed or limit < 1:
                return taken
            with self._database as db:
                number = self._show_life(db) or self._register(db)
                for name in self._queues:
                    queue = self._database.number(name)
                    rows, is_empty = store.take(db, queue, number, limit - len(taken), alone=not taken)
                    taken += [Delivery(name, r[3], r[4], r[5], r[6], (number, r[2])) for r in rows]
                    if not is_empty:
                        break
            self._hold(number, taken)
        return taken

    def _work_comes(self, deadline: float) -> bool:
        """Wait until there is something to take or to hand back. False at the deadline, or when closed."""
        seen: object = None
        soonest, pause = math.inf, SHORTEST_PAUSE
        while True:
            with self._database.lock:
                if self._closed:
                    return False
                version = (self._bell.rung, self._database.version())
                if version != seen:
                    seen, soonest = version, self._soonest()
            now, left = time.time(), deadline - time.monotonic()
            if soonest <= now or left <= 0:
                return soonest <= now
            self._bell.wait(min(pause, left, soonest - now))
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _soonest(self) -> float:
        sql = _SOONEST.format(", ".join("?" * len(self._queues)))
        ((soonest,),) = self._database.run(sql, *self._queues, self._number)
        return math.inf if soonest is None else float(soonest)

    def _show_life(self, db: sqlite3.Connection) -> int | None:
        """Renew the lease, and hand back what the dead held. Returns this consumer's number, None if it has none."""
        if self._forks != self._database.forks:  # in a forked child, what is held is the parent's
            self._forks, self._number, self._held, self._lost = self._database.forks, None, {}, {}
        now = time.time()
        expiring = dict(db.execute(_EXPIRING, (now, self._number)).fetchall())
        mine = expiring.pop(self._number, None)
        if mine is None:
            self._lost.update(self._held)
            self._number, self._held = None, {}
        elif mine < now + self._lease:
            db.execute("UPDATE consumers SET expires = ? WHERE no = ?", (self._expiry(now), self._number))
        for number in expiring:
            store.give_back(db, number, died=True)
        if expiring:
            self._bell.ring()
        return self._number

    def _register(self, db: sqlite3.Connection) -> int:
        values = self._expiry(time.time()), self._holder
        made = db.execute("INSERT INTO consumers (expires, holder) VALUES (?, ?)", values)
        return cast(int, made.lastrowid)

    def _expiry(self, now: float) -> float:
        # A little more than the lease, so that not every sign of life must be written down.
        return now + self._lease + min(0.5, self._lease / 20)

    def _hold(self, number: int, deliveries: Sequence[Delivery]) -> None:
        # Only after the commit: a transaction that was undone has registered nothing and taken nothing.
        self._number = number
        self._held.update((delivery.token, delivery) for delivery in deliveries)

    def _sort(self, settlements: Sequence[Settlement]) -> tuple[list[Settlement], list[Delivery]]:
        """Tell what is held, once each, from what is stale."""
        mine = {one.delivery.token: one for one in settlements if one.delivery.token in self._held}
        if len(mine) == len(settlements):
            return list(settlements), []
        mine, stale = {}, []
        for one in settlements:
            if one.delivery.token in mine or one.delivery.token not in self._held:
                stale.append(one.delivery)
            else:
                mine[one.delivery.token] = one
        return list(mine.values()), stale

    def _carry_out(self, db: sqlite3.Connection, settlements: Sequence[Settlement]) -> bool:
        """Carry out settlements of what is held. Says whether any of it may wait again."""
        acks = {one.delivery.token for one in settlements if type(one) is Ack}
        if acks and self._number is not None:
            store.remove(db, self._number, [seq for _, seq in cast("set[_Token]", acks)])
        if len(acks) < len(settlements):
            for one in settlements:
                if type(one) is not Ack:
                    _settle(db, one)
        stops.forget_ended(db)
        return len(acks) < len(settlements)


def _settle(db: sqlite3.Connection, settlement: Settlement) -> None:
    number, seq = cast(_Token, settlement.delivery.token)
    store.let_go(db, number, seq)
    if isinstance(settlement, Release):
        if settlement.died:
            store.count_death(db, seq)
        store.release(db, seq, settlement.delay)
    elif isinstance(settlement, Replace):
        store.replace(db, seq, settlement.message)
    elif isinstance(settlement, Bury):
        dead_letters.bury(db, seq, settlement.reason, settlement.body)
