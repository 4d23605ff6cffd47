"""What is sent: a message as an entry of a batch, with what a FIFO queue wants to know besides."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any, Final
from uuid import uuid4

from alligator_core.backend import Message

from .envelope import HEADROOM, Envelope, sealed
from .names import Lane
from .settings import LARGEST, Settings

LONGEST_DELAY: Final = 900
"""Seconds for which SQS delays a message that is sent. What is left then, whoever receives it sees to."""

_GROUP: Final = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")


class Posting:
    """Makes the entries of one DSN."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def pushed(self, lane: Lane, message: Message) -> dict[str, Any]:
        """Return the entry of a message that is pushed. Raises ValueError for one that SQS can't carry."""
        id, body, priority, delay = message
        by_id = lane.is_fifo and self._settings.dedup == "id"
        return self.entry(lane, Envelope(id, body, priority), delay, dedup=_hash(id) if by_id else "")

    def put_back(self, lane: Lane, envelope: Envelope, delay: float = 0.0) -> dict[str, Any]:
        """Return the entry of what came from a queue. Raises ValueError for what no queue can carry.

        Others may have sent more than is pushed here.
        """
        try:
            return self.entry(lane, envelope, delay)
        except ValueError:
            reason = envelope.reason and envelope.reason[:HEADROOM]
            return self.entry(lane, envelope._replace(reason=reason), delay, most=LARGEST)

    def entry(
        self, lane: Lane, envelope: Envelope, delay: float = 0.0, dedup: str = "", most: int = 0
    ) -> dict[str, Any]:
        """Return the entry of what is put into a queue, to be ready in `delay` seconds.

        Raises ValueError for what SQS can't carry.
        """
        direct = 0 if lane.is_fifo else min(LONGEST_DELAY, math.ceil(delay))
        envelope = envelope._replace(delay=delay if delay > direct else 0.0)
        entry: dict[str, Any] = {"MessageBody": sealed(envelope, most or self._settings.max_message)}
        if direct > 0:
            entry["DelaySeconds"] = direct
        if lane.is_fifo:
            entry["MessageGroupId"] = self._group(envelope.id)
            entry["MessageDeduplicationId"] = dedup or uuid4().hex
        return entry

    def _group(self, id: str) -> str:
        if self._settings.group == "queue":
            return "all"
        group = id.partition(":")[0] if self._settings.group == "prefix" else id
        return group if _GROUP.fullmatch(group) else _hash(group)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
