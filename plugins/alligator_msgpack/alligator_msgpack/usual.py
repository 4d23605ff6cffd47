"""The usual payload, with nothing but scalars in it: its type, for a parser that checks while it reads."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, TypedDict

import msgspec

Finite = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Scalar = None | bool | int | Finite | str


class Usual(TypedDict, total=False):
    """The keys of wire format 1."""

    id: str
    task: str
    args: list[Scalar]
    kwargs: dict[str, Scalar]
    retries: int
    attempt: int
    enqueued_at: Finite
    options: dict[str, Scalar]
    headers: dict[str, str]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Usual).decode


def read(payload: bytes) -> dict[str, Any] | None:
    """Return a usual payload, and None for any other, or one that is written otherwise than here."""
    try:
        usual = _decode(payload)
    except (ValueError, RecursionError):
        return None
    # It is all that the bytes hold if it makes the same bytes: else a key stands twice, or is none of these.
    return usual if _encode(usual) == payload else None  # type: ignore[return-value]
