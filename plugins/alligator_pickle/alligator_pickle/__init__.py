"""The pickle serializer of Alligator: for objects that no other one carries, and with signed messages only."""

from __future__ import annotations

import logging

from alligator_core.dsn import one_of
from alligator_core.errors import OptionError
from alligator_core.hookspecs import hookimpl
from alligator_core.serializer import SerializerSetup

from .serializer import NAME, PickleSerializer

__all__ = ["PickleSerializer", "make_serializer"]

log = logging.getLogger("alligator.pickle")


@hookimpl
def make_serializer(name: str, setup: SerializerSetup) -> PickleSerializer | None:
    """Return the serializer for the name `pickle`. Raises OptionError without a secret, unless `unsafe` is yes."""
    if name != NAME:
        return None
    unsafe = setup.read_options(unsafe=one_of("yes", "no")).get("unsafe") == "yes"
    if not setup.signed:
        if not unsafe:
            raise OptionError(
                "The pickle serializer needs signed messages, since a pickle may do harm when it is read: set "
                "Gator(secret=…) or ALLIGATOR_SECRET. Where nobody else can write to the queue, "
                "pickle.unsafe=yes will do.",
                "unsafe",
            )
        log.warning(
            "pickle.unsafe=yes, and no secret: whoever can write to the queue can make objects of this app's classes "
            "here, of any content, and use up its memory. Set Gator(secret=…) or ALLIGATOR_SECRET."
        )
    return PickleSerializer()
