"""The serializer: plain payloads go straight through msgspec, all others by way of tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from alligator_tags import DEPTH, LONGEST_INTEGER, MOST_PARTS, TOO_DEEP, TOO_MANY_PARTS, Form

NAME: Final = "json"

_DOLLAR: Final = ord("$")  # To look for a number is several times faster than for a byte.

_encode: Final = msgspec.json.Encoder().encode
_decode: Final[Callable[[bytes], dict[str, Any]]] = msgspec.json.Decoder(dict).decode

_FORM: Final = Form("JSON")
_is_plain_payload: Final = _FORM.is_plain_payload

_SHALLOW: Final = 2 * DEPTH  # Nothing shorter has more levels: each takes an opening and a closing bracket.

# A shorter body can't hold an integer with more digits than its reader takes.
_SHORT: Final = LONGEST_INTEGER
_PIECE: Final = 100_000
_BACKSLASH: Final = ord("\\")
_TEXT: Final = re.compile(rb'"[^"]*"')
_ALL_BUT_SIGNS: Final = bytes(set(range(256)).difference(b'"[{:'))
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
        if body is None or _DOLLAR in body or (len(body) > _SHORT and _has_long_integer(body)):
            # Imported late, here and in loads: an app whose arguments are plain starts without what tags need.
            from alligator_tags import Tagger

            body = _encode(Tagger(_FORM, name_of).tag_payload(payload))
        if len(body) > MOST_PARTS and _has_too_many_parts(body):
            from alligator_tags import too_many_parts

            raise too_many_parts()
        return body

    def loads(self, payload: bytes, class_of: Callable[[str], type]) -> dict[str, Any]:
        """Return what `dumps` was given. Raises ValueError for anything else; errors of `class_of` pass through."""
        if len(payload) > MOST_PARTS and _has_too_many_parts(payload):
            raise ValueError(TOO_MANY_PARTS)
        try:
            decoded = _decode(payload)
            # The parser keeps the last of two entries with one key, others keep the first: a message must not mean two
            # things. One that is written as here can't hold any; only others have to be looked through.
            is_as_here = _encode(decoded) == payload
            if not is_as_here and _has_double_key(payload, decoded):
                raise ValueError("a map has the same key twice")
            # Without a dollar there is no tag, and nothing written as here disguises one.
            if _DOLLAR in payload or (not is_as_here and payload.find(b"\\u0024") >= 0):
                from alligator_tags import Untagger

                return Untagger(_FORM, class_of).restore_entries(decoded)
        except msgspec.DecodeError as exc:
            raise ValueError(str(exc)) from exc
        except RecursionError:
            raise ValueError(TOO_DEEP) from None
        if len(payload) > _SHALLOW and _may_be_deep(payload) and not _FORM.is_plain(decoded.values(), DEPTH):
            raise ValueError(TOO_DEEP)
        return decoded


def _has_double_key(payload: bytes, decoded: dict[str, Any]) -> bool:
    from alligator_tags import count_entries

    # Every colon follows a key: one too many is one whose map was left with another of that name.
    return count_entries(decoded) != _signs(payload).count(b":")


def _has_too_many_parts(payload: bytes) -> bool:
    # The text may hold such signs as well: it is left out only where they seem to be too many.
    return _count_parts(payload) > MOST_PARTS and _count_parts(_signs(payload)) > MOST_PARTS


def _count_parts(signs: bytes) -> int:
    return signs.count(b"[") + signs.count(b"{") + signs.count(b":")


def _signs(payload: bytes) -> bytes:
    """Return the opening brackets and colons of well-formed JSON that are not in its text."""
    if _BACKSLASH in payload:
        # In this order: a quote after two backslashes ends the text.
        payload = payload.replace(rb"\\", b"").replace(rb"\"", b"")
    return b"".join(_TEXT.sub(b"", piece) for piece in _pieces(payload.translate(None, _ALL_BUT_SIGNS)))


def _pieces(signs: bytes) -> Iterator[bytes]:
    # All at once would take up to a hundred times the memory. None ends within text.
    start = 0
    while start < len(signs):
        end = start + _PIECE
        if signs.count(b'"', start, end) % 2:
            end = signs.find(b'"', end) + 1 or len(signs)
        yield signs[start:end]
        start = end


def _may_be_deep(payload: bytes) -> bool:
    # In a long one, counting brackets takes longer than looking at the values.
    return len(payload) > _SHORT or payload.count(b"[") + payload.count(b"{") > DEPTH


def _has_long_integer(body: bytes) -> bool:
    # A run of that many digits shows in a sample of every 1024th byte, which is looked through in no time.
    return b"0000" in body[::1024].translate(_DIGITS) and _LONG_INTEGER in body.translate(_DIGITS)
