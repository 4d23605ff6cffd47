"""What can go wrong with a server, and the error that says so."""

from __future__ import annotations

from typing import Final

from alligator_core.errors import BackendError, BackendUnavailable

REFUSALS: Final = {
    b"DRAINING": "it is in drain mode and takes no new jobs. Restart it, or use another one",
    b"OUT_OF_MEMORY": "it is out of memory",
    b"BURIED": "it is out of memory",
    b"JOB_TOO_BIG": "the job is larger than its -z allows",
    b"EXPECTED_CRLF": "it lost its place in what it was sent",
    b"INTERNAL_ERROR": "it has an internal error",
    b"BAD_FORMAT": "it could not read a command",
    b"UNKNOWN_COMMAND": "it doesn't know a command: version 1.12 or later is needed",
}
"""What the server may answer instead of doing as it was told."""

PASSING: Final = frozenset({b"DRAINING", b"OUT_OF_MEMORY", b"BURIED"})
"""Refusals that have nothing to do with what was asked."""


class LinkError(Exception):
    """A connection is of no more use."""


class Lost(LinkError):
    """The connection failed: nothing says whether what was sent last was carried out."""


class Unreachable(Lost):
    """There was no connection in the first place."""


class Garbled(LinkError):
    """What came is nothing that a beanstalkd answers. `refusal` is the word, where it is one of its refusals."""

    def __init__(self, line: bytes) -> None:
        self.refusal = line if line in REFUSALS else b""
        super().__init__(REFUSALS.get(line) or f"it answered {line[:60]!r}, which no beanstalkd does here")


def explained(exc: LinkError, shown: str, *, maybe_applied: bool) -> BackendError:
    """Return the error to raise instead."""
    if isinstance(exc, Unreachable):
        return BackendUnavailable(f"{shown} can't be reached (nothing was sent): {exc}")
    if isinstance(exc, Lost):
        state = "the answer was lost, what was sent may have happened" if maybe_applied else "nothing was changed"
        return BackendUnavailable(f"{shown} can't be reached ({state}): {exc}", maybe_applied=maybe_applied)
    if isinstance(exc, Garbled) and exc.refusal in PASSING:
        return BackendUnavailable(f"{shown} takes nothing just now: {exc}")
    return BackendError(f"{shown} refused: {exc}.")


def refused(word: bytes, shown: str) -> BackendError:
    """Return the error for a refusal that left the connection in order."""
    return explained(Garbled(word), shown, maybe_applied=False)
