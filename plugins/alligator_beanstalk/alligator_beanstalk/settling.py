"""Settling: what became of messages, told to the server with many commands in flight."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from threading import Lock
from typing import Final, TypeVar

from alligator_core.backend import Ack, Bury, Delivery, Release, Replace, Settlement
from alligator_core.constants import DEFAULT_PRIORITY
from alligator_core.errors import BackendError

from .envelope import buried, sealed, wire_delay, wire_priority
from .failures import LinkError, refused
from .graves import TTR as DEAD_TTR
from .hold import Hold, hold_of
from .known import Known
from .link import Link, put_command
from .pool import Pool
from .tubes import Tubes

log = logging.getLogger("alligator.beanstalk")

SURE: Final = 0.25
"""The part of a job's time to run that must be left, or the server is asked before anything depends on it."""

PORTION: Final = 0.125
"""The part of the shortest time to run that a portion may take, between two looks at what else is held: a server that
syncs its log each time may take 10 ms for each command, and more on a busy disk."""

FEWEST: Final = 16
"""What a portion has at least: where the way to the server takes long, fewer would take no less."""

Using = Callable[[Link], AbstractContextManager[None]]
Extend = Callable[[Link], None]
Item = TypeVar("Item")


class _Case:
    """One settlement on its way: what holds the job, and what was put in its place."""

    __slots__ = ("hold", "put", "settlement")

    def __init__(self, settlement: Settlement, hold: Hold) -> None:
        self.settlement = settlement
        self.hold = hold
        self.put = 0


