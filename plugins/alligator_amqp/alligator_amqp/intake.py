"""Taking messages: in order, never more than asked for, and what somebody died under alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from alligator_core.backend import Delivery
from alligator_core.errors import BackendError

from .envelope import Envelope, opened
from .hold import Held, Hold
from .link import Got
from .pool import Pool
from .posting import Parcel, Posting

log = logging.getLogger("alligator.amqp")

SPARED: Final = 30.0
"""Seconds for which a server that took nothing is sent nothing anew: each try takes long, and may leave a copy."""


class Portion(NamedTuple):
    """What a look at one queue brought."""

    deliveries: list[Delivery]
    is_over: bool = False
    """Whether the batch ends with them."""
    is_empty: bool = False
    """Whether there is no more on this queue."""


class Intake:
    """What is taken off the queues of one consumer."""

    def __init__(self, pool: Pool, posting: Posting, queues: Sequence[str]) -> None:
        self._pool = pool
        self._posting = posting
        self._queues = list(dict.fromkeys(queues))
        self._wary: set[str] = set()
        """Queues on which the next message may be one that somebody died under."""
        self._spared_until = 0.0
        self._full = False
        """Whether the last look brought all that was asked for: there is more, then, most likely."""

    def begin(self, held: Held) -> None:
        """Make the queues, and what leads to them, by a new connection. Raises LinkError."""
        self._posting.receive(held.link, self._queues)

    def take(self, held: Held, limit: int) -> list[Delivery]:
        """Take what is ready, queue after queue. Raises LinkError or BackendError."""
        places = [self._posting.names.of(queue) for queue in self._queues]
        is_full = self._full and len(places) == 1 and not self._wary
        counts = [limit] if is_full else held.link.declare(places)
        found: list[Delivery] = []
        for queue, ready in zip(self._queues, counts, strict=True):
            wanted = min(ready, limit - len(found))
            while wanted > 0:
                portion = self._portion(held, queue, wanted, is_first=not found)
                found += portion.deliveries
                if portion.is_over:
                    return self._noted(held, found, limit)
                if portion.is_empty:
                    break
                wanted -= len(portion.deliveries)
        return self._noted(held, found, limit)

    def _noted(self, held: Held, found: list[Delivery], limit: int) -> list[Delivery]:
        self._full = len(found) == limit > 1
        for delivery in found:
            assert isinstance(delivery.token, Hold)
            held.deliveries[delivery.token.tag] = delivery
        return found

    def _portion(self, held: Held, queue: str, wanted: int, *, is_first: bool) -> Portion:
        """Take some of one queue."""
        name = self._posting.names.of(queue).name
        asked = 1 if queue in self._wary else wanted
        gots = held.link.get(name, asked)
        fresh: list[Delivery] = []
        for number, got in enumerate(gots):
            envelope = opened(got.wire, f"{name}-{held.number}-{got.tag}")
            if not got.is_redelivered and not envelope.deaths:
                fresh.append(_delivery(held, queue, got, envelope))
                continue
            self._wary.add(queue)
            if is_first and number == 0 and not got.is_redelivered:
                held.link.give_back(each.tag for each in self._sent_anew(held, queue, gots[1:]))
                return Portion([_delivery(held, queue, got, envelope)], is_over=True)
            left = self._sent_anew(held, queue, gots[number:])
            if got in left and is_first and number == 0:
                # Nothing would get on if this one had to wait until the server takes messages again.
                held.link.give_back(each.tag for each in left[1:])
                counted = envelope._replace(deaths=envelope.deaths + 1)
                return Portion([_delivery(held, queue, got, counted)], is_over=True)
            held.link.give_back(each.tag for each in left)
            # If it was the first one, it is there again by now, counted, to be taken alone.
            return Portion(fresh, is_over=bool(fresh) or not is_first)
        self._wary.discard(queue)
        return Portion(fresh, is_empty=len(gots) < asked)

    def _sent_anew(self, held: Held, queue: str, gots: Sequence[Got]) -> Sequence[Got]:
        """Send messages anew, those counted that come from somebody who died, and remove the ones in hand.

        Returns those that the server doesn't take, which are still in hand.
        """
        if not gots or time.monotonic() < self._spared_until:
            return gots
        parcels: list[Parcel] = []
        for got in gots:
            envelope = opened(got.wire, f"{queue}-{held.number}-{got.tag}")
            again = Envelope(envelope.id, envelope.body, envelope.priority, envelope.deaths + got.is_redelivered)
            parcels.append(self._posting.parcel(queue, again, is_returned=True))
        try:
            refused = self._pool.call(lambda link: self._posting.send(link, parcels))
        except BackendError as exc:
            self._spared_until = time.monotonic() + SPARED
            log.warning("What came back from the dead is handed out without its count being kept: %s", exc)
            return gots
        sent = [(got, parcel.id not in refused) for got, parcel in zip(gots, parcels, strict=True)]
        held.link.ack((got.tag, False) for got, is_taken in sent if is_taken)
        held.link.sync()
        return [got for got, is_taken in sent if not is_taken]


def _delivery(held: Held, queue: str, got: Got, envelope: Envelope) -> Delivery:
    token = Hold(held.number, got.tag, envelope)
    return Delivery(queue, envelope.id, envelope.body, envelope.deaths + 1, envelope.priority, token)
