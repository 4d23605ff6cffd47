"""What lies in a queue: a message with a line that names it, as text that SQS can carry.

    id=019ac1a2b3c4;priority=7;deaths=1;delay=86400\\n<the message>

Without that line, from a program that knows nothing of it, the whole text is the message.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from alligator_core.constants import DEFAULT_PRIORITY, HIGHEST_PRIORITY

HEADROOM: Final = 4096
"""Bytes that are kept free for the line."""
LONGEST_ID: Final = 2000
"""Bytes of an id as it is written in the line."""

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What SQS refuses, by its documentation of SendMessage."""
_LEGIBLE: Final = " !\"#$&'()*+,./:<=>?@[\\]^_`{|}~-"


class Envelope(NamedTuple):
    """A message as it lies in its queue: `deaths` before it was sent, `delay` in seconds since, where that is long."""

    id: str
    body: bytes
    priority: int = DEFAULT_PRIORITY
    deaths: int = 0
    delay: float = 0.0
    reason: str | None = None
    """Why it is a dead letter, None for one that isn't."""


def sealed(envelope: Envelope, most: int) -> str:
    """Return the text that carries a message. Raises ValueError for one that SQS can't carry in `most` bytes."""
    id, body, priority, deaths, delay, reason = envelope
    coded = _coded_id(id)
    line = f"id={coded}"
    if priority != DEFAULT_PRIORITY:
        line += f";priority={priority}"
    if deaths:
        line += f";deaths={deaths}"
    if delay > 0:
        line += f";delay={delay:.3f}"
    text, size = _text_of(body), len(body)
    if text is None:
        line += ";b64"
        text = base64.b64encode(body).decode()
        size = len(text)
    if reason is not None:
        line += _reason(reason, most - size - len(line) - 16)
    if size + len(line) + 1 > most:
        raise ValueError(
            f"it is a message of {size + len(line) + 1:,} bytes, of {most:,} that SQS takes (max_message=)"
        )
    return f"{line}\n{text}"


def opened(message_id: str, text: str) -> Envelope:
    """Return what a text from a queue carries. Whoever leaves the line out has his message named by SQS's own id."""
    line, end, rest = text.partition("\n")
    if not end or not line.startswith("id="):
        return Envelope(message_id, text.encode("utf-8", "surrogatepass"))
    id, *parameters = line[3:].split(";")
    id = unquote(id) if "%" in id else id
    if not parameters:
        return Envelope(id, rest.encode())
    values = dict(part.partition("=")[::2] for part in parameters)
    body = rest.encode("utf-8", "surrogatepass")
    if "b64" in values:
        try:
            body = base64.b64decode(rest, validate=True)
        except (binascii.Error, ValueError):
            # Somebody else's: it is for the core to say that it is no task.
            return Envelope(id, text.encode("utf-8", "surrogatepass"))
    return Envelope(
        id,
        body,
        min(HIGHEST_PRIORITY, _number(values.get("priority"), DEFAULT_PRIORITY)),
        _number(values.get("deaths"), 0),
        _seconds(values.get("delay")),
        unquote(values["reason"]) if "reason" in values else None,
    )


def _text_of(body: bytes) -> str | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if _FORBIDDEN.search(text) else text


def _coded_id(id: str) -> str:
    if id.isalnum() and id.isascii():
        return id
    coded = quote(id, safe="")
    if len(coded) > LONGEST_ID:
        raise ValueError(f"its id has {len(coded)} bytes as it is written, of {LONGEST_ID} possible")
    return coded


def _reason(reason: str, room: int) -> str:
    coded = quote(reason, safe=_LEGIBLE)
    if len(coded) > room:
        coded = coded[: max(0, room)]
        # Not in the middle of a character: what is cut off there can't be read.
        while coded and (coded[-3:].count("%") or _is_cut(coded)):
            coded = coded[: coded.rindex("%")]
    return f";reason={coded}"


def _is_cut(coded: str) -> bool:
    return "\ufffd" in unquote(coded[-12:] if len(coded) > 12 and "%" in coded[-12:-9] else coded[-9:])


def _number(text: str | None, default: int) -> int:
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else default


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, min(float(text or 0), 1e9))
    except ValueError:
        return 0.0
