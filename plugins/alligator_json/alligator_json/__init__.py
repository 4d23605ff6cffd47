"""The default serializer of Alligator: JSON whose values arrive with the types they were sent with."""

from __future__ import annotations

from typing import Protocol

import pluggy

from .serializer import NAME, JsonSerializer

__all__ = ["JsonSerializer", "make_serializer"]

hookimpl = pluggy.HookimplMarker("alligator")


class Setup(Protocol):
    """What this serializer needs of the core's `SerializerSetup`, which it can't import: the core depends on it."""

    def read_options(self) -> object:
        """Raise an error if there is any option."""


@hookimpl
def make_serializer(name: str, setup: Setup) -> JsonSerializer | None:
    """Return the serializer for the name `json`. It has no options."""
    if name != NAME:
        return None
    setup.read_options()
    return JsonSerializer()
