"""What can go wrong with a server, and the error that says so."""

from __future__ import annotations

import struct
from typing import Final

from amqp.exceptions import AMQPError

from alligator_core.errors import BackendError, BackendUnavailable

CLIENT_ERRORS: Final = (AMQPError, OSError, struct.error, LookupError, AttributeError, TypeError, ValueError)
"""What py-amqp raises: its own, those of sockets, and those of its parser where a peer speaks something else, or of
its state where the connection has ended meanwhile."""

REFUSED: Final = 403
NOT_FOUND: Final = 404
LOCKED: Final = 405
PRECONDITION: Final = 406
NOT_ALLOWED: Final = 530


class LinkError(Exception):
    """A connection is of no more use. The error of the client library is its cause."""


class Lost(LinkError):
    """The connection failed: nothing says whether what was sent last was carried out."""


class Unreachable(Lost):
    """There was no connection in the first place."""


class Blocked(Lost):
    """The server has stopped to read from those who publish."""


class Refused(LinkError):
    """The server said no. `code` is AMQP's."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)


def link_error(exc: Exception, *, is_new: bool = False) -> LinkError:
    """Return the error to raise for one of the client library's; `is_new` while a connection is made."""
    code = getattr(exc, "reply_code", 0) or 0
    text = " ".join(str(getattr(exc, "reply_text", "") or exc or type(exc).__name__).split())
    if took_too_long(text):
        return Lost(text)
    if code in {REFUSED, NOT_FOUND, LOCKED, PRECONDITION, NOT_ALLOWED} and "shutdown" not in text:
        return Refused(code, text)
    return Unreachable(text) if is_new else Lost(text)


def took_too_long(text: str) -> bool:
    """Whether an answer says that something was held for longer than the server's consumer_timeout."""
    return "acknowledgement" in text and "timed out" in text


def explained(exc: LinkError, shown: str, *, maybe_applied: bool) -> BackendError:
    """Return the error to raise instead."""
    if isinstance(exc, Refused):
        if exc.code == NOT_FOUND and "down or inaccessible" in str(exc):
            return BackendUnavailable(f"{shown} has lost the node that keeps the queue, start it again: {exc}")
        if exc.code == LOCKED or _has_too_many(exc):
            return BackendUnavailable(f"{shown} refused for now: {exc}. {_remedy(exc)}")
        return BackendError(f"{shown} refused: {exc}. {_remedy(exc)}")
    if isinstance(exc, Unreachable):
        return BackendUnavailable(f"{shown} can't be reached (nothing was sent): {exc}")
    state = "the answer was lost, what was sent may have happened" if maybe_applied else "nothing was changed"
    if isinstance(exc, Blocked):
        return BackendUnavailable(f"{shown} takes nothing just now ({state}): {exc}", maybe_applied=maybe_applied)
    return BackendUnavailable(f"{shown} can't be reached ({state}): {exc}", maybe_applied=maybe_applied)


def _remedy(exc: Refused) -> str:
    if exc.code == REFUSED and "login" in str(exc).lower():
        return "Check the user and the password of the DSN; guest may only log in from the server's own host."
    if exc.code == REFUSED:
        return "Grant the user configure, write and read on the queues: rabbitmqctl set_permissions."
    if exc.code == LOCKED:
        return "Somebody else looks at these dead letters: try again, or end that by rabbitmqctl close_connection."
    if _has_too_many(exc):
        return "Close connections that nobody needs, or raise the limit of the vhost or the user."
    if exc.code == NOT_ALLOWED:
        return "Check the vhost, the path of the DSN, and the user's access: rabbitmqctl add_vhost, set_permissions."
    if exc.code == PRECONDITION:
        return (
            "A queue of that name was made in another way, perhaps by a DSN with or without priority=yes: delete it "
            "when it is empty, or use another prefix=."
        )
    return "Look into the server's log."


def _has_too_many(exc: Refused) -> bool:
    """Whether it is a limit of connections that was met, of a vhost or a user, and not one of the rights."""
    return exc.code == NOT_ALLOWED and str(exc).endswith("is reached")
