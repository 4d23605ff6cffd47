"""The MessagePack serializer of Alligator: what JSON carries, types included, and bytes."""

from __future__ import annotations

from alligator_core.hookspecs import hookimpl
from alligator_core.serializer import SerializerSetup

from .serializer import NAME, MsgpackSerializer

__all__ = ["MsgpackSerializer", "make_serializer"]


@hookimpl
def make_serializer(name: str, setup: SerializerSetup) -> MsgpackSerializer | None:
    """Return the serializer for the name `msgpack`. It has no options."""
    if name != NAME:
        return None
    setup.read_options()
    return MsgpackSerializer()
