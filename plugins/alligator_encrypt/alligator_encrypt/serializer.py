"""The serializer: another one's name and bytes, encrypted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from alligator_core.serializer import ClassOf, NameOf, Serializer

from .ring import KeyRing

NAME: Final = "encrypt"


class EncryptSerializer:
    """Encrypts what the first of some serializers makes, and reads what any of them made.

    The name of the inner one is encrypted with its bytes, so that a fleet can be switched from one to another.
    """

    name = NAME

    def __init__(self, ring: KeyRing, inner: Sequence[Serializer]) -> None:
        self._ring = ring
        self._dumps = inner[0].dumps
        self._head = inner[0].name.encode() + b"\n"
        self._inner = {each.name.encode(): each for each in inner}

    def dumps(self, payload: Mapping[str, object], name_of: NameOf) -> bytes:
        """Return a payload encrypted. What can't be carried is refused by the inner serializer."""
        return self._ring.encrypt(self._head + self._dumps(payload, name_of))

    def loads(self, payload: bytes, class_of: ClassOf) -> dict[str, Any]:
        """Return a payload decrypted. Raises ValueError if no key fits, and what the inner serializer raises."""
        name, _, encoded = self._ring.decrypt(payload).partition(b"\n")
        inner = self._inner.get(name)
        if inner is None:
            known = ", ".join(each.name for each in self._inner.values())
            raise ValueError(f"it holds what {name[:60]!r} made, and encrypt.inner names {known}")
        return inner.loads(encoded, class_of)
