"""The contract of a serializer: it turns the payload of a task into bytes and back, types included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

NameOf: TypeAlias = Callable[[type], str]
"""Returns the importable name, `module:Class`, of a class, or raises if a message may not name it."""

ClassOf: TypeAlias = Callable[[str], type]
"""Returns the class of such a name, or raises if a message may not name it."""


class Serializer(Protocol):
    """What `make_serializer` returns. One instance serves all threads of a Gator.

    `alligator_core.testing.SerializerContract` proves an implementation.
    """

    name: str
    """The word that stands on the first line of each message."""

    def dumps(self, payload: Mapping[str, object], name_of: NameOf) -> bytes:
        """Encode a payload: a map with string keys, of which `args` is a list and `kwargs` a map.

        Whatever can't be carried unchanged raises a TypeError or ValueError with an attribute `path`: the keys that
        lead to the value from the payload down, such as `("args", 0, "when")`. Its text says what the value is and
        what to pass instead.
        """

    def loads(self, payload: bytes, class_of: ClassOf) -> dict[str, Any]:
        """Decode what `dumps` made. Anything else raises a ValueError or TypeError, whatever the bytes are."""
