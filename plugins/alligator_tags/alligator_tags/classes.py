"""Enums and dataclasses: which classes a message may hold instances of, and how they are made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum, Flag
from functools import lru_cache
from itertools import chain
from typing import Any, Final

_WITH_CONTENT: Final = (Enum, str, bytes, int, float, complex, list, tuple, dict, set, frozenset, BaseException, type)


def is_dataclass_of_ours(cls: type) -> bool:
    """Say whether instances of a class are what its dataclass fields are, and nothing else.

    A subclass that isn't decorated itself may hold anything, and so may one of a built-in type.
    """
    return "__dataclass_fields__" in vars(cls) and not issubclass(cls, _WITH_CONTENT)


@lru_cache(maxsize=1024)
def fields_of(cls: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the fields that the constructor of a dataclass takes, and of those that it doesn't."""
    found = fields(cls)
    return tuple(field.name for field in found if field.init), tuple(field.name for field in found if not field.init)


def build(cls: type, values: Mapping[str, Any]) -> object:
    """Return an instance of a dataclass. Raises ValueError for fields it doesn't take."""
    taken, _ = fields_of(cls)
    for name in values:
        if name not in taken:
            raise ValueError(f"{cls.__qualname__} has no field {name!r} to set")
    try:
        return cls(**values)
    except Exception as exc:  # (the constructor is an app's own code)
        raise ValueError(f"{cls.__qualname__} refuses its fields: {type(exc).__name__}: {exc}") from exc


def rebuilds(value: object, values: Mapping[str, Any]) -> bool:
    """Say whether a dataclass made of these values equals the instance they were taken from, in all its fields.

    What fails it: a field that the constructor doesn't take and that has changed since, an InitVar without a default,
    a `__post_init__` that changes what it is given.
    """
    try:
        cls: type = type(value)
        made = build(cls, values)
        return all(_is_same(getattr(made, name), getattr(value, name)) for name in chain(*fields_of(cls)))
    except Exception:  # noqa: BLE001  (the constructor and `==` are an app's own code)
        return False


def _is_same(made: object, given: object) -> bool:
    return made is given or (type(made) is type(given) and bool(made == given))


def member_content(value: Enum) -> str | int:
    """Return what a member of an enum is found by: its name, or the value for flags."""
    return value.value if isinstance(value, Flag) else value.name


def member(cls: type, content: object) -> Enum:
    """Return the member of an enum by its name, or of flags by its value. Raises ValueError if there is none."""
    if not issubclass(cls, Enum):
        raise ValueError(f"{cls.__qualname__} is no enum")
    if type(content) is str and content in cls.__members__:
        return cls.__members__[content]
    if type(content) is int and issubclass(cls, Flag):
        return _flags(cls, content)
    raise ValueError(f"{cls.__qualname__} has no such member")


def _flags(cls: type[Flag], content: int) -> Flag:
    try:
        found = cls(content)
    except Exception as exc:  # (looking up a value may run an app's own code)
        raise ValueError(f"{cls.__qualname__} has no such flags") from exc
    # Some flags drop or negate bits they don't know, or give back a mere int.
    if type(found) is not cls or found.value != content:
        raise ValueError(f"{cls.__qualname__} has no such flags")
    return found
