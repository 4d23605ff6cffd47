"""What lies in a tube: a message with a line that names it, or a dead letter with one that says why.

    id=019ac1a2b3c4;priority=7;delayed;ttr=60\\n<the message>

Without that line, from a program that knows nothing of it, the whole body is the message.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from alligator_core.backend import DeadLetter, Delivery, Message
from alligator_core.constants import DEFAULT_PRIORITY, HIGHEST_PRIORITY

HEADROOM: Final = 1024
"""Bytes that are kept free for the line."""
LONGEST_ID: Final = 600
"""Bytes of an id as it is written in the line."""

STEP: Final = 16384
"""Between two priorities on the wire, so that our default is 65536: the one that other programs use."""

DEFAULT_TTR: Final = 30


class Envelope(NamedTuple):
    """A message as it lay in its tube. `priority` is None where the line is missing, and the server must be asked."""

    id: str
    body: bytes
    priority: int | None = None
    was_delayed: bool = False
    ttr: int = DEFAULT_TTR


def wire_priority(priority: int) -> int:
    """Return the server's number for a priority: 0 is the most urgent there."""
    return (HIGHEST_PRIORITY - priority) * STEP


def own_priority(wire: int) -> int:
    """Return our number for a priority of the server's."""
    return max(0, HIGHEST_PRIORITY - (wire + STEP // 2) // STEP)


def wire_delay(delay: float) -> int:
    """Return a delay as the server counts it: in whole seconds, never shorter."""
    return math.ceil(delay) if delay > 0 else 0


def sealed(message: Message, ttr: int) -> bytes:
    """Return the body of the job that carries a message. Raises ValueError for an id that is too long."""
    id, body, priority, delay = message
    if ttr == DEFAULT_TTR and priority == DEFAULT_PRIORITY and delay <= 0 and _is_plain(id):
        return b"id=%b\n%b" % (id.encode(), body)
    line = b"id=" + coded_id(id)
    if priority != DEFAULT_PRIORITY:
        line += b";priority=%d" % priority
    if delay > 0:
        line += b";delayed"
    if ttr != DEFAULT_TTR:
        line += b";ttr=%d" % ttr
    return line + b"\n" + body


def opened(job: int, data: bytes) -> Envelope:
    """Return what a job carries."""
    end = data.find(b"\n", 3, HEADROOM) if data.startswith(b"id=") else -1
    if end < 0:
        return Envelope(f"job-{job}", data)
    id, *parameters = data[3:end].decode("ascii", "replace").split(";")
    if "%" in id:
        id = unquote(id)
    if not parameters:
        return Envelope(id, data[end + 1 :], DEFAULT_PRIORITY)
    values = dict(part.partition("=")[::2] for part in parameters)
    return Envelope(
        id,
        data[end + 1 :],
        min(HIGHEST_PRIORITY, _number(values.get("priority"), DEFAULT_PRIORITY)),
        "delayed" in values,
        _number(values.get("ttr"), DEFAULT_TTR),
    )


def plain_ones(jobs: Iterable[tuple[int, bytes]]) -> list[tuple[str, bytes]] | None:
    """Return the ids and bodies of jobs, if all of them are messages without anything special; else None."""
    found: list[tuple[str, bytes]] = []
    for _, data in jobs:
        end = data.find(b"\n", 3, HEADROOM)
        id = data[3:end]
        if end < 0 or not data.startswith(b"id=") or not id.isalnum() or not id.isascii():
            return None
        found.append((id.decode(), data[end + 1 :]))
    return found


def coded_id(id: str) -> bytes:
    """Return an id as it is written in the line. Raises ValueError for one that is too long."""
    coded = id if _is_plain(id) else quote(id, safe="")
    if len(coded) > LONGEST_ID:
        raise ValueError(f"its id has {len(coded)} bytes as it is written, of {LONGEST_ID} possible")
    return coded.encode()


def buried(delivery: Delivery, reason: str, body: bytes, at: float, most: int) -> bytes:
    """Return the body of a job that carries a dead letter of `most` bytes: the reason is cut to fit."""
    told: dict[str, Any] = {
        "id": delivery.id,
        "deliveries": delivery.deliveries,
        "priority": delivery.priority,
        "at": at,
        "reason": "",
    }
    left = most - len(_line(told)) - len(body)
    told["reason"] = reason
    if len(_line(told)) + len(body) > most:
        # Twice: some characters are written as two.
        told["reason"] = reason.encode()[: max(0, left) // 2].decode(errors="ignore")
    return _line(told) + body


def exhumed(data: bytes) -> tuple[DeadLetter, int]:
    """Return a dead letter and the priority that it was pushed with. Raises ValueError for what is none."""
    line, _, body = data.partition(b"\n")
    told = json.loads(line)
    letter = DeadLetter(told["id"], body, told["reason"], told["deliveries"], told["at"])
    return letter, told["priority"]


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 11 else otherwise


def _is_plain(id: str) -> bool:
    return id.isalnum() and id.isascii() and len(id) <= LONGEST_ID
