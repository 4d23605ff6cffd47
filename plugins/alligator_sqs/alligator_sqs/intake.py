"""From received messages to deliveries: what is early is hidden again, and what somebody died under is alone."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from typing import Any, Final

from alligator_core.backend import Delivery
from alligator_core.errors import BackendError

from .batches import Batches
from .envelope import opened
from .hold import Hold
from .memory import Memory
from .names import Lane
from .queues import Queues
from .returning import LONGEST, Returning, deaths_of
from .service import Service

log = logging.getLogger("alligator.sqs")

MARGIN: Final = 5
"""Seconds of the 12 hours that are left alone."""
SLACK: Final = 0.5
"""Seconds by which SQS's clock is not known."""


class Intake:
    """Receives for one consumer."""

    def __init__(
        self,
        service: Service,
        queues: Queues,
        batches: Batches,
        returning: Returning,
        memory: Memory,
        lease: float,
        *,
        is_fifo: bool,
    ) -> None:
        self._service = service
        self._queues = queues
        self._batches = batches
        self._returning = returning
        self._memory = memory
        self._lease = max(1, min(math.ceil(lease), LONGEST - MARGIN))
        # What is given back to a FIFO queue may be counted by others: a worker that starts takes as little as it can.
        self._limit = 1 if is_fifo else 1 << 30
        self._names = ["ApproximateReceiveCount", "SentTimestamp", *(["MessageGroupId"] if is_fifo else [])]

    @property
    def lease(self) -> int:
        """Seconds for which a message is received."""
        return self._lease

    def longest_wait(self, wanted: int) -> int:
        """Return how long a poll may take, so that a part of the lease is left in any case when it is answered."""
        return max(1, min(wanted, 2 * self._lease // 3))

    def limit(self, wanted: int) -> int:
        """Return how many to receive: after a message that somebody died under one, then more and more."""
        return min(wanted, self._limit)

    def receive(self, lane: Lane, count: int, wait: int) -> list[Hold]:
        """Receive up to ten messages, waiting for so many seconds."""
        since = time.monotonic()
        answer = self._queues.call(
            "receive_message",
            lane,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait,
            VisibilityTimeout=self._lease,
            AttributeNames=self._names,
        )
        messages = answer.get("Messages")
        if not messages:
            return []
        begin = self._service.clock.made_at(answer, since)
        return [self._hold(lane, each, begin) for each in messages]

    def sorted_out(self, lane: Lane, holds: Sequence[Hold]) -> list[Delivery]:
        """Return the deliveries of what was received; what isn't to be delivered now is hidden, or given back.

        These are either one that somebody died under, or fresh ones.
        """
        early: list[tuple[str, int]] = []
        made: list[Delivery] = []
        back: list[Hold] = []
        for hold in holds:
            if lane.is_fifo and (early or back):
                back.append(hold)  # behind one that is not handed out now
            elif (rest := self._early_by(hold)) > SLACK:
                early.append((hold.handle, self._returning.hidden_for(hold, rest)))
            else:
                made.append(self._delivery(hold))
        died = next((each for each in made if each.deliveries > 1), None)
        if died is not None and len(made) > 1:
            chosen = self._fresh_before(made, died) if lane.is_fifo else [died]
            back = [_hold(each) for each in made if each not in chosen] + back
            made = chosen
        self._limit = 1 if made and made[0].deliveries > 1 else min(1 << 30, 2 * self._limit)
        self._put_aside(lane, early, back)
        return made

    def _fresh_before(self, made: list[Delivery], died: Delivery) -> list[Delivery]:
        # In the order of the queue: what somebody died under is alone, when its turn comes.
        place = made.index(died)
        return made[:place] if place else [died]

    def _put_aside(self, lane: Lane, early: list[tuple[str, int]], back: list[Hold]) -> None:
        try:
            if early:
                self._batches.hide(lane, early)
            if back:
                self._returning.give_back(back)
        except BackendError as exc:
            log.warning("Could not give back what was received too early, it comes again in %d s: %s", self._lease, exc)

    def _hold(self, lane: Lane, message: dict[str, Any], begin: float) -> Hold:
        attributes = message.get("Attributes", {})
        envelope = opened(message["MessageId"], message["Body"])
        if envelope.delay:
            # Until when, by SQS's clock.
            sent = int(attributes.get("SentTimestamp", 0)) / 1000
            early = sent + envelope.delay - self._service.clock.now()
        else:
            early = 0.0
        hold = Hold(
            lane,
            message["MessageId"],
            message["ReceiptHandle"],
            int(attributes.get("ApproximateReceiveCount", 1)),
            envelope,
            begin + self._lease,
            begin + LONGEST - MARGIN,
            attributes.get("MessageGroupId", ""),
        )
        hold.early = early
        return hold

    def _early_by(self, hold: Hold) -> float:
        known = self._memory.of(hold.message_id) if hold.lane.is_fifo else None
        return known.due - time.monotonic() if known is not None and known.due else hold.early

    def _delivery(self, hold: Hold) -> Delivery:
        known = self._memory.of(hold.message_id) if hold.lane.is_fifo else None
        envelope = hold.envelope
        body = envelope.body if known is None or known.body is None else known.body
        deaths = deaths_of(hold, self._memory)
        return Delivery(hold.lane.queue, envelope.id, body, 1 + deaths, envelope.priority, hold)


def _hold(delivery: Delivery) -> Hold:
    assert isinstance(delivery.token, Hold)
    return delivery.token
