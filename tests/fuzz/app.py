"""What the messages of the fuzzer may name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag
from typing import Any


class Color(Enum):
    RED = "r"


class Access(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: Any
    y: Any = 0


def move(point: Point, path: list[tuple[int, int]] | None = None, **how: tuple[str, ...]) -> None:
    """A task whose annotations ask for tuples."""


async def wait() -> None:
    """A coroutine function."""
