"""The serializer: plain payloads go straight through msgspec, all others by way of tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from alligator_tags import DEPTH, LONGEST_INTEGER, MOST_PARTS, TOO_DEEP, TOO_MANY_PARTS, Form, Reader

from .usual import decode as decode_usual
from .usual import decode_plainest

NAME: Final = "msgpack"

_DOLLAR: Final = ord("$")  # To look for a number is several times faster than for a byte.

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(dict[str, Any]).decode

_MAP_OF_FOUR: Final = 0x84  # The first byte of a map says how many entries follow.
_DEEPEST: Final = 3 * DEPTH  # A dataclass takes three levels: its tag, the pair in it, and the map of its fields.

_DIGITS: Final = re.compile(r"-?[1-9][0-9]*")


class MsgpackSerializer:
    """Turns payloads into MessagePack and back, types included. Safe to share between threads."""

    name = NAME

    def dumps(self, payload: Mapping[str, Any], name_of: Callable[[type], str]) -> bytes:
        """Return a payload as MessagePack. Raises Uncarriable for a value that would not arrive unchanged."""
        try:
            body = _encode(payload) if _is_plain_payload(payload) else None
        except (ValueError, TypeError, OverflowError):  # a lone surrogate or a large integer: the tagger finds it
            body = None
        # A dollar may begin a key, which has to be escaped then. By chance it is also in one of 50 numbers of 64 bits.
        if body is None or _DOLLAR in body:
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
        tagged = _DOLLAR in payload
        if not tagged:
            try:
                if payload[0] == _MAP_OF_FOUR:
                    return decode_plainest(payload)  # type: ignore[return-value]
                usual = decode_usual(payload)
                # It is all that the bytes hold if it makes the same bytes: else a key stands twice, or is none of ours.
                if _encode(usual) == payload:
                    return usual  # type: ignore[return-value]
            except (ValueError, RecursionError, IndexError):
                pass
        try:
            decoded = _decode(payload)
            # This refuses what MessagePack has and `dumps` never writes: keys that aren't text, NaN, other extensions.
            if not _is_plain(decoded.values(), _DEEPEST if tagged else DEPTH):
                raise ValueError(f"it holds what no payload does, or {TOO_DEEP.removeprefix('it ')}")
            # A message must not mean two things. One that is written as here can't hold a key twice.
            if _encode(decoded) != payload and _has_double_key(payload, decoded):
                raise ValueError("a map has the same key twice")
            if tagged:
                from alligator_tags import Untagger

                return Untagger(_FORM, class_of).restore_entries(decoded)
        except msgspec.DecodeError as exc:
            raise ValueError(str(exc)) from exc
        except RecursionError:
            raise ValueError(TOO_DEEP) from None
        return decoded


def _has_too_many_parts(payload: bytes) -> bool:
    from . import entries

    return entries.has_more_parts(payload, MOST_PARTS)


def _has_double_key(payload: bytes, decoded: dict[str, Any]) -> bool:
    from alligator_tags import count_entries

    from . import entries

    return count_entries(decoded) != entries.count_entries(payload)


def _write_int(value: int) -> object:
    from alligator_tags import write_int

    # MessagePack has integers of 64 bits: larger ones travel as their digits.
    return value if -(2**63) <= value < 2**64 else {"$int": str(write_int(value))}


def _read_int(text: str) -> int:
    if len(text) > LONGEST_INTEGER + 1 or not _DIGITS.fullmatch(text):
        raise ValueError(f"not an integer of up to {LONGEST_INTEGER} digits")
    return int(text)


_FORM: Final = Form(
    "MessagePack",
    scalars=[bytes],
    writers={bytes: lambda value: value, int: _write_int},
    readers={"$int": Reader(str, _read_int)},
)
_is_plain_payload: Final = _FORM.is_plain_payload
_is_plain: Final = _FORM.is_plain
