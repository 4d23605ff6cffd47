"""Forms: what a format of bytes can hold by itself, and which payloads are sure to need nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, Final, NamedTuple, TypeAlias

from .limits import DEPTH

Writer: TypeAlias = Callable[[Any], object]
"""Returns a value as the format has it, a tag perhaps. Raises Uncarriable."""

_SCALARS: Final = frozenset({type(None), bool, int, str})
_all_text: Final = frozenset({str}).issuperset


class Reader(NamedTuple):
    """How the content of a tag is read: `kind` is its type, `read` returns the value or raises a ValueError."""

    kind: type
    read: Callable[[Any], object]


class Form:
    """A format of bytes: its name, the scalars it has of its own, and what it writes in another way than all do.

    Every form has None, booleans, integers, finite floats, text, lists, and maps whose keys are text.
    """

    def __init__(
        self,
        name: str,
        *,
        scalars: Iterable[type] = (),
        writers: Mapping[type, Writer] | None = None,
        readers: Mapping[str, Reader] | None = None,
    ) -> None:
        """Describe a format.

        Args:
            name: What errors call it.
            scalars: Types besides those, whose values it carries as they are.
            writers: By type, what writes values of that type otherwise than usual.
            readers: By tag, dollar included, what reads the tags that only this format has.
        """
        self.name = name
        self.scalars = _SCALARS.union(scalars)
        self.writers = dict(writers or ())
        self.readers = dict(readers or ())
        self._all_scalars = self.scalars.issuperset

    def is_plain_payload(self, payload: Mapping[str, Any]) -> bool:
        """Say whether a payload is sure to need no tags; what the core puts into it needs none."""
        scalars = self.scalars
        for value in payload.get("args", ()):
            kind = type(value)
            if kind not in scalars and not (isfinite(value) if kind is float else self.is_plain((value,), DEPTH - 1)):
                return False
        # Written out: a generator would cost as much as all the rest.
        return (
            ("kwargs" not in payload or self._is_plain_map(payload["kwargs"], DEPTH - 1))
            and ("options" not in payload or self._is_plain_map(payload["options"], DEPTH - 1))
            and ("headers" not in payload or self._is_plain_map(payload["headers"], DEPTH - 1))
        )

    def is_plain(self, values: Iterable[object], room: int) -> bool:
        """Say whether values are sure to need no tags, in at most `room` more levels."""
        scalars = self.scalars
        for value in values:
            kind = type(value)
            if kind in scalars:
                continue
            if kind is dict:
                if not (room and self._is_plain_map(value, room - 1)):  # type: ignore[arg-type]
                    return False
            elif kind is list:
                if not (room and (self._all_scalars(map(type, value)) or self.is_plain(value, room - 1))):  # type: ignore[call-overload, arg-type]
                    return False
            elif kind is not float or not isfinite(value):  # type: ignore[arg-type]
                return False
        return True

    def _is_plain_map(self, value: dict[object, object], room: int) -> bool:
        return _all_text(map(type, value)) and self.is_plain(value.values(), room)
