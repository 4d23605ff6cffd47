"""The process that is dead, in tests of what becomes of that."""

from __future__ import annotations

from ...backend import Consumer, Delivery
from ..harness import LONG_LEASE, Harness

DEAD = "0a1b2c3d.4026531836:4711:123456"
"""A holder's name as the core makes them: who had it is dead, or so the tests say."""


def hold(
    harness: Harness, count: int, holder: str = DEAD, *, lease: float = LONG_LEASE
) -> tuple[Consumer, list[Delivery]]:
    """Let a consumer of a holder take so many messages."""
    consumer = harness.consumer(holder=holder, lease=lease)
    return consumer, harness.collect(consumer, count)


def by_id(deliveries: list[Delivery]) -> list[Delivery]:
    """Return deliveries in the order of their ids."""
    return sorted(deliveries, key=lambda each: each.id)
