"""What a consumer holds: one received message."""

from __future__ import annotations

from .envelope import Envelope
from .names import Lane


class Hold:
    """The token of a delivery: which message of SQS it is, and until when it is surely ours."""

    __slots__ = (
        "early",
        "envelope",
        "group",
        "handle",
        "is_last",
        "is_sent",
        "lane",
        "latest",
        "message_id",
        "receives",
        "until",
    )

    def __init__(
        self,
        lane: Lane,
        message_id: str,
        handle: str,
        receives: int,
        envelope: Envelope,
        until: float,
        latest: float,
        group: str = "",
    ) -> None:
        self.lane = lane
        self.message_id = message_id
        self.handle = handle
        self.receives = receives
        """How often SQS has handed it out."""
        self.envelope = envelope
        self.until = until
        """By `time.monotonic()`: from then on somebody else may have it."""
        self.latest = latest
        """The latest that `until` may become: SQS lets nobody have a message for more than 12 hours."""
        self.group = group
        """Of a FIFO queue: what must stay in order."""
        self.early = 0.0
        """Seconds until it may be handed out, when it was received."""
        self.is_last = False
        """Whether its lease was extended for the last time."""
        self.is_sent = False
        """Whether what takes its place is sent, and only this one is still to be deleted."""
