"""Messages for the tests of backends."""

from __future__ import annotations

from uuid import uuid4

from alligator_core.backend import Ack, Consumer, Delivery, Message


def new_queue() -> str:
    """Return the name of a queue that nobody uses."""
    return f"test-{uuid4().hex[:12]}"


def messages(*ids: str) -> list[Message]:
    """Return messages of these ids."""
    return [Message(id, f"body of {id}".encode()) for id in ids]


def numbered(count: int) -> list[Message]:
    """Return so many messages."""
    return messages(*map(str, range(count)))


def take_all(consumer: Consumer, *, wait: float = 0.0) -> list[Delivery]:
    """Reserve and ack until nothing is left; return what came."""
    found: list[Delivery] = []
    while batch := consumer.reserve(500, wait):
        assert consumer.settle([Ack(delivery) for delivery in batch]) == []
        found += batch
    return found


def ids_of(deliveries: list[Delivery]) -> list[str]:
    """Return their ids."""
    return [delivery.id for delivery in deliveries]
