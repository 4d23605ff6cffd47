"""Refusing values that would not arrive unchanged: the error, and what to pass instead of each kind."""

from __future__ import annotations

import os
import types
from collections import deque
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from .form import Form
from .limits import MOST_PARTS


class Uncarriable(TypeError):
    """A value that a format can't carry unchanged.

    `path` holds the keys that lead to it from the payload down, such as `("args", 0, "when")`. The text is the
    predicate of a sentence about the value: "is a set, which JSON can't carry: pass a sorted list."
    """

    def __init__(self, problem: str) -> None:
        self.path: tuple[str | int, ...] = ()
        super().__init__(problem)

    def put_under(self, key: str | int) -> None:
        """Note that the value lies under this key of what holds it."""
        self.path = (key, *self.path)


def refusal(value: object, form: Form) -> Uncarriable:
    """Return the error for a value whose type has no tag, and no form of its own."""
    kind = type(value)
    named = f"is a {kind.__name__}" if kind in _ARTICLED else f"is of type {full_name(kind)}"
    for base, remedy in _SUBCLASSES.items():
        if isinstance(value, base) and (base is not bytes or bytes in form.scalars):
            return Uncarriable(f"{named}, a subclass of {base.__name__} that would not arrive as one: pass {remedy}.")
    if isinstance(value, _BUFFERS):
        return Uncarriable(f"{named}, which {form.name} can't carry: pass {_bytes_remedy(form)}.")
    for bases, remedy in _REMEDIES:
        if isinstance(value, bases):
            return Uncarriable(f"{named}, which {form.name} can't carry: pass {remedy}.")
    if is_dataclass(value):
        return Uncarriable(f"{named}, which is a dataclass by inheritance only: decorate it, too.")
    remedy = "what identifies it, such as its id, or a dataclass"
    return Uncarriable(f"{named}, which {form.name} can't carry: pass {remedy}.")


def _bytes_remedy(form: Form) -> str:
    if bytes in form.scalars:
        return "bytes(value)"
    return "text, such as its base64, or use a serializer that carries bytes"


def refused_key(key: object) -> Uncarriable:
    """Return the error for a dict with a key that isn't a plain str."""
    return Uncarriable(
        f"has a key of type {full_name(type(key))}, and only str can be sent as keys: "
        "pass a list of pairs, or make the keys str."
    )


def too_many_parts() -> Uncarriable:
    """Return the error for a payload that holds more lists, maps and entries of maps than readers take."""
    return Uncarriable(
        f"the arguments hold more than {MOST_PARTS:,} lists, maps and entries of maps: pass them in several tasks, "
        "or as what the task finds them by."
    )


def full_name(kind: type) -> str:
    """Return the name of a type as an error shows it."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


_BUFFERS: Final = (bytes, bytearray, memoryview)

_ARTICLED: Final = frozenset({set, frozenset, bytearray, range, complex})

_SUBCLASSES: Final[dict[type, str]] = {
    tuple: "a list, or a dataclass",
    dict: "dict(value)",
    list: "list(value)",
    str: "str(value)",
    int: "int(value)",
    float: "float(value)",
    datetime: "a plain datetime",
    date: "a plain date",
    time: "a plain time",
    timedelta: "a plain timedelta",
    Decimal: "Decimal(value)",
    UUID: "UUID(str(value))",
    bytes: "bytes(value)",
}
"""What to pass instead of an instance of a subclass, which would lose its class on the way."""

_REMEDIES: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    ((set, frozenset), "a sorted list"),
    ((range, deque, KeysView, ValuesView, ItemsView, Iterator), "a list of what it yields"),
    ((Mapping,), "dict(value)"),
    ((complex,), "a list of its two parts"),
    ((type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType), "its name"),
    ((os.PathLike,), "str(value)"),
    ((BaseException,), "its text"),
)
