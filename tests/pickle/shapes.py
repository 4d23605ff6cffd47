"""What the tests pickle."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alligator_pickle.values


class Reduced:
    """Says that it is made again by a call of its choice."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self._reduced = function, args

    def __reduce__(self) -> Any:
        return self._reduced


class Singleton:
    """Says that it is a global of its module."""

    def __reduce__(self) -> str:
        return "ONLY"


ONLY = Singleton()


class Sick(list[object]):
    def __len__(self) -> int:
        raise RuntimeError("it is sick")


class Unbound:
    """Has a class of its own only while it stands for something, as the proxies of some frameworks."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("it stands for nothing")


class Strict:
    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError("it is negative")
        self.size = size

    def __reduce__(self) -> Any:
        return Strict, (self.size,)


class Line:
    def __init__(self, size: int) -> None:
        self.size = size

    def __eq__(self, other: object) -> bool:
        return type(other) is Line and other.size == self.size

    __hash__ = None  # type: ignore[assignment]


def touch(path: str) -> None:
    Path(path).touch()


received: list[object] = []


def receive(*values: object) -> None:
    received.extend(values)


def attacks(path: Path) -> dict[str, object]:
    """Objects whose pickles, as Python makes them, leave a file behind when they are read as Python reads them."""
    source = f"open({str(path)!r}, 'w').close()"
    return {
        "os.system": Reduced(os.system, f"touch {path}"),
        "eval": Reduced(eval, source),
        "exec": Reduced(exec, source),
        "open": Reduced(open, str(path), "w"),
        "getattr": Reduced(getattr, object, "__subclasses__"),
        "a compiled pattern": re.compile("x"),
        "a task": Reduced(touch, str(path)),
        "a method": Reduced(Path(path).touch),
        "the function that stands for the policy": Reduced(alligator_pickle.values.class_named, "os:system"),
    }
