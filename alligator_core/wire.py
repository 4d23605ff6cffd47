"""Wire format 1: `<serializer>[;name=value…]\\n<payload>`, what lies on every queue.

The first line is readable; the serializer's bytes follow. `docs/wire-format.md` is the public page with test vectors.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .constants import HIGHEST_COUNT
from .errors import MessageError

VERSION: Final = "1"

SIGNATURE: Final = b";sig="
"""What the signature follows. It is the last parameter: whatever follows would be taken for a part of it."""

LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes of a message, unless the Gator says otherwise or the backend takes more."""

MOST_ARGUMENTS: Final = 10_000
"""Positional and named ones together: each of them costs far more than an item of one list."""

MOST_HEADERS: Final = 1000
LONGEST_NAME: Final = 1000
"""Characters of a function's name, module included."""

_LONGEST_LINE: Final = 512

_brief: Final = reprlib.Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = 60

# Exactly these: what a pickle may hold instead, an object of a class below them, may run code when it is looked at.
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "id": (str,),
    "task": (str,),
    "args": (list,),
    "kwargs": (dict,),
    "retries": (int,),
    "attempt": (int,),
    "enqueued_at": (int, float),
    "options": (dict,),
    "headers": (dict,),
}
_OPTION_TYPES: Final = (str, int, float, bool)


class Payload(NamedTuple):
    """The payload of a message, checked: what every serializer carries as a map with these keys.

    `task` is `module:function`; `retries` says how often a failed run may be repeated; `attempt` counts runs from 1;
    `enqueued_at` is in epoch seconds by the producer's clock; `headers` maps strings to strings.
    Only `id` and `task` must be there; the others default to what is empty.
    """

    id: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    retries: int
    attempt: int
    enqueued_at: float
    options: dict[str, Any]
    headers: dict[str, str]


def pack(serializer: str, payload: bytes, signature: bytes | None = None) -> bytes:
    """Return the message for a payload that the serializer of this name made."""
    if signature is None:
        return b"%b\n%b" % (serializer.encode(), payload)
    return b"%b;sig=%b\n%b" % (serializer.encode(), signature, payload)


def serializer_of(first_line: bytes) -> str:
    """Return the serializer that a message's first line names. Raises MessageError if it is none of ours."""
    if len(first_line) > _LONGEST_LINE:
        raise MessageError(f"It is no Alligator message: its first line has {len(first_line):,} bytes.")
    try:
        name, *parameters = first_line.decode("ascii").split(";")
    except UnicodeDecodeError:
        raise MessageError("It is no Alligator message: its first line isn't text.") from None
    for parameter in parameters:
        _check_parameter(parameter)
    if not name.replace("-", "").replace("_", "").isalnum():
        raise MessageError(f"It is no Alligator message: its first line is {name!r}.")
    return name


def read_payload(payload: Any) -> Payload:
    """Check a decoded payload and fill in what it leaves out. Raises MessageError saying which key is wrong."""
    if type(payload) is not dict:
        raise MessageError(f"Its payload is a {type(payload).__name__}, not a map.")
    if not payload.keys() <= _TYPES.keys():
        unknown = next(key for key in payload if key not in _TYPES)
        raise MessageError(f"Its payload has the key {short(unknown)}, which wire format {VERSION} doesn't know.")
    get: Callable[..., Any] = payload.get
    found = Payload(
        get("id"),
        get("task"),
        get("args", []),
        get("kwargs", {}),
        get("retries", 0),
        get("attempt", 1),
        get("enqueued_at", 0.0),
        get("options", {}),
        get("headers", {}),
    )
    _check(found)
    return found


def _check(payload: Payload) -> None:
    for key, value in payload._asdict().items():
        if type(value) not in _TYPES[key]:
            raise MessageError(f"Its {key!r} is {short(value)}, which is not what wire format {VERSION} has there.")
    _check_numbers(payload)
    if len(payload.args) + len(payload.kwargs) > MOST_ARGUMENTS:
        count = len(payload.args) + len(payload.kwargs)
        raise MessageError(f"It passes {count:,} arguments, and {MOST_ARGUMENTS:,} is the most that a call may have.")
    for name, value in payload.options.items():
        if type(value) not in _OPTION_TYPES:
            raise MessageError(
                f"Its options can't be read: {short(name)} is a {type(value).__name__}, not text or a number."
            )
    for name in (payload.task, *payload.options.values()):
        if type(name) is str and len(name) > LONGEST_NAME:
            raise MessageError(f"It names {short(name)}, and {LONGEST_NAME:,} characters are the most of a name.")
    if len(payload.headers) > MOST_HEADERS:
        raise MessageError(f"It has {len(payload.headers):,} headers, and {MOST_HEADERS:,} is the most it may have.")
    if not all(type(key) is str for key in payload.kwargs):
        raise MessageError("Its 'kwargs' has a key that isn't text.")
    if not all(type(text) is str for pair in payload.headers.items() for text in pair):
        raise MessageError("Its 'headers' hold something that isn't text.")


def _check_numbers(payload: Payload) -> None:
    try:
        is_moment = math.isfinite(payload.enqueued_at)
    except OverflowError:  # an integer beyond the floats
        is_moment = False
    if not (is_moment and 0 <= payload.retries <= HIGHEST_COUNT and 1 <= payload.attempt <= HIGHEST_COUNT):
        raise MessageError("Its 'retries', 'attempt' or 'enqueued_at' is out of range.")


def _check_parameter(parameter: str) -> None:
    name, _, value = parameter.partition("=")
    if name == "v":
        if value != VERSION:
            raise MessageError(f"It is in wire format {short(value)}; this worker reads {VERSION}. Upgrade the worker.")
    elif name == "sig":
        # Where there is a secret, the codec has verified the signature by now and taken it off.
        raise MessageError(
            "It is signed, and this worker has no secret to verify it with: set Gator(secret=…) or ALLIGATOR_SECRET."
        )
    else:
        raise MessageError(f"Its first line has {short(name)}, which wire format {VERSION} doesn't know.")


def short(value: object) -> str:
    """Return what a value looks like in 60 characters or less, however large it is."""
    try:
        shown = _brief.repr(value)
    except Exception:  # noqa: BLE001  (an integer that has too many digits to be shown, or an app's own code)
        shown = f"a {type(value).__name__} that can't be shown"
    return shown if len(shown) <= 60 else shown[:57] + "…"
