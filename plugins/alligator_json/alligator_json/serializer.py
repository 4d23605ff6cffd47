"""The serializer: plain payloads go straight through msgspec, all others by way of tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, Final

import msgspec

from .limits import DEPTH, LONGEST_INTEGER, TOO_DEEP

NAME: Final = "json"

_encode: Final = msgspec.json.Encoder().encode
_decode: Final[Callable[[bytes], dict[str, Any]]] = msgspec.json.Decoder(dict).decode

_SCALARS: Final = frozenset({type(None), bool, int, str})
_all_scalars: Final = _SCALARS.issuperset
_all_text: Final = frozenset({str}).issuperset

_SHALLOW: Final = 2 * DEPTH  # Nothing shorter has more levels: each takes an opening and a closing bracket.

# A shorter body can't hold an integer with more digits than its reader takes.
_SHORT: Final = LONGEST_INTEGER
_TEXT: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_INTEGER: Final = b"0" * _SHORT


class JsonSerializer:
    """Turns payloads into JSON and back, types included. Safe to share between threads."""

    name = NAME

    def dumps(self, payload: Mapping[str, Any], name_of: Callable[[type], str]) -> bytes:
        """Return a payload as UTF-8. Raises Uncarriable for a value that would not arrive unchanged."""
        try:
            body = _encode(payload) if _is_plain_payload(payload) else None
        except (ValueError, TypeError):  # a lone surrogate, say: the tagger finds out where it is
            body = None
        # A dollar may begin a key, which has to be escaped then.
        if body is None or body.find(b"$") >= 0 or (len(body) > _SHORT and _has_long_integer(body)):
            # Imported late, here and in loads: an app whose arguments are plain starts without what tags need.
            from .tagging import Tagger

            return _encode(Tagger(name_of).tag_payload(payload))
        return body

    def loads(self, payload: bytes, class_of: Callable[[str], type]) -> dict[str, Any]:
        """Return what `dumps` was given. Raises ValueError for anything else; errors of `class_of` pass through."""
        try:
            decoded = _decode(payload)
            # The parser keeps the last of two entries with one key, others keep the first: a message must not mean two
            # things. One that is written as here can't hold any; only others have to be looked through.
            if _encode(decoded) != payload and _has_double_key(payload, decoded):
                raise ValueError("a map has the same key twice")
            # Without a dollar there is no tag, and only a backslash can disguise one.
            if payload.find(b"$") >= 0 or (payload.find(b"\\") >= 0 and payload.find(b"\\u0024") >= 0):
                from .untagging import Untagger

                return Untagger(class_of).restore_entries(decoded)
        except msgspec.DecodeError as exc:
            raise ValueError(str(exc)) from exc
        except RecursionError:
            raise ValueError(TOO_DEEP) from None
        if len(payload) > _SHALLOW and _may_be_deep(payload) and not _is_plain(decoded.values(), DEPTH):
            raise ValueError(TOO_DEEP)
        return decoded


def _is_plain_payload(payload: Mapping[str, Any]) -> bool:
    """Say whether a payload is sure to need no tags; what the core puts into it needs none."""
    for value in payload.get("args", ()):
        if type(value) not in _SCALARS and not _is_plain((value,), DEPTH - 1):
            return False
    # Written out: a generator would cost as much as all the rest.
    return (
        ("kwargs" not in payload or _is_plain_map(payload["kwargs"], DEPTH - 1))
        and ("options" not in payload or _is_plain_map(payload["options"], DEPTH - 1))
        and ("headers" not in payload or _is_plain_map(payload["headers"], DEPTH - 1))
    )


def _is_plain(values: Iterable[object], room: int) -> bool:
    """Say whether values are sure to need no tags, in at most `room` more levels."""
    for value in values:
        kind = type(value)
        if kind in _SCALARS:
            continue
        if kind is dict:
            if not (room and _is_plain_map(value, room - 1)):  # type: ignore[arg-type]
                return False
        elif kind is list:
            if not (room and (_all_scalars(map(type, value)) or _is_plain(value, room - 1))):  # type: ignore[call-overload, arg-type]
                return False
        elif kind is not float or not isfinite(value):  # type: ignore[arg-type]
            return False
    return True


def _is_plain_map(value: dict[object, object], room: int) -> bool:
    return _all_text(map(type, value)) and _is_plain(value.values(), room)


def _has_double_key(payload: bytes, decoded: dict[str, Any]) -> bool:
    # Outside of text, every colon follows a key: one too many is one whose map was left with another of that name.
    left: list[Any] = [decoded]
    count = 0
    for value in left:
        if type(value) is dict:
            count += len(value)
            left += value.values()
        elif type(value) is list:
            left += value
    return count != _TEXT.sub(b"", payload).count(b":")


def _may_be_deep(payload: bytes) -> bool:
    # In a long one, counting brackets takes longer than looking at the values.
    return len(payload) > _SHORT or payload.count(b"[") + payload.count(b"{") > DEPTH


def _has_long_integer(body: bytes) -> bool:
    # A run of that many digits shows in a sample of every 1024th byte, which is looked through in no time.
    return b"0000" in body[::1024].translate(_DIGITS) and _LONG_INTEGER in body.translate(_DIGITS)
