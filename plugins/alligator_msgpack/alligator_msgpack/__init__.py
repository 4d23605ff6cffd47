"""The MessagePack serializer of Alligator: what JSON carries, types included, and bytes."""

from __future__ import annotations

from collections.abc import Mapping

from alligator_core.hookspecs import hookimpl

from .serializer import NAME, MsgpackSerializer

__all__ = ["MsgpackSerializer", "make_serializer"]


@hookimpl
def make_serializer(name: str, options: Mapping[str, str]) -> MsgpackSerializer | None:
    """Return the serializer for the name `msgpack`. It has no options: any is a ValueError."""
    if name != NAME:
        return None
    if options:
        raise ValueError(f"The msgpack serializer has no options, so not {', '.join(map(repr, options))} either.")
    return MsgpackSerializer()
