"""The kinds of values that a serializer may carry, with examples of each, and when two of them are the same."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ..errors import AlligatorException


class Color(Enum):
    RED = "r"
    GREEN = "g"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Shade(str, Enum):
    DARK = "dark"


class Access(Flag):
    READ = 1
    WRITE = 2
    RUN = 4


@dataclass
class Item:
    name: str
    color: Color = Color.RED
    size: tuple[int, ...] = ()


@dataclass(frozen=True)
class Order:
    items: list[Item] = field(default_factory=list)
    first: Item | None = None


class Point(NamedTuple):
    x: int
    y: int


class Name(str):
    """Text of a class of its own."""


class Thing:
    """An object of no special kind."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __eq__(self, other: object) -> bool:
        return type(other) is Thing and other.size == self.size

    __hash__ = None  # type: ignore[assignment]


class Forbidden(AlligatorException):
    """The contract's policy: a message may name the classes of this module only."""


TEXT: Final = st.text(max_size=20)
_items: Final = st.builds(Item, TEXT, st.sampled_from(Color), st.lists(st.integers(0, 9), max_size=3).map(tuple))
_offsets: Final = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_zones: Final = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]).map(ZoneInfo)
_tzinfos: Final = st.none() | st.just(timezone.utc) | _offsets

PLAIN: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
"""What every serializer carries."""

KINDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "bigint": st.integers(min_value=2**64) | st.integers(max_value=-(2**63) - 1),
    "bytearray": st.binary(max_size=40).map(bytearray),
    "bytes": st.binary(max_size=40),
    "complex": st.complex_numbers(allow_nan=False),
    "dataclass": _items | st.builds(Order, st.lists(_items, max_size=2), st.none() | _items),
    "date": st.dates(),
    "datetime": st.datetimes(timezones=_tzinfos).flatmap(lambda d: st.sampled_from([d, d.replace(fold=1)])),
    "decimal": st.decimals(allow_nan=False),
    "decimal_nan": st.sampled_from([Decimal("NaN"), Decimal("-NaN12")]),
    "enum": st.sampled_from([*Color, *Level, *Shade]),
    "flag": st.sampled_from([Access(0), Access.READ, Access.READ | Access.RUN, ~Access.READ]),
    "frozenset": st.frozensets(st.integers(), max_size=4),
    "infinity": st.sampled_from([float("inf"), float("-inf")]),
    "key": st.dictionaries(st.integers() | st.none() | st.tuples(st.text()), st.integers(), min_size=1, max_size=3),
    "namedtuple": st.builds(Point, st.integers(0, 9), st.integers(0, 9)),
    "nan": st.just(float("nan")),
    "object": st.builds(Thing, st.integers(0, 9)),
    "set": st.sets(st.integers(), max_size=4),
    "subclass": st.builds(Name, st.text()) | st.builds(OrderedDict, st.dictionaries(st.text(), st.integers())),
    "surrogate": st.sampled_from(["\ud800", "a\udfff", "\udc80" * 3]),
    "time": st.times(timezones=_tzinfos).flatmap(lambda t: st.sampled_from([t, t.replace(fold=1)])),
    "timedelta": st.timedeltas(),
    "tuple": st.lists(PLAIN, max_size=3).map(tuple),
    "uuid": st.uuids(),
    "zoneinfo": st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).flatmap(  # noqa: DTZ001
        lambda d: st.builds(d.replace, tzinfo=_zones, fold=st.sampled_from([0, 1]))
    ),
}
"""What a serializer may carry besides: the names for `carries`, each with values of that kind.

`key` is a dict with keys that aren't str, `subclass` an instance of a subclass of str, dict and the like.
A `tuple` that isn't carried as one arrives as a list; everything else that isn't carried is refused.
"""

NAMED: Final = {
    "dataclass": Item("a"),
    "enum": Color.RED,
    "flag": Access.READ,
    "namedtuple": Point(1, 2),
    "object": Thing(1),
}
"""One value of each kind that a message has to name a class for."""


def take(*args: object, **kwargs: object) -> tuple[tuple[object, ...], dict[str, object]]:
    """The task of the contract: returns what it was called with."""
    return args, kwargs


def name_of(cls: type) -> str:
    """Name a class as a Gator does."""
    return f"{cls.__module__}:{cls.__qualname__}"


def class_of(name: str) -> type:
    """Return a class of this module by its name. Raises Forbidden for any other."""
    module, _, attribute = name.partition(":")
    found = vars(sys.modules[__name__]).get(attribute)
    if module != __name__ or not isinstance(found, type) or found.__module__ != __name__:
        raise Forbidden(f"{name!r} may not be named")
    return found


def same(left: Any, right: Any) -> bool:
    """Say whether two values are equal, types and all, at any depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same([*left], [*right]) and same([*left.values()], [*right.values()])
    if is_dataclass(left):
        return all(same(getattr(left, each.name), getattr(right, each.name)) for each in fields(left))
    if isinstance(left, (datetime, time)):
        naive = left.replace(tzinfo=None), right.replace(tzinfo=None)
        return repr(naive[0]) == repr(naive[1]) and bool(left.tzinfo == right.tzinfo)
    if isinstance(left, (float, Decimal)) and not isinstance(left, Enum):
        return repr(left) == repr(right)
    return bool(left == right)
