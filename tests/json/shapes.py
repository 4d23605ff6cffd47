"""Enums and dataclasses that the tests send, under the names of a module `app`."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import InitVar, dataclass, field
from enum import Enum, Flag, IntEnum
from typing import Any

from alligator_core.errors import UnknownCallableError


class Color(Enum):
    RED = "r"
    CRIMSON = "r"  # noqa: PIE796  (an alias)
    GREEN = "g"


class Level(IntEnum):
    LOW = 1


class Access(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: Any
    y: Any = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    parts: Any = ()


@dataclass
class Counted:
    size: int
    total: int = field(init=False, default=0)


@dataclass
class Scaled:
    size: int
    factor: InitVar[int] = 1

    def __post_init__(self, factor: int) -> None:
        self.size *= factor


@dataclass
class Growing:
    size: int

    def __post_init__(self) -> None:
        self.size += 1


@dataclass
class Whole:
    size: int

    def __post_init__(self) -> None:
        self.size = int(self.size)


@dataclass
class Positive:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise LookupError("negative")


class Undecorated(Point):
    pass


@dataclass
class Filled(dict):  # type: ignore[type-arg]
    size: int = 0


class Bare:
    made = 0

    def __init__(self, **fields: object) -> None:
        type(self).made += 1


Pair = namedtuple("Pair", "left right")  # noqa: PYI024

_CLASSES = {cls.__name__: cls for cls in (Color, Level, Access, Point, Sealed, Undecorated, Filled, Bare)}
_CLASSES |= {cls.__name__: cls for cls in (Counted, Scaled, Growing, Whole, Positive)}


def name_of(cls: type) -> str:
    return f"app:{cls.__name__}"


def class_of(name: str) -> type:
    try:
        return _CLASSES[name.removeprefix("app:")]
    except KeyError:
        raise UnknownCallableError(name, "is unknown.") from None
