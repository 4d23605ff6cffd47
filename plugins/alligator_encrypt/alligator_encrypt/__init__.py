"""Encryption for Alligator: AES-256-GCM around what any other serializer makes."""

from __future__ import annotations

import os

from alligator_core.errors import OptionError
from alligator_core.hookspecs import hookimpl
from alligator_core.serializer import SerializerSetup

from .keys import ADVICE, VARIABLE, read_keys
from .ring import KeyRing
from .serializer import NAME, EncryptSerializer

__all__ = ["EncryptSerializer", "KeyRing", "make_serializer"]


@hookimpl
def make_serializer(name: str, setup: SerializerSetup) -> EncryptSerializer | None:
    """Return the serializer for the name `encrypt`, around the one that its option `inner` names, json by default.

    Raises OptionError without a key, which the option `keys` or ALLIGATOR_ENCRYPTION_KEYS holds.
    """
    if name != NAME:
        return None
    options = setup.read_options(keys=read_keys, inner=_read_names)
    keys = options.get("keys") or _keys_of_environment()
    return EncryptSerializer(KeyRing(keys), [setup.load(inner) for inner in options.get("inner", ["json"])])


def _keys_of_environment() -> list[bytes]:
    text = os.environ.get(VARIABLE)
    if text is None:
        raise OptionError(f"The encrypt serializer has no key: set {VARIABLE}. {ADVICE}", "keys")
    try:
        return read_keys(text)
    except ValueError as exc:
        raise OptionError(f"{VARIABLE}: {exc}.", "keys") from None


def _read_names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ValueError("it must be the name of a serializer, or several with commas between them")
    return names
