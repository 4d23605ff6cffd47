"""What the tests of encryption enqueue."""

from __future__ import annotations

ran: list[object] = []


def note(value: object) -> None:
    ran.append(value)


def fail_once(value: object) -> None:
    ran.append(value)
    if ran.count(value) == 1:
        raise ValueError("once")
