"""How a message of ours is a message of RabbitMQ's: its id, its priority and its deaths beside the body."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from amqp import Message as Wire

from alligator_core.constants import DEFAULT_PRIORITY, HIGHEST_PRIORITY

PERSISTENT: Final = 2
SHORT: Final = 255
"""Bytes of a message_id, by the protocol."""


class Envelope(NamedTuple):
    """A message as it is found on a queue."""

    id: str
    body: bytes
    priority: int = DEFAULT_PRIORITY
    deaths: int = 0
    headers: Mapping[str, Any] = {}


def sealed(envelope: Envelope, step: int) -> Wire:
    """Return what to publish with a priority of RabbitMQ's. Raises ValueError for an id that can't be text there."""
    headers = dict(envelope.headers)
    if envelope.priority != DEFAULT_PRIORITY:
        headers["alligator-priority"] = envelope.priority
    if envelope.deaths:
        headers["alligator-deaths"] = envelope.deaths
    try:
        size = len(envelope.id.encode())
    except UnicodeEncodeError:
        raise ValueError("its id has lone surrogates, which are no text in UTF-8") from None
    if size > SHORT:
        headers["alligator-id"] = envelope.id
    properties: dict[str, Any] = {"delivery_mode": PERSISTENT, "priority": step}
    if size <= SHORT:
        properties["message_id"] = envelope.id
    if headers:
        properties["application_headers"] = headers
    return Wire(envelope.body, **properties)


def opened(wire: Wire, fallback: str) -> Envelope:
    """Read what was found. What another program sent without an id goes by `fallback`."""
    properties = wire.properties
    headers: Mapping[str, Any] = properties.get("application_headers") or {}
    id = headers.get("alligator-id") or properties.get("message_id")
    body = wire.body
    return Envelope(
        id if isinstance(id, str) and id else fallback,
        body.encode() if isinstance(body, str) else bytes(body),
        min(_number(headers, "alligator-priority", DEFAULT_PRIORITY), HIGHEST_PRIORITY),
        _number(headers, "alligator-deaths", 0),
        headers,
    )


def epitaph(reason: str, deaths: int) -> dict[str, Any]:
    """Return the headers of a dead letter. RabbitMQ tells nobody the time, so it is this host's."""
    return {
        "alligator-reason": reason.encode("utf-8", "replace").decode(),
        "alligator-died": deaths,
        "alligator-buried-at": repr(time.time()),
    }


def _number(headers: Mapping[str, Any], name: str, default: int) -> int:
    value = headers.get(name, default)
    return value if isinstance(value, int) and value >= 0 else default
