"""Dead letters: a queue of its own for each queue, looked at by taking everything and putting it back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple, TypeVar

from alligator_core.backend import DeadLetter

from .envelope import Envelope, opened
from .failures import LOCKED, NOT_FOUND, LinkError, Lost, Refused
from .link import PORTION, Link
from .names import LOCK, Place
from .pool import Pool
from .posting import Posting

T = TypeVar("T")

PAUSE: Final = 0.05


class Grave(NamedTuple):
    """A dead letter in our hands."""

    tag: int
    envelope: Envelope
    replaced: tuple[int, ...]
    """Tags of earlier burials of the same id, which count no more."""

    @property
    def tags(self) -> list[tuple[int, bool]]:
        """What to ack to remove it."""
        return [(tag, False) for tag in (self.tag, *self.replaced)]


class Graves:
    """The dead letters of all queues of a backend."""

    def __init__(self, pool: Pool, posting: Posting) -> None:
        self._pool = pool
        self._posting = posting

    def letters(self, queue: str, ids: Collection[str] | None) -> list[DeadLetter]:
        """Return dead letters, the latest first."""
        return self._looked_at(queue, ids, lambda _, graves: [_letter(grave.envelope) for grave in reversed(graves)])

    def requeue(self, queue: str, ids: Collection[str] | None) -> list[str]:
        """Move dead letters back to the queue, the longest buried first; return their ids."""

        def move(link: Link, graves: Sequence[Grave]) -> list[str]:
            parcels = [self._posting.parcel(queue, grave.envelope._replace(headers={}, deaths=0)) for grave in graves]
            # By another connection: what holds the dead letters must not be blocked with those who publish.
            refused = self._pool.call(lambda other: self._posting.send(other, parcels)) if parcels else {}
            moved = [grave for grave in graves if grave.envelope.id not in refused]
            link.ack(tag for grave in moved for tag in grave.tags)
            return [grave.envelope.id for grave in moved]

        return self._looked_at(queue, ids, move)

    def purge(self, queue: str, ids: Collection[str] | None) -> int:
        """Remove dead letters, and return how many."""

        def remove(link: Link, graves: Sequence[Grave]) -> int:
            link.ack(tag for grave in graves for tag in grave.tags)
            return len(graves)

        return self._looked_at(queue, ids, remove)

    def _looked_at(self, queue: str, ids: Collection[str] | None, action: Callable[[Link, Sequence[Grave]], T]) -> T:
        place = self._posting.names.dead(queue)
        try:
            link = self._locked(place)
            try:
                found = _all(link, place)
                result = action(link, [grave for grave in found if ids is None or grave.envelope.id in ids])
                link.give_back_all()
                link.unlock_queue(place.name + LOCK)
            except BaseException:
                # All that is still held goes back, and the lock is free again.
                link.shut()
                raise
        except LinkError as exc:
            raise self._pool.explain(exc, maybe_applied=isinstance(exc, Lost)) from exc
        self._pool.give(link)
        return result

    def _locked(self, place: Place) -> Link:
        """Return a connection that has the dead letters to itself: others would see none meanwhile."""
        deadline = time.monotonic() + self._pool.settings.timeout
        while True:
            link = self._pool.take()
            try:
                link.lock_queue(place.name + LOCK)
            except Refused as exc:
                if exc.code not in {LOCKED, NOT_FOUND} or time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE)
            else:
                return link


def _all(link: Link, place: Place) -> list[Grave]:
    """Take everything; return it the longest buried first, without what was buried again."""
    [left] = link.declare([place])
    found: dict[str, Grave] = {}
    while left:
        portion = link.get(place.name, min(left, PORTION))
        for got in portion:
            envelope = opened(got.wire, f"dead-{got.tag}")
            earlier = found.pop(envelope.id, None)
            replaced = (*earlier.replaced, earlier.tag) if earlier else ()
            found[envelope.id] = Grave(got.tag, envelope, replaced)
        left = left - len(portion) if portion else 0
    return list(found.values())


def _letter(envelope: Envelope) -> DeadLetter:
    headers = envelope.headers
    try:
        buried_at = float(headers.get("alligator-buried-at", 0.0))
    except (TypeError, ValueError):
        buried_at = 0.0
    died = headers.get("alligator-died", 0)
    deliveries = died + 1 if isinstance(died, int) else 1
    return DeadLetter(envelope.id, envelope.body, str(headers.get("alligator-reason", "")), deliveries, buried_at)
