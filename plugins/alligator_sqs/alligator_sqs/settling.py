"""Settling: what became of messages, told to SQS in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from alligator_core.backend import Ack, Bury, Delivery, Release, Replace, Settlement
from alligator_core.errors import BackendError

from .batches import Batches, Entry, Failure, Fate
from .envelope import Envelope
from .failures import STALE
from .hold import Hold
from .memory import Memory
from .names import Lane, Names
from .posting import Posting
from .queues import Queues
from .returning import Returning, deaths_of

log = logging.getLogger("alligator.sqs")

SURE: Final = 0.25
"""The part of a lease that must be left, or it is extended before anything depends on it."""

Cases = dict[Hold, Settlement]


class Settling:
    """One consumer's way of settling.

    SQS lets whoever has lost a message delete it, or says nothing when that did nothing: until when each is held is
    known here, and where that is in doubt the lease is extended first, which SQS refuses to whoever has lost it.
    """

    def __init__(
        self, queues: Queues, names: Names, batches: Batches, posting: Posting, memory: Memory, returning: Returning
    ) -> None:
        self._queues = queues
        self._names = names
        self._batches = batches
        self._posting = posting
        self._memory = memory
        self._returning = returning

    def settle(self, cases: Cases, lease: int) -> tuple[dict[Hold, Fate], set[Hold]]:
        """Settle each; return what became of them, and the lost ones among them."""
        lost = self._make_sure(list(cases), lease)
        cases = {hold: each for hold, each in cases.items() if hold not in lost}
        fates: dict[Hold, Fate] = {}
        self._release({hold: each for hold, each in cases.items() if isinstance(each, Release)}, fates)
        self._put({hold: each for hold, each in cases.items() if isinstance(each, Replace | Bury)}, fates)
        self._delete([hold for hold in cases if hold not in fates], fates)
        for hold, fate in list(fates.items()):
            if isinstance(fate, Failure) and fate.code in STALE:
                del fates[hold]
                lost.add(hold)
            elif fate is None and hold.lane.is_fifo and isinstance(cases[hold], Ack | Bury):
                self._memory.drop(hold.message_id)
        return fates, lost

    def extended(self, holds: Sequence[Hold], lease: int) -> tuple[list[Hold], BackendError | None]:
        """Extend leases; return those that turned out to be lost, and what went wrong with others."""
        lost = [hold for hold in holds if hold.until <= time.monotonic()]
        error: BackendError | None = None
        by_lane: dict[Lane, list[Hold]] = {}
        for hold in holds:
            if hold not in lost:
                by_lane.setdefault(hold.lane, []).append(hold)
        for lane, held in by_lane.items():
            now = time.monotonic()
            seconds = [max(1, min(lease, int(hold.latest - now))) for hold in held]
            pairs = [(hold.handle, each) for hold, each in zip(held, seconds, strict=True)]
            for hold, each, fate in zip(held, seconds, self._batches.hide(lane, pairs), strict=True):
                if fate is None:
                    self._note_extension(hold, now + each, is_last=each < lease)
                elif isinstance(fate, BackendError):
                    error = fate
                else:
                    lost.append(hold)
        return lost, error

    def _note_extension(self, hold: Hold, until: float, *, is_last: bool) -> None:
        if is_last and not hold.is_last:
            hold.is_last = True
            log.warning(
                "%s has been held for 12 hours, which is all that SQS allows: in %.0f s it is handed out again, "
                "whether or not it is done",
                hold.envelope.id,
                hold.latest - time.monotonic(),
            )
        hold.until = min(until, hold.latest)

    def _make_sure(self, holds: list[Hold], lease: int) -> set[Hold]:
        now = time.monotonic()
        doubtful = [hold for hold in holds if hold.until - now < SURE * lease]
        if not doubtful:
            return set()
        lost, error = self.extended(doubtful, lease)
        if error is not None:
            raise error
        return set(lost)

    def _release(self, cases: Cases, fates: dict[Hold, Fate]) -> None:
        by_lane: dict[Lane, list[tuple[Hold, float]]] = {}
        for hold, each in cases.items():
            assert isinstance(each, Release)
            by_lane.setdefault(hold.lane, []).append((hold, each.delay))
        for lane, pairs in by_lane.items():
            for (hold, _), fate in zip(pairs, self._returning.released(lane, pairs), strict=True):
                fates[hold] = fate

    def _put(self, cases: Cases, fates: dict[Hold, Fate]) -> None:
        """Send retries and dead letters, before anything is deleted. Those that failed stay held."""
        by_lane: dict[Lane, list[tuple[Hold, Entry]]] = {}
        hidden: dict[Lane, list[tuple[Hold, Replace]]] = {}
        for hold, each in cases.items():
            if hold.is_sent:
                continue
            if isinstance(each, Replace) and hold.lane.is_fifo:
                hidden.setdefault(hold.lane, []).append((hold, each))
                continue
            try:
                lane, entry = self._entry(hold, each)
            except BackendError as exc:
                fates[hold] = exc
                continue
            by_lane.setdefault(lane, []).append((hold, entry))
        for lane, pairs in by_lane.items():
            sent = self._batches.send(lane, [entry for _, entry in pairs], in_order=False)
            for (hold, _), fate in zip(pairs, sent, strict=True):
                hold.is_sent = fate is None
                if fate is not None:
                    fates[hold] = fate if isinstance(fate, BackendError) else BackendError(f"{lane.name!r}: {fate}")
        for lane, retried in hidden.items():
            self._retry_in_place(lane, retried, fates)

    def _retry_in_place(self, lane: Lane, retried: list[tuple[Hold, Replace]], fates: dict[Hold, Fate]) -> None:
        for hold, each in retried:
            self._returning.note(hold, hold.receives, each.message.body, each.message.delay)
        pairs = [(hold.handle, self._returning.hidden_for(hold, each.message.delay)) for hold, each in retried]
        for (hold, _), fate in zip(retried, self._batches.hide(lane, pairs), strict=True):
            fates[hold] = fate

    def _entry(self, hold: Hold, settlement: Settlement) -> tuple[Lane, Entry]:
        try:
            if isinstance(settlement, Replace):
                message = settlement.message
                lane = self._names.lane(hold.lane.queue, message.priority)
                return lane, self._posting.put_back(
                    lane, Envelope(message.id, message.body, message.priority), message.delay
                )
            assert isinstance(settlement, Bury)
            delivery, reason, body = settlement
            deaths = deaths_of(hold, self._memory)
            letter = Envelope(
                delivery.id, delivery.body if body is None else body, delivery.priority, deaths, 0.0, reason
            )
            lane = self._queues.dead(hold.lane.queue)
            return lane, self._posting.put_back(lane, letter)
        except ValueError as exc:
            raise BackendError(f"{hold.envelope.id!r} can't be put back: {exc}") from exc

    def _delete(self, holds: list[Hold], fates: dict[Hold, Fate]) -> None:
        by_lane: dict[Lane, list[Hold]] = {}
        for hold in holds:
            by_lane.setdefault(hold.lane, []).append(hold)
        for lane, held in by_lane.items():
            fates.update(zip(held, self._batches.delete(lane, [each.handle for each in held]), strict=True))


def settled(settlements: Sequence[Settlement], held: dict[Hold, Delivery]) -> tuple[Cases, list[Delivery]]:
    """Return the settlements of what is held, and the deliveries of the others."""
    cases: Cases = {}
    stale: list[Delivery] = []
    for each in settlements:
        hold = each.delivery.token
        if isinstance(hold, Hold) and hold in held and hold not in cases and hold.until > time.monotonic():
            cases[hold] = each
        else:
            stale.append(each.delivery)
    return cases, stale
