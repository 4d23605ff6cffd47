"""The default serializer of Alligator: JSON whose values arrive with the types they were sent with."""

from __future__ import annotations

from collections.abc import Mapping

import pluggy

from .serializer import NAME, JsonSerializer

__all__ = ["JsonSerializer", "make_serializer"]

hookimpl = pluggy.HookimplMarker("alligator")


@hookimpl
def make_serializer(name: str, options: Mapping[str, str]) -> JsonSerializer | None:
    """Return the serializer for the name `json`. It has no options: any is a ValueError."""
    if name != NAME:
        return None
    if options:
        raise ValueError(f"The json serializer has no options, so not {', '.join(map(repr, options))} either.")
    return JsonSerializer()
