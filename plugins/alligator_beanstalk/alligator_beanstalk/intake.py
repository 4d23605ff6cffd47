"""From reserved jobs to deliveries: which are fresh, and which somebody died under."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from alligator_core.backend import Delivery
from alligator_core.constants import DEFAULT_PRIORITY

from .envelope import DEFAULT_TTR, Envelope, opened, own_priority, plain_ones, wire_priority
from .facts import JobFacts
from .hold import Hold
from .link import Job, Link

_new: Final = tuple.__new__
_PERSIST_FOR: Final = 1
"""Seconds; see `_persist`."""


class Intake:
    """Makes deliveries of the jobs that one consumer reserves.

    The server tells of a job how often it was reserved and given back, but each such answer costs as much as the job
    itself. Most need not be asked for: within one tube and priority the server hands jobs out in the order of their
    numbers. So if one is reserved for the first time ever, then so is every later one, except those that were delayed.
    """

    def __init__(self) -> None:
        self._limit = 1 << 30

    def limit(self, wanted: int) -> int:
        """Return how many to reserve: after a message that was redelivered one at a time, then more and more."""
        return min(wanted, self._limit)

    def take(self, link: Link, queue: str, jobs: Sequence[Job], since: float, *, has_log: bool) -> list[Delivery]:
        """Return the deliveries to hand out of jobs just reserved; the others are given back.

        These are either one that was redelivered, or fresh ones. `since` is when the reserve was sent.
        """
        plain = plain_ones(jobs)
        if plain is not None and _is_witness(link.job_facts([jobs[0][0]])[0], DEFAULT_PRIORITY):
            self._limit = min(1 << 30, 2 * self._limit)
            return _fresh(link, queue, jobs, plain, since + DEFAULT_TTR)
        envelopes = [opened(*job) for job in jobs]
        facts = _facts(link, jobs, envelopes)
        made = [
            _delivery(link, queue, job, envelope, facts.get(job), since)
            for (job, _), envelope in zip(jobs, envelopes, strict=True)
            if facts.get(job, True) is not None
        ]
        fresh = next((number for number, each in enumerate(made) if each.deliveries > 1), len(made))
        kept = made[: fresh or 1]
        if len(kept) < len(made):
            give_back(link, [_hold(delivery) for delivery in made[len(kept) :]])
        if not fresh and made:
            self._limit = 1
            if has_log and not _persist(link, _hold(made[0])):
                kept = []
        else:
            self._limit = min(1 << 30, 2 * self._limit)
        link.held.update({_hold(delivery).job: delivery for delivery in kept})
        return kept


def give_back(link: Link, holds: Sequence[Hold]) -> list[bytes]:
    """Release jobs to where they were, uncounted; return the answers."""
    return link.answers([b"release %d %d 0\r\n" % (hold.job, hold.wire_priority) for hold in holds], b"RELEASED")


def give_back_ahead(link: Link) -> None:
    """Release what was reserved ahead, uncounted."""
    ahead, link.ahead = link.ahead, []
    envelopes = [opened(*job) for job in ahead]
    unknown = [job for (job, _), envelope in zip(ahead, envelopes, strict=True) if envelope.priority is None]
    facts = dict(zip(unknown, link.job_facts(unknown), strict=True))
    holds = []
    for (job, _), envelope in zip(ahead, envelopes, strict=True):
        found = facts.get(job)
        wire = wire_priority(envelope.priority) if envelope.priority is not None else found.priority if found else 0
        holds.append(Hold(link, job, wire, envelope.ttr, 0.0))
    give_back(link, holds)


def _fresh(
    link: Link, queue: str, jobs: Sequence[Job], plain: Sequence[tuple[str, bytes]], until: float
) -> list[Delivery]:
    """Return the deliveries of jobs that are all alike: what nearly all batches are."""
    priority, held = wire_priority(DEFAULT_PRIORITY), link.held
    made: list[Delivery] = []
    for (job, _), (id, body) in zip(jobs, plain, strict=True):
        hold = Hold(link, job, priority, DEFAULT_TTR, until)
        # As Delivery(…) does, in half the time: this is done for every task.
        delivery = held[job] = _new(Delivery, (queue, id, body, 1, DEFAULT_PRIORITY, hold))
        made.append(delivery)
    return made


def _facts(link: Link, jobs: Sequence[Job], envelopes: Sequence[Envelope]) -> dict[int, JobFacts | None]:
    """Ask the server about the jobs that may be no fresh ones. None stands for one that ran out meanwhile."""
    first: dict[int, int] = {}
    doubtful: list[int] = []
    certain: dict[int, list[int]] = {}
    for (job, _), envelope in zip(jobs, envelopes, strict=True):
        if envelope.priority is None or envelope.was_delayed:
            doubtful.append(job)
        elif envelope.priority in first:
            certain[envelope.priority].append(job)
        else:
            first[envelope.priority] = job
            certain[envelope.priority] = []
    asked = [*doubtful, *first.values()]
    facts = dict(zip(asked, link.job_facts(asked), strict=True))
    more = [
        job
        for priority, witness in first.items()
        if not _is_witness(facts[witness], priority)
        for job in certain[priority]
    ]
    if more:
        facts.update(zip(more, link.job_facts(more), strict=True))
    return facts


def _is_witness(facts: JobFacts | None, priority: int) -> bool:
    return facts is not None and facts.is_untouched and facts.priority == wire_priority(priority)


def _delivery(link: Link, queue: str, job: int, envelope: Envelope, facts: JobFacts | None, since: float) -> Delivery:
    id, body, priority, _, ttr = envelope
    if facts is None:
        assert priority is not None
        hold = Hold(link, job, wire_priority(priority), ttr, since + ttr)
        return Delivery(queue, id, body, 1, priority, hold)
    hold = Hold(link, job, facts.priority, facts.ttr, since + facts.ttr)
    return Delivery(queue, id, body, facts.deliveries, own_priority(facts.priority), hold)


def _persist(link: Link, hold: Hold) -> bool:
    """Have the server write down how many died under a job: it does so for no reserve, but for a release.

    A short delay keeps others from it until it is reserved again. False if it was lost on the way.
    """
    link.send(b"release %d %d %d\r\n" % (hold.job, hold.wire_priority, _PERSIST_FOR))
    released = link.line() == b"RELEASED"
    hold.until = time.monotonic() + hold.ttr
    return link.reserve_again(hold.job) and released


def _hold(delivery: Delivery) -> Hold:
    assert isinstance(delivery.token, Hold)
    return delivery.token
