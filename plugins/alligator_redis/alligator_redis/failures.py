"""What an error of the client or the server means, and what to do about it."""

from __future__ import annotations

import re
from typing import Final

from redis import exceptions

from alligator_core.errors import BackendError, BackendUnavailable

_REMEDIES: Final[tuple[tuple[str, str], ...]] = (
    ("NOAUTH", "It wants a password: write one into the DSN, redis://user:password@host."),
    ("Authentication required", "It wants a password: write one into the DSN, redis://user:password@host."),
    ("already authenticated", "It wants a password: write one into the DSN, redis://user:password@host."),
    ("without any password configured", "The DSN has a password, but the server has none: leave it out."),
    ("WRONGPASS", "User or password is wrong: check them in the DSN, and percent-encode special characters."),
    ("invalid password", "User or password is wrong: check them in the DSN, and percent-encode special characters."),
    ("invalid username-password", "User or password is wrong: check them in the DSN."),
    ("NOPERM", "The user may not do that: allow it all commands on all keys that begin with {prefix:."),
    ("OOM", "It is full: raise its maxmemory, or let workers drain the queue, which they still can."),
    ("MISCONF", "It can't save to its disk, and takes no writes until it can: see its log."),
    ("NOREPLICAS", "It has too few replicas connected to take writes: see min-replicas-to-write."),
    ("DB index is out of range", "It has no database of that number: see databases in its configuration."),
    ("unknown command", "It is too old, or forbids the command: Redis 6.2 or Valkey 7.2 and later are needed."),
    ("certificate verify failed", "Name the authority that signed its certificate: ssl_ca_certs=FILE in the DSN."),
    ("MOVED", "It is one server of a cluster: write redis+cluster:// for redis://."),
    ("ASK", "It is one server of a cluster: write redis+cluster:// for redis://."),
    (
        "wrong version number",
        "It doesn't speak TLS there: write redis:// for rediss://, or its TLS port.",
    ),
)
_CODES: Final = (
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.MovedError, "MOVED"),
    (exceptions.AskError, "ASK"),
)
_FOREIGN: Final = re.compile(r"FOREIGN (\w+) instead of (\w+) in the key (\S+)")
_TLS: Final = ("certificate verify failed", "wrong version number")
_PASSING: Final = ("LOADING", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "UNBLOCKED", "BUSY")


def code_of(exc: BaseException) -> str:
    """Return the word that the server's reply began with, where it was such a reply."""
    # Older versions of redis-py cut the word off, and keep it nowhere but in the class.
    known = getattr(exc, "status_code", None) or next((code for kind, code in _CODES if isinstance(exc, kind)), "")
    first = str(known or "") or str(exc).partition(" ")[0]
    return first if first.isupper() else ""


def is_passing(exc: BaseException) -> bool:
    """Whether the server refused for a reason that goes by: it is starting, failing over, moving slots."""
    if isinstance(exc, exceptions.BusyLoadingError | exceptions.ReadOnlyError | exceptions.TryAgainError):
        return True
    return isinstance(exc, exceptions.ClusterDownError) or code_of(exc) in _PASSING or "now a slave" in str(exc)


def is_lost(exc: BaseException) -> bool:
    """Whether the connection failed: nothing says if what was sent has been carried out."""
    refused = (exceptions.AuthenticationError, exceptions.BusyLoadingError, exceptions.AuthorizationError)
    lost = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.InvalidResponse, OSError)
    is_refusal = isinstance(exc, refused) or bool(code_of(exc)) or any(mark in str(exc) for mark in _TLS)
    return isinstance(exc, lost) and not is_refusal


def explained(exc: BaseException, shown: str, *, maybe_applied: bool) -> BackendError:
    """Return the error to raise instead, which names the cause and the remedy, and no credentials."""
    if isinstance(exc, BackendError):
        return exc
    text = _plain(exc)
    foreign = _FOREIGN.search(text)
    if foreign:
        found, wanted, key = foreign.groups()
        return BackendError(
            f"{shown}: the key {key!r} holds a {found} of somebody else, where this queue keeps a {wanted}. "
            "Remove it, or set another prefix= in the DSN."
        )
    if "WRONGTYPE" in text:
        return BackendError(
            f"{shown}: a key of this queue holds something of another type, put there by somebody else ({text}). "
            "Remove it, or set another prefix= in the DSN."
        )
    if is_passing(exc):
        return BackendUnavailable(f"{shown} takes nothing just now: {text}", maybe_applied=maybe_applied)
    code = code_of(exc)
    for mark, remedy in _REMEDIES:
        # As a word of its own: the text may tell a key, and so the name of a queue.
        if mark == code or re.search(rf"\b{re.escape(mark)}\b", text):
            return BackendError(f"{shown} refused: {text.rstrip('.')}. {remedy}")
    if is_lost(exc):
        state = "the answer was lost, what was sent may have happened" if maybe_applied else "nothing was sent"
        return BackendUnavailable(f"{shown} can't be reached ({state}): {text}", maybe_applied=maybe_applied)
    return BackendError(f"{shown} refused: {text}")


def _plain(exc: BaseException) -> str:
    text = str(exc) or type(exc).__name__
    code = code_of(exc)
    return f"{code} {text}" if code and not text.startswith(str(code)) else text