class Settling:
    """One consumer's way of settling.

    A job may be deleted by anybody while it is ready, so the server doesn't keep one from deleting what was lost: it is
    known here until when each is held, and where that is in doubt the server is asked first.
    """

    def __init__(self, pool: Pool, tubes: Tubes, known: Known) -> None:
        self._pool = pool
        self._tubes = tubes
        self._known = known
        self._lock = Lock()
        self._done: set[Hold] = set()
        """What was settled by calls that failed with something else: no repetition of these is stale."""

    def settle(self, settlements: Sequence[Settlement], using: Using, extend: Extend) -> list[Delivery]:
        """Settle each; return the stale ones. Raises BackendError if some could not be settled.

        It may take long, and `extend` then extends what else a connection holds that is in use.
        """
        with self._lock:
            if settlements and (link := _acked_link(settlements, self)) is not None:
                return self._ack(link, settlements, using, extend)
            stale: set[int] = set()
            groups = self._groups(settlements, stale)
            errors: list[BackendError] = []
            done: set[Hold] = set()
            for link, cases in groups.items():
                try:
                    with using(link):
                        for part in chain(*map(self._portions, _quick_first(cases))):
                            self._settle(link, dict(part), stale, errors, done)
                            extend(link)
                except LinkError as exc:
                    errors.append(self._pool.explain(exc, maybe_applied=True))
            if errors:
                self._done |= done
                raise errors[0]
            self._done = set()
            return [each.delivery for number, each in enumerate(settlements) if number in stale]

    def _ack(self, link: Link, settlements: Sequence[Settlement], using: Using, extend: Extend) -> list[Delivery]:
        """Ack what is surely held by one connection: what nearly all of the settling is."""
        stale: list[Delivery] = []
        done: set[Hold] = set()
        try:
            with using(link):
                for part in self._portions([each.delivery for each in settlements]):
                    if done:
                        extend(link)
                    held = [each for each in part if each.token.job in link.held]  # type: ignore[attr-defined]
                    jobs = [each.token.job for each in held]  # type: ignore[attr-defined]
                    lines = link.answers([b"delete %d\r\n" % job for job in jobs], b"DELETED")
                    for job in jobs:
                        del link.held[job]
                    done.update(each.token for each in held)  # type: ignore[misc]
                    if len(held) < len(part) or lines.count(b"DELETED") < len(lines):
                        gone = {job for job, line in zip(jobs, lines, strict=True) if line == b"DELETED"}
                        stale += [each for each in part if each.token.job not in gone]  # type: ignore[attr-defined]
        except LinkError as exc:
            self._done |= done
            raise self._pool.explain(exc, maybe_applied=True) from exc
        self._done = set()
        return stale

    def _portions(self, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        """Divide what is to be done, so that each portion takes so little time that nothing held is lost meanwhile."""
        at, size = 0, FEWEST
        while at < len(items):
            began = time.monotonic()
            yield items[at : at + size]
            at += size
            took = max(time.monotonic() - began, 1e-6)
            size = max(FEWEST, min(8 * size, int(size * PORTION * self._pool.settings.ttr / took)))

    def _groups(self, settlements: Sequence[Settlement], stale: set[int]) -> dict[Link, dict[int, _Case]]:
        groups: dict[Link, dict[int, _Case]] = {}
        claimed: set[Hold] = set()
        for number, settlement in enumerate(settlements):
            hold = hold_of(settlement.delivery, self)
            if hold is None or hold in claimed:
                if hold is not None or settlement.delivery.token not in self._done:
                    stale.add(number)
                continue
            claimed.add(hold)
            groups.setdefault(hold.link, {})[number] = _Case(settlement, hold)
        return groups

    def _settle(
        self, link: Link, cases: dict[int, _Case], stale: set[int], errors: list[BackendError], done: set[Hold]
    ) -> None:
        self._make_sure(link, cases, stale)
        for kind in (Replace, Bury):
            self._put(link, {n: case for n, case in cases.items() if isinstance(case.settlement, kind)}, cases, errors)
        self._finish(link, cases, stale, done)

    def _finish(self, link: Link, cases: dict[int, _Case], stale: set[int], done: set[Hold]) -> None:
        lines = link.answers([_last_command(case) for case in cases.values()], b"DELETED", b"RELEASED", b"BURIED")
        for (number, case), line in zip(cases.items(), lines, strict=True):
            link.held.pop(case.hold.job, None)
            done.add(case.hold)
            if line == b"NOT_FOUND":
                stale.add(number)
                self._undo(link, case)
            elif line == b"BURIED" and isinstance(case.settlement, Release):
                # The server had no room to queue it again.
                link.answers([b"kick-job %d\r\n" % case.hold.job], b"KICKED")
            elif case.put and isinstance(case.settlement, Replace):
                delivery = case.settlement.delivery
                self._known.note(delivery.queue, [delivery.id], [b"%d" % case.put])

    def _make_sure(self, link: Link, cases: dict[int, _Case], stale: set[int]) -> None:
        """Ask the server about those whose time may have run out; the lost ones are out of it."""
        now = time.monotonic()
        doubtful = [
            (number, case.hold) for number, case in cases.items() if case.hold.until - now < SURE * case.hold.ttr
        ]
        lines = link.answers([b"touch %d\r\n" % hold.job for _, hold in doubtful], b"TOUCHED")
        for (number, hold), line in zip(doubtful, lines, strict=True):
            if line == b"TOUCHED":
                hold.until = now + hold.ttr
            else:
                del cases[number]
                link.held.pop(hold.job, None)
                stale.add(number)

    def _put(self, link: Link, chosen: dict[int, _Case], cases: dict[int, _Case], errors: list[BackendError]) -> None:
        """Put retries and dead letters, before anything is deleted. What the server doesn't take stays held."""
        by_tube: dict[bytes, list[int]] = {}
        for number, case in chosen.items():
            by_tube.setdefault(self._tube(case.settlement), []).append(number)
        for tube, numbers in by_tube.items():
            lines = link.put(tube, [self._put_command(chosen[number].settlement) for number in numbers])
            for number, line in zip(numbers, lines, strict=True):
                word, _, job = line.partition(b" ")
                if word == b"INSERTED":
                    chosen[number].put = int(job)
                    continue
                if job:
                    link.answers([b"delete %b\r\n" % job], b"DELETED")
                if word == b"JOB_TOO_BIG":
                    # It has become too large for the server, which would be no better next time: see _last_command.
                    log.error(
                        "%s is kept as a buried job: %s", chosen[number].settlement.delivery.id, "it is too large"
                    )
                    continue
                errors.append(refused(word, self._pool.settings.shown))
                del cases[number]

    def _tube(self, settlement: Settlement) -> bytes:
        queue = settlement.delivery.queue
        return self._tubes.dead(queue) if isinstance(settlement, Bury) else self._tubes.of(queue)

    def _put_command(self, settlement: Settlement) -> bytes:
        if isinstance(settlement, Replace):
            message, ttr = settlement.message, self._pool.settings.ttr
            return put_command(wire_priority(message.priority), wire_delay(message.delay), ttr, sealed(message, ttr))
        assert isinstance(settlement, Bury)
        delivery, reason, body = settlement
        most = self._pool.facts.max_job - 2
        letter = buried(delivery, reason, delivery.body if body is None else body, time.time(), most)
        return put_command(wire_priority(DEFAULT_PRIORITY), 0, DEAD_TTR, letter)

    def _undo(self, link: Link, case: _Case) -> None:
        # It was lost at the last moment: as if nothing had been done.
        if case.put:
            link.answers([b"delete %d\r\n" % case.put], b"DELETED")


def _quick_first(cases: dict[int, _Case]) -> tuple[list[tuple[int, _Case]], list[tuple[int, _Case]]]:
    # What takes one short command must not run out of time behind the rest.
    slow = [item for item in cases.items() if isinstance(item[1].settlement, Replace | Bury)]
    return [item for item in cases.items() if isinstance(item[1].settlement, Ack | Release)], slow


def _acked_link(settlements: Sequence[Settlement], owner: object) -> Link | None:
    """Return the connection that surely holds all of some acks, None if they are something else."""
    link: Link | None = getattr(settlements[0].delivery.token, "link", None)
    if link is None or link.owner is not owner:
        return None
    held, now = link.held, time.monotonic()
    jobs = set()
    for settlement in settlements:
        delivery = settlement.delivery
        hold = delivery.token
        if (
            type(settlement) is not Ack
            or type(hold) is not Hold
            or held.get(hold.job) is not delivery
            or hold.until - now < SURE * hold.ttr
        ):
            return None
        jobs.add(hold.job)
    return link if len(jobs) == len(settlements) else None


def _last_command(case: _Case) -> bytes:
    settlement, hold = case.settlement, case.hold
    if isinstance(settlement, Release):
        return b"release %d %d %d\r\n" % (hold.job, hold.wire_priority, wire_delay(settlement.delay))
    if isinstance(settlement, Ack) or case.put:
        return b"delete %d\r\n" % hold.job
    return b"bury %d %d\r\n" % (hold.job, hold.wire_priority)
