"""What a fleet runs while it is switched from one serializer to another."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from alligator import current_task

ran: list[tuple[str, int]] = []
"""What was sold, and by whom."""


@dataclass
class Price:
    amount: Decimal


def sell(producer: str, number: int, price: Price) -> None:
    """A task with a value that needs a tag; every tenth fails at first."""
    task = current_task()
    assert type(price) is Price
    if number % 10 == 0 and task.attempt == 1:
        raise ValueError("not at the first attempt")
    ran.append((producer, number))
