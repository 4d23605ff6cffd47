"""The contract of a serializer: it turns the payload of a task into bytes and back, types included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from .dsn import read_options

T = TypeVar("T")

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


def _nothing_to_wrap(name: str) -> Serializer:
    raise LookupError(f"There is no serializer {name!r} here to wrap.")


@dataclass(frozen=True, slots=True)
class SerializerSetup:
    """What `make_serializer` gets to know about the Gator that the serializer is made for."""

    name: str
    """The name that it was asked for by."""
    signed: bool = False
    """Whether the Gator has a secret: then whatever `loads` gets was signed by somebody who knows it."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Its options, as text: those of `Gator(serializer_options=…)`, and those of the DSN with its name before a dot."""
    load: Callable[[str], Serializer] = field(default=_nothing_to_wrap, repr=False)
    """Returns another serializer of the same Gator by its name, to be wrapped. Raises UnknownPluginError."""

    def read_options(self, **readers: Callable[[str], T]) -> dict[str, Any]:
        """Return the value of each option that is given, read by its reader, as `Dsn.read_options` does.

        Without readers, any option is an error.
        """
        return read_options(self.options, readers, owner=f"The {self.name} serializer")
