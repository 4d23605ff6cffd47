"""The consumer: one worker process's hold on some queues."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from collections.abc import Sequence
from typing import Final, TypeAlias, cast

from alligator_core.backend import Ack, Bury, Consumer, Delivery, Release, Replace, Settlement

from . import graveyard, store
from .bell import Bell
from .connection import Database

SHORTEST_PAUSE: Final = 0.001
LONGEST_PAUSE: Final = 0.010
"""Seconds between two looks at the file: by so much a push from another process is noticed late, and the more looks,
the more processor time an idle worker takes."""

_SOONEST: Final = """
SELECT min(at) FROM (
    SELECT CASE WHEN EXISTS (SELECT 1 FROM ready WHERE queue = q.no) THEN 0
        ELSE (SELECT due / 1e6 FROM delayed WHERE queue = q.no ORDER BY due LIMIT 1) END AS at
    FROM queues q WHERE q.name IN ({})
    UNION ALL SELECT expires FROM consumers WHERE no IS NOT ?)
"""
_RENEW: Final = "UPDATE consumers SET expires = ? WHERE no = ?"
_LET_GO: Final = "DELETE FROM held WHERE consumer = ? AND seq = ?"
_LET_GO_ALL: Final = "DELETE FROM held WHERE consumer = ? AND seq IN (SELECT value FROM json_each(?))"
_REMOVE_ALL: Final = "DELETE FROM messages WHERE seq IN (SELECT value FROM json_each(?))"

_Token: TypeAlias = tuple[int, int]
"""The number that the consumer had, and the message's seq."""


class SqliteConsumer(Consumer):
    """A row in `consumers` with the time at which its lease runs out; what it holds is in `held` under its number.

    Whoever finds that time past removes the row, and hands back what it held. If this consumer lives after all, it
    finds its row gone, can settle nothing that it held, and goes on under a new number.
    """

    def __init__(self, database: Database, bell: Bell, queues: Sequence[str], lease: float) -> None:
        self._database = database
        self._bell = bell
        self._queues = tuple(queues)
        self._lease = lease
        self._number: int | None = None
        self._pid = os.getpid()
        self._held: dict[object, Delivery] = {}
        self._lost: dict[object, Delivery] = {}
        self._closed = False

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        deadline = time.monotonic() + wait
        while limit > 0 and self._work_comes(deadline):
            if taken := self._take(limit):
                return taken
        return []

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out all settlements in one transaction, and return what this consumer no longer held."""
        with self._database.lock:
            with self._database as db:
                self._check(db)
                mine = [one for one in settlements if one.delivery.token in self._held]
                stale = [one.delivery for one in settlements if one.delivery.token not in self._held]
                _settle(db, self._number, mine)
            for one in mine:
                self._held.pop(one.delivery.token, None)
            for delivery in stale:
                self._lost.pop(delivery.token, None)
        if any(type(one) is not Ack for one in mine):
            self._bell.ring()
        return stale

    def keep_alive(self) -> list[Delivery]:
        """Renew the lease, hand back what dead consumers held, and return what this one has lost."""
        with self._database.lock:
            with self._database as db:
                self._check(db)
                reaped = store.reap(db, self._number)
            lost, self._lost = list(self._lost.values()), {}
        if reaped:
            self._bell.ring()
        return lost

    def close(self) -> None:
        """Give back all that is held, and close the file."""
        with self._database.lock:
            self._closed = True
            if self._number is not None:
                with self._database as db:
                    self._check(db)
                    if self._number is not None:
                        store.give_back(db, self._number, died=False)
                self._number, self._held, self._lost = None, {}, {}
            self._database.close()
        self._bell.ring()

    def get(self, queue: str, id: str) -> Delivery | None:
        """Reserve one waiting message by its id, delayed or not."""
        with self._database.lock:
            with self._database as db:
                number = self._registered(db)
                row = store.find(db, queue, id)
                if row is None or not store.take_off(db, row):
                    return None
                db.execute("INSERT INTO held VALUES (?, ?)", (number, row.seq))
            delivery = Delivery(queue, id, row.body, row.deliveries, row.priority, (number, row.seq))
            self._hold(number, [delivery])
            return delivery

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
        ((soonest,),) = self._database.query(sql, *self._queues, self._number)
        return math.inf if soonest is None else float(soonest)

    def _take(self, limit: int) -> list[Delivery]:
        with self._database.lock:
            if self._closed:
                return []
            taken: list[Delivery] = []
            with self._database as db:
                number = self._registered(db)
                store.reap(db, number)
                for queue in self._queues:
                    place = self._database.queue(queue)
                    rows, is_empty = store.take(db, place, number, limit - len(taken), first=not taken)
                    taken += [Delivery(queue, r[3], r[4], r[5], r[6], (number, r[2])) for r in rows]
                    if not is_empty:
                        break
            self._hold(number, taken)
            return taken

    def _check(self, db: sqlite3.Connection) -> None:
        """Renew the lease; if it isn't there any more, all that was held is lost."""
        if self._pid != os.getpid():  # in a forked child, what is held is the parent's
            self._pid, self._number, self._held, self._lost = os.getpid(), None, {}, {}
        if self._number is not None and not db.execute(_RENEW, (time.time() + self._lease, self._number)).rowcount:
            self._lost.update(self._held)
            self._number, self._held = None, {}

    def _registered(self, db: sqlite3.Connection) -> int:
        self._check(db)
        if self._number is not None:
            return self._number
        made = db.execute("INSERT INTO consumers (expires) VALUES (?)", (time.time() + self._lease,))
        return cast(int, made.lastrowid)

    def _hold(self, number: int, deliveries: Sequence[Delivery]) -> None:
        # Only after the commit: a transaction that was undone has registered nothing and taken nothing.
        self._number = number
        self._held.update((delivery.token, delivery) for delivery in deliveries)


def _settle(db: sqlite3.Connection, number: int | None, settlements: Sequence[Settlement]) -> None:
    acks = json.dumps([_seq(one) for one in settlements if type(one) is Ack])
    db.execute(_LET_GO_ALL, (number, acks))
    db.execute(_REMOVE_ALL, (acks,))
    for one in settlements:
        # Not held any more: it was settled twice in this call.
        if type(one) is not Ack and db.execute(_LET_GO, (number, _seq(one))).rowcount:
            _settle_one(db, _seq(one), one)


def _settle_one(db: sqlite3.Connection, seq: int, settlement: Settlement) -> None:
    if isinstance(settlement, Release):
        store.wait_again(db, seq, settlement.delay)
    elif isinstance(settlement, Replace):
        store.replace(db, seq, settlement.message)
    elif isinstance(settlement, Bury):
        graveyard.bury(db, seq, settlement.reason, settlement.body)


def _seq(settlement: Settlement) -> int:
    return cast(_Token, settlement.delivery.token)[1]
