"""The key ring: the first key encrypts, all of them decrypt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from hmac import digest
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_CONTEXT: Final = b"alligator-encrypt 1"
_SALT: Final = 16
_NONCE: Final = 12
_HEAD: Final = _SALT + _NONCE
_TAG: Final = 16
_RENEWED: Final = 1_000_000
"""Messages after which the next salt is drawn. A key may see 2³² random nonces (NIST SP 800-38D, 8.3): forked children
share a salt for as long, and could be thousands."""
_REMEMBERED: Final = 1000


class KeyRing:
    """Encrypts with AES-256-GCM, each message under a nonce of its own.

    A salt, drawn at random, makes a key for the next million messages out of the first one, and travels with each of
    them; nonces are random too. So the limit of how many messages one key may see is never reached, and forks, threads
    and copies of a machine need not know of each other.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = list(keys)
        self._renew()
        self._ciphers: dict[bytes, AESGCM] = {}

    def encrypt(self, plain: bytes) -> bytes:
        """Return salt, nonce, ciphertext and tag."""
        if self._left <= 0:
            self._renew()
        self._left -= 1
        salt, cipher = self._current
        nonce = os.urandom(_NONCE)
        return salt + nonce + cipher.encrypt(nonce, plain, _CONTEXT)

    def decrypt(self, data: bytes) -> bytes:
        """Return what was encrypted. Raises ValueError if it was with no key of these, or changed since."""
        if len(data) < _HEAD + _TAG:
            raise ValueError("it is too short to be encrypted")
        salt, nonce, sealed = data[:_SALT], data[_SALT:_HEAD], data[_HEAD:]
        known = self._ciphers.get(salt)
        for cipher in (known,) if known is not None else (_derived(key, salt) for key in self._keys):
            try:
                plain = cipher.decrypt(nonce, sealed, _CONTEXT)
            except InvalidTag:
                continue
            if known is None:
                self._remember(salt, cipher)
            return plain
        raise ValueError("it was encrypted with none of the keys here, or changed since")

    def _renew(self) -> None:
        salt = os.urandom(_SALT)
        # Together, so that no thread takes the one with the other's key.
        self._current = salt, _derived(self._keys[0], salt)
        self._left = _RENEWED

    def _remember(self, salt: bytes, cipher: AESGCM) -> None:
        if len(self._ciphers) >= _REMEMBERED:
            self._ciphers.clear()
        self._ciphers[salt] = cipher


def _derived(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(digest(key, _CONTEXT + salt, sha256))
