"""Signatures: which secrets a message may be signed with, and whether it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .errors import OptionError

if TYPE_CHECKING:
    from hashlib import _Hash

VARIABLE: Final = "ALLIGATOR_SECRET"
SHORTEST: Final = 16
"""Bytes of a secret: half of what is advised, and more than can be guessed."""

_BLOCK: Final = 64  # bytes that SHA-256 takes at a time
_REMEMBERED: Final = 1000
_ADVICE: Final = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"


class Signer:
    """Signs with the first of some secrets, and verifies with every one: HMAC-SHA256, in hexadecimal.

    What is signed is the name of the serializer, the queue and the payload. The lengths of the names are signed too,
    so that no two messages can be taken for each other.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        from hmac import compare_digest  # late, as hashlib: whoever signs nothing starts faster without

        self._is_same = compare_digest
        self._keys = [_keyed(secret.encode()) for secret in secrets]
        # By serializer, and then by queue: to look in two is faster than to make a key of both.
        self._begun: dict[str, dict[str, list[tuple[_Hash, _Hash]]]] = {}

    def sign(self, serializer: str, queue: str, payload: bytes) -> bytes:
        """Return the signature of a payload."""
        try:
            inner, outer = self._begun[serializer][queue][0]
        except KeyError:
            inner, outer = self._begin(serializer, queue)[0]
        inner, outer = inner.copy(), outer.copy()
        inner.update(payload)
        outer.update(inner.digest())
        return outer.hexdigest().encode()

    def verify(self, serializer: str, queue: str, payload: bytes, signature: bytes) -> bool:
        """Say whether a signature was made with one of the secrets."""
        # Written out as in `sign`: a call of a function would be a tenth of it.
        try:
            begun = self._begun[serializer][queue]
        except KeyError:
            begun = self._begin(serializer, queue)
        for inner, outer in begun:
            inner, outer = inner.copy(), outer.copy()
            inner.update(payload)
            outer.update(inner.digest())
            if self._is_same(outer.hexdigest().encode(), signature):
                return True
        return False

    def _begin(self, serializer: str, queue: str) -> list[tuple[_Hash, _Hash]]:
        # What comes before the payload is the same for all messages of a queue: it is hashed once.
        head = _head(serializer, queue)
        begun = [(_fed(inner, head), outer) for inner, outer in self._keys]
        by_queue = self._begun.setdefault(serializer, {})
        if len(by_queue) < _REMEMBERED:
            by_queue[queue] = begun
        return begun


def secrets_of(given: str | Sequence[str] | None, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the secrets that a setting names, those of ALLIGATOR_SECRET if it is None. None at all are no error.

    In a text they are separated by commas; space around them doesn't count. Raises OptionError, which shows nothing of
    them, for a short one.
    """
    owner = "secret="
    if given is None:
        owner, given = VARIABLE, (os.environ if environ is None else environ).get(VARIABLE, ())
    if not isinstance(given, (str, list, tuple)) or not all(isinstance(each, str) for each in given):
        raise OptionError(f"{owner} takes text, or a list of texts.", "secret")
    secrets = tuple(each.strip() for each in (given.split(",") if isinstance(given, str) else given))
    for number, secret in enumerate(secrets, 1):
        _check(secret, f"{owner}: secret {number} of {len(secrets)}")
    return secrets


def _check(secret: str, which: str) -> None:
    if len(secret.encode("utf-8", "surrogatepass")) < SHORTEST:
        raise OptionError(f"{which} is shorter than {SHORTEST} bytes. {_ADVICE}", "secret")
    if "," in secret or not secret.isprintable():
        raise OptionError(f"{which} holds a comma, which separates secrets, or a control character.", "secret")


def _head(serializer: str, queue: str) -> bytes:
    name, place = serializer.encode(), queue.encode()
    return b"alligator 1\n%d:%b\n%d:%b\n" % (len(name), name, len(place), place)


def _keyed(secret: bytes) -> tuple[_Hash, _Hash]:
    from hashlib import sha256

    # HMAC as RFC 2104 defines it. That of the standard library takes twice as long for a short message, since it can't
    # be copied once it has its key without being looked up anew.
    key = (secret if len(secret) <= _BLOCK else sha256(secret).digest()).ljust(_BLOCK, b"\0")
    return sha256(bytes(byte ^ 0x36 for byte in key)), sha256(bytes(byte ^ 0x5C for byte in key))


def _fed(state: _Hash, data: bytes) -> _Hash:
    fed = state.copy()
    fed.update(data)
    return fed
