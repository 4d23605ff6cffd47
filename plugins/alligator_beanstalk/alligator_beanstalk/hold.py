"""What a consumer knows of a job that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alligator_core.backend import Delivery

if TYPE_CHECKING:
    from .link import Link


class Hold:
    """A job that was reserved by way of a connection: the token of its delivery."""

    __slots__ = ("job", "link", "ttr", "until", "wire_priority")

    def __init__(self, link: Link, job: int, wire_priority: int, ttr: int, until: float) -> None:
        self.link = link
        self.job = job
        self.wire_priority = wire_priority
        self.ttr = ttr
        self.until = until
        """Until when the server surely waits for a sign of life, by our monotonic clock."""

    def __repr__(self) -> str:
        return f"Hold({self.job})"


def hold_of(delivery: Delivery, owner: object) -> Hold | None:
    """Return what holds a delivery, None if it is held no more, or by another owner's connection."""
    hold = delivery.token
    if not isinstance(hold, Hold) or hold.link.owner is not owner:
        return None
    kept = hold.link.held.get(hold.job)
    return hold if kept is not None and kept.token is hold else None
