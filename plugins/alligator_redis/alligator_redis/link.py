"""What is used of redis-py's connections, with the types that they leave out, and sending and reading by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import hiredis
from redis.exceptions import ResponseError


class Link(Protocol):
    """A connection of redis-py's: `Connection`, `SSLConnection` or `UnixDomainSocketConnection`."""

    def connect(self) -> None:
        """Connect, with all that belongs to it: TLS, authentication, the protocol, the database, the name."""

    def disconnect(self) -> None:
        """Close the socket; the next command connects again."""

    def send_packed_command(self, command: Iterable[bytes], check_health: bool = True) -> None:
        """Write, and connect before if need be."""

    def read_response(self) -> Any:
        """Read one reply, and raise it if it is an error."""

    def can_read(self, timeout: float = 0) -> bool:
        """Wait for something to read, so many seconds. Raises ConnectionError at the end of the stream."""


def packed(*words: str | bytes | float) -> bytes:
    """Return a command as it goes over the wire."""
    command: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    return command


def milliseconds(delay: float) -> int:
    """Return a duration as the scripts take it; what is more than nothing stays so."""
    return max(1, round(delay * 1000)) if delay > 0 else 0


def send(link: Link, data: bytes) -> None:
    """Write packed commands."""
    link.send_packed_command((data,), check_health=False)


def read(link: Link) -> Any:
    """Return the next reply; an error that the server replied is returned too. Raises what the connection raises."""
    try:
        return link.read_response()
    except ResponseError as exc:
        return exc


def ask(link: Link, data: bytes) -> Any:
    """Send a packed command and return its reply. Raises an error that the server replied."""
    link.send_packed_command((data,), check_health=False)
    return link.read_response()
