"""The usual payload, with nothing but scalars in it: its type, for a parser that checks while it reads."""

from __future__ import annotations

import sys
from typing import Annotated, Final, TypedDict

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


class Plainest(TypedDict):
    """The four keys of a payload that has no others, and so no map within it."""

    id: str
    task: str
    args: list[Scalar]
    enqueued_at: Finite


decode: Final = msgspec.msgpack.Decoder(Usual).decode
"""Returns a usual payload; raises ValueError or RecursionError for any other."""

decode_plainest: Final = msgspec.msgpack.Decoder(Plainest).decode
"""The same for the plainest one. Of four entries, all four keys being among them, none stands twice or is unknown."""
