"""Encoding: what a format has no form for is put into tags, maps whose one key begins with a dollar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final
from uuid import UUID

from . import classes, moments
from .form import Form, Writer
from .limits import DEPTH, LONGEST_INTEGER
from .refusals import Uncarriable, full_name, refusal, refused_key

_FEWEST_BITS: Final = 2000  # An integer of fewer bits has fewer digits than the lowest limit Python can be set to.


class Tagger:
    """Rewrites one payload for a format. Raises Uncarriable, with the path, for the first value that can't be."""

    __slots__ = ("_form", "_in_dataclass", "_name_of", "_room", "_writers")

    def __init__(self, form: Form, name_of: Callable[[type], str]) -> None:
        self._form = form
        self._writers = {**_WRITERS, **form.writers} if form.writers else _WRITERS
        self._name_of = name_of
        self._room = DEPTH
        self._in_dataclass = False

    def tag_payload(self, payload: Mapping[str, object]) -> dict[str, object]:
        """Return a payload as the format has it. Its own keys are taken for what they are, dollar or not."""
        try:
            return self._tag_entries(payload)
        except Uncarriable as exc:
            # A path as deep as that would only hide which argument it is.
            if len(exc.path) > DEPTH:
                exc.path = exc.path[:2]
            raise

    def tag(self, value: object) -> object:
        """Return a value as the format has it."""
        kind = type(value)
        write = self._writers.get(kind)
        if write is not None:
            return write(value)
        if kind is list:
            return self._tag_items(value)  # type: ignore[arg-type]
        if kind is dict:
            return self._tag_dict(value)  # type: ignore[arg-type]
        if kind is tuple:
            items = self._tag_items(value)  # type: ignore[arg-type]
            return {"$tuple": items} if self._in_dataclass else items
        if isinstance(value, Enum):
            return self._tag_member(value)
        if classes.is_dataclass_of_ours(kind):
            return self._tag_dataclass(value)
        raise refusal(value, self._form)

    def _tag_items(self, items: Iterable[object]) -> list[object]:
        self._enter()
        tagged: list[object] = []
        try:
            for item in items:
                tagged.append(self.tag(item))  # noqa: PERF401  (its length says where it failed)
        except Uncarriable as exc:
            exc.put_under(len(tagged))
            raise
        self._room += 1
        return tagged

    def _tag_dict(self, value: dict[object, object]) -> dict[str, object]:
        escape = False
        for key in value:
            if type(key) is not str:
                raise refused_key(key)
            escape |= _write_str(key)[:1] == "$"
        self._enter()
        tagged = self._tag_entries(value)  # type: ignore[arg-type]
        self._room += 1
        return {"$dict": tagged} if escape else tagged

    def _tag_entries(self, entries: Mapping[str, object]) -> dict[str, object]:
        tagged: dict[str, object] = {}
        key = ""
        try:
            for key, value in entries.items():
                tagged[key] = self.tag(value)
        except Uncarriable as exc:
            exc.put_under(key)
            raise
        return tagged

    def _tag_member(self, value: Enum) -> object:
        cls = type(value)
        name, content = self._class_name(cls), classes.member_content(value)
        try:
            found = classes.member(cls, content)
        except ValueError:
            found = None
        if found is not value:
            raise Uncarriable(f"is of type {full_name(cls)}, which doesn't know it: pass one of its members.")
        return {"$enum": [name, content]}

    def _tag_dataclass(self, value: object) -> object:
        cls: type = type(value)
        name = self._class_name(cls)
        taken, _ = classes.fields_of(cls)
        values = {field: getattr(value, field) for field in taken if hasattr(value, field)}
        self._enter()
        outer, self._in_dataclass = self._in_dataclass, True
        tagged = self._tag_entries(values)
        self._in_dataclass = outer
        self._room += 1
        if not classes.rebuilds(value, values):
            raise Uncarriable(
                f"is of type {full_name(cls)}, whose constructor would not make it again from its fields: "
                "pass them as a dict, or keep all that it holds in fields that the constructor takes as they are."
            )
        return {"$dataclass": [name, tagged]}

    def _class_name(self, cls: type) -> str:
        try:
            return self._name_of(cls)
        except Exception as exc:  # (only the core knows what it raises)
            raise Uncarriable(f"is of type {full_name(cls)}, which no message may name: {exc}") from exc

    def _enter(self) -> None:
        if self._room == 0:
            raise Uncarriable(f"is nested more than {DEPTH} levels deep, or holds itself: pass something flatter.")
        self._room -= 1


def _write_as_is(value: Any) -> object:
    return value


def write_int(value: int) -> int:
    """Return an integer unless it has more digits than readers take. Raises Uncarriable."""
    if value.bit_length() > _FEWEST_BITS:
        try:
            too_long = len(str(abs(value))) > LONGEST_INTEGER
        except ValueError:  # more than this Python is willing to write
            too_long = True
        if too_long:
            raise Uncarriable(f"is an integer of over {LONGEST_INTEGER} digits: pass it as text, such as hex(value).")
    return value


def _write_float(value: float) -> float:
    if not isfinite(value):
        raise Uncarriable(f"is {value}, and only finite floats can be sent: pass None, or text.")
    return value


def _write_str(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise Uncarriable(
                f"holds {value[exc.start]!r}, half of a character, which UTF-8 can't carry: "
                "decode the text anew, or pass value.encode('utf-8', 'replace').decode()."
            ) from None
    return value


def _write_decimal(value: Decimal) -> object:
    if value.is_nan():
        raise Uncarriable(f"is Decimal('{value}'), which equals nothing, not even itself: pass None.")
    return {"$decimal": str(value)}


def _write_timedelta(value: timedelta) -> object:
    return {"$timedelta": [value.days, value.seconds, value.microseconds]}


_WRITERS: Final[dict[type, Writer]] = {
    type(None): _write_as_is,
    bool: _write_as_is,
    int: write_int,
    float: _write_float,
    str: _write_str,
    datetime: lambda value: {"$datetime": moments.write_clock(value)},
    date: lambda value: {"$date": value.isoformat()},
    time: lambda value: {"$time": moments.write_clock(value)},
    timedelta: _write_timedelta,
    Decimal: _write_decimal,
    UUID: lambda value: {"$uuid": str(value)},
}
