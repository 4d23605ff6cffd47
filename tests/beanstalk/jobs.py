"""The functions that the tests have run."""

from __future__ import annotations

ran: list[object] = []


def note(value: object) -> None:
    ran.append(value)


def fail(value: object) -> None:
    raise ValueError(f"no {value}")
