"""What the tests of secrets enqueue."""

from __future__ import annotations

from pathlib import Path


def fail(number: object) -> None:
    raise ValueError(f"no number {number}")


def touch(path: str) -> None:
    Path(path).touch()
