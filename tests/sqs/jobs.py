"""The functions that the tests have run."""

from __future__ import annotations

import time

ran: list[object] = []


def note(value: object) -> None:
    ran.append(value)


def fail(value: object) -> None:
    raise ValueError(f"no {value}")


def nap(seconds: float) -> None:
    time.sleep(seconds)
