"""Decoding: tags become the values they stand for. A tag that isn't known is an error, never a guess."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from . import classes, moments
from .form import Form, Reader
from .limits import DEPTH, TOO_DEEP

_DECIMAL_TEXT: Final = re.compile(r"-?(?:Infinity|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")


class Untagger:
    """Makes values out of one decoded payload. Raises ValueError for what `Tagger` never makes."""

    __slots__ = ("_class_of", "_in_dataclass", "_readers", "_room")

    def __init__(self, form: Form, class_of: Callable[[str], type]) -> None:
        self._readers = {**_READERS, **form.readers} if form.readers else _READERS
        self._class_of = class_of
        self._in_dataclass = False
        self._room = DEPTH

    def restore(self, value: Any) -> Any:
        """Return what a decoded value stands for."""
        kind = type(value)
        if kind is list:
            return self._restore_items(value)
        if kind is not dict:
            return value
        for key in value:
            if key[:1] == "$":
                return self._restore_tag(value)
        return self._restore_map(value)

    def restore_entries(self, entries: dict[str, Any]) -> dict[str, Any]:
        """Return a map with its values restored, whatever its keys are."""
        return {key: self.restore(value) for key, value in entries.items()}

    def _restore_items(self, items: list[Any]) -> list[Any]:
        self._enter()
        restored = [self.restore(item) for item in items]
        self._room += 1
        return restored

    def _restore_map(self, entries: dict[str, Any]) -> dict[str, Any]:
        self._enter()
        restored = self.restore_entries(entries)
        self._room += 1
        return restored

    def _enter(self) -> None:
        if self._room == 0:
            raise ValueError(TOO_DEEP)
        self._room -= 1

    def _restore_tag(self, value: dict[str, Any]) -> object:
        tag, content = next(iter(value.items()))
        reader = self._readers.get(tag)
        kind = _CONTAINERS.get(tag) if reader is None else reader.kind
        if kind is None or len(value) > 1:
            key = next(key for key in value if key[:1] == "$")
            raise ValueError(
                f"a map with the key {_short(key)} is neither a tag that is known here nor escaped by $dict"
            )
        if type(content) is not kind:
            raise ValueError(f"the tag {tag} takes a {kind.__name__}, not {_short(content)}")
        return self._restore_content(tag, content) if reader is None else _read(reader.read, tag, content)

    def _restore_content(self, tag: str, content: Any) -> object:
        if tag == "$dict":
            return self._restore_map(content)
        if tag == "$tuple":
            return self._restore_tuple(content)
        if len(content) != 2 or type(content[0]) is not str:
            raise ValueError(f"the tag {tag} takes a class name and what is in it, not {_short(content)}")
        return self._restore_instance(tag, *content)

    def _restore_tuple(self, content: list[Any]) -> tuple[Any, ...]:
        # Elsewhere it would turn into a list as soon as the task is tried again.
        if not self._in_dataclass:
            raise ValueError("the tag $tuple stands outside of a dataclass")
        return tuple(self._restore_items(content))

    def _restore_instance(self, tag: str, name: str, content: object) -> object:
        cls = self._class_of(name)
        if tag == "$enum":
            return classes.member(cls, content)
        if not classes.is_dataclass_of_ours(cls) or type(content) is not dict:
            raise ValueError(f"the tag $dataclass takes a dataclass and a map, not {name!r} and {_short(content)}")
        outer, self._in_dataclass = self._in_dataclass, True
        values = self._restore_map(content)
        self._in_dataclass = outer
        return classes.build(cls, values)


def _read(read: Callable[[Any], object], tag: str, content: object) -> object:
    try:
        return read(content)
    except (ValueError, TypeError, ArithmeticError) as exc:
        raise ValueError(f"the tag {tag} can't be {_short(content)}: {exc}") from exc


def _read_timedelta(parts: list[object]) -> timedelta:
    if [type(part) for part in parts] != [int, int, int]:
        raise ValueError("not days, seconds and microseconds")
    days, seconds, microseconds = parts
    return timedelta(days, seconds, microseconds)  # type: ignore[arg-type]


def _read_decimal(text: str) -> Decimal:
    value = Decimal(text) if _DECIMAL_TEXT.fullmatch(text) else None
    # Out of range is NaN to an app whose decimal context doesn't trap it.
    if value is None or value.is_nan():
        raise ValueError("not a decimal number")
    return value


def _read_uuid(text: str) -> UUID:
    value = UUID(text)
    if str(value) != text.lower():
        raise ValueError("not in the form 8-4-4-4-12")
    return value


_READERS: Final[dict[str, Reader]] = {
    "$datetime": Reader(str, moments.read_datetime),
    "$date": Reader(str, moments.read_date),
    "$time": Reader(str, moments.read_time),
    "$timedelta": Reader(list, _read_timedelta),
    "$decimal": Reader(str, _read_decimal),
    "$uuid": Reader(str, _read_uuid),
}

_CONTAINERS: Final[dict[str, type]] = {"$tuple": list, "$enum": list, "$dataclass": list, "$dict": dict}
"""The tags that hold values in their turn, and the type of what is in them."""


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
